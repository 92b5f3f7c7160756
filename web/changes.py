"""What somebody wants different, from the form of the preference page they sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from campaigns.rules.calendar import ClinicCalendar
from subscribers.rules.preferences import PreferenceChange
from subscribers.rules.standing import Pace
from web.choices import read_when
from web.forms import Form
from web.pauses import read_pause

PACES = (
    (Pace.AS_WRITTEN, "As planned"),
    (Pace.TWO_WEEKS, "Every two weeks"),
    (Pace.MONTH, "Once a month"),
)

Errors = Mapping[str, str]  # by field
Reading = tuple[PreferenceChange, Errors]


def read_change(form: Form, calendar: ClinicCalendar, *, today: date) -> Reading | None:
    """Read the change and what to correct in it; None when no form of ours sent this.

    Args:
        today: the person's own local day.
    """
    read = _READERS.get(form.get("change", ""))
    return read(form, calendar, today) if read else None


def _read_when(form: Form, calendar: ClinicCalendar, _: date) -> Reading:
    when, errors = read_when(form, calendar)
    change = PreferenceChange(weekday=when.weekday, hour=when.hour, time_zone=when.time_zone)
    return change, errors


def _read_pause(form: Form, _: ClinicCalendar, today: date) -> Reading:
    until, errors = read_pause(form, today=today)
    return PreferenceChange(paused_until=until), errors


def _read_resume(_: Form, __: ClinicCalendar, ___: date) -> Reading:
    return PreferenceChange(paused_until=None), {}


def _read_pace(form: Form, _: ClinicCalendar, __: date) -> Reading:
    picked = form.get("pace", "")
    if picked not in dict(PACES):
        return PreferenceChange(), {"pace-1": "Choose how often they should come"}
    return PreferenceChange(pace=Pace(picked)), {}


_READERS: Mapping[str, Callable[[Form, ClinicCalendar, date], Reading]] = {
    "when": _read_when,
    "pause": _read_pause,
    "resume": _read_resume,
    "pace": _read_pace,
}
