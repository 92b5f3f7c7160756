"""How long somebody wants to pause, from what they picked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from web.forms import Form
from web.wording import day_in_words

LONGEST_PAUSE = timedelta(days=365)
_WEEKS = ("2", "4")


def pause_choices(today: date) -> Sequence[tuple[str, str]]:
    """Offer pauses, each with the day it ends."""
    weeks = [(each, f"{each} weeks, until {day_in_words(_after(today, each))}") for each in _WEEKS]
    return (*weeks, ("date", "Until a date"))


def read_pause(form: Form, *, today: date) -> tuple[date | None, dict[str, str]]:
    """Read the first day on which emails may come again, or what to correct."""
    picked = form.get("pause", "")
    if picked in _WEEKS:
        return _after(today, picked), {}
    if picked != "date":
        return None, {"pause-2": "Choose how long to pause"}
    try:
        until = date.fromisoformat(form.get("until", ""))
    except ValueError:
        return None, {"until": "Enter the date on which you want to come back"}
    if not today < until <= today + LONGEST_PAUSE:
        return None, {"until": "Choose a date after today, at most a year ahead"}
    return until, {}


def _after(today: date, weeks: str) -> date:
    return today + timedelta(weeks=int(weeks))
