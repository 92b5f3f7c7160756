"""What a change led to, said on top of the preference page, with the date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from campaigns.sentences import WEEKDAYS
from subscribers.models import Subscriber
from subscribers.rules.standing import Pace
from web.choices import ANY_DAY
from web.series_choices import UNABLE
from web.ways import Way, next_in_words
from web.wording import day_in_words, hour_in_words

_PACES = {
    Pace.AS_WRITTEN: "They come at their own pace again.",
    Pace.TWO_WEEKS: "They now come every two weeks.",
    Pace.MONTH: "They now come once a month.",
}


def notice_of(done: str, person: Subscriber, ways: Sequence[Way], *, today: date) -> str:
    """Say what a change led to; '' when there was none.

    Told from what is stored now, so the page can be opened again and still speaks the truth.
    """
    said = _SAYINGS[done](person, today) if done in _SAYINGS else ""
    return f"{said} {next_in_words(ways)}".strip() if said else ""


def _when(person: Subscriber, _: date) -> str:
    day = ANY_DAY[1] if person.weekday is None else f"{WEEKDAYS[person.weekday]}s"
    return f"Saved: {day}" + ("." if person.hour is None else f" at {hour_in_words(person.hour)}.")


def _pause(person: Subscriber, today: date) -> str:
    if person.paused_until is None or person.paused_until <= today:
        return ""
    return f"Paused until {day_in_words(person.paused_until)}."


def _resume(person: Subscriber, today: date) -> str:
    return "" if _pause(person, today) else "Welcome back."


def _pace(person: Subscriber, _: date) -> str:
    return f"Saved. {_PACES[person.pace]}"


def _back(_: Subscriber, __: date) -> str:
    return "Good to have you back."


def _always(words: str) -> Callable[[Subscriber, date], str]:
    return lambda _, __: words


_SAYINGS: Mapping[str, Callable[[Subscriber, date], str]] = {
    "when": _when,
    "pause": _pause,
    "resume": _resume,
    "pace": _pace,
    "back": _back,
    "skip": _always("Skipped."),
    "next": _always("With pleasure."),
    "again": _always("You begin again with the first email."),
    "leave": _always("You get no more emails of that series."),
    UNABLE: _always("That is not possible at the moment."),
}
