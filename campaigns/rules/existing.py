"""Decide about people who were there before: when a series comes to their list, or grows."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from campaigns.rules.series import SeriesPlan, next_part

HEARS_OF_NEW = timedelta(days=90)  # so long after the end of a series a person gets new steps
MOST_STAGGER_DAYS = 366


class Existing(StrEnum):
    """What a new series does with the people who are on its list already."""

    NEWCOMERS = "newcomers"  # it begins for those who confirm from now on
    EVERYBODY = "everybody"  # it begins for all, from the first step
    STAGGER = "stagger"  # as well, spread over some days


@dataclass(frozen=True)
class ExistingPlan:
    """What to do with them, and over how many days."""

    existing: Existing
    days: int = 1


def read_existing(text: str) -> ExistingPlan | None:
    """Read `newcomers`, `everybody` or `stagger=14`; None when it is none of them."""
    word, _, number = text.strip().lower().partition("=")
    if word in (Existing.NEWCOMERS, Existing.EVERYBODY) and not number:
        return ExistingPlan(Existing(word))
    if word == Existing.STAGGER and number.isascii() and number.isdecimal():
        days = int(number[:9])
        return ExistingPlan(Existing.STAGGER, days) if 1 <= days <= MOST_STAGGER_DAYS else None
    return None


def days_inside_quota(count: int, *, days: int, daily_limit: int) -> int:
    """Give the days to spread some beginnings over: no more a day than may go; 0: no limit."""
    return max(days, -(-count // daily_limit)) if daily_limit else days


def staggered_starts(count: int, *, days: int, now: datetime) -> list[datetime]:
    """Spread the beginnings of some people evenly over some days; the first day is today."""
    return [now + timedelta(days=place * days // count) for place in range(count)]


def takes_up_again(
    series: SeriesPlan, reached: Set[int], *, ended_at: datetime, now: datetime
) -> bool:
    """Tell whether who had finished a series goes on with steps appended since."""
    is_recent = now - ended_at <= HEARS_OF_NEW
    return is_recent and bool(reached) and next_part(series, reached) is not None
