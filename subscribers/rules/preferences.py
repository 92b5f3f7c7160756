"""What a person can choose about their mail: day, hour, zone, pace, pause."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import Enum
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from subscribers.errors import InvalidPreferenceError, UnknownTimeZoneError
from subscribers.rules.standing import Pace

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NOT_PLACES = frozenset({"localtime", "Factory"})  # names of a machine's settings


class Unchanged(Enum):
    """Tell "leave it" from None, which means "back to the default"."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@dataclass(frozen=True)
class Preferences:
    """What one person chose; None means the clinic's or the series' own."""

    weekday: int | None = None  # 0 Monday to 6 Sunday
    hour: int | None = None  # 0 to 23, local
    time_zone: str | None = None
    pace: Pace = Pace.AS_WRITTEN
    paused_until: date | None = None  # first local day they can be mailed again


@dataclass(frozen=True)
class PreferenceChange:
    """What a person wants different; checked when it is made.

    Raises:
        InvalidPreferenceError: a weekday, hour or pace nobody can choose.
        UnknownTimeZoneError: the zone is not in the IANA database.
    """

    weekday: int | Unchanged | None = UNCHANGED
    hour: int | Unchanged | None = UNCHANGED
    time_zone: str | Unchanged | None = UNCHANGED
    pace: Pace | Unchanged = UNCHANGED
    paused_until: date | Unchanged | None = UNCHANGED

    def __post_init__(self) -> None:
        """Refuse what nobody can choose."""
        for name, value in self.given().items():
            if value is not None and name in _CHECKS:
                _CHECKS[name](value)

    def given(self) -> dict[str, Any]:
        """List what is to be different."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not UNCHANGED}


def apply_change(current: Preferences, change: PreferenceChange) -> Preferences:
    """Lay a change over what was chosen before; a stored value is not checked again."""
    return replace(current, **change.given())


def describe_difference(before: Preferences, after: Preferences) -> str:
    """Say what changed, for the consent record: `hour: 9 to none, pace: month to two weeks`."""
    pairs = [
        (field.name, getattr(before, field.name), getattr(after, field.name))
        for field in fields(before)
    ]
    return ", ".join(
        f"{name}: {_named(old)} to {_named(new)}" for name, old, new in pairs if old != new
    )


def read_weekday(text: str) -> int | None:
    """Read `monday`, `Mon` or `0` to `6`; nothing means no choice."""
    word = text.strip().lower()
    if not word:
        return None
    if word in {"0", "1", "2", "3", "4", "5", "6"}:
        return int(word)
    for number, name in enumerate(WEEKDAYS):
        if word in (name, name[:3]):
            return number
    raise InvalidPreferenceError("weekday", text, "0 (Monday) to 6 (Sunday), or a name")


def read_hour(text: str) -> int | None:
    """Read `9`, `09` or `09:00`; nothing means no choice."""
    word = text.strip().removesuffix(":00")
    if not word:
        return None
    if not re.fullmatch(r"[0-9]{1,2}", word):
        raise InvalidPreferenceError("hour", text, "0 to 23")
    return check_hour(int(word))


def read_time_zone(text: str) -> str | None:
    """Read an IANA name; nothing means the clinic's zone."""
    return check_time_zone(text.strip()) if text.strip() else None


def read_pace(text: str) -> Pace:
    """Read a pace by its name; nothing means as written."""
    word = text.strip().lower() or Pace.AS_WRITTEN.value
    try:
        return Pace(word)
    except ValueError as error:
        names = ", ".join(repr(pace.value) for pace in Pace)
        raise InvalidPreferenceError("pace", text, f"one of {names}") from error


def read_paused_until(text: str) -> date | None:
    """Read a date like 2026-04-01; nothing means not paused."""
    if not text.strip():
        return None
    try:
        return check_paused_until(date.fromisoformat(text.strip()))
    except ValueError as error:
        raise InvalidPreferenceError("date", text, "one like 2026-04-01") from error


def check_weekday(weekday: int) -> int:
    """Give a weekday back, or refuse it."""
    if not 0 <= weekday <= 6:
        raise InvalidPreferenceError("weekday", weekday, "0 (Monday) to 6 (Sunday), or a name")
    return weekday


def check_hour(hour: int) -> int:
    """Give an hour back, or refuse it."""
    if not 0 <= hour <= 23:
        raise InvalidPreferenceError("hour", hour, "0 to 23")
    return hour


def check_paused_until(day: date) -> date:
    """Give a date back, or refuse one that cannot be meant (reckoning with it may overflow)."""
    if not 2000 <= day.year <= 2200:
        raise InvalidPreferenceError("date", day, "one like 2026-04-01")
    return day


def check_time_zone(name: str) -> str:
    """Give the name of a zone back, or refuse it with the nearest one that exists."""
    if name not in known_zones():
        raise UnknownTimeZoneError(name, _nearest_zone(name))
    return name


@cache
def known_zones() -> frozenset[str]:
    """List every zone a person can live in. Kept: making the list reads hundreds of files."""
    return frozenset(available_timezones()) - _NOT_PLACES


def _nearest_zone(name: str) -> str | None:
    by_folded = {zone.lower(): zone for zone in known_zones()}
    close = difflib.get_close_matches(name[:64].lower(), by_folded, n=1, cutoff=0.7)
    return by_folded[close[0]] if close else None


def _named(value: object) -> str:
    return "none" if value is None else str(value)


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "weekday": check_weekday,
    "hour": check_hour,
    "time_zone": check_time_zone,
    "pace": Pace,
    "paused_until": check_paused_until,
}
