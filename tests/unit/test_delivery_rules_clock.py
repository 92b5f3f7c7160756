"""A clock that jumped is told from time that passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.rules.clock import MOST_BACK, MOST_FORWARD, Sight, find_jump

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("wall", "counted", "jump"),
    [
        (HOUR, HOUR, ""),
        (60 * MINUTE + HOUR, HOUR, ""),
        (
            61 * MINUTE,
            timedelta(0),
            "the clock went forward by 61 minutes: to 2026-03-02 13:01 UTC",
        ),
        (5 * HOUR, HOUR, "the clock went forward by 4 hours: to 2026-03-02 17:00 UTC"),
        (
            timedelta(days=400),
            HOUR,
            "the clock went forward by 399 days: to 2027-04-06 12:00 UTC",
        ),
        (-MOST_BACK, timedelta(0), ""),
        (-6 * MINUTE, MINUTE, "the clock went back by 6 minutes: from 2026-03-02 12:00 UTC"),
        (
            timedelta(hours=2),
            timedelta(hours=32),
            "the clock went back by 30 hours: to 2026-03-02 14:00 UTC",
        ),
    ],
)
def test_a_jump_is_said_in_words(wall: timedelta, counted: timedelta, jump: str) -> None:
    before, now = Sight(NOON, 10 * HOUR), Sight(NOON + wall, 10 * HOUR + counted)

    assert find_jump(now, latest=NOON, same_start=before) == jump


def test_a_machine_that_was_off_for_weeks_has_not_jumped() -> None:
    now = Sight(NOON + timedelta(days=30), MINUTE)

    assert find_jump(now, latest=NOON, same_start=None) == ""


def test_a_machine_that_came_back_in_the_past_has() -> None:
    now = Sight(NOON - timedelta(days=30), MINUTE)

    assert find_jump(now, latest=NOON, same_start=None).startswith("the clock went back by 30 days")


def test_the_first_look_finds_nothing() -> None:
    assert find_jump(Sight(NOON, HOUR), latest=None, same_start=None) == ""


@given(st.timedeltas(timedelta(0), timedelta(days=3650)), st.timedeltas(-MOST_BACK, MOST_FORWARD))
def test_time_that_passes_with_small_corrections_is_no_jump(
    passed: timedelta, corrected: timedelta
) -> None:
    before, now = Sight(NOON, HOUR), Sight(NOON + passed + corrected, HOUR + passed)

    assert find_jump(now, latest=NOON, same_start=before) == ""
