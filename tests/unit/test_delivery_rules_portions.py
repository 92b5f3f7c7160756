"""A portion is as large as fits into the time between two looks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from delivery.rules.portions import FIRST, MOST, next_portion

WANTED = timedelta(seconds=5)


@pytest.mark.parametrize(
    ("portion", "sent", "seconds", "expected"),
    [
        (50, 50, 10, 25),  # too slow: less
        (50, 50, 4, 62),  # there was time for more
        (50, 50, 0, 100),  # much more, but not all at once
        (1500, 1500, 0.5, MOST),
        (50, 2, 60, 4),  # never less than the connections can take at once
        (50, 0, 60, 50),  # nothing was sent, so nothing was learnt
    ],
)
def test_a_portion_follows_the_time_it_took(
    portion: int, sent: int, seconds: float, expected: int
) -> None:
    took = timedelta(seconds=seconds)

    assert next_portion(portion, sent=sent, took=took, wanted=WANTED, least=4) == expected


@given(per_message=some.floats(0.0001, 60), least=some.integers(1, 100))
def test_a_portion_settles_within_the_wanted_time_and_never_stops_sending(
    per_message: float, least: int
) -> None:
    portion = FIRST

    for _ in range(20):
        took = timedelta(seconds=portion * per_message)
        portion = next_portion(portion, sent=portion, took=took, wanted=WANTED, least=least)

    assert least <= portion <= MOST
    assert portion == least or portion * per_message <= 1.01 * WANTED.total_seconds()
