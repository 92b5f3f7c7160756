"""A portion of an import is as large as the others who want to write can bear."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from subscribers.rules.portions import (
    ALONE,
    BESIDE_OTHERS,
    FEWEST,
    LEAST_REST,
    MOST,
    Took,
    next_size,
    rest_after,
)

MS = timedelta(milliseconds=1)
last_portions = st.builds(
    Took,
    rows=st.integers(1, MOST),
    time=st.timedeltas(timedelta(0), timedelta(minutes=1)),
    others_work=st.booleans(),
)


def test_a_portion_that_kept_others_too_long_is_followed_by_a_smaller_one() -> None:
    assert next_size(Took(4000, 400 * MS, others_work=True)) == 2000
    assert next_size(Took(4000, 400 * MS, others_work=False)) == 8000


def test_others_have_the_lock_for_as_long_as_the_import_had_it() -> None:
    assert rest_after(Took(4000, 400 * MS, others_work=True)) == 400 * MS
    assert rest_after(Took(500, 5 * MS, others_work=True)) == LEAST_REST
    assert rest_after(Took(4000, 400 * MS, others_work=False)) == 0 * MS


@given(last_portions)
def test_a_portion_is_never_tiny_never_huge_and_never_grows_at_a_leap(last: Took) -> None:
    size = next_size(last)

    assert FEWEST <= size <= MOST
    assert size <= max(FEWEST, 2 * last.rows)


@given(last_portions)
def test_at_the_same_speed_the_next_one_takes_no_longer_than_it_may(last: Took) -> None:
    size = next_size(last)
    may = BESIDE_OTHERS if last.others_work else ALONE

    assert size == FEWEST or last.time * size / last.rows <= may + MS
