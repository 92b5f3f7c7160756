"""The blast brake asks before a day becomes far busier than the days before."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.brake import Brake, Volume, most_today, room_today

TODAY = date(2026, 3, 16)
BRAKE = Brake()
VOLUMES = st.dictionaries(
    st.integers(-20, 3).map(lambda days: TODAY + timedelta(days=days)),
    st.builds(Volume, st.integers(0, 10_000), st.integers(0, 10_000)),
)


def on(days_ago: int, queued: int = 0, allowed: int = 0) -> dict[date, Volume]:
    return {TODAY - timedelta(days=days_ago): Volume(queued, allowed)}


@pytest.mark.parametrize(
    ("volumes", "room"),
    [
        ({}, 100),
        (on(0, 30), 70),
        (on(0, 500), 0),
        (on(1, 10), 100),
        (on(1, 30), 150),
        (on(14, 200), 1000),
        (on(15, 200), 100),
        (on(1, 30) | on(2, 40) | on(0, 50), 150),
        (on(0, 0, 900), 1000),
        (on(6, 0, 900), 1000),
        (on(7, 0, 900), 100),
    ],
    ids=str,
)
def test_a_day_has_room_for_five_times_the_busiest(volumes: dict[date, Volume], room: int) -> None:
    assert room_today(BRAKE, volumes, today=TODAY) == room


@given(VOLUMES, st.integers(0, 10_000))
def test_what_is_queued_takes_its_room_and_no_more(volumes: dict[date, Volume], more: int) -> None:
    before = room_today(BRAKE, volumes, today=TODAY)
    here = volumes.get(TODAY, Volume())

    after = room_today(
        BRAKE, volumes | {TODAY: Volume(here.queued + more, here.allowed)}, today=TODAY
    )

    assert after == max(0, before - more) or before == 0
    assert most_today(BRAKE, volumes, today=TODAY) >= BRAKE.floor


@given(VOLUMES, st.integers(0, 10_000))
def test_what_staff_allow_is_room(volumes: dict[date, Volume], allowed: int) -> None:
    here = volumes.get(TODAY, Volume())
    more = volumes | {TODAY: Volume(here.queued, here.allowed + allowed)}

    gained = most_today(BRAKE, more, today=TODAY) - most_today(BRAKE, volumes, today=TODAY)

    assert gained == allowed
