"""What people can choose about their mail, and what they cannot."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import InvalidPreferenceError, UnknownTimeZoneError
from subscribers.rules.preferences import (
    PreferenceChange,
    Preferences,
    apply_change,
    check_weekday,
    describe_difference,
    known_zones,
    read_hour,
    read_pace,
    read_paused_until,
    read_time_zone,
    read_weekday,
)
from subscribers.rules.standing import Pace

zones = st.sampled_from(sorted(known_zones()))
days = st.dates(date(2000, 1, 1), date(2200, 12, 31))
chosen = st.builds(
    Preferences,
    weekday=st.none() | st.integers(0, 6),
    hour=st.none() | st.integers(0, 23),
    time_zone=st.none() | zones,
    pace=st.sampled_from(Pace),
    paused_until=st.none() | days,
)


@pytest.mark.parametrize(
    ("text", "weekday"),
    [("", None), (" ", None), ("0", 0), ("6", 6), ("Monday", 0), (" sun ", 6), ("WED", 2)],
)
def test_a_weekday_is_read_as_number_or_name(text: str, weekday: int | None) -> None:
    assert read_weekday(text) == weekday


@pytest.mark.parametrize("text", ["7", "-1", "1.0", "Montag", "mo", "²"])
def test_another_weekday_is_refused(text: str) -> None:
    with pytest.raises(InvalidPreferenceError) as caught:
        read_weekday(text)

    assert (
        str(caught.value)
        == f"not a valid weekday: {text!r}; use 0 (Monday) to 6 (Sunday), or a name"
    )


@pytest.mark.parametrize(
    ("text", "hour"), [("", None), ("0", 0), ("09", 9), ("9:00", 9), ("23", 23), (" 7 ", 7)]
)
def test_an_hour_is_read_with_or_without_minutes(text: str, hour: int | None) -> None:
    assert read_hour(text) == hour


@pytest.mark.parametrize("text", ["24", "-1", "9:30", "9am", "٩", "1e1"])
def test_another_hour_is_refused(text: str) -> None:
    with pytest.raises(InvalidPreferenceError, match=r"^not a valid hour: .*; use 0 to 23$"):
        read_hour(text)


def test_a_zone_is_read_by_its_iana_name() -> None:
    assert read_time_zone(" Europe/Berlin ") == "Europe/Berlin"
    assert read_time_zone("") is None


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("america/new_york", "did you mean America/New_York?"),
        ("Middle-earth", "use one like Europe/Berlin"),
        ("../../etc/passwd", "use one like Europe/Berlin"),
        ("localtime", "use one like Europe/Berlin"),
        ("Factory", "use one like Europe/Berlin"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_one(name: str, advice: str) -> None:
    with pytest.raises(UnknownTimeZoneError) as caught:
        read_time_zone(name)

    assert str(caught.value) == f"unknown time zone: {name!r}; {advice}"


def test_every_zone_a_person_can_choose_can_be_reckoned_with() -> None:
    assert len(known_zones()) > 400
    assert all(ZoneInfo(name).key == name for name in known_zones())


def test_a_pace_is_read_by_its_name() -> None:
    assert read_pace("Two Weeks") is Pace.TWO_WEEKS
    assert read_pace("") is Pace.AS_WRITTEN


def test_another_pace_is_refused() -> None:
    with pytest.raises(
        InvalidPreferenceError,
        match=r"^not a valid pace: 'daily'; use one of 'as written', 'two weeks', 'month'$",
    ):
        read_pace("daily")


def test_a_pause_is_read_as_a_date() -> None:
    assert read_paused_until("2026-04-01") == date(2026, 4, 1)
    assert read_paused_until("") is None


@pytest.mark.parametrize("text", ["1.4.2026", "2026-02-30", "9999-12-31", "0001-01-01", "soon"])
def test_another_date_is_refused(text: str) -> None:
    with pytest.raises(
        InvalidPreferenceError, match=r"^not a valid date: .*; use one like 2026-04-01$"
    ):
        read_paused_until(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekday": 7},
        {"weekday": -1},
        {"hour": 24},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": ""},
        {"pace": "daily"},
        {"paused_until": date(9999, 12, 31)},
    ],
)
def test_a_change_nobody_can_make_is_refused_when_it_is_made(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"not a|unknown time zone"):
        PreferenceChange(**wrong)  # type: ignore[arg-type]


def test_a_weekday_a_person_can_have_is_given_back() -> None:
    assert [check_weekday(weekday) for weekday in range(7)] == list(range(7))


def test_none_goes_back_to_the_default_and_what_is_not_named_stays() -> None:
    before = Preferences(weekday=2, hour=9, time_zone="Europe/Berlin")

    after = apply_change(before, PreferenceChange(hour=None, pace=Pace.MONTH))

    assert after == Preferences(weekday=2, time_zone="Europe/Berlin", pace=Pace.MONTH)
    assert describe_difference(before, after) == "hour: 9 to none, pace: as written to month"


def test_a_zone_that_is_unknown_by_now_does_not_stand_in_the_way_of_another_change() -> None:
    before = Preferences(time_zone="Asia/Atlantis")

    assert apply_change(before, PreferenceChange(hour=7)).time_zone == "Asia/Atlantis"


@given(chosen, chosen)
def test_a_change_to_everything_leads_there_from_anywhere(
    before: Preferences, wanted: Preferences
) -> None:
    change = PreferenceChange(
        weekday=wanted.weekday,
        hour=wanted.hour,
        time_zone=wanted.time_zone,
        pace=wanted.pace,
        paused_until=wanted.paused_until,
    )

    assert apply_change(before, change) == wanted
    assert apply_change(before, PreferenceChange()) == before
    assert bool(describe_difference(before, wanted)) == (before != wanted)
