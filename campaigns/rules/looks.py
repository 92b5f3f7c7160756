"""Decide when to look at an enrolment again. A look too many costs little, one too few a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns.rules.moves import AwaitDelivery, Move, SendStep, SkipStep, WaitUntil

# No enrolment goes unlooked at for longer, so a change nobody announced is noticed: another
# calendar in the settings, a row put right by hand, a closed day taken back.
LONGEST = timedelta(days=1)
# Whoever records the outcome of a delivery asks for a look at once; this is for when they died.
ON_ITS_WAY = timedelta(hours=1)


_SPREAD_SECONDS = 6 * 3600
_STRIDE = 7919  # a prime: neighbours in the table end up far apart


def look_after(move: Move, *, now: datetime, enrolment_id: int) -> datetime:
    """Give the moment of the next look after a decision."""
    if isinstance(move, SendStep | AwaitDelivery):
        return now + ON_ITS_WAY
    if isinstance(move, SkipStep):
        return now  # what follows may be due as well
    if isinstance(move, WaitUntil) and move.at <= now + LONGEST:
        return move.at
    return look_within_a_day(enrolment_id, now=now)


def look_within_a_day(enrolment_id: int, *, now: datetime) -> datetime:
    """Give a moment 18 to 24 hours ahead, another one for each enrolment.

    A million that were looked at in one hour do not all come back in one hour the next day.
    """
    early = timedelta(seconds=enrolment_id * _STRIDE % _SPREAD_SECONDS)
    return now + LONGEST - early
