"""The sender that keeps what it is given answers as it was told."""

from __future__ import annotations

from delivery.memory import MemorySender
from delivery.sender import Accepted, Deferred, Handover, RelayDown, Sender

HANDOVER = Handover(1, "bounces@riverside.example", "ada@example.org", b"Hi\r\n")
LATER = Deferred("450 later", "memory", 450)
DOWN = RelayDown("no connection", "memory")


def test_it_accepts_everything_and_keeps_it_in_order() -> None:
    sender = MemorySender(connections=2)
    two = [HANDOVER, HANDOVER._replace(delivery_id=2)]

    outcomes = sender.send(two)

    assert outcomes == [
        Accepted("250 2.0.0 kept as 1", "memory"),
        Accepted("250 2.0.0 kept as 2", "memory"),
    ]
    assert sender.accepted == sender.handovers == two
    assert sender.connections == 2


def test_it_answers_as_it_was_told_and_then_accepts() -> None:
    sender = MemorySender()
    sender.answer_next(LATER, DOWN)

    outcomes = [sender.send([HANDOVER])[0] for _ in range(3)]

    assert outcomes[:2] == [LATER, DOWN]
    assert isinstance(outcomes[2], Accepted)
    assert (len(sender.handovers), len(sender.accepted)) == (3, 1)


def test_it_answers_for_one_recipient_as_it_was_told() -> None:
    sender = MemorySender()
    sender.answer_always("ada@example.org", LATER)

    first, second = sender.send([HANDOVER, HANDOVER._replace(recipient="ben@example.org")])

    assert first == LATER
    assert isinstance(second, Accepted)


def test_it_is_a_sender_and_remembers_that_it_was_closed() -> None:
    memory = MemorySender()
    sender: Sender = memory

    sender.close()

    assert memory.is_closed
