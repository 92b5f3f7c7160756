"""Under which conditions a series is rehearsed, and for whom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from steadypost.demo.people import Client, Habit, invent_clients

# Among the first few, so that a small cast shows them too.
_HABITS = {2: Habit.PAUSES, 4: Habit.SLOWS_DOWN}


@dataclass(frozen=True)
class Outage:
    """Nothing works from a moment on until another."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Conditions:
    """What the world is like in a rehearsal."""

    start: datetime
    people: int = 6
    closed_days: frozenset[date] = frozenset()  # beside those of the settings
    outage: Outage | None = None


def invent_cast(count: int, *, home: str) -> list[Client]:
    """Invent readers: the first lives where the clinic is, the others all over the world."""
    cast = [
        replace(client, habit=_HABITS.get(number, Habit.READS), arrives=timedelta(hours=2 * number))
        for number, client in enumerate(invent_clients(count))
    ]
    return [replace(cast[0], zone=home, weekday=None, hour=None), *cast[1:]]
