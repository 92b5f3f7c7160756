"""Say in plain words what the rules decided, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from campaigns.rules.due_dates import Obstacle, PassedOver
from campaigns.rules.moves import Block, Cause, Why

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_OBSTACLES = {
    Obstacle.CLOSED: "is a closed day",
    Obstacle.TAKEN: "has another email already",
    Obstacle.NO_SUCH_TIME: "has no such hour, the clocks change",
}
BLOCKS = {
    Block.NEVER_OPEN: "the clinic's calendar leaves no day or hour open; change it in the settings",
    Block.NO_STEP: "the series has no published step; import it again",
    Block.TOO_FAR: "the wait or the pause is longer than ten years",
}
_MOST_DAYS_NAMED = 5


def day_in_words(day: date) -> str:
    """Say a day, like `Tuesday 24 March 2026`."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def moment_in_words(moment: datetime, zone: ZoneInfo) -> str:
    """Say a moment on somebody's clock, like `Tuesday 24 March 2026 09:00, Europe/Berlin`."""
    there = moment.astimezone(zone)
    return f"{day_in_words(there.date())} {there:%H:%M}, {zone.key}"


def reasons_in_words(why: Why, zone: ZoneInfo) -> str:
    """Say everything that decided a moment."""
    return "; ".join(_reasons(why, zone))


def _reasons(why: Why, zone: ZoneInfo) -> Iterator[str]:
    yield _counted_from(why)
    if why.weekday is not None:
        yield f"{WEEKDAYS[why.weekday]} is their day"
    if why.paused_until is not None:
        yield f"they paused until {day_in_words(why.paused_until)}"
    if why.held_until is not None:
        yield f"the series goes on for them from {day_in_words(why.held_until)}"
    if why.missed is not None:
        yield (
            f"the slot on {moment_in_words(why.missed, zone)} was missed, "
            "so it goes as soon as mail may go"
        )
    yield from passed_over_in_words(why.passed_over)


def _counted_from(why: Why) -> str:
    days = "1 day" if why.wait_days == 1 else f"{why.wait_days} days"
    if why.cause is Cause.ASKED:
        return "they asked for it now"
    if why.since is None or why.cause is Cause.AT_ONCE:
        return "the first email goes at once"
    if why.cause is Cause.SPACING:
        return f"{days} after the last one on {day_in_words(why.since)}"
    if why.wait_days:
        return f"{days} after the enrolment on {day_in_words(why.since)}"
    return f"the next slot after the enrolment on {day_in_words(why.since)}"


def passed_over_in_words(days: tuple[PassedOver, ...]) -> Iterator[str]:
    """Say which days would have fitted, and what stood in the way."""
    for passed in days[:_MOST_DAYS_NAMED]:
        yield f"{day_in_words(passed.day)} {_OBSTACLES[passed.obstacle]}"
    if len(days) > _MOST_DAYS_NAMED:
        more = len(days) - _MOST_DAYS_NAMED
        yield f"and {more} more {'day' if more == 1 else 'days'} after it"
