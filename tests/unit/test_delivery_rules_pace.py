"""A relay is never given more than its rate in any second, and as much as it takes otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from delivery.rules.pace import (
    DOUBLES_IN,
    LONGEST_SPACING,
    ONE_COMPLAINT,
    SLOWEST,
    Ease,
    lanes_at,
    part_at,
    spacing_at,
    spared,
    take_turn,
)

MOMENTS = some.lists(some.floats(0, 100), min_size=1, max_size=80).map(sorted)
RATES = some.integers(1, 50)


def turns_of(wishes: list[float], rate: float) -> list[float]:
    """Give the moment at which each of some messages goes that want to go at these moments."""
    free_at, turns = float("-inf"), []
    for wish in wishes:
        turn, free_at = take_turn(free_at, now=wish, spacing=1 / rate)
        turns.append(turn)
    return turns


def test_turns_follow_each_other_in_the_spacing_and_rest_is_not_saved_up() -> None:
    assert turns_of([0, 0, 10, 10], rate=2) == [0, 0.5, 10, 10.5]


@given(MOMENTS, RATES)
def test_no_second_sees_more_than_the_rate(wishes: list[float], rate: int) -> None:
    turns = turns_of(wishes, rate)

    for begin in turns:
        assert len([turn for turn in turns if begin <= turn < begin + 1 - 1e-9]) <= rate


@given(MOMENTS, RATES)
def test_nobody_waits_while_the_rate_has_room(wishes: list[float], rate: int) -> None:
    turns = turns_of(wishes, rate)

    assert all(turn >= wish for turn, wish in zip(turns, wishes, strict=True))
    for number, (turn, wish) in enumerate(zip(turns, wishes, strict=True)):
        if turn > wish:  # then the one before took its turn less than a spacing ago
            assert turn - turns[number - 1] == pytest.approx(1 / rate)


@given(some.floats(0, 1e6), some.integers(1, 100))
def test_a_relay_that_never_complained_gets_everything(now: float, connections: int) -> None:
    assert part_at(Ease(), now=now) == 1
    assert lanes_at(Ease(), connections=connections, now=now) == connections
    assert spacing_at(Ease(), per_second=4, now=now) == 0.25


def test_a_complaint_halves_and_five_quiet_minutes_double() -> None:
    ease = spared(Ease(), now=1000)

    assert part_at(ease, now=1000) == 0.5
    assert lanes_at(ease, connections=10, now=1000) == 5
    assert spacing_at(ease, per_second=4, now=1000) == 0.5
    assert part_at(ease, now=1000 + DOUBLES_IN) == 1
    assert part_at(ease, now=1e9) == 1


def test_ten_connections_closed_at_once_are_one_complaint() -> None:
    ease = spared(Ease(), now=1000)

    assert spared(ease, now=1000 + ONE_COMPLAINT - 1) is ease
    assert spared(ease, now=1000 + ONE_COMPLAINT).part < 0.26


@given(some.lists(some.floats(0, 1e5), max_size=40).map(sorted), some.floats(0, 1e4))
def test_however_much_a_relay_complains_it_gets_something_and_recovers(
    complaints: list[float], later: float
) -> None:
    ease = Ease()
    for moment in complaints:
        ease = spared(ease, now=moment)
    now = (complaints or [0.0])[-1]

    assert SLOWEST <= part_at(ease, now=now) <= part_at(ease, now=now + later) <= 1
    assert lanes_at(ease, connections=1, now=now) == 1
    assert part_at(ease, now=now + 5 * DOUBLES_IN) == 1


def test_a_clock_that_was_read_too_early_takes_nothing_away() -> None:
    assert part_at(Ease(0.5, 1000), now=900) == 0.5


def test_a_complaint_never_makes_a_rate_so_slow_that_what_is_marked_grows_old() -> None:
    ease = Ease(SLOWEST, 0)

    assert spacing_at(ease, per_second=0.1, now=0) == LONGEST_SPACING
    assert spacing_at(ease, per_second=0.01, now=0) == 100  # as it was set
    assert spacing_at(ease, per_second=0, now=0) == 0
