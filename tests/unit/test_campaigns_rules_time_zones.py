"""A wrong time zone costs one person their hour, and nobody anything else."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

import pytest

from campaigns.rules.time_zones import find_zone, zone_of

CLINIC = ZoneInfo("Europe/Berlin")


def test_a_person_lives_in_the_zone_they_named() -> None:
    assert zone_of("Pacific/Auckland", CLINIC) == ZoneInfo("Pacific/Auckland")


@pytest.mark.parametrize(
    "name",
    [None, "", "Europe", "Mars/Olympus", "../../etc/passwd", "a\0b", "x" * 5000, "\udcff", "/"],
)
def test_without_a_known_zone_they_live_with_the_clinic(name: str | None) -> None:
    assert zone_of(name, CLINIC) is CLINIC


def test_every_zone_there_is_is_found() -> None:
    assert all(find_zone(name) is not None for name in available_timezones())
