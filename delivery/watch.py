"""What this process has seen of its relay, from one round of sending to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from delivery.rules.outcomes import RELAY_WIDE, is_greylisting
from delivery.rules.streaks import Streak, go_on
from delivery.sender import Deferred, Handover, Outcome, RelayDown


@dataclass
class RelayWatch:
    """Remembers the streak of "not now"; a process that starts anew has seen nothing yet."""

    _streak: Streak = field(default_factory=Streak)

    def note(self, handovers: Sequence[Handover], outcomes: Sequence[Outcome]) -> RelayDown | None:
        """Take the answers to a group; give the relay's trouble, should it be everybody's.

        Then these answers count against nobody, and it is of no use to ask for the others now.
        """
        answers = [
            (one.recipient.rpartition("@")[2].lower(), outcome)
            for one, outcome in zip(handovers, outcomes, strict=True)
            if not _is_greylisted(one, outcome)
        ]
        self._streak = go_on(self._streak, answers)
        said = [one for _, one in answers if isinstance(one, Deferred) and one.code]
        if not said or not self._streak.is_relay_wide:
            return None
        return RelayDown(f"{RELAY_WIDE}: {said[-1].reply}", said[-1].relay)


def _is_greylisted(handover: Handover, outcome: Outcome) -> bool:
    """Tell whether it is "come back later" as everybody hears it at first, which is no trouble."""
    return handover.attempt <= 1 and isinstance(outcome, Deferred) and is_greylisting(outcome)
