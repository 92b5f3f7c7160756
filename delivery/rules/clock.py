"""Tell a clock that jumped from time that passed.

A wall clock set wrong makes years of steps fall due at once, or stops everything. The machine's
own counter, which starts at zero with the machine and cannot be set, gives it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_BACK = timedelta(minutes=5)  # corrections, and machines that differ a little
MOST_FORWARD = timedelta(hours=1)


@dataclass(frozen=True)
class Sight:
    """What the clock showed at some moment, and how long the machine had been running."""

    at: datetime
    uptime: timedelta


def find_jump(now: Sight, *, latest: datetime | None, same_start: Sight | None) -> str:
    """Say how the clock jumped; empty when it did not.

    `latest` is the last moment seen at all, `same_start` what was last seen since this start
    of the machine. While the machine was off nobody counted, so weeks may have passed.
    """
    if latest is not None and now.at < latest - MOST_BACK:
        return f"the clock went back by {_words(latest - now.at)}: from {_time(latest)}"
    if same_start is None:
        return ""
    ahead = (now.at - same_start.at) - (now.uptime - same_start.uptime)
    if ahead > MOST_FORWARD:
        return f"the clock went forward by {_words(ahead)}: to {_time(now.at)}"
    if ahead < -MOST_BACK:  # though it is later than it was then: nobody looked for longer
        return f"the clock went back by {_words(-ahead)}: to {_time(now.at)}"
    return ""


def _words(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
