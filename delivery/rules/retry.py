"""When to try again after "not now", and when to stop trying."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_DELAY = timedelta(minutes=5)
LONGEST_DELAY = timedelta(seconds=4000)
GIVE_UP_AFTER = timedelta(days=5)  # RFC 5321, 4.5.4.1: "at least 4-5 days"


@dataclass(frozen=True)
class TryAgain:
    """The relay may be asked again, not before this moment."""

    due_at: datetime


@dataclass(frozen=True)
class GiveUp:
    """It was refused for long enough."""

    reason: str


def next_attempt(deferred_since: datetime, *, now: datetime) -> TryAgain | GiveUp:
    """Decide what follows a refusal "for now": 5, 10, 20, 40, then every 67 minutes, for 5 days.

    Both count from the first refusal. So the time a message waited for other causes (a relay
    that was down, a hold) shortens nothing, and the delay doubles without a counter: each time
    it is as long as the trouble has lasted, and 5 minutes.
    """
    lasted = max(now - deferred_since, timedelta(0))  # a clock may have been set back
    if lasted >= GIVE_UP_AFTER:
        return GiveUp(f"gave up after {lasted.days} days of refusals")
    return TryAgain(now + min(lasted + FIRST_DELAY, LONGEST_DELAY))
