"""The day, the hour and the time zone people choose from, and what they chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time

from campaigns.rules.calendar import ClinicCalendar, is_inside_window
from campaigns.sentences import WEEKDAYS
from campaigns.site import Site
from subscribers.rules.preferences import known_zones
from web.forms import Form
from web.wording import hour_in_words
from web.zones import Place, places_by_region, zone_in_words

Choices = Sequence[tuple[str, str]]  # value and words
ANY_DAY = ("", "Any day is fine")


@dataclass(frozen=True)
class When:
    """What the fields for day, hour and zone offer."""

    days: Choices
    hours: Choices
    regions: Mapping[str, Sequence[Place]]
    zone: Place  # the one that is picked
    is_listed: bool  # an old name of a zone is not
    detect_zone: bool


@dataclass(frozen=True)
class WhenChosen:
    """What somebody chose; None where they left it to us."""

    weekday: int | None
    hour: int | None
    time_zone: str | None


def when_choices(site: Site, *, zone: str | None, detect: bool) -> When:
    """Offer the days and hours on which the clinic's mail may go, and every zone.

    Args:
        zone: the one picked so far; the clinic's when it is none.
        detect: whether the script may pick the browser's zone instead.
    """
    picked = zone if zone in known_zones() else site.zone.key
    regions = places_by_region()
    listed = any(place.zone == picked for places in regions.values() for place in places)
    place = Place(picked, zone_in_words(picked))
    return When(
        days=(ANY_DAY, *day_choices(site.calendar)),
        hours=hour_choices(site.calendar),
        regions=regions,
        zone=place,
        is_listed=listed,
        detect_zone=detect,
    )


def day_choices(calendar: ClinicCalendar) -> Choices:
    """List the weekdays on which the clinic sends."""
    open_days = [day for day in range(7) if day not in calendar.closed_weekdays]
    return tuple((str(day), WEEKDAYS[day]) for day in open_days)


def hour_choices(calendar: ClinicCalendar) -> Choices:
    """List the full hours inside the send window."""
    hours = [hour for hour in range(24) if is_inside_window(time(hour), calendar)]
    return tuple((str(hour), hour_in_words(hour)) for hour in hours)


def read_when(form: Form, calendar: ClinicCalendar) -> tuple[WhenChosen, dict[str, str]]:
    """Read the three fields; with an error for each that holds what was not offered."""
    weekday, hour, zone = (form.get(name, "") for name in ("weekday", "hour", "time_zone"))
    errors = {}
    if weekday and weekday not in dict(day_choices(calendar)):
        errors["weekday"] = "Choose a day from the list"
    if hour and hour not in dict(hour_choices(calendar)):
        errors["hour"] = "Choose a time from the list"
    if zone and zone not in known_zones():
        errors["time_zone"] = "Choose a time zone from the list"
    if errors:
        return WhenChosen(None, None, None), errors
    return WhenChosen(_number(weekday), _number(hour), zone or None), {}


def _number(text: str) -> int | None:
    return int(text) if text else None
