from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.allowance import MOST_KEYS, Allowance, network_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_as_many_tries_as_allowed_and_then_a_wait() -> None:
    allowance = Allowance(3, HOUR)

    waits = [allowance.take("a", now=NOON) for _ in range(4)]

    assert waits == [timedelta(0)] * 3 + [timedelta(minutes=20)]


def test_a_refused_try_costs_nothing() -> None:
    allowance = Allowance(1, HOUR)
    allowance.take("a", now=NOON)

    for _ in range(5):
        assert allowance.take("a", now=NOON) == HOUR

    assert not allowance.take("a", now=NOON + HOUR)


def test_tries_come_back_evenly() -> None:
    allowance = Allowance(2, HOUR)
    allowance.take("a", now=NOON)
    allowance.take("a", now=NOON)

    assert allowance.take("a", now=NOON + timedelta(minutes=29)) == timedelta(minutes=1)
    assert not allowance.take("a", now=NOON + timedelta(minutes=30))
    assert allowance.take("a", now=NOON + timedelta(minutes=30))


def test_one_key_does_not_use_up_another() -> None:
    allowance = Allowance(1, HOUR)
    allowance.take("a", now=NOON)

    assert not allowance.take("b", now=NOON)


@given(
    tries=st.integers(1, 20),
    steps=st.lists(st.timedeltas(timedelta(0), timedelta(hours=2)), max_size=60),
)
def test_no_hour_ever_has_more_than_twice_the_tries(tries: int, steps: list[timedelta]) -> None:
    allowance, now, taken = Allowance(tries, HOUR), NOON, []

    for step in steps:
        now += step
        if not allowance.take("a", now=now):
            taken.append(now)

    for start in taken:
        assert sum(start <= moment < start + HOUR for moment in taken) <= 2 * tries


def test_a_flood_of_keys_stays_within_bounds() -> None:
    allowance = Allowance(1, HOUR)

    for number in range(MOST_KEYS + 50):
        allowance.take(str(number), now=NOON)

    assert len(allowance) == MOST_KEYS
    assert not allowance.take("0", now=NOON), "the longest untouched is forgotten first"
    assert allowance.take(str(MOST_KEYS + 49), now=NOON)


def test_what_is_full_again_is_forgotten_in_a_flood() -> None:
    allowance = Allowance(1, HOUR)
    for number in range(MOST_KEYS):
        allowance.take(str(number), now=NOON)

    allowance.take("late", now=NOON + 2 * HOUR)

    assert len(allowance) == 1


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_network_is_one_home(client: str, network: str) -> None:
    assert network_of(client) == network


def test_a_clock_that_was_ahead_shuts_nobody_out_for_longer_than_the_period() -> None:
    allowance = Allowance(3, HOUR)
    allowance.take("one", now=NOON + timedelta(days=365))

    waits = [allowance.take("one", now=NOON + minutes) for minutes in (HOUR * 0, HOUR)]

    assert waits[0] <= HOUR
    assert waits[1] == timedelta(0)
