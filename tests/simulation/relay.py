"""A model of an SMTP relay with a memory of its own, and the sender that talks to it.

What the relay accepted is the only witness the promises are held against. The sender keeps to the
contract of `delivery.sender` the way `SmtpSender` does, stage by stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from delivery.rules.stages import Stage
from delivery.sender import (
    Accepted,
    Deferred,
    Handover,
    NoWitness,
    Outcome,
    Refused,
    RelayDown,
    Uncertain,
    Witness,
)
from tests.simulation.faults import Process, Seams

DEADLINE = timedelta(seconds=120)  # from the call of `send` to the final dot
PATIENCE = timedelta(minutes=5)  # of the relay with a silent client (RFC 5321, 4.5.3.2)
NAMES = ("model", "second")
_SUBJECT = re.compile(rb"^Subject: (.*?)\r\n(?![ \t])", re.MULTILINE | re.DOTALL)
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<(.*?)>\r\n", re.MULTILINE | re.IGNORECASE)
_STEP = re.compile(r"step (\S+) (\S+) v\d+")
_NEWS = re.compile(r"news (\S+)")
_REFUSALS: tuple[tuple[int, str, str], ...] = (
    (451, "", "local error in processing"),
    (450, "4.2.0", "greylisted, try again later"),
    (452, "4.2.2", "mailbox full"),
    (421, "4.7.0", "too busy"),
    (451, "", "local error in processing"),
    (450, "4.2.0", "greylisted, try again later"),
    (550, "5.1.1", "no such user"),
    (550, "5.7.1", "message refused by policy"),
    (554, "5.0.0", "transaction failed"),
    (552, "5.2.2", "mailbox full"),
)
_FOR_NOW = 6  # so many of them are refusals for now


@dataclass(eq=False)
class Acceptance:
    """One message the relay took responsibility for."""

    at: datetime
    recipient: str
    delivery_id: int
    message_id: str
    series: str  # empty: an answer to the person's own request
    step: str
    way: str  # which round of whom: the part of the once key before the step
    issue: str  # of a newsletter; empty: none
    subject: str
    worker: str
    marked: int  # sequence number of the last commit before the hand-over
    marked_at: datetime
    known_at: int | None = None  # sequence number of the commit that wrote the answer down


@dataclass(frozen=True)
class Mark:
    """The last commit before a hand-over, and whose it was."""

    process: Process
    commit: int  # sequence number
    at: datetime


@dataclass
class ModelRelay:
    """The far side: what it accepted, whom it refused, which answers it swallowed."""

    seams: Seams
    accepted: list[Acceptance] = field(default_factory=list)
    refused: dict[str, list[Deferred | Refused]] = field(default_factory=dict)
    resets_after_dot: int = 0

    def is_down(self, name: str) -> bool:
        until = self.seams.relays_down_until.get(name)
        return until is not None and self.seams.clock.now < until

    def is_busy(self, name: str) -> bool:
        """Tell whether it refuses everybody for a while, politely."""
        until = self.seams.relays_busy_until.get(name)
        return until is not None and self.seams.clock.now < until

    def take(self, handover: Handover, mark: Mark) -> Acceptance:
        """Take responsibility for a message."""
        subject = _first(_SUBJECT, handover.message)
        step, issue = _STEP.fullmatch(subject), _NEWS.fullmatch(subject)
        taken = Acceptance(
            at=self.seams.clock.now,
            recipient=handover.recipient,
            delivery_id=handover.delivery_id,
            message_id=_first(_MESSAGE_ID, handover.message),
            series=step[1] if step else "",
            step=step[2] if step else "",
            way=handover.once_key.partition("/")[0] if step else "",
            issue=issue[1] if issue else "",
            subject=subject,
            worker=mark.process.actor.name,
            marked=mark.commit,
            marked_at=mark.at,
        )
        self.accepted.append(taken)
        return taken

    def refuse(self, handover: Handover, stage: Stage, name: str) -> Deferred | Refused:
        busy = _REFUSALS[:_FOR_NOW] if self.is_busy(name) else _REFUSALS
        code, enhanced, text = self.seams.dice.choice(busy)
        kind = Refused if code >= 500 else Deferred
        reply = f"{code} {enhanced} {text}"
        outcome = kind(reply=reply, relay=name, code=code, enhanced=enhanced, stage=stage)
        self.refused.setdefault(handover.recipient, []).append(outcome)
        return outcome


@dataclass
class ModelSender:
    """Hands over a group in as many conversations, which take turns by the dice."""

    relay: ModelRelay
    seams: Seams
    connections: int
    ahead: int
    name: str = NAMES[0]
    witness: Witness = field(default_factory=NoWitness)
    has_deadline: ClassVar[bool] = True
    doubts_resets: ClassVar[bool] = (
        True  # False: takes a link lost after the dot for a 451, as RFC 5321 does
    )

    def stopwatch(self) -> float:
        return self.seams.clock.now.timestamp()

    def start(self, handovers: Sequence[Handover], *, since: float) -> ModelFlight:
        process = self.seams.process
        if not process.flying:  # another relay may have a part of the group
            process.dotted = 0
        process.in_flight += len(handovers)  # since the last commit
        process.flying += len(handovers)
        mark = (process.last_commit, process.last_commit_at or self.seams.clock.now)
        self.seams.die_if(in_doubt=len(handovers))
        began = datetime.fromtimestamp(since, UTC)
        talks = {
            place: self._talk(handover, Mark(process, *mark), began)
            for place, handover in enumerate(handovers)
        }
        return ModelFlight(self, process, talks)

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        return self.start(handovers, since=self.stopwatch()).outcomes()

    def close(self) -> None:
        """Nothing to end: no connection outlives a call."""

    def take_turns(self, in_doubt: int) -> None:
        self.seams.pass_by(in_doubt=in_doubt)
        if self.seams.happens("slow"):
            seconds = self.seams.dice.choice((30, 100, 200))
            self.seams.take_time(timedelta(seconds=seconds), in_doubt=in_doubt)

    def _talk(self, handover: Handover, mark: Mark, began: datetime) -> Iterator[Outcome | None]:
        if self.relay.is_down(self.name):
            yield RelayDown("connection refused", self.name)
        for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY):
            since = self.seams.clock.now
            yield None
            trouble = self._trouble(handover, stage, since)
            if trouble is not None:
                yield trouble
        if self.has_deadline and self.seams.clock.now >= began + DEADLINE:
            yield Deferred("hand-over deadline passed", self.name, stage=Stage.BODY)
        self.witness.note_dot(handover)
        mark.process.dotted += 1
        self.seams.die_if(in_doubt=mark.process.in_flight)
        if self.seams.happens("refusal"):
            yield self._answered(handover, self.relay.refuse(handover, Stage.DOT, self.name), mark)
        taken = self._write_dot(handover, mark)
        yield None
        if taken is None or self.seams.happens("reset"):
            self.relay.resets_after_dot += 1
            self.seams.may_be_in_doubt += 1
            lost = "the link was lost after the final dot"
            name = self.name
            yield Uncertain(lost, name) if self.doubts_resets else Deferred(lost, name, code=451)
        accepted = self._answered(handover, Accepted("250 2.0.0 taken", self.name), mark)
        if taken is not None:
            mark.process.answered.append(taken)
        yield accepted

    def _answered(self, handover: Handover, outcome: Outcome, mark: Mark) -> Outcome:
        self.witness.note_answer(handover, outcome)
        mark.process.dotted -= 1
        return outcome

    def _write_dot(self, handover: Handover, mark: Mark) -> Acceptance | None:
        """Write the dot; None when the link broke before the relay read it."""
        if self.seams.happens("reset"):
            return None
        return self.relay.take(handover, mark)

    def _trouble(self, handover: Handover, stage: Stage, since: datetime) -> Outcome | None:
        is_cut = self.relay.is_down(self.name) or self.seams.clock.now > since + PATIENCE
        if is_cut or self.seams.happens("reset"):
            lost = Deferred("the link was lost", self.name, stage=stage)
            self.relay.refused.setdefault(handover.recipient, []).append(lost)
            return lost
        if self.relay.is_busy(self.name) or self.seams.happens("refusal"):
            return self.relay.refuse(handover, stage, self.name)
        return None


@dataclass
class ModelFlight:
    """Conversations that go on when somebody waits for their end; until then a link is slow."""

    sender: ModelSender
    process: Process
    talks: dict[int, Iterator[Outcome | None]]

    def is_over(self) -> bool:
        return False

    def outcomes(self) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        count = len(self.talks)
        while self.talks:
            place = self.sender.seams.dice.choice(list(self.talks))
            said = next(self.talks[place])
            if said is not None:
                outcomes[place] = said
                del self.talks[place]
            self.sender.take_turns(count)
        self.process.flying -= count
        return [outcomes[place] for place in range(count)]


def _first(pattern: re.Pattern[bytes], message: bytes) -> str:
    found = pattern.search(message)
    return found[1].decode() if found else ""
