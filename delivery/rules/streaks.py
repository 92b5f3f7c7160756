"""Tell trouble of the relay from trouble of one person: does it say "not now" to everybody?

A relay that answers 4xx to all of a clinic's people for five days would have each of them given
up, one by one, for something that is not theirs. So what counts is the streak: how many answers
in a row were "not now", and to how many receiving domains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from delivery.sender import Deferred, Outcome, RelayDown

LEAST_ANSWERS = 10
LEAST_DOMAINS = 2  # one alone may be that domain's own trouble


@dataclass(frozen=True)
class Streak:
    """The answers since the relay last took or refused a message for good."""

    deferrals: int = 0
    domains: frozenset[str] = frozenset()

    @property
    def is_relay_wide(self) -> bool:
        """Tell whether it is the relay that says "not now", to everybody."""
        return self.deferrals >= LEAST_ANSWERS and len(self.domains) >= LEAST_DOMAINS


def go_on(streak: Streak, answers: Sequence[tuple[str, Outcome]]) -> Streak:
    """Add the answers to a group, each with its receiving domain; any other answer ends the streak.

    Without a reply (no connection, a lost link) nothing was said to anybody.
    """
    said = [(domain, outcome) for domain, outcome in answers if _is_said(outcome)]
    if not all(isinstance(outcome, Deferred) for _, outcome in said):
        return Streak()
    domains = streak.domains | {domain for domain, _ in said}
    return Streak(streak.deferrals + len(said), domains)


def _is_said(outcome: Outcome) -> bool:
    return not isinstance(outcome, RelayDown) and not (
        isinstance(outcome, Deferred) and not outcome.code
    )
