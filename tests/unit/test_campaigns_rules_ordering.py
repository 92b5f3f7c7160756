"""Steps that leave a series keep their place in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.ordering import merge_order

keys = st.lists(st.sampled_from("abcdefgh"), unique=True)


def test_the_wanted_order_is_kept() -> None:
    assert merge_order(["c", "a", "b"], ["a", "b", "c"]) == ["c", "a", "b"]


def test_a_step_wanted_no_more_stays_behind_its_predecessor() -> None:
    assert merge_order(["a", "c", "x"], ["a", "b", "c"]) == ["a", "b", "c", "x"]


def test_a_first_step_wanted_no_more_stays_first() -> None:
    assert merge_order(["b", "c"], ["a", "b", "c"]) == ["a", "b", "c"]


def test_neighbours_wanted_no_more_stay_together_in_their_order() -> None:
    assert merge_order(["d"], ["a", "b", "c", "d"]) == ["a", "b", "c", "d"]


@given(keys, keys)
def test_no_step_is_lost_or_doubled_and_the_wanted_ones_keep_their_order(
    wanted: list[str], known: list[str]
) -> None:
    merged = merge_order(wanted, known)

    assert sorted(merged) == sorted({*wanted, *known})
    assert [key for key in merged if key in wanted] == wanted
