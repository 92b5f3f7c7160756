"""A refusal "for now" is asked again later and later, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from delivery.rules.retry import FIRST_DELAY, GIVE_UP_AFTER, LONGEST_DELAY, GiveUp, TryAgain
from delivery.rules.retry import next_attempt as decide

SINCE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_the_delay_doubles_up_to_about_an_hour() -> None:
    now, delays = SINCE, []
    for _ in range(7):
        decision = decide(SINCE, now=now)
        assert isinstance(decision, TryAgain)
        delays.append((decision.due_at - now).total_seconds() / 60)
        now = decision.due_at

    assert [round(delay) for delay in delays] == [5, 10, 20, 40, 67, 67, 67]


def test_after_five_days_it_is_given_up_with_a_reason() -> None:
    last = decide(SINCE, now=SINCE + GIVE_UP_AFTER - timedelta(seconds=1))

    assert isinstance(last, TryAgain)
    assert decide(SINCE, now=SINCE + GIVE_UP_AFTER) == GiveUp("gave up after 5 days of refusals")


@given(st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=30)))
def test_the_next_attempt_is_never_hasty_and_never_far(lasted: timedelta) -> None:
    now = SINCE + lasted

    decision = decide(SINCE, now=now)

    if isinstance(decision, TryAgain):
        assert FIRST_DELAY <= decision.due_at - now <= LONGEST_DELAY
    else:
        assert lasted >= GIVE_UP_AFTER
