from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.wording import (
    consent_in_words,
    day_in_words,
    hour_in_words,
    moment_in_words,
    rhythm_in_words,
)
from web.zones import places_by_region, zone_in_words


def test_a_moment_reads_as_the_readers_own_clock_shows_it() -> None:
    moment = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)

    assert moment_in_words(moment, ZoneInfo("Europe/Berlin")) == "Wednesday 4 March, 09:00"
    assert moment_in_words(moment, ZoneInfo("Asia/Kolkata")) == "Wednesday 4 March, 13:30"


def test_days_and_hours_read_as_people_say_them() -> None:
    assert day_in_words(date(2026, 12, 24)) == "Thursday 24 December"
    assert hour_in_words(9) == "9:00"


@pytest.mark.parametrize(
    ("waits", "words"),
    [
        ((), "an email now and then"),
        ((0,), "1 email, then it stops"),
        ((0, 7, 7, 7, 7, 7), "6 emails, one a week, then it stops"),
        ((0, 1, 1), "3 emails, one a day, then it stops"),
        ((3, 14, 14), "3 emails, one every two weeks, then it stops"),
        ((0, 10, 10), "3 emails, one every 10 days, then it stops"),
        ((0, 2, 5), "3 emails, over 7 days, then it stops"),
        ((0, 7, 14, 7), "4 emails, over 4 weeks, then it stops"),
        ((0, 0), "2 emails, on one day, then it stops"),
        ((0, 0, 7), "3 emails, over 7 days, then it stops"),
    ],
)
def test_a_rhythm_says_what_how_often_and_how_long(waits: tuple[int, ...], words: str) -> None:
    assert rhythm_in_words(waits) == words


def test_a_completion_email_is_promised_with_the_others() -> None:
    assert rhythm_in_words((0, 7, 7), has_last_word=True) == (
        "3 emails, one a week, and a closing note after the last, then it stops"
    )
    assert rhythm_in_words((0,), has_last_word=True) == (
        "1 email, and a closing note after the last, then it stops"
    )


def test_the_consent_names_the_clinic_the_rhythm_and_the_way_out() -> None:
    words = consent_in_words("Riverside Clinic", "6 emails, one a week, then it stops")

    assert "Riverside Clinic" in words
    assert "6 emails, one a week, then it stops" in words
    assert "leave at any time" in words


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", "Berlin"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires, Argentina"),
        ("America/New_York", "New York"),
        ("UTC", "UTC"),
        ("Etc/GMT+5", "Etc/GMT+5"),
        ("Japan", "Japan"),
    ],
)
def test_a_zone_is_named_by_its_place(zone: str, words: str) -> None:
    assert zone_in_words(zone) == words


@given(st.sampled_from(sorted(available_timezones())))
def test_every_zone_has_a_name(zone: str) -> None:
    assert zone_in_words(zone).strip()


def test_places_stand_in_order_in_their_region_and_exist() -> None:
    regions = places_by_region()

    assert list(regions) == sorted(regions)
    assert "Berlin" in [place.words for place in regions["Europe"]]
    for places in regions.values():
        assert [place.words for place in places] == sorted(place.words for place in places)
        assert {place.zone for place in places} <= available_timezones()
