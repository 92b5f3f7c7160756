"""Decide when to look at an enrolment again. A look too many costs little, one too few a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns.rules.moves import AwaitDelivery, Move, SendStep, WaitUntil

# No enrolment goes unlooked at for longer, so a change nobody announced is noticed: another
# calendar in the settings, a row put right by hand, a closed day taken back.
LONGEST = timedelta(days=1)
# Whoever records the outcome of a delivery asks for a look at once; this is for when they died.
ON_ITS_WAY = timedelta(hours=1)


def look_after(move: Move, *, now: datetime) -> datetime:
    """Give the moment of the next look after a decision."""
    if isinstance(move, SendStep | AwaitDelivery):
        return now + ON_ITS_WAY
    if isinstance(move, WaitUntil):
        return min(move.at, now + LONGEST)
    return now + LONGEST
