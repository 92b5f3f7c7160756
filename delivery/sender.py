"""The one door out: what is handed over, to whom, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable


class Handover(NamedTuple):
    """One complete message for one recipient, ready for the relay."""

    delivery_id: int
    envelope_sender: str  # empty: the null sender, for our own notices
    recipient: str  # domain already as A-label
    message: bytes  # CRLF only, ends with CRLF, not dot-stuffed
    needs_smtputf8: bool = False
    attempt: int = 0
    is_canonical: bool = False  # known: only CRLF ends lines, and none begins with a dot
    once_key: str = ""  # the purpose; empty: no delivery of the outbox, like a test mail


@dataclass(frozen=True)
class Accepted:
    """The relay took responsibility (2yz after the final dot)."""

    reply: str
    relay: str


@dataclass(frozen=True)
class Deferred:
    """Refused for now, or the link was lost before the final dot: certainly not delivered."""

    reply: str
    relay: str
    code: int = 0  # 0: no reply, the link was lost
    enhanced: str = ""  # RFC 3463, like 4.7.1
    stage: str = ""


@dataclass(frozen=True)
class Refused:
    """Refused for good (5yz); the class of the refusal decides what follows."""

    reply: str
    relay: str
    code: int
    enhanced: str = ""
    stage: str = ""


@dataclass(frozen=True)
class Uncertain:
    """The link was lost after the final dot: it may or may not have gone."""

    reply: str
    relay: str


@dataclass(frozen=True)
class RelayDown:
    """The relay itself cannot be used (no connection, TLS or login refused); nothing was sent.

    It says nothing about the recipient, so the delivery waits without losing an attempt.
    """

    reply: str
    relay: str
    needs_operator: bool = False  # login or TLS refused: waiting will not help


Outcome = Accepted | Deferred | Refused | Uncertain | RelayDown


class Witness(Protocol):
    """Notes every hand-over around its final dot, so that a crash leaves less in doubt.

    Called from any thread, for each message in this order, and quick: it is in the way of mail.
    """

    def note_dot(self, handover: Handover) -> None:
        """Note that the final dot may be written from now on; called before the write with it.

        Raises:
            WitnessError: it cannot be noted; then the dot must not be written.
        """

    def note_answer(self, handover: Handover, outcome: Outcome) -> None:
        """Note what became of a message whose dot was noted; never raises.

        Not for `Uncertain`: a dot without an answer says just that.
        """


class NoWitness:
    """Notes nothing: for a way out that needs none, or a site that keeps no journal."""

    def note_dot(self, handover: Handover) -> None:
        """Let the dot be written."""

    def note_answer(self, handover: Handover, outcome: Outcome) -> None:
        """Forget it."""


class Sending(Protocol):
    """A group of messages that is being handed over."""

    def is_over(self) -> bool:
        """Tell whether every outcome is known; returns at once."""

    def outcomes(self) -> list[Outcome]:
        """Wait for the outcomes, one for each message, in order; never raises."""


@runtime_checkable
class HasRelays(Protocol):
    """A way out over several relays: one that is down need not keep anything back."""

    def troubles(self) -> Sequence[RelayDown]:
        """List what the relays said that cannot be used at present."""


@dataclass(frozen=True)
class AllAnswered:
    """A group whose outcomes are known: of senders that take it while one waits."""

    known: list[Outcome]

    def is_over(self) -> bool:
        """Tell that it is."""
        return True

    def outcomes(self) -> list[Outcome]:
        """Give the outcomes."""
        return self.known


class Sender(Protocol):
    """A way to hand messages over. Implementations never raise for what a relay may do."""

    @property
    def connections(self) -> int:
        """How many messages may be in flight at once."""

    @property
    def ahead(self) -> int:
        """How many messages may be marked together: so many are in doubt after a crash.

        As many as there are connections, or more where a witness tells afterwards which of them
        were begun.
        """

    def stopwatch(self) -> float:
        """Read the clock of the hand-over deadline, in seconds; it never stands still."""

    def start(self, handovers: Sequence[Handover], *, since: float) -> Sending:
        """Begin to hand over a group of at most `ahead` messages.

        A message whose final dot was not written within the hand-over deadline, counted from
        `since` by the stopwatch, is not sent at all: its outcome is `Deferred`.
        """

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Hand over a group now, and wait for the outcomes: one each, in order."""

    def close(self) -> None:
        """End open sessions politely."""
