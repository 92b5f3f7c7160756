"""A restored back-up or a copied site starts paused, shows what it would send, repeats nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from campaigns.dispatch import send_queued
from campaigns.models import Enrolment
from campaigns.publishing import import_series
from campaigns.series_folder import read_series_folder
from campaigns.site import Site
from delivery.holds import open_holds
from delivery.journal import JournalFolder, Scribe
from delivery.maildir import MaildirSender
from delivery.models import Delivery
from delivery.rules.holds import Cause
from delivery.rules.states import State
from delivery.sender import Handover
from delivery.site_facts import site_id
from scheduler import Parts, employed, run_tick
from steadypost.backing_up import back_up
from steadypost.migrating import migrate
from steadypost.resuming import plan_resumption, resume_site
from storage.database import open_database
from subscribers.signup import SignUp, add_confirmed
from tests.cli_stage import Terminal
from tests.sending_stage import RENDERER, Clock

SERIES = Path(send_queued.__code__.co_filename).parents[1] / (
    "templates/builtin/series/massage-benefits"
)
ADA, BEN, CLEO = "ada@example.org", "ben@example.org", "cleo@example.org"


@dataclass
class Clinic:
    """A clinic in a folder: its database, its journal, and a clock to move."""

    folder: Path
    site: Site
    clock: Clock
    sent: list[str] = field(default_factory=list)

    def parts(self) -> Parts:
        database = open_database(f"sqlite:///{self.folder}/site.db")
        migrate(database)
        with database.transaction() as session:
            site_id(session)
        journals = JournalFolder(self.folder / "journal", str, self.clock)
        scribe = Scribe(journals)
        sender = NotingMaildir(self.folder / "box", scribe, self.sent)
        return Parts(database, self.site, sender, RENDERER, self.clock, scribe=scribe)

    def add(self, *emails: str) -> None:
        parts = self.parts()
        with closing(parts.database), parts.database.transaction() as session:
            found = read_series_folder(SERIES)
            import_series(session, found, site=self.site, renderer=RENDERER, now=self.clock())
            for email in emails:
                wish = SignUp(email, "weekly", source="paper form")
                add_confirmed(session, wish, keys=self.site.keys, now=self.clock())

    def tick(self) -> None:
        parts = self.parts()
        with closing(parts.database), employed(parts) as worker:
            run_tick(parts, worker, now=self.clock())

    def back_up(self) -> Path:
        target = self.folder / f"back-up-{self.clock.now:%Y%m%d}.db"
        parts = self.parts()
        with closing(parts.database):
            back_up(parts.database, target)
        return target

    def restore(self, copy: Path) -> None:
        for companion in self.folder.glob("site.db*"):
            companion.unlink()
        shutil.copy(copy, self.folder / "site.db")

    def why(self) -> list[str]:
        parts = self.parts()
        with closing(parts.database), parts.database.reading() as session:
            return [hold.detail for hold in open_holds(session, Cause.RESTORED)]

    def plan(self) -> tuple[str, ...]:
        parts = self.parts()
        with closing(parts.database):
            return plan_resumption(parts).lines

    def resume(self) -> None:
        parts = self.parts()
        with closing(parts.database):
            resume_site(parts)

    def states(self) -> dict[str, State]:
        parts = self.parts()
        with closing(parts.database), parts.database.reading() as session:
            return {row.once_key: row.state for row in session.scalars(select(Delivery))}

    def pass_weeks(self, count: int) -> None:
        for _ in range(7 * count):
            self.clock.move(days=1)
            self.tick()


class NotingMaildir(MaildirSender):
    """A maildir that keeps who got what over all lives of the site."""

    def __init__(self, folder: Path, scribe: Scribe, sent: list[str]) -> None:
        super().__init__(folder, witness=scribe)
        self._sent = sent

    def _write(self, handover: Handover):  # type: ignore[no-untyped-def]
        subject = next(
            line for line in handover.message.decode().splitlines() if line.startswith("Subject")
        )
        self._sent.append(f"{handover.recipient} {subject}")
        return super()._write(handover)


@pytest.fixture
def clinic(tmp_path: Path, site: Site, now: datetime) -> Iterator[Clinic]:
    folder = tmp_path / "clinic"
    folder.mkdir()
    clinic = Clinic(folder, site, Clock(now))
    clinic.add(ADA, BEN)
    yield clinic
    assert len(clinic.sent) == len(set(clinic.sent)), "somebody got a mail twice"


def test_a_site_that_is_simply_started_again_goes_on(clinic: Clinic) -> None:
    clinic.tick()
    clinic.pass_weeks(1)

    assert clinic.why() == []
    assert len(clinic.sent) == 4


def test_a_restored_back_up_starts_paused(clinic: Clinic) -> None:
    clinic.tick()
    copy = clinic.back_up()
    clinic.pass_weeks(1)
    clinic.restore(copy)

    clinic.tick()
    clinic.tick()

    assert clinic.why() == [
        "this database is older than what was sent: it is a restored back-up, or a copy from an "
        "earlier moment"
    ]
    assert len(clinic.sent) == 4


def test_a_restored_back_up_shows_what_it_would_send_and_sends_nobody_anything_twice(
    clinic: Clinic,
) -> None:
    clinic.tick()
    copy = clinic.back_up()
    clinic.pass_weeks(2)
    clinic.restore(copy)
    clinic.tick()

    shown = clinic.plan()
    assert clinic.states() == {"enrolment:1/step:1": State.SENT, "enrolment:2/step:1": State.SENT}
    clinic.resume()
    clinic.tick()

    assert "4 mails went out that this database does not know; they count as sent" in shown
    assert "within a day 0 mails would go:" in shown
    assert clinic.why() == []
    assert len(clinic.sent) == 6
    clinic.pass_weeks(4)
    assert len(clinic.sent) == 12  # the whole series, each once


def test_people_who_began_after_the_back_up_get_nothing_twice(clinic: Clinic) -> None:
    copy = clinic.back_up()
    clinic.tick()
    clinic.restore(copy)
    clinic.tick()

    clinic.resume()
    clinic.tick()
    clinic.pass_weeks(1)

    assert len(clinic.sent) == 4


def test_ids_that_belong_to_others_after_a_restore_shut_nobody_out(clinic: Clinic) -> None:
    """Cleo signs up after the back-up and is lost by it; somebody else gets her number."""
    clinic.tick()
    copy = clinic.back_up()
    clinic.add(CLEO)
    clinic.tick()
    clinic.restore(copy)
    clinic.tick()

    shown = clinic.plan()
    clinic.resume()
    clinic.add("dan@example.org")
    clinic.tick()

    assert any(line.startswith("1 mails went to people") for line in shown)
    assert sum("dan@" in one for one in clinic.sent) == 1


def test_a_mail_whose_answer_is_not_known_is_listed_and_not_repeated(clinic: Clinic) -> None:
    copy = clinic.back_up()
    clinic.tick()
    for file in (clinic.folder / "journal").glob("*.journal"):
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(line for line in lines if b" accepted " not in line))
    clinic.restore(copy)
    clinic.tick()

    shown = clinic.plan()
    clinic.resume()
    clinic.tick()

    assert "2 mails may have gone; they are listed as uncertain and not sent again" in shown
    assert set(clinic.states().values()) == {State.UNCERTAIN}


def test_after_it_was_looked_through_an_old_journal_asks_no_more(clinic: Clinic) -> None:
    clinic.tick()
    copy = clinic.back_up()
    clinic.pass_weeks(1)
    clinic.restore(copy)
    clinic.tick()
    clinic.resume()

    clinic.pass_weeks(1)

    assert clinic.why() == []


def test_a_copied_site_starts_paused(clinic: Clinic, tmp_path: Path) -> None:
    clinic.tick()
    shutil.copytree(clinic.folder, tmp_path / "copy")
    twin = replace(clinic, folder=tmp_path / "copy")

    clinic.clock.move(days=7)
    twin.tick()
    clinic.tick()

    (why,) = twin.why()
    assert why == (
        f"this site was copied or moved here from {clinic.folder / 'journal'}; if the other one "
        "still runs, everybody would get everything twice"
    )
    assert clinic.why() == []


def test_a_site_that_was_moved_on_purpose_goes_on_once_resumed(
    clinic: Clinic, tmp_path: Path
) -> None:
    clinic.tick()
    clinic.folder = clinic.folder.rename(tmp_path / "moved")
    clinic.clock.move(days=7)
    clinic.tick()
    assert len(clinic.sent) == 2

    clinic.resume()
    clinic.tick()

    assert clinic.why() == []
    assert len(clinic.sent) == 4


def test_a_database_without_its_journal_starts_paused(clinic: Clinic) -> None:
    clinic.tick()
    shutil.rmtree(clinic.folder / "journal")
    clinic.clock.move(days=7)

    clinic.tick()

    (why,) = clinic.why()
    assert why.startswith("the journal of hand-overs is missing: ")
    assert len(clinic.sent) == 2


def test_a_journal_of_another_database_pauses_the_site(clinic: Clinic, tmp_path: Path) -> None:
    clinic.tick()
    for companion in clinic.folder.glob("site.db*"):
        companion.unlink()
    clinic.add(ADA)

    clinic.tick()

    (why,) = clinic.why()
    assert why.endswith("belongs to another database")
    assert len(clinic.sent) == 2


def test_the_pointer_stands_at_the_furthest_step_that_went(clinic: Clinic) -> None:
    clinic.tick()
    copy = clinic.back_up()
    clinic.pass_weeks(2)
    last_sent = clinic.clock.now
    clinic.restore(copy)
    clinic.tick()
    clinic.resume()

    parts = clinic.parts()
    with closing(parts.database), parts.database.reading() as session:
        ways = list(session.scalars(select(Enrolment)))
    assert {way.last_step_id for way in ways} == {3}
    assert all(way.last_sent_at and last_sent - way.last_sent_at <= timedelta(1) for way in ways)


def test_the_way_of_the_how_to(terminal: Terminal, tmp_path: Path) -> None:
    """docs/how-to/back-up.md, typed by a person."""
    consent = ("--confirmed", "--consent", "paper form")
    terminal.do("subscribers", "add", ADA, *consent)
    copy = tmp_path / "copy.db"
    terminal.do("backup", str(copy))
    terminal.do("tick")
    shutil.copy(copy, terminal.folder / "steadypost.db")
    for end in ("-wal", "-shm"):
        (terminal.folder / f"steadypost.db{end}").unlink(missing_ok=True)

    tick = terminal.type("tick")
    listed = terminal.do("holds").out
    status = terminal.do("status").err
    resumed = terminal.do("resume", "--yes").out
    terminal.do("tick")

    assert tick.code != 0
    assert "could not go on: held: restored: this database is older than what was sent" in tick.err
    assert "the database and the journal of hand-overs do not belong together" in listed
    assert "'steadypost resume'" in status
    assert "1 mails went out that this database does not know; they count as sent" in resumed
    assert "within a day 0 mails would go:" in resumed
    assert len(terminal.mails()) == 1
