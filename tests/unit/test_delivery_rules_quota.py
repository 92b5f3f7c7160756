"""How many mails one local day may see: a limit for good, and a plan for the first days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from delivery.rules.quota import Quota, Today

BERLIN = ZoneInfo("Europe/Berlin")
FROM = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = date(2026, 11, 23)
PLAN = Quota(daily_limit=1000, warm_up_from=FIRST, warm_up=(200, 400, 8000))


@pytest.mark.parametrize(
    ("day", "expected"),
    [(-1, 1000), (0, 200), (1, 400), (2, 1000), (3, 1000)],
)
def test_the_plan_has_one_figure_a_day_and_never_more_than_the_limit(
    day: int, expected: int
) -> None:
    assert PLAN.limit_on(FIRST + timedelta(days=day)) == expected


def test_without_a_limit_the_days_beside_the_plan_are_free() -> None:
    plan = Quota(warm_up_from=FIRST, warm_up=(200,))

    assert plan.limit_on(FIRST) == 200
    assert plan.limit_on(FIRST - timedelta(days=1)) is None
    assert plan.limit_on(FIRST + timedelta(days=1)) is None
    assert Quota().today(datetime(2026, 11, 23, tzinfo=UTC), BERLIN) is None


def test_a_day_is_the_clinics_own() -> None:
    before_midnight = datetime(2026, 11, 23, 22, 59, tzinfo=UTC)

    assert PLAN.today(before_midnight, BERLIN) == Today(200, datetime(2026, 11, 22, 23, tzinfo=UTC))
    assert PLAN.today(before_midnight + timedelta(minutes=1), BERLIN) == Today(
        400, datetime(2026, 11, 23, 23, tzinfo=UTC)
    )


@given(some.integers(0, 2 * 365 * 86400).map(lambda seconds: FROM + timedelta(seconds=seconds)))
def test_every_moment_is_in_its_day_also_when_the_clocks_change(now: datetime) -> None:
    today = Quota(daily_limit=1).today(now, BERLIN)

    assert today is not None
    assert today.since <= now < today.since + timedelta(hours=25)
    assert today.since.astimezone(BERLIN).date() == now.astimezone(BERLIN).date()
