"""The command line ticks, tells how the site is, and cares for mails and database."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from campaigns.models import Enrolment
from campaigns.rules.standing import EnrolmentStatus
from delivery.outbox import Mark, claim_batch, hold, mark_sending, register_worker
from steadypost.errors import ExitCode
from storage.database import Database
from tests.cli_stage import Terminal, text_of

ADA, BEN = "ada@example.org", "ben@example.org"
CONSENT = ("--confirmed", "--consent", "paper form")
NOON = "2030-03-05T12:00"  # a Tuesday


def test_a_tick_does_what_is_due_once(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA)

    first = terminal.do("tick", "--json").json
    second = terminal.do("tick", "--json").json

    assert {step["name"]: step["done"] for step in first["steps"]}["send"] == 1
    assert sum(step["done"] for step in second["steps"]) == 0
    assert len(terminal.mails()) == 1


def test_a_whole_series_passes_week_by_week(terminal: Terminal) -> None:
    terminal.rehearse()
    terminal.do("subscribers", "add", ADA, *CONSENT, "--weekday", "tuesday", "--hour", "12")

    for week in range(7):
        tuesday = datetime(2030, 3, 5, 12) + timedelta(weeks=week)  # noqa: DTZ001  (the clinic's)
        terminal.do("tick", "--at", tuesday.isoformat())

    parts = [f"Part {number} of 6" for number in range(1, 7)]
    assert [part for mail in terminal.mails() for part in parts if part in text_of(mail)] == parts
    assert terminal.do("series", "list", "--json").json[0]["finished"] == 1


def test_another_time_is_refused_where_real_mail_is_sent(terminal: Terminal) -> None:
    done = terminal.type("tick", "--at", NOON)

    assert done.code == ExitCode.FAILED
    assert "cannot tick at another time: this site sends real mail; for a rehearsal set" in done.err


def test_a_time_that_is_none_is_refused(terminal: Terminal) -> None:
    terminal.rehearse()

    done = terminal.type("tick", "--at", "tomorrow")

    assert done.code == ExitCode.USAGE
    assert "'tomorrow' is no time; use one like 2026-03-02T09:00" in done.err


def test_a_new_site_says_what_it_lacks(terminal: Terminal) -> None:
    done = terminal.do("status")

    assert "! no service is running; start it by 'steadypost serve'" in done.err
    assert "mails are put into maildir:outbox; none leaves this machine" in done.out


def test_status_counts_people_and_mails_and_looks_ahead(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)
    terminal.do("subscribers", "add", BEN)
    terminal.do("tick")

    found = terminal.do("status", "--json").json
    shown = terminal.do("status").out

    assert found["lists"] == {"weekly": {"unconfirmed": 1, "confirmed": 1, "unsubscribed": 0}}
    assert found["series"]["massage-benefits"]["active"] == 1
    assert found["deliveries"]["sent"] + found["deliveries"]["queued"] == 2
    assert found["last_tick"]["steps"][-1]["name"] == "send"
    assert found["next_sends"][0]["email"] == ADA
    assert found["relay"]["usable"] is True
    assert "last tick: " in shown
    assert "massage-benefits" in shown


def test_status_lists_held_mails_with_their_reason_until_they_are_released(
    terminal: Terminal,
) -> None:
    delivery_id = queue_and_hold(terminal, "the relay refused our address")

    status = terminal.do("status")

    assert f"{ADA}" in status.out
    assert "the relay refused our address" in status.out
    assert "! 1 mail is held; put the cause right, then 'steadypost deliveries release'" in (
        status.err
    )
    assert terminal.do("deliveries", "release", str(delivery_id)).out == "1 of 1 changed\n"
    terminal.do("tick")
    assert len(terminal.mails()) == 1


def test_pages_without_encryption_want_attention(terminal: Terminal) -> None:
    terminal.set("web", 'public_url = "http://post.riverside.example"')

    assert "! [web] public_url is http://post.riverside.example: names, " in (
        terminal.do("status").err
    )


def test_who_is_parked_in_a_series_wants_attention(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)
    terminal.do("tick")
    with terminal.parts() as parts, parts.database.transaction() as session:
        session.execute(update(Enrolment).values(status=EnrolmentStatus.PARKED))

    assert (
        "! 1 way through a series is parked, because the relay refused an email for good; "
        "'steadypost deliveries list --state rejected' names them and the reasons"
    ) in terminal.do("status").err


def test_uncertain_mails_are_listed_by_name_and_never_sent_again_by_themselves(
    terminal: Terminal,
) -> None:
    delivery_id = die_while_sending(terminal)

    terminal.do("tick")

    status = terminal.do("status", "--json").json
    assert [(row["id"], row["email"]) for row in status["uncertain"]] == [(delivery_id, ADA)]
    assert status["uncertain"][0]["what"] == "massage-benefits/how-it-works"
    assert terminal.mails() == []
    assert "may or may not have arrived" in terminal.do("status").err


def test_staff_can_send_an_uncertain_mail_again(terminal: Terminal) -> None:
    delivery_id = die_while_sending(terminal)
    terminal.do("tick")

    terminal.do("deliveries", "send-again", str(delivery_id))
    terminal.do("tick")

    assert len(terminal.mails()) == 1
    assert terminal.do("status", "--json").json["uncertain"] == []


def test_staff_can_note_that_an_uncertain_mail_arrived(terminal: Terminal) -> None:
    die_while_sending(terminal)
    terminal.do("tick")

    terminal.do("deliveries", "arrived", "--all", "--evidence", "relay log")
    terminal.do("tick")

    (row,) = terminal.do("deliveries", "list", "--state", "sent", "--json").json
    assert row["reason"] == "relay log"
    assert terminal.mails() == []


def test_a_decision_needs_ids_that_are_in_that_state(terminal: Terminal) -> None:
    nothing = terminal.type("deliveries", "release")
    stranger = terminal.type("deliveries", "release", "7")

    assert nothing.code == ExitCode.USAGE
    assert "name some ids, or give --all; 'steadypost deliveries list --state held'" in nothing.err
    assert stranger.code == ExitCode.FAILED
    assert "not held: 7; nothing was changed" in stranger.err
    assert "no mail is held" in terminal.do("deliveries", "list").err


def test_migrating_a_new_and_an_old_database(terminal: Terminal) -> None:
    (terminal.folder / "steadypost.db").unlink()

    first, second = terminal.do("migrate"), terminal.do("migrate")

    assert "database is now at version" in first.out
    assert "database was already at version" in second.out


def test_a_backup_is_whole_private_and_new(terminal: Terminal, tmp_path: Path) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)
    target = tmp_path / "copy.db"

    done = terminal.do("backup", str(target))

    assert str(target) in done.out
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT email FROM subscribers").fetchall() == [(ADA,)]
    again = terminal.type("backup", str(target))
    assert again.code == ExitCode.FAILED
    assert f"cannot back up to {target}: the file exists; choose another name" in again.err


def test_a_backup_can_be_made_while_another_process_writes(
    terminal: Terminal, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(terminal.folder / "steadypost.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE lists SET title = 'changed'")

        terminal.do("backup", str(tmp_path / "copy.db"))

    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT title FROM lists").fetchone() != ("changed",)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda site: (site / "steadypost.db").unlink(), "there is no database"),
        (lambda site: (site / "steadypost.db").write_text("x" * 5000), "is not a database"),
    ],
)
def test_a_backup_that_cannot_be_made_leaves_no_file(
    terminal: Terminal, tmp_path: Path, spoil: object, expected: str
) -> None:
    spoil(terminal.folder)  # type: ignore[operator]

    done = terminal.type("backup", str(tmp_path / "copy.db"))

    assert done.code == ExitCode.FAILED
    assert expected in done.err
    assert [path for path in tmp_path.iterdir() if "copy.db" in path.name] == []


def test_a_restored_backup_goes_on(terminal: Terminal, tmp_path: Path) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)
    terminal.do("backup", str(tmp_path / "copy.db"))
    (terminal.folder / "steadypost.db").unlink()

    (tmp_path / "copy.db").rename(terminal.folder / "steadypost.db")

    assert terminal.do("forecast", "--json").json[0]["address"] == ADA


def queue_and_hold(terminal: Terminal, reason: str) -> int:
    """Let a mail to Ada be claimed by somebody who holds it for a reason."""
    terminal.do("subscribers", "add", ADA)
    with terminal.parts() as parts, parts.database.transaction() as session:
        from campaigns.queueing import queue_confirmations

        queue_confirmations(session, site=parts.site, now=parts.clock())
        worker = register_worker(session, host="here", process_id=1, now=parts.clock())
        (claim,) = claim_batch(session, worker, now=parts.clock(), limit=9)
        assert hold(session, [claim.id], reason) == 1
    return claim.id


def die_while_sending(terminal: Terminal) -> int:
    """Let a worker mark a step for Ada and then be silent for longer than its lease."""
    from campaigns.enrolment import enrol_newcomers
    from campaigns.queueing import queue_due_steps

    terminal.do("subscribers", "add", ADA, *CONSENT)
    with terminal.parts() as parts, parts.database.transaction() as session:
        now = parts.clock()
        enrol_newcomers(session, site=parts.site, now=now)
        assert queue_due_steps(session, site=parts.site, now=now).done == 1
        then = now - timedelta(minutes=10)
        worker = register_worker(session, host="dead", process_id=1, now=then)
        (claim,) = claim_batch(session, worker, now=now, limit=9)
        mark_sending(session, worker, [Mark(claim.id, claim.attempt)], now=then)
    return claim.id


def test_the_same_commands_work_on_postgresql(
    terminal: Terminal, postgresql_database: Database
) -> None:
    url = postgresql_database.engine.url.render_as_string(hide_password=False)
    terminal.set("database", f'url = "{url}"')
    terminal.do("series", "import", "massage-benefits")

    terminal.do("subscribers", "add", ADA, *CONSENT)
    terminal.do("tick")

    assert len(terminal.mails()) == 1
    status = terminal.do("status", "--json").json
    assert status["series"]["massage-benefits"]["active"] == 1
    assert terminal.do("subscribers", "show", ADA, "--json").json["email"] == ADA
    refused = terminal.type("backup", "copy.db")
    assert "this site uses PostgreSQL; copy it with pg_dump" in refused.err
