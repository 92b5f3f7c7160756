"""Keep the pace of one relay: messages per second, and less of everything while it complains."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Lock

from delivery.rules.pace import Ease, lanes_at, spacing_at, spared, take_turn
from delivery.rules.replies import ReplyClass, classify
from delivery.rules.stages import Stage
from delivery.sender import Deferred, Outcome
from delivery.smtp_link import Clock

LOG = logging.getLogger("steadypost.delivery")
_CLOSING = "421"
_WAIT = Event().wait


class Pacer:
    """Tells the lanes of a relay when it is their turn, and how many may be open."""

    def __init__(
        self,
        relay: str,
        *,
        per_second: float,
        connections: int,
        clock: Clock,
        pause: Callable[[float], object] = _WAIT,
    ) -> None:
        self._relay, self._clock, self._pause = relay, clock, pause
        self._per_second, self._connections = per_second, connections
        self._lock = Lock()
        self._ease, self._free_at = Ease(), float("-inf")

    @property
    def lanes(self) -> int:
        """How many connections may be used at present."""
        return lanes_at(self._ease, connections=self._connections, now=self._clock())

    def most_in(self, seconds: float) -> float:
        """Tell how many messages fit into some seconds, at least one; infinite without a rate."""
        spacing = self._spacing()
        return max(1, seconds // spacing) if spacing else float("inf")

    def wait_turn(self, *, deadline: float) -> bool:
        """Wait until the next message may go; False, and no turn is taken, if that is too late."""
        if not self._per_second:
            return True
        with self._lock:
            now = self._clock()
            turn, free_at = take_turn(self._free_at, now=now, spacing=self._spacing())
            if turn >= deadline:
                return False
            self._free_at = free_at
        if turn > now:
            self._pause(turn - now)
        return True

    def note(self, outcome: Outcome) -> bool:
        """Slow down when a relay says that it is too much; tell whether it did."""
        if not isinstance(outcome, Deferred) or not _is_complaint(outcome):
            return False
        self._spare(outcome.reply)
        return True

    def note_unusable(self, reply: str) -> None:
        """Slow down when a relay closes instead of greeting."""
        if reply.startswith(_CLOSING):
            self._spare(reply)

    def _spacing(self) -> float:
        return spacing_at(self._ease, per_second=self._per_second, now=self._clock())

    def _spare(self, reply: str) -> None:
        with self._lock:
            before, self._ease = self._ease, spared(self._ease, now=self._clock())
        if self._ease is not before:
            LOG.warning("relay %s asks for less, slowed down: %s", self._relay, reply)


def _is_complaint(outcome: Deferred) -> bool:
    """Tell whether it is about how much we send; "later" to one recipient is about that one."""
    if outcome.code == 421:
        return True
    found = classify(
        outcome.code, enhanced=outcome.enhanced, stage=outcome.stage, text=outcome.reply
    )
    return found is ReplyClass.RATE and outcome.stage != Stage.RCPT
