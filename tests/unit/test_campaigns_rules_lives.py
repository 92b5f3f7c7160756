"""A clock runs ahead for one person: broadcasts beside series, as a tick queues and sends them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.rules.broadcasts import IssuePlan
from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.lives import Life
from campaigns.rules.series import InFlight, Moment, Progress, Rhythm, SeriesPlan, StepPlan
from campaigns.rules.shared_days import Way

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # 09:00 in Berlin
DAY = timedelta(days=1)
RHYTHM = Rhythm(ZoneInfo("Europe/Berlin"))
SERIES = SeriesPlan(id=1, steps=(StepPlan(1, 0), StepPlan(2, 7)), send_hour=9)
WAY = Way(1, SERIES, Progress(MONDAY, confirmed_at=MONDAY))


def lived(
    *ways: Way,
    busy: frozenset[date] = frozenset(),
    rhythm: Rhythm = RHYTHM,
    days: int = 20,
    **more: Any,
) -> list[tuple[str, int]]:
    """Give what goes: what it is, and after how many days."""
    life = Life(ways, rhythm=rhythm, moment=Moment(MONDAY, ClinicCalendar(), busy), **more)
    return [
        (f"news {sent.broadcast_id}" if sent.broadcast_id else f"step {sent.step_id}", day)
        for sent in life.until(MONDAY + days * DAY)
        for day in [(sent.at.date() - MONDAY.date()).days]
    ]


def test_a_broadcast_gives_way_to_a_series_and_goes_on_the_next_day() -> None:
    news = IssuePlan(7, MONDAY + 7 * DAY)

    assert lived(WAY, issues=[news]) == [("step 1", 0), ("step 2", 7), ("news 7", 8)]


def test_a_broadcast_that_comes_first_puts_the_series_off() -> None:
    news = IssuePlan(7, MONDAY + 7 * DAY, priority=1)

    assert lived(WAY, issues=[news]) == [("step 1", 0), ("news 7", 7), ("step 2", 8)]


def test_what_is_queued_goes_when_it_is_due_and_nothing_else_on_that_day() -> None:
    day, queued = MONDAY + 7 * DAY, {7: MONDAY + 7 * DAY + timedelta(hours=1)}
    busy = frozenset({day.date()})

    found = lived(busy=busy, issues=[IssuePlan(8, day)], queued_issues=queued)

    assert found == [("news 7", 7), ("news 8", 8)]


def test_a_broadcast_over_which_somebody_paused_does_not_come() -> None:
    paused = Rhythm(RHYTHM.zone, paused_until=date(2026, 3, 20))

    assert lived(issues=[IssuePlan(7, MONDAY + 7 * DAY)], rhythm=paused) == []


def test_a_broadcast_that_is_too_late_does_not_come() -> None:
    assert lived(issues=[IssuePlan(7, MONDAY - 9 * DAY, grace=DAY)]) == []


def test_without_anything_to_come_the_clock_stands_still() -> None:
    assert lived() == []


def test_a_step_that_is_queued_goes_when_it_is_due_and_the_next_counts_from_it() -> None:
    three = SeriesPlan(id=1, steps=(StepPlan(1, 0), StepPlan(2, 7), StepPlan(3, 7)), send_hour=9)
    flight = InFlight(2, MONDAY + 8 * DAY)
    late = Progress(MONDAY, had=frozenset({1, 2}), last_sent_at=MONDAY, in_flight=flight)

    assert lived(Way(1, three, late)) == [("step 2", 8)]
    assert lived(Way(1, three, late), days=21) == [("step 2", 8), ("step 3", 21)]
