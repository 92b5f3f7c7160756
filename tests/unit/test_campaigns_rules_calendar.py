"""Open days, the send window, and the nearest hour inside it."""

from __future__ import annotations

from datetime import date, time

import pytest

from campaigns.rules.calendar import (
    ClinicCalendar,
    clamp_hour,
    is_inside_window,
    is_open_day,
    never_opens,
    open_weekday,
)

SATURDAY, SUNDAY, MONDAY = date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 9)


def test_a_clinic_without_closed_days_sends_every_day() -> None:
    assert all(is_open_day(day, ClinicCalendar()) for day in (SATURDAY, SUNDAY, MONDAY))


def test_closed_dates_and_closed_weekdays_are_not_open() -> None:
    calendar = ClinicCalendar(closed_days=frozenset({MONDAY}), closed_weekdays=frozenset({6}))

    assert [is_open_day(day, calendar) for day in (SATURDAY, SUNDAY, MONDAY)] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("clock", "inside"),
    [(time(6, 59), False), (time(7), True), (time(20, 59, 59), True), (time(21), False)],
)
def test_the_window_holds_its_opening_and_not_its_closing(clock: time, inside: bool) -> None:
    assert is_inside_window(clock, ClinicCalendar()) is inside


@pytest.mark.parametrize(
    "calendar",
    [
        ClinicCalendar(closed_weekdays=frozenset(range(7))),
        ClinicCalendar(window_opens=time(9), window_closes=time(9)),
        ClinicCalendar(window_opens=time(22), window_closes=time(2)),
    ],
)
def test_a_calendar_without_day_or_hour_never_opens(calendar: ClinicCalendar) -> None:
    assert never_opens(calendar)


def test_a_calendar_with_one_weekday_opens() -> None:
    assert not never_opens(ClinicCalendar(closed_weekdays=frozenset(range(6))))


def test_a_closed_weekday_is_replaced_by_the_next_open_one() -> None:
    calendar = ClinicCalendar(closed_weekdays=frozenset({5, 6}))

    assert [open_weekday(day, calendar) for day in (4, 5, 6, 0)] == [4, 0, 0, 0]


def test_a_weekday_stays_when_all_are_closed() -> None:
    assert open_weekday(3, ClinicCalendar(closed_weekdays=frozenset(range(7)))) == 3


@pytest.mark.parametrize(
    ("hour", "clock"),
    [
        (9, time(9)),
        (3, time(7, 30)),
        (7, time(7, 30)),
        (20, time(20)),
        (21, time(21)),
        (22, time(20, 15)),
        (99, time(20, 15)),
        (-4, time(7, 30)),
    ],
)
def test_an_hour_outside_the_window_moves_into_it(hour: int, clock: time) -> None:
    calendar = ClinicCalendar(window_opens=time(7, 30), window_closes=time(21, 15))

    assert clamp_hour(hour, calendar) == clock


def test_in_a_window_shorter_than_an_hour_every_hour_becomes_its_opening() -> None:
    calendar = ClinicCalendar(window_opens=time(0, 10), window_closes=time(0, 40))

    assert {clamp_hour(hour, calendar) for hour in range(24)} == {time(0, 10)}
