"""After a crash the journal tells how each marked hand-over ended, as far as anybody can know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from campaigns.models import Enrolment
from campaigns.site import Site
from delivery import outbox
from delivery.journal import JournalFolder, Scribe
from delivery.models import Delivery
from delivery.outbox import Mark, WorkerIdentity
from delivery.provenance import accept_provenance, check_provenance
from delivery.rules.stages import Stage as SmtpStage
from delivery.rules.states import State
from delivery.sender import Accepted, Deferred, Handover, Outcome, Refused
from scheduler import Parts, employed, run_tick
from storage.database import Database
from tests.sending_stage import RENDERER, Clock, Stage

ACCEPTED = Accepted("250 2.0.0 queued as 4711", "relay:25")


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def stage(database: Database, site: Site, clock: Clock) -> Stage:
    return Stage(database, site, clock)


class DyingWorker:
    """A worker of a process that came to an end at some moment of a hand-over."""

    def __init__(self, stage: Stage, folder: JournalFolder) -> None:
        self.stage, self.scribe = stage, Scribe(folder)
        journal = self.scribe.begin("site")
        now = stage.clock.now
        with stage.database.transaction() as session:
            check_provenance(session, folder, now=now, lease=timedelta(minutes=1))
            self.identity = outbox.register_worker(
                session, host="here", process_id=1, now=now, journal=journal
            )

    def mark(self, names: list[str]) -> dict[str, Handover]:
        """Queue, claim and mark the first step for some people."""
        list_id = self.stage.add_list()
        series, (step, *_) = self.stage.add_series(list_id)
        of_name = {}
        for name in names:
            reader = self.stage.add_reader(name, list_id)
            enrolment = self.stage.enrol(reader, series)
            of_name[self.stage.queue_step(reader, enrolment, step)] = name
        now = self.stage.clock.now
        with self.stage.database.transaction() as session:
            claims = outbox.claim_batch(session, self.identity, now=now, limit=99)
            marks = [Mark(claim.id, claim.attempt) for claim in claims]
            outbox.mark_sending(session, self.identity, marks, now=now)
        return {
            of_name[claim.id]: Handover(
                claim.id, "", "x@example.org", b"", attempt=claim.attempt, once_key=claim.once_key
            )
            for claim in claims
        }

    def write(self, handover: Handover, outcome: Outcome | None = None) -> None:
        self.scribe.note_dot(handover)
        if outcome is not None:
            self.scribe.note_answer(handover, outcome)


@pytest.fixture
def folder(tmp_path: Path, clock: Clock) -> JournalFolder:
    return JournalFolder(tmp_path / "journal", str, clock)


@pytest.fixture
def dying(stage: Stage, folder: JournalFolder) -> Iterator[DyingWorker]:
    worker = DyingWorker(stage, folder)
    yield worker
    worker.scribe.end()


def look(stage: Stage, folder: JournalFolder) -> dict[int, Delivery]:
    """Tick in another process, without sending; give the deliveries by id."""
    parts = Parts(stage.database, stage.site, stage.sender, RENDERER, stage.clock)
    parts = replace(parts, scribe=Scribe(folder))
    with employed(parts) as worker:
        report = run_tick(parts, worker, now=stage.clock.now, keep_going=lambda: False)
    assert report.failures == {}
    with stage.database.reading() as session:
        return {row.id: row for row in session.query(Delivery)}


def test_only_what_was_written_and_not_answered_is_in_doubt(
    stage: Stage, folder: JournalFolder, dying: DyingWorker
) -> None:
    marked = dying.mark(["ada", "ben", "cleo", "dan", "eve"])
    dying.write(marked["ben"])
    dying.write(marked["cleo"], ACCEPTED)
    dying.write(marked["dan"], Deferred("451 later", "relay:25", 451, "", SmtpStage.DOT))
    dying.write(marked["eve"], Refused("550 5.1.1 nobody", "relay:25", 550, "5.1.1", SmtpStage.DOT))
    dying.scribe.end()

    rows = look(stage, folder)  # at once: the lock proves that the worker is dead

    found = {name: rows[marked[name].delivery_id] for name in marked}
    assert {name: row.state for name, row in found.items()} == {
        "ada": State.QUEUED,
        "ben": State.UNCERTAIN,
        "cleo": State.SENT,
        "dan": State.QUEUED,
        "eve": State.REJECTED,
    }
    assert found["cleo"].reply == ACCEPTED.reply
    assert found["ada"].due_at == stage.clock.now
    assert found["dan"].due_at > stage.clock.now
    assert found["ada"].doubt_count == found["dan"].doubt_count == 0


def test_what_the_journal_proves_counts_for_the_series_too(
    stage: Stage, folder: JournalFolder, dying: DyingWorker
) -> None:
    marked = dying.mark(["ada"])
    with stage.database.transaction() as session:
        enrolment = session.query(Enrolment).one()
        enrolment.last_step_id = session.get_one(Delivery, marked["ada"].delivery_id).step_id
    dying.write(marked["ada"], ACCEPTED)
    dying.scribe.end()

    look(stage, folder)

    with stage.database.reading() as session:
        assert session.query(Enrolment).one().last_sent_at == stage.clock.now


def test_a_worker_that_only_stands_still_is_believed_nothing(
    stage: Stage, folder: JournalFolder, dying: DyingWorker
) -> None:
    """It holds its lock and may yet write the dot."""
    marked = dying.mark(["ada", "ben"])
    dying.write(marked["ben"], ACCEPTED)

    rows = look(stage, folder)
    assert {row.state for row in rows.values()} == {State.SENDING}
    stage.clock.now += timedelta(minutes=2)
    rows = look(stage, folder)

    assert {row.state for row in rows.values()} == {State.UNCERTAIN}


def test_a_worker_of_another_machine_leaves_everything_in_doubt(
    stage: Stage, tmp_path: Path, dying: DyingWorker
) -> None:
    dying.mark(["ada"])
    dying.scribe.end()
    elsewhere = JournalFolder(tmp_path / "elsewhere", str, stage.clock)
    with stage.database.transaction() as session:  # staff know of the other machine
        accept_provenance(session, elsewhere)

    rows = look(stage, elsewhere)
    assert {row.state for row in rows.values()} == {State.SENDING}
    stage.clock.now += timedelta(minutes=2)
    rows = look(stage, elsewhere)

    assert {row.state for row in rows.values()} == {State.UNCERTAIN}


def test_a_round_that_broke_off_is_settled_by_the_workers_own_journal(
    stage: Stage, folder: JournalFolder, dying: DyingWorker
) -> None:
    marked = dying.mark(["ada", "ben", "cleo"])
    dying.write(marked["ben"], ACCEPTED)
    dying.write(marked["cleo"])
    parts = Parts(stage.database, stage.site, stage.sender, RENDERER, stage.clock)
    parts = replace(parts, scribe=dying.scribe)

    run_tick(parts, dying.identity, now=stage.clock.now, keep_going=lambda: False)

    with stage.database.reading() as session:
        states = {row.id: row.state for row in session.query(Delivery)}
    assert [states[marked[name].delivery_id] for name in ("ada", "ben", "cleo")] == [
        State.QUEUED,
        State.SENT,
        State.UNCERTAIN,
    ]


def test_a_worker_knows_its_journal(stage: Stage, folder: JournalFolder) -> None:
    scribe = Scribe(folder)
    parts = Parts(stage.database, stage.site, stage.sender, RENDERER, stage.clock, scribe=scribe)

    with employed(parts) as worker:
        assert isinstance(worker, WorkerIdentity)
        (name,) = folder.names()
        assert not folder.is_abandoned(name)

    assert folder.is_abandoned(name)
