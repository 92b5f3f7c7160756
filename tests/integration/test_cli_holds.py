"""The command line lists what is held, lets it go, pauses a site and settles what is uncertain."""

from __future__ import annotations

from datetime import timedelta

import pytest

from delivery.holds import put_hold
from delivery.outbox import Mark, claim_batch, mark_sending, register_worker
from delivery.rules.holds import Cause
from steadypost.errors import ExitCode
from steadypost.holds import _ADVICE, _WHAT
from tests.cli_stage import Terminal

ADA = "ada@example.org"
CONSENT = ("--confirmed", "--consent", "paper form")


def hold(terminal: Terminal, cause: Cause, subject: str = "", detail: str = "so it is") -> None:
    with terminal.parts() as parts, parts.database.transaction() as session:
        put_hold(session, cause, subject=subject, detail=detail, now=parts.clock())


def test_where_nothing_is_held_it_says_so(terminal: Terminal) -> None:
    assert terminal.do("holds").err == "nothing is held\n"
    assert terminal.do("holds", "--json").json == []
    assert terminal.do("resume").out == "the site is not paused\n"


def test_a_paused_site_sends_nothing_until_it_is_resumed(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)
    terminal.do("pause", "--reason", "the address on the leaflet is wrong")

    terminal.do("tick")
    assert terminal.mails() == []
    status = terminal.do("status")
    assert "! the site is paused by staff: the address on the leaflet is wrong" in status.err
    assert "'steadypost resume'" in status.err
    resumed = terminal.do("resume", "--yes")
    terminal.do("tick")

    assert "the address on the leaflet is wrong" in resumed.out
    assert "resumed; the next tick sends what is due" in resumed.out
    assert len(terminal.mails()) == 1


def test_resume_asks_first(terminal: Terminal) -> None:
    terminal.do("pause")

    done = terminal.type("resume", answers="n\n")

    assert done.code != 0
    assert len(terminal.do("holds", "--json").json) == 1


def test_a_hold_is_listed_with_what_to_do_and_released_by_its_number(terminal: Terminal) -> None:
    hold(terminal, Cause.LOGIN, "mx.example:587", "535 5.7.8 bad password")

    listed = terminal.do("holds").out
    (found,) = terminal.do("holds", "--json").json
    released = terminal.do("release", str(found["id"]))

    assert "the relay does not let us in" in listed
    assert (
        f"{found['id']}: 535 5.7.8 bad password; correct [relay] in steadypost.toml, start the "
        f"service anew, then 'steadypost release {found['id']}'"
    ) in listed
    assert (found["cause"], found["subject"], found["waiting"]) == ("login", "mx.example:587", 0)
    assert released.out == "released; 0 mails or people waited\n"
    assert terminal.do("holds", "--json").json == []


def test_all_holds_but_those_that_need_a_look_are_released_together(terminal: Terminal) -> None:
    for cause in (Cause.CLOCK, Cause.SURGE, Cause.PAUSED):
        hold(terminal, cause)

    terminal.do("release", "all")

    assert [found["cause"] for found in terminal.do("holds", "--json").json] == ["paused"]


def test_a_pause_is_not_released_by_number(terminal: Terminal) -> None:
    hold(terminal, Cause.RESTORED)

    done = terminal.type("release", "1")

    assert done.code == ExitCode.FAILED
    assert (
        "hold 1 is not released like this: the database and the journal of hand-overs do not "
        "belong together; 'steadypost resume' shows what would be sent, and asks"
    ) in done.err


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("7", ExitCode.FAILED, "found no hold 7; 'steadypost holds' lists them"),
        ("x", ExitCode.USAGE, "'x' is no hold; 'steadypost holds' lists their numbers"),
    ],
)
def test_a_hold_that_is_none_is_refused(
    terminal: Terminal, name: str, code: ExitCode, text: str
) -> None:
    done = terminal.type("release", name)

    assert done.code == code
    assert text in done.err


def test_each_cause_is_said_in_words_with_what_to_do() -> None:
    assert set(_WHAT) == set(Cause)
    by_itself = {Cause.RELAY_DOWN, Cause.PAUSED, Cause.RESTORED}
    assert set(_ADVICE) == set(Cause) - by_itself


def leave_in_doubt(terminal: Terminal) -> int:
    """Let a worker die between mark and answer, on another machine; give the delivery's id."""
    terminal.do("subscribers", "add", ADA, *CONSENT)
    terminal.do("pause")
    terminal.do("resume", "--yes")
    with terminal.parts() as parts:
        from scheduler import employed, run_tick

        with employed(parts) as worker:
            run_tick(parts, worker, now=parts.clock(), keep_going=lambda: False)
        then = parts.clock() - timedelta(hours=1)
        with parts.database.transaction() as session:
            dead = register_worker(session, host="elsewhere", process_id=1, now=then)
            (claim,) = claim_batch(session, dead, now=parts.clock(), limit=1)
            mark_sending(session, dead, [Mark(claim.id, claim.attempt)], now=then)
        with parts.database.transaction() as session:
            from sqlalchemy import update

            from delivery.models import Worker

            session.execute(update(Worker).where(Worker.id == dead.id).values(heartbeat_at=then))
    terminal.do("tick")
    return claim.id


def test_what_is_uncertain_is_listed_and_settled_on_evidence(terminal: Terminal) -> None:
    number = leave_in_doubt(terminal)

    listed = terminal.do("uncertain", "list", "--json").json
    terminal.do("uncertain", "settle", str(number), "--sent", "relay log: queued as 4711")

    assert [row["email"] for row in listed] == [ADA]
    assert terminal.do("uncertain", "list").err == "no mail is uncertain\n"
    (sent,) = terminal.do("deliveries", "list", "--state", "sent", "--json").json
    assert sent["reason"] == "relay log: queued as 4711"


def test_what_is_uncertain_may_be_sent_again(terminal: Terminal) -> None:
    leave_in_doubt(terminal)

    terminal.do("uncertain", "settle", "--all", "--again")
    terminal.do("tick")

    assert len(terminal.mails()) == 1


@pytest.mark.parametrize("options", [(), ("--again", "--sent", "log")])
def test_settling_needs_one_answer(terminal: Terminal, options: tuple[str, ...]) -> None:
    done = terminal.type("uncertain", "settle", "--all", *options)

    assert done.code == ExitCode.USAGE
    assert "say --sent 'relay log of 2 March, queued as 4711', or --again" in done.err
