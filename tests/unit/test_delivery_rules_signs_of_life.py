"""Who counts as dead: who was silent too long, and who spoke by a clock that was wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from delivery.rules.signs_of_life import is_silent

LEASE = timedelta(seconds=60)


@pytest.mark.parametrize(
    ("ago", "silent"),
    [
        (timedelta(seconds=60), False),
        (timedelta(seconds=61), True),
        (timedelta(minutes=-30), False),  # another machine's clock is ahead
        (timedelta(hours=-25), True),  # nobody can have spoken then
        (timedelta(days=-400), True),
    ],
)
def test_a_sign_of_life_counts_when_it_is_fresh_and_possible(
    now: datetime, ago: timedelta, silent: bool
) -> None:
    assert is_silent(now - ago, now=now, lease=LEASE) is silent
