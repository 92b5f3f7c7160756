"""On which days and at which hours mail may go: the clinic's rules on the reader's calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

EVERY_WEEKDAY = frozenset(range(7))


@dataclass(frozen=True)
class ClinicCalendar:
    """When the clinic's mail may go: closed days and the daily send window, local to the reader."""

    closed_days: frozenset[date] = frozenset()
    closed_weekdays: frozenset[int] = frozenset()  # 0 Monday to 6 Sunday
    window_opens: time = time(7, 0)
    window_closes: time = time(21, 0)  # the first minute in which nothing goes any more


def never_opens(calendar: ClinicCalendar) -> bool:
    """Tell whether no mail can ever go: every weekday is closed, or the window is empty."""
    has_window = calendar.window_opens < calendar.window_closes
    return not has_window or calendar.closed_weekdays >= EVERY_WEEKDAY


def is_open_day(day: date, calendar: ClinicCalendar) -> bool:
    """Tell whether the clinic sends on this day."""
    return day not in calendar.closed_days and day.weekday() not in calendar.closed_weekdays


def is_inside_window(clock: time, calendar: ClinicCalendar) -> bool:
    """Tell whether mail may go at this time of the day."""
    return calendar.window_opens <= clock < calendar.window_closes


def open_weekday(weekday: int, calendar: ClinicCalendar) -> int:
    """Give the weekday itself, or the next one on which the clinic is not always closed.

    A closed weekday must be replaced before the search for a slot, not in it: whoever is moved
    from Sunday to Monday each time would wait from that Monday for a Sunday, and so get one
    email in two weeks.
    """
    for offset in range(7):
        if (weekday + offset) % 7 not in calendar.closed_weekdays:
            return (weekday + offset) % 7
    return weekday


def clamp_hour(hour: int, calendar: ClinicCalendar) -> time:
    """Give the time of day nearest to the wished hour at which mail may go.

    At the late end that is an hour before the window closes, so that what is due then has
    time to leave.
    """
    wish = time(min(max(hour, 0), 23))
    if wish < calendar.window_opens:
        return calendar.window_opens
    if wish < calendar.window_closes:
        return wish
    closes = calendar.window_closes
    if closes.hour == 0:
        return calendar.window_opens
    return max(calendar.window_opens, closes.replace(hour=closes.hour - 1))
