"""Turn days and hours on a person's wall into moments, and find the first free slot.

Days are calendar days in the person's own zone, never 86,400 seconds.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from campaigns.rules.calendar import (
    ClinicCalendar,
    clamp_hour,
    is_inside_window,
    is_open_day,
    open_weekday,
)

SEARCH_DAYS = 3660  # ten years: beyond, a calendar counts as closed for good
_ONE_DAY = timedelta(days=1)


class Obstacle(StrEnum):
    """Why a day that would have fitted was passed over."""

    CLOSED = "closed"  # by the clinic
    TAKEN = "taken"  # the person has another marketing email on that day
    NO_SUCH_TIME = "no such time"  # the clocks skip the time, and the window closes before it


@dataclass(frozen=True)
class PassedOver:
    """A day that would have fitted, and what stood in the way."""

    day: date
    obstacle: Obstacle


@dataclass(frozen=True)
class Slot:
    """The first moment that fits, and the days passed over on the way to it."""

    at: datetime
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What a slot must satisfy on the person's side."""

    earliest: date
    hour: int
    weekday: int | None = None  # None: any


@dataclass(frozen=True)
class Days:
    """Which days there are: the person's zone, the clinic's calendar, and what is taken."""

    zone: ZoneInfo
    calendar: ClinicCalendar
    taken: Set[date] = frozenset()


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """Give the date a moment has on the person's calendar."""
    return moment.astimezone(zone).date()


def first_moment(
    day: date, clock: time, *, zone: ZoneInfo, after: datetime | None = None
) -> datetime:
    """Give the moment at which the person's clock first shows this time, as UTC.

    A time the clocks skip becomes the first minute that exists. Of a time they show twice
    it is the first one, or the second when the first is not after `after`.
    """
    wall = datetime.combine(day, clock)
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first > second:  # only a skipped time is read so by the two offsets around it
        return _change_of_clocks(second, first, zone=zone)
    return first if after is None or first > after else second


def _change_of_clocks(before: datetime, behind: datetime, *, zone: ZoneInfo) -> datetime:
    """Find the second at which the offset changes between two moments."""
    old = before.astimezone(zone).utcoffset()
    low, high = 0, int((behind - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        is_before = (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == old
        low, high = (middle, high) if is_before else (low, middle)
    return before + timedelta(seconds=high)


def wait_bound(zone: ZoneInfo, wait_days: int, *, now: datetime) -> datetime:
    """Give the moment before which the last send must lie so that today is `wait_days` later.

    The start of the local day `wait_days - 1` days before today. A flat number of hours would
    refuse the slot after a late send and admit one before the clocks go forward.
    """
    day = local_day(now, zone) - (wait_days - 1) * _ONE_DAY
    return first_moment(day, time.min, zone=zone)


def find_slot(wish: Wish, days: Days) -> Slot | None:
    """Find the first moment at which everything holds; None when there is none in ten years.

    A closed or taken day shifts to the next free one. The weekday is given up for that
    once: to wait for it again would cost a week.
    """
    day = wish.earliest
    if wish.weekday is not None:
        weekday = open_weekday(wish.weekday, days.calendar)
        day += (weekday - day.weekday()) % 7 * _ONE_DAY
    return _first_free(day, clamp_hour(wish.hour, days.calendar), days=days)


def next_permitted(now: datetime, days: Days) -> Slot | None:
    """Find the first moment from now on at which mail may go; None when there is none.

    Now, if the window is open on a free day, else the next opening of the window.
    """
    there = now.astimezone(days.zone)
    obstacle = _obstacle(there.date(), days)
    if obstacle is None and is_inside_window(there.time(), days.calendar):
        return Slot(now)
    opens = days.calendar.window_opens
    day = there.date() if there.time() < opens else there.date() + _ONE_DAY
    slot = _first_free(day, opens, days=days, after=now)
    if slot is None or obstacle is None or day == there.date():
        return slot
    return Slot(slot.at, (PassedOver(there.date(), obstacle), *slot.passed_over))


def _first_free(
    day: date, clock: time, *, days: Days, after: datetime | None = None
) -> Slot | None:
    passed: list[PassedOver] = []
    for _ in range(SEARCH_DAYS):
        obstacle = _obstacle(day, days)
        if obstacle is None:
            at = first_moment(day, clock, zone=days.zone, after=after)
            there = at.astimezone(days.zone)
            if there.date() == day and is_inside_window(there.time(), days.calendar):
                return Slot(at, tuple(passed))
            obstacle = Obstacle.NO_SUCH_TIME
        passed.append(PassedOver(day, obstacle))
        day += _ONE_DAY
    return None


def _obstacle(day: date, days: Days) -> Obstacle | None:
    if not is_open_day(day, days.calendar):
        return Obstacle.CLOSED
    return Obstacle.TAKEN if day in days.taken else None
