"""A sender that keeps what it is given: for tests, rehearsals and demos."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Lock

from delivery.sender import Accepted, AllAnswered, Handover, Outcome, Sending

RELAY = "memory"


class MemorySender:
    """Accepts everything, unless it was told other answers."""

    def __init__(self, *, connections: int = 10) -> None:
        self.connections = connections
        self.handovers: list[Handover] = []  # everything it was given, in order
        self.accepted: list[Handover] = []
        self.is_closed = False
        self._next: deque[Outcome] = deque()
        self._of_recipient: dict[str, Outcome] = {}
        self._lock = Lock()

    def answer_next(self, *outcomes: Outcome) -> None:
        """Answer the next messages so, in this order; those after them are accepted."""
        self._next.extend(outcomes)

    def answer_always(self, recipient: str, outcome: Outcome) -> None:
        """Answer every message for one recipient so, until told otherwise."""
        self._of_recipient[recipient] = outcome

    @property
    def ahead(self) -> int:
        """How many messages may be marked together."""
        return self.connections

    def stopwatch(self) -> float:
        """Stand still: nothing here takes time."""
        return 0.0

    def start(self, handovers: Sequence[Handover], *, since: float) -> Sending:
        """Keep a group of messages."""
        return AllAnswered(self.send(handovers))

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Keep a group of messages."""
        with self._lock:
            return [self._take(handover) for handover in handovers]

    def close(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True

    def _take(self, handover: Handover) -> Outcome:
        self.handovers.append(handover)
        outcome = self._answer(handover.recipient)
        if isinstance(outcome, Accepted):
            self.accepted.append(handover)
        return outcome

    def _answer(self, recipient: str) -> Outcome:
        if recipient in self._of_recipient:
            return self._of_recipient[recipient]
        if self._next:
            return self._next.popleft()
        return Accepted(f"250 2.0.0 kept as {len(self.handovers)}", RELAY)
