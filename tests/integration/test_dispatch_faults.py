"""The database fails in the middle of sending: nothing goes unmarked, nothing goes twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError, TimeoutError
from sqlalchemy.orm import Session

from campaigns.errors import OutcomesNotRecordedError, PointerMovedError, SendingStoppedError
from campaigns.queueing import queue_confirmations
from campaigns.site import Site
from delivery import outbox
from delivery.errors import WorkerFencedError
from delivery.memory import MemorySender
from delivery.rules.states import State
from storage.database import Database, open_database
from subscribers.signup import SignUp, request_subscription
from templates.email import Edition, EncodedEmail, Reader, RenderedEmail
from templates.errors import UnknownThemeError
from tests.sending_stage import (
    Clock,
    InterruptedRenderer,
    InterruptedSender,
    RefusingDatabase,
    Stage,
)

# The writing transactions of a round with one group: leftovers, claim, mark, record.
CLAIM, MARK, RECORD = 2, 3, 4


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> Stage:
    return Stage(database, site, Clock(now))


@pytest.fixture
def queued(stage: Stage) -> list[int]:
    return queue_three(stage)


def queue_three(stage: Stage, **values: Any) -> list[int]:
    """Queue the first step for three people."""
    list_id = stage.add_list()
    series, steps = stage.add_series(list_id)
    readers = [stage.add_reader(name, list_id, **values) for name in ("finn", "gwen", "hana")]
    return [stage.queue_step(one, stage.enrol(one, series), steps[0]) for one in readers]


def refusing(stage: Stage, *refused: int) -> RefusingDatabase:
    return RefusingDatabase(stage.database.engine, frozenset(refused))


def test_a_mark_that_cannot_be_committed_is_a_mail_that_is_not_sent(
    stage: Stage, queued: list[int]
) -> None:
    with pytest.raises(SendingStoppedError) as stopped:
        stage.send(database=refusing(stage, MARK))

    assert str(stopped.value) == (
        "sending stopped: database is locked; nothing was sent that is not marked, "
        "the next tick tries again"
    )
    assert stage.sender.handovers == []
    assert set(stage.states().values()) == {State.CLAIMED}
    assert stage.mailed_days() == []


def test_the_round_after_a_refused_mark_sends_everything_once(
    stage: Stage, queued: list[int]
) -> None:
    with suppress(SendingStoppedError):
        stage.send(database=refusing(stage, MARK))

    report = stage.send()

    assert report.sent == 3
    assert len(stage.sender.accepted) == 3


def test_a_claim_that_cannot_be_committed_leaves_everything_queued(
    stage: Stage, queued: list[int]
) -> None:
    with pytest.raises(SendingStoppedError):
        stage.send(database=refusing(stage, CLAIM))

    assert set(stage.states().values()) == {State.QUEUED}


def test_what_the_relay_said_is_kept_until_the_database_takes_it(
    stage: Stage, queued: list[int]
) -> None:
    pauses: list[float] = []
    database = refusing(stage, RECORD, RECORD + 1, RECORD + 2)

    with pytest.raises(SendingStoppedError):
        stage.send(database=database, pause=pauses.append)

    assert pauses == [0.0, 0.2, 1.0]
    assert set(stage.states().values()) == {State.SENT}


def test_an_answer_kept_for_a_while_counts_from_when_it_was_given(
    stage: Stage, queued: list[int], now: datetime
) -> None:
    database = refusing(stage, RECORD, RECORD + 1)

    with pytest.raises(SendingStoppedError):
        stage.send(database=database, pause=lambda seconds: stage.clock.move(minutes=1))

    assert {stage.delivery(one).done_at for one in queued} == {now}


def test_while_answers_are_not_recorded_nothing_else_is_sent(
    stage: Stage, queued: list[int]
) -> None:
    sender = MemorySender(connections=1)

    with pytest.raises(SendingStoppedError):
        stage.send(sender=sender, database=refusing(stage, RECORD))

    assert len(sender.handovers) == 1
    assert sorted(stage.states().values()) == [State.CLAIMED, State.CLAIMED, State.SENT]


def test_answers_that_cannot_be_recorded_at_all_become_uncertain_and_stay_so(
    stage: Stage, queued: list[int]
) -> None:
    with pytest.raises(OutcomesNotRecordedError) as lost:
        stage.send(database=refusing(stage, *range(RECORD, RECORD + 9)))

    assert str(lost.value) == (
        "cannot record what the relay answered: deliveries 1, 2, 3: database is locked; "
        "they are not sent again and will be listed as uncertain"
    )
    assert lost.value.delivery_ids == (1, 2, 3)
    assert set(stage.states().values()) == {State.SENDING}
    stage.clock.move(days=1)
    stage.send()
    assert set(stage.states().values()) == {State.UNCERTAIN}
    assert len(stage.sender.handovers) == 3


def test_answers_that_cannot_be_recorded_are_logged_with_their_ids(
    stage: Stage, queued: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with suppress(OutcomesNotRecordedError):
        stage.send(database=refusing(stage, *range(RECORD, RECORD + 9)))

    assert "could not record the answers to deliveries=1, 2, 3" in caplog.text
    assert "example.org" not in caplog.text


class DeceivingDatabase(RefusingDatabase):
    """Commits, and says for some of the transactions that it did not: the link was lost then."""

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        self.begun.append(len(self.begun) + 1)
        with Database(self.engine).transaction() as session:
            yield session
        if self.begun[-1] in self.refused:
            raise OperationalError("COMMIT", None, Exception("the link was lost"))


def test_a_mark_that_may_or_may_not_be_committed_sends_nothing(
    stage: Stage, queued: list[int]
) -> None:
    with pytest.raises(SendingStoppedError):
        stage.send(database=DeceivingDatabase(stage.database.engine, frozenset({MARK})))
    stage.send()

    assert stage.sender.handovers == []
    assert set(stage.states().values()) == {State.UNCERTAIN}


def test_answers_that_were_recorded_unnoticed_are_recorded_once(
    stage: Stage, queued: list[int], now: datetime
) -> None:
    with pytest.raises(SendingStoppedError):
        stage.send(database=DeceivingDatabase(stage.database.engine, frozenset({RECORD})))
    stage.clock.move(days=1)
    stage.send()

    assert len(stage.sender.handovers) == 3
    assert set(stage.states().values()) == {State.SENT}


def test_a_pointer_that_cannot_be_moved_stops_the_group(
    sqlite_database: Database, site: Site, now: datetime
) -> None:
    stage = Stage(sqlite_database, site, Clock(now))
    queue_three(stage)
    sender = InterruptedSender(lambda: freeze_pointers(stage), connections=1)

    with pytest.raises(PointerMovedError) as moved:
        stage.send(sender=sender)

    assert str(moved.value) == (
        "enrolments ended while their step was marked: 2; "
        "nothing of this group was sent, the next tick looks again"
    )
    assert len(sender.handovers) == 1
    assert sorted(stage.states().values()) == [State.CLAIMED, State.CLAIMED, State.SENT]


def freeze_pointers(stage: Stage) -> None:
    frozen = (
        "CREATE TRIGGER frozen BEFORE UPDATE OF last_step_id ON enrolments "
        "BEGIN SELECT RAISE(IGNORE); END"
    )
    with stage.database.transaction() as session:
        session.execute(text(frozen))


# --- the stores themselves ---


@pytest.fixture
def hurried(sqlite_database: Database, site: Site, now: datetime) -> Iterator[Stage]:
    """Stand on an SQLite file that waits 50 ms for another writer."""
    url = f"sqlite:///{sqlite_database.engine.url.database}"
    database = open_database(url, busy_timeout=timedelta(milliseconds=50))
    yield Stage(database, site, Clock(now))
    database.close()


@dataclass
class OtherWriter:
    """Another process that writes to the file, and does not stop."""

    path: str
    connection: sqlite3.Connection | None = None

    def begin(self) -> None:
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        assert self.connection is not None
        self.connection.close()
        self.connection = None


@pytest.fixture
def other_writer(hurried: Stage) -> Iterator[OtherWriter]:
    writer = OtherWriter(str(hurried.database.engine.url.database))
    yield writer
    if writer.connection is not None:
        writer.end()


def test_a_locked_file_skips_the_round(hurried: Stage, other_writer: OtherWriter) -> None:
    queue_three(hurried)

    with pytest.raises(SendingStoppedError, match="database is locked"):
        hurried.send(renderer=InterruptedRenderer(other_writer.begin))
    other_writer.end()
    report = hurried.send()

    assert report.sent == 3
    assert len(hurried.sender.handovers) == 3


def test_a_file_locked_while_mail_is_on_its_way_gets_the_answers_later(
    hurried: Stage, other_writer: OtherWriter
) -> None:
    queue_three(hurried)
    sender = InterruptedSender(other_writer.begin)

    def pause(seconds: float) -> None:
        if seconds >= 1:
            other_writer.end()

    with pytest.raises(SendingStoppedError):
        hurried.send(sender=sender, pause=pause)

    assert set(hurried.states().values()) == {State.SENT}
    assert len(sender.handovers) == 3


def test_a_full_disk_keeps_the_mail_from_going(sqlite_database: Database, hurried: Stage) -> None:
    queue_three(hurried, attributes={"city": "Llanfairpwllgwyngyll" * 400})
    event.listen(hurried.database.engine, "connect", allow_no_growth)
    hurried.database.engine.dispose()

    with pytest.raises(SendingStoppedError, match="database or disk is full"):
        hurried.send()
    assert hurried.sender.handovers == []

    event.remove(hurried.database.engine, "connect", allow_no_growth)
    hurried.database.engine.dispose()
    assert hurried.send().sent == 3


def allow_no_growth(connection: Any, _record: Any) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")


def test_a_server_that_restarts_while_mail_is_on_its_way_gets_the_answers(
    postgresql_database: Database, site: Site, now: datetime
) -> None:
    stage = Stage(postgresql_database, site, Clock(now))
    queue_three(stage)
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def cut_all_links() -> None:
        outside = open_database(postgresql_database.engine.url.render_as_string(False))
        with outside.transaction() as session:
            session.execute(others)
        outside.close()

    report = stage.send(sender=InterruptedSender(cut_all_links))

    assert report.sent == 3
    assert set(stage.states().values()) == {State.SENT}


def test_answers_wait_for_a_connection_while_others_use_them_all(
    stage: Stage, queued: list[int]
) -> None:
    class Busy(RefusingDatabase):
        @contextmanager
        def transaction(self) -> Iterator[Session]:
            self.begun.append(len(self.begun) + 1)
            if self.begun[-1] in self.refused:
                raise TimeoutError("every connection is in use")
            with Database.transaction(self) as session:
                yield session

    with pytest.raises(TimeoutError):
        stage.send(database=Busy(stage.database.engine, frozenset({RECORD, RECORD + 1})))

    assert set(stage.states().values()) == {State.SENT}


def test_a_worker_that_was_taken_for_dead_while_it_wrote_sets_nothing_aside(
    stage: Stage, queued: list[int]
) -> None:
    other = stage.hire()

    class Slow:
        """Writes for longer than the lease, and then cannot."""

        def render(self, edition: Edition, reader: Reader) -> RenderedEmail:
            raise AssertionError("sending renders for the wire")

        def render_encoded(self, edition: Edition, reader: Reader) -> EncodedEmail:
            stage.clock.move(minutes=5)
            with stage.database.transaction() as session:
                outbox.beat(session, other, now=stage.clock.now)
                outbox.reap_dead_workers(session, now=stage.clock.now, lease=timedelta(minutes=1))
                outbox.claim_batch(session, other, now=stage.clock.now, limit=3)
            raise UnknownThemeError("gone", [])

    with pytest.raises(WorkerFencedError):
        stage.send(renderer=Slow())

    assert set(stage.states().values()) == {State.CLAIMED}


def test_a_broken_theme_of_the_site_keeps_back_nobodys_mail(
    stage: Stage, queued: list[int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "calm").mkdir()
    (tmp_path / "calm" / "theme.yaml").write_text(": [")
    stage.site = replace(stage.site, themes_folder=tmp_path)
    stage.add_list("without-a-series")
    sign_up = SignUp("new@example.org", "without-a-series")
    with stage.database.transaction() as session:
        request_subscription(session, sign_up, keys=stage.site.keys, now=stage.clock.now)
        queue_confirmations(session, site=stage.site, now=stage.clock.now)

    stage.send()

    assert set(stage.states().values()) == {State.SENT}
    assert "answers go out in the shipped look: theme 'calm', theme.yaml" in caplog.text
