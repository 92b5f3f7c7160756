"""Only a row of "not now" over several domains speaks for the relay."""

from __future__ import annotations

import pytest

from delivery.rules.streaks import LEAST_ANSWERS, Streak, go_on
from delivery.sender import Accepted, Deferred, Outcome, Refused, RelayDown, Uncertain

NOT_NOW = Deferred("451 later", "relay", 451)
LOST = Deferred("the link was lost", "relay")
ROW = Streak(LEAST_ANSWERS, frozenset({"one.example", "two.example"}))


def test_a_row_over_two_domains_speaks_for_the_relay() -> None:
    streak = go_on(Streak(), [("one.example", NOT_NOW)] * (LEAST_ANSWERS - 1))
    assert not streak.is_relay_wide

    assert go_on(streak, [("two.example", NOT_NOW)]).is_relay_wide


def test_a_row_over_one_domain_is_that_domains_own() -> None:
    assert not go_on(Streak(), [("one.example", NOT_NOW)] * 1000).is_relay_wide


@pytest.mark.parametrize(
    "other",
    [Accepted("250", "relay"), Refused("550", "relay", 550), Uncertain("lost", "relay")],
)
def test_any_other_answer_ends_the_row(other: Outcome) -> None:
    assert go_on(ROW, [("one.example", NOT_NOW), ("two.example", other)]) == Streak()


@pytest.mark.parametrize("silence", [LOST, RelayDown("no connection", "relay")])
def test_who_says_nothing_neither_ends_nor_lengthens_the_row(silence: Outcome) -> None:
    assert go_on(ROW, [("three.example", silence)]) == ROW
