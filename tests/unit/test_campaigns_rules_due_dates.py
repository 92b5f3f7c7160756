"""Wall time becomes a moment, and the first free slot is found."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.due_dates import (
    SEARCH_DAYS,
    Days,
    Obstacle,
    PassedOver,
    Slot,
    Wish,
    find_slot,
    first_moment,
    local_day,
    next_permitted,
    wait_bound,
)

BERLIN = ZoneInfo("Europe/Berlin")
ALL_ZONES = sorted(available_timezones())
zones = st.sampled_from(ALL_ZONES).map(ZoneInfo)
days = st.dates(date(2020, 1, 1), date(2045, 12, 31))
clocks = st.times().map(lambda clock: clock.replace(microsecond=0))
moments = st.datetimes(datetime(2020, 1, 2), datetime(2045, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def test_a_time_of_day_is_read_in_the_persons_zone() -> None:
    assert first_moment(date(2026, 3, 2), time(9), zone=BERLIN) == utc(2026, 3, 2, 8)
    assert first_moment(date(2026, 7, 2), time(9), zone=BERLIN) == utc(2026, 7, 2, 7)


@pytest.mark.parametrize("clock", [time(2), time(2, 30), time(2, 59, 59)])
def test_a_time_the_clocks_skip_becomes_the_first_existing_minute(clock: time) -> None:
    assert wall(first_moment(date(2026, 3, 29), clock, zone=BERLIN), BERLIN) == datetime(  # noqa: DTZ001
        2026, 3, 29, 3
    )


def test_a_time_the_clocks_show_twice_is_the_first_of_the_two() -> None:
    assert first_moment(date(2026, 10, 25), time(2, 30), zone=BERLIN) == utc(2026, 10, 25, 0, 30)


def test_the_second_of_two_counts_when_the_first_has_passed() -> None:
    now = utc(2026, 10, 25, 0, 45)

    found = first_moment(date(2026, 10, 25), time(2, 30), zone=BERLIN, after=now)

    assert found == utc(2026, 10, 25, 1, 30)


def test_a_skipped_midnight_becomes_the_first_minute_of_that_day() -> None:
    havana = ZoneInfo("America/Havana")

    found = first_moment(date(2026, 3, 8), time.min, zone=havana)

    assert wall(found, havana) == datetime(2026, 3, 8, 1)  # noqa: DTZ001


def test_a_day_the_zone_left_out_becomes_the_start_of_the_next() -> None:
    apia = ZoneInfo("Pacific/Apia")

    found = first_moment(date(2011, 12, 30), time(9), zone=apia)

    assert wall(found, apia) == datetime(2011, 12, 31)  # noqa: DTZ001


@given(zones, days, clocks)
def test_a_moment_shows_its_time_or_the_first_one_after_a_gap(
    zone: ZoneInfo, day: date, clock: time
) -> None:
    wanted = datetime.combine(day, clock)

    found = first_moment(day, clock, zone=zone)

    assert wall(found, zone) >= wanted
    assert wall(found - timedelta(seconds=1), zone) < wanted
    assert wall(found, zone) == wanted or not _exists(wanted, zone)


def _exists(wanted: datetime, zone: ZoneInfo) -> bool:
    return wall(wanted.replace(tzinfo=zone).astimezone(UTC), zone) == wanted


@given(zones, moments, st.integers(1, 60), st.integers(0, 80 * 24 * 60))
def test_the_bound_of_the_guard_is_the_rule_in_local_days(
    zone: ZoneInfo, now: datetime, wait_days: int, minutes_ago: int
) -> None:
    sent = now - timedelta(minutes=minutes_ago)

    is_allowed = sent < wait_bound(zone, wait_days, now=now)

    assert is_allowed == (local_day(now, zone) - local_day(sent, zone) >= timedelta(days=wait_days))


def test_the_bound_lets_the_punctual_week_over_the_change_of_clocks_pass() -> None:
    sent, due = utc(2026, 3, 23, 8), utc(2026, 3, 30, 7)  # 09:00 both, 167 hours apart

    assert sent < wait_bound(BERLIN, 7, now=due)
    assert not sent < wait_bound(BERLIN, 7, now=due - timedelta(hours=10))


def test_a_slot_is_on_the_first_fitting_weekday_at_the_hour() -> None:
    slot = find_slot(Wish(date(2026, 3, 3), 9, weekday=2), Days(BERLIN, ClinicCalendar()))

    assert slot == Slot(utc(2026, 3, 4, 8))


def test_closed_and_taken_days_are_passed_over_by_name() -> None:
    monday, tuesday = date(2026, 3, 9), date(2026, 3, 10)
    calendar = ClinicCalendar(closed_days=frozenset({monday}))

    slot = find_slot(Wish(monday, 9, weekday=0), Days(BERLIN, calendar, {tuesday}))

    assert slot == Slot(
        utc(2026, 3, 11, 8),
        (PassedOver(monday, Obstacle.CLOSED), PassedOver(tuesday, Obstacle.TAKEN)),
    )


def test_a_day_on_which_the_clocks_skip_the_whole_window_is_passed_over() -> None:
    calendar = ClinicCalendar(window_opens=time(2), window_closes=time(2, 45))

    slot = find_slot(Wish(date(2026, 3, 29), 2), Days(BERLIN, calendar))

    assert slot == Slot(
        utc(2026, 3, 30, 0), (PassedOver(date(2026, 3, 29), Obstacle.NO_SUCH_TIME),)
    )


def test_there_is_no_slot_when_every_day_of_ten_years_is_closed() -> None:
    closed = frozenset(date(2026, 1, 1) + timedelta(days=day) for day in range(SEARCH_DAYS + 400))
    calendar = ClinicCalendar(closed_days=closed)

    assert find_slot(Wish(date(2026, 3, 2), 9), Days(BERLIN, calendar)) is None
    assert next_permitted(utc(2026, 3, 2, 8), Days(BERLIN, calendar)) is None


def test_inside_the_window_of_a_free_day_now_is_permitted() -> None:
    now = utc(2026, 3, 2, 13, 7)

    assert next_permitted(now, Days(BERLIN, ClinicCalendar())) == Slot(now)


@pytest.mark.parametrize(
    ("now", "taken", "found"),
    [
        (utc(2026, 3, 2, 4), set(), Slot(utc(2026, 3, 2, 6))),
        (utc(2026, 3, 2, 20), set(), Slot(utc(2026, 3, 3, 6))),
        (
            utc(2026, 3, 2, 12),
            {date(2026, 3, 2)},
            Slot(utc(2026, 3, 3, 6), (PassedOver(date(2026, 3, 2), Obstacle.TAKEN),)),
        ),
        (
            utc(2026, 3, 2, 4),
            {date(2026, 3, 2)},
            Slot(utc(2026, 3, 3, 6), (PassedOver(date(2026, 3, 2), Obstacle.TAKEN),)),
        ),
    ],
    ids=["before it opens", "after it closed", "taken, inside", "taken, before"],
)
def test_otherwise_the_next_opening_of_a_free_day_is(
    now: datetime, taken: set[date], found: Slot
) -> None:
    assert next_permitted(now, Days(BERLIN, ClinicCalendar(), taken)) == found


def test_between_the_two_showings_of_an_hour_the_opening_still_lies_ahead() -> None:
    calendar = ClinicCalendar(window_opens=time(2, 30))
    now = utc(2026, 10, 25, 1, 10)  # 02:10 for the second time; 02:30 was shown once already

    assert next_permitted(now, Days(BERLIN, calendar)) == Slot(utc(2026, 10, 25, 1, 30))


calendars = st.builds(
    ClinicCalendar,
    closed_days=st.frozensets(days, max_size=3),
    closed_weekdays=st.frozensets(st.integers(0, 6), max_size=6),
    window_opens=st.times(max_value=time(11, 59)),
    window_closes=st.times(min_value=time(12)),
)


@given(zones, moments, calendars)
def test_the_permitted_moment_is_never_past_and_always_inside_the_rules(
    zone: ZoneInfo, now: datetime, calendar: ClinicCalendar
) -> None:
    slot = next_permitted(now, Days(zone, calendar))

    assert slot is not None
    assert slot.at >= now
    there = slot.at.astimezone(zone)
    assert calendar.window_opens <= there.time() < calendar.window_closes
    assert there.date() not in calendar.closed_days
    assert there.weekday() not in calendar.closed_weekdays
