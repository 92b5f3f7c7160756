"""The pace to one relay, over real connections: messages per second, and less after a 421."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from fault_server import Close, FaultServer, Script

from delivery.pacer import Pacer
from delivery.rules.stages import Stage
from delivery.sender import Accepted, Deferred, Handover, Outcome, Refused
from delivery.watch import RelayWatch

BUSY = "421 4.7.0 too many connections, closing"


def letters(count: int) -> list[Handover]:
    message = b"Subject: x\r\n\r\nx\r\n"
    return [
        Handover(number, "b@riverside.example", f"p{number}@d{number}.example", message)
        for number in range(count)
    ]


class Hours:
    """A stopwatch that moves only while somebody waits for a turn."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def test_messages_are_spaced_by_the_rate_whatever_the_number_of_connections(
    sender_to: Callable[..., Any],
) -> None:
    with FaultServer() as server:
        sender = sender_to(server, connections=5, messages_per_second=50)
        began = time.monotonic()
        outcomes = sender.send(letters(26))
        took = time.monotonic() - began

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert took >= 0.5  # 25 spaces of 20 ms; how much more is the affair of the machine


def test_without_a_rate_nobody_waits() -> None:
    clock = Hours()
    pacer = Pacer("relay", per_second=0, connections=4, clock=clock, pause=clock.wait)

    assert all(pacer.wait_turn(deadline=0) for _ in range(100))
    assert (clock.waits, pacer.most_in(5)) == ([], float("inf"))


def test_what_cannot_go_before_the_deadline_takes_no_turn() -> None:
    clock = Hours()
    pacer = Pacer("relay", per_second=0.5, connections=4, clock=clock, pause=clock.wait)

    went = [pacer.wait_turn(deadline=1003) for _ in range(5)]

    assert went == [True, True, False, False, False]
    assert clock.waits == [2]
    assert pacer.wait_turn(deadline=1005)


def test_a_message_whose_turn_comes_too_late_is_tried_again_later(
    sender_to: Callable[..., Any],
) -> None:
    with FaultServer() as server:
        sender = sender_to(server, messages_per_second=0.1, timeouts={"handover": 1.0})
        first, second = sender.send(letters(2))

    assert isinstance(first, Accepted)
    assert second == Deferred(
        "hand-over deadline would pass before it is its turn",
        f"127.0.0.1:{server.port}",
        stage=Stage.WAITING,
    )


def test_no_more_is_marked_ahead_than_the_rate_lets_go_soon(sender_to: Callable[..., Any]) -> None:
    with FaultServer() as server:
        assert sender_to(server, connections=40, messages_per_second=2).ahead == 10
        assert sender_to(server, connections=40, messages_per_second=0.1).ahead == 1
        assert sender_to(server, connections=40).ahead == 40


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_a_421_at_any_stage_closes_the_session_and_slows_the_relay(
    sender_to: Callable[..., Any], stage: str
) -> None:
    with FaultServer([Script(**{stage: (BUSY, Close())}), Script()]) as server:
        sender = sender_to(server, connections=4)
        (refused,) = sender.send(letters(1))
        lanes = sender._pacer.lanes
        accepted = sender.send(letters(8))

    assert (type(refused), refused.code) == (Deferred, 421)
    assert lanes == 2
    assert {type(outcome) for outcome in accepted} == {Accepted}
    assert len(server.conversations) <= 3  # the one that was closed, and two more
    assert server.conversations[0][-1] != "QUIT"


def test_a_421_instead_of_a_greeting_slows_the_relay_too(sender_to: Callable[..., Any]) -> None:
    with FaultServer([Script(), Script(greeting=(BUSY, Close()))]) as server:
        sender = sender_to(server, connections=2)
        outcomes = sender.send(letters(6))

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert sender._pacer.lanes == 1


@pytest.mark.parametrize(
    ("outcome", "is_complaint"),
    [
        (Accepted("250 ok", "relay"), False),
        (Refused("550 5.7.1 no", "relay", 550, "5.7.1", Stage.DOT), False),
        (Deferred("451 4.3.0 later", "relay", 451, "4.3.0", Stage.DOT), False),
        (Deferred("450 4.7.1 greylisted", "relay", 450, "4.7.1", Stage.RCPT), False),
        (Deferred("452 4.5.3 too many", "relay", 452, "4.5.3", Stage.RCPT), False),
        (Deferred("454 Throttling failure", "relay", 454, "", Stage.DOT), True),
        (Deferred("421 4.3.2 closing", "relay", 421, "4.3.2", Stage.RCPT), True),
        (Deferred("link lost at body", "relay", stage=Stage.BODY), False),
    ],
)
def test_only_too_much_is_a_reason_to_slow_down(outcome: Outcome, is_complaint: bool) -> None:
    clock = Hours()
    pacer = Pacer("relay", per_second=0, connections=8, clock=clock)

    assert pacer.note(outcome) is is_complaint
    assert pacer.lanes == (4 if is_complaint else 8)
    clock.now += 300
    assert pacer.lanes == 8


def test_greylisting_at_first_is_no_trouble_of_the_relay() -> None:
    watch = RelayWatch()
    greylisted = Deferred("450 4.7.1 greylisted", "relay", 450, "4.7.1", Stage.RCPT)

    assert watch.note(letters(20), [greylisted] * 20) is None

    again = [one._replace(attempt=2) for one in letters(20)]
    assert watch.note(again, [greylisted] * 20) is not None
