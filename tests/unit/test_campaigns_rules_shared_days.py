"""One email a day: the series of a person share their days by priority."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.moves import AwaitDelivery, SendStep, WaitUntil
from campaigns.rules.series import InFlight, Moment, Progress, Rhythm, SeriesPlan, StepPlan
from campaigns.rules.shared_days import Way, plan_moves

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # 09:00 in Berlin
DAY = timedelta(days=1)
RHYTHM = Rhythm(ZoneInfo("Europe/Berlin"))
SENT = Progress(enrolled_at=MONDAY, confirmed_at=MONDAY, had=frozenset({1}), last_sent_at=MONDAY)


def way(enrolment_id: int, *, hour: int = 9, priority: int = 100, series_id: int = 0) -> Way:
    series = SeriesPlan(
        id=series_id or enrolment_id,
        steps=(StepPlan(1, 0), StepPlan(2, 7)),
        send_hour=hour,
        priority=priority,
    )
    return Way(enrolment_id, series, SENT)


def at(now: datetime) -> Moment:
    return Moment(now, ClinicCalendar())


def test_of_two_series_due_on_one_day_the_second_waits_a_day() -> None:
    moves = plan_moves([way(11), way(12)], rhythm=RHYTHM, moment=at(MONDAY + 7 * DAY))

    assert isinstance(moves[11], SendStep)
    assert isinstance(moves[12], WaitUntil)
    assert moves[12].at == MONDAY + 8 * DAY


def test_a_higher_priority_keeps_the_day_though_its_hour_comes_later() -> None:
    ways = [way(11, hour=9, priority=100), way(12, hour=18, priority=10)]

    moves = plan_moves(ways, rhythm=RHYTHM, moment=at(MONDAY + DAY))

    assert isinstance(moves[11], WaitUntil)
    assert isinstance(moves[12], WaitUntil)
    assert moves[12].at == MONDAY + 7 * DAY + timedelta(hours=9)
    assert moves[11].at == MONDAY + 8 * DAY


def test_equal_priorities_choose_by_the_id_of_the_series() -> None:
    ways = [way(11, series_id=5), way(12, series_id=4)]

    moves = plan_moves(ways, rhythm=RHYTHM, moment=at(MONDAY + 7 * DAY))

    assert isinstance(moves[12], SendStep)


def test_what_is_on_its_way_keeps_today_even_from_a_higher_priority() -> None:
    queued = replace(
        way(11),
        progress=replace(SENT, had=frozenset({1, 2}), in_flight=InFlight(2, MONDAY + 6 * DAY)),
    )

    moves = plan_moves([queued, way(12, priority=1)], rhythm=RHYTHM, moment=at(MONDAY + 7 * DAY))

    assert moves[11] == AwaitDelivery(2)
    assert isinstance(moves[12], WaitUntil)


def test_what_is_held_takes_no_day() -> None:
    held = replace(way(11), progress=replace(SENT, in_flight=InFlight(2, None)))

    moves = plan_moves([held, way(12)], rhythm=RHYTHM, moment=at(MONDAY + 7 * DAY))

    assert isinstance(moves[12], SendStep)
