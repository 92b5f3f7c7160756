"""Moments, rhythms and promises in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from campaigns import sentences

_RHYTHMS = {0: "on one day", 1: "one a day", 7: "one a week", 14: "one every two weeks"}


def day_in_words(day: date) -> str:
    """Write a day that is not far off, without its year: `Wednesday 4 March`."""
    return sentences.day_in_words(day).removesuffix(f" {day.year}")


def moment_in_words(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment as the reader's wall clock shows it: `Wednesday 4 March, 09:00`."""
    local = moment.astimezone(zone)
    return f"{day_in_words(local.date())}, {local:%H:%M}"


def hour_in_words(hour: int) -> str:
    """Write a full hour for a list of choices: `9:00`."""
    return f"{hour}:00"


def rhythm_in_words(waits: Sequence[int], *, has_last_word: bool = False) -> str:
    """Say how many emails come, how often, and that they end, from the waits between them.

    Args:
        waits: days before each email after the one before it; that of the first does not count.
        has_last_word: a completion email follows; it is promised too, for it is one more.
    """
    if not waits:
        return "an email now and then"
    end = "and a closing note after the last, then it stops" if has_last_word else "then it stops"
    if len(waits) == 1:
        return f"1 email, {end}"
    return f"{len(waits)} emails, {_how_often(waits[1:])}, {end}"


def _how_often(waits: Sequence[int]) -> str:
    if len(set(waits)) == 1:
        return _RHYTHMS.get(waits[0], f"one every {waits[0]} days")
    days = sum(waits)
    return f"over {days} days" if days <= 14 else f"over {math.ceil(days / 7)} weeks"


def consent_in_words(clinic: str, rhythm: str) -> str:
    """Write what people say yes to; exactly this text is kept in their consent record."""
    return (
        f"Yes, please send me this series by email: {rhythm}. It comes from {clinic}, and I can "
        "leave at any time with one click."
    )
