"""A witness hears of every final dot before it is written, and of every answer to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fault_server import Close, Do, FaultServer, Keep, Reset, Script

from delivery.errors import WitnessError
from delivery.maildir import MaildirSender
from delivery.relay import RelaySettings
from delivery.sender import (
    Accepted,
    Deferred,
    Handover,
    Outcome,
    Refused,
    RelayDown,
    Uncertain,
)
from delivery.smtp import SmtpSender

HANDOVER = Handover(7, "bounces@riverside.example", "ada@example.org", b"Hello\r\n", attempt=2)


@dataclass
class Diary:
    """Keeps what it hears, in order."""

    heard: list[Any] = field(default_factory=list)
    is_full: bool = False

    def note_dot(self, handover: Handover) -> None:
        if self.is_full:
            raise WitnessError("diary", "no space left on device")
        self.heard.append((handover.delivery_id, handover.attempt))

    def note_answer(self, handover: Handover, outcome: Outcome) -> None:
        self.heard.append((handover.delivery_id, handover.attempt, type(outcome)))


def send(server: FaultServer, diary: Diary) -> Outcome:
    sender = SmtpSender(RelaySettings(host="127.0.0.1", port=server.port), witness=diary)
    (outcome,) = sender.send([HANDOVER])
    sender.close()
    return outcome


@pytest.mark.parametrize(
    ("script", "heard"),
    [
        (Script(), [(7, 2), (7, 2, Accepted)]),
        (Script(dot="451 4.3.0 later"), [(7, 2), (7, 2, Deferred)]),
        (Script(dot="554 5.7.1 no"), [(7, 2), (7, 2, Refused)]),
        (Script(dot=(Keep(), Reset())), [(7, 2)]),
        (Script(dot=Close()), [(7, 2)]),
        (Script(rcpt="550 5.1.1 no"), []),
        (Script(data="451 later"), []),
        (Script(data=Close()), []),
    ],
    ids=str,
)
def test_a_dot_is_noted_and_so_is_its_answer(script: Script, heard: list[Any]) -> None:
    diary = Diary()

    with FaultServer([script]) as server:
        outcome = send(server, diary)

    assert diary.heard == heard
    assert isinstance(outcome, Uncertain) == (heard == [(7, 2)])


def test_the_dot_is_noted_before_the_relay_can_have_it() -> None:
    diary, when_it_came = Diary(), list[Any]()
    script = Script(dot=(Do(lambda: when_it_came.extend(diary.heard)), Keep(), "250 ok"))

    with FaultServer([script]) as server:
        send(server, diary)

    assert when_it_came == [(7, 2)]


def test_a_dot_that_cannot_be_noted_is_not_written() -> None:
    with FaultServer() as server:
        outcome = send(server, Diary(is_full=True))

    assert isinstance(outcome, RelayDown)
    assert outcome.needs_operator
    assert outcome.reply == (
        "hand-over cannot be noted: diary: no space left on device; "
        "make room or let the service write there"
    )
    assert server.messages == []


def test_a_maildir_has_a_witness_too(tmp_path: Path) -> None:
    diary = Diary()

    MaildirSender(tmp_path / "box", witness=diary).send([HANDOVER])

    assert diary.heard == [(7, 2), (7, 2, Accepted)]


def test_a_maildir_keeps_nothing_that_cannot_be_noted(tmp_path: Path) -> None:
    (outcome,) = MaildirSender(tmp_path / "box", witness=Diary(is_full=True)).send([HANDOVER])

    assert isinstance(outcome, RelayDown)
    assert [path for path in (tmp_path / "box").rglob("*") if path.is_file()] == []
