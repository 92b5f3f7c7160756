"""Go on after a pause: show first what would be sent, then release what kept the site back."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.releasing import count_waiting, release
from delivery.holds import open_holds
from delivery.rules.holds import RELEASED_BY_RESUME
from scheduler import Parts


@dataclass(frozen=True)
class Resumption:
    """What going on would mean."""

    is_needed: bool
    lines: tuple[str, ...]


def plan_resumption(parts: Parts) -> Resumption:
    """Tell what keeps the site back, and what would be sent."""
    with parts.database.reading() as session:
        holds = open_holds(session, *RELEASED_BY_RESUME)
        if not holds:
            return Resumption(False, ("the site is not paused",))
        waiting = max(count_waiting(session, hold, now=parts.clock()) for hold in holds)
    reasons = (f"held since {hold.since:%Y-%m-%d %H:%M} UTC: {hold.detail}" for hold in holds)
    return Resumption(True, (*reasons, f"up to {waiting} mails are due and would go now"))


def resume_site(parts: Parts) -> None:
    """Release what only this releases."""
    with parts.database.transaction() as session:
        holds = open_holds(session, *RELEASED_BY_RESUME)
        release(session, holds, site=parts.site, now=parts.clock())
