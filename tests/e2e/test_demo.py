"""The demo keeps its promise, seen from its mailbox, and tells when it does not."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from steadypost.demo.invariants import broken_promises
from steadypost.demo.mailbox import Mailbox
from steadypost.demo.people import Client, Habit, invent_clients

PROGRAM = Path(sys.executable).with_name("steadypost")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ADA = Client("Ada", "ada@clients.example", "Europe/Berlin", None, None, timedelta(0))


class Deliveries:
    """Puts mails into a mailbox by hand, to see what the check says about them."""

    def __init__(self) -> None:
        self.at = NOON
        self.mailbox = Mailbox(lambda: self.at)

    def bring(self, part: int, *, after_days: int, number: int | None = None) -> None:
        self.at += timedelta(days=after_days)
        name = number or len(self.mailbox.all())
        raw = f"Message-ID: <{name}@x>\r\nTo: {ADA.email}\r\n\r\nPart {part} of 3\r\n".encode()
        self.mailbox.keep(envelope_sender="", recipients=[ADA.email], raw=raw)

    def verdict(self, client: Client = ADA) -> list[str]:
        return broken_promises([client], self.mailbox.all(), parts=3)


def test_the_demo_ends_with_every_promise_kept() -> None:
    ran = subprocess.run(
        [str(PROGRAM), "demo", "--exit", "--clients", "24", "--seconds-per-week", "0"],
        capture_output=True,
        text=True,
        timeout=280,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "everybody has each email exactly once, in order" in ran.stdout
    assert "Who got what when" in ran.stdout


def test_a_kept_promise_is_not_called_broken() -> None:
    box = Deliveries()

    for part, days in ((1, 0), (2, 7), (3, 8)):
        box.bring(part, after_days=days)

    assert box.verdict() == []


def test_an_email_that_comes_twice_is_noticed() -> None:
    box = Deliveries()

    for part, days in ((1, 0), (2, 7), (2, 7), (3, 7)):
        box.bring(part, after_days=days)

    assert box.verdict() == [
        "Ada (ada@clients.example): got parts [1, 2, 2, 3], should have got [1, 2, 3]"
    ]


def test_an_email_that_comes_too_early_is_noticed() -> None:
    box = Deliveries()

    for part, days in ((1, 0), (2, 6), (3, 7)):
        box.bring(part, after_days=days)

    assert box.verdict() == [
        "Ada (ada@clients.example): got one on 2026-03-02 and the next on 2026-03-08"
    ]


def test_a_missing_email_and_one_out_of_order_are_noticed() -> None:
    box = Deliveries()

    for part, days in ((2, 0), (1, 7)):
        box.bring(part, after_days=days)

    assert "should have got [1, 2, 3]" in box.verdict()[0]


def test_a_message_delivered_twice_is_noticed() -> None:
    box = Deliveries()

    for part, days in ((1, 0), (2, 7), (3, 7)):
        box.bring(part, after_days=days, number=5)

    assert box.verdict()[0] == "message <5@x> came 3 times"


def test_mail_to_somebody_who_never_confirmed_is_noticed() -> None:
    box = Deliveries()
    stranger = Client(
        "Ada", ADA.email, "Europe/Berlin", None, None, timedelta(0), Habit.NEVER_CONFIRMS
    )

    box.bring(1, after_days=0)

    assert box.verdict(stranger) == ["Ada (ada@clients.example): got parts [1], should have got []"]


def test_the_invented_clients_live_in_many_zones_and_are_all_different() -> None:
    clients = invent_clients(36)

    assert len({client.email for client in clients}) == 36
    assert len({client.zone for client in clients}) == 12
    assert {client.habit for client in clients} == set(Habit)
