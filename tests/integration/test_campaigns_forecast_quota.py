"""Where a day has room for so many emails, the forecast is what the service then does, too."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from campaigns.forecast import forecast, outlook
from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.due_dates import local_day
from campaigns.site import Site
from delivery.rules.quota import Quota
from storage.database import Database
from tests.broadcast_stage import BroadcastStage
from tests.sending_stage import Clock
from tests.series_stage import PlainRenderer

ZONES = [None, "America/Los_Angeles", "Pacific/Auckland", "Europe/London"]
WARM_UP = Quota(daily_limit=5, warm_up_from=date(2026, 3, 1), warm_up=(2, 3, 0, 4))
WIDE = Quota(daily_limit=500)
HOUR = timedelta(hours=1)

Email = tuple[str, str, str]


@pytest.fixture
def stage(sqlite_database: Database, site: Site, now: datetime) -> BroadcastStage:
    """Let ten people all over the world begin a series in the same moment.

    On SQLite, which queues them in the order of their ids; elsewhere chance orders equals.
    """
    calendar = ClinicCalendar(closed_weekdays=frozenset({6}))
    stage = BroadcastStage(sqlite_database, replace(site, calendar=calendar), Clock(now))
    weekly = stage.add_list()
    stage.add_series(weekly, waits=(0, 3, 7))
    for number in range(10):
        stage.add_reader(f"p{number}", weekly, time_zone=ZONES[number % 4])
    return stage


def live(stage: BroadcastStage, *, days: int) -> list[Email]:
    """Tick every hour, as often as something is put back: it gives its room to the next at once."""
    before = set(lived(stage))
    for _ in range(days * 24):
        stage.plan()
        while stage.send(renderer=PlainRenderer()).put_back:
            pass
        stage.clock.now += HOUR
    return [email for email in lived(stage) if email not in before]


def lived(stage: BroadcastStage) -> list[Email]:
    steps = [(w.address, w.step_key, f"{w.at:%m-%d %H:%M}") for w in stage.went()]
    issues = [(address, slug, f"{at:%m-%d %H:%M}") for slug, address, at in stage.broadcasts_went()]
    return sorted([*steps, *issues])


def foretold(stage: BroadcastStage, *, days: int) -> list[Email]:
    site, now = stage.site, stage.clock.now
    entries = stage.ask(lambda s: forecast(s, site=site, now=now, days=days))
    end = now + timedelta(days=days)
    return sorted(
        (one.address, one.step_key or one.broadcast, f"{one.at:%m-%d %H:%M}")
        for one in entries
        if one.at < end
    )


def test_a_line_that_grows_from_day_to_day_is_foretold(stage: BroadcastStage) -> None:
    stage.site = replace(stage.site, quota=Quota(daily_limit=1))

    ahead = foretold(stage, days=6)

    assert live(stage, days=6) == ahead


@pytest.mark.parametrize("quota", [Quota(daily_limit=4), WARM_UP, WIDE])
def test_what_is_foretold_under_a_quota_is_what_then_happens(
    stage: BroadcastStage, quota: Quota
) -> None:
    stage.site = replace(stage.site, quota=quota)

    first = foretold(stage, days=6)
    assert live(stage, days=6) == first
    stage.schedule(stage.clock.now + HOUR)  # while some still wait for what was due days ago
    second = foretold(stage, days=8)
    assert live(stage, days=8) == second

    days = Counter(local_day(one.at, stage.site.zone) for one in stage.went())
    assert all(count <= (quota.limit_on(day) or 0) for day, count in days.items())


def test_one_person_and_the_counts_are_foretold_like_everybody(stage: BroadcastStage) -> None:
    stage.site = replace(stage.site, quota=Quota(daily_limit=4))
    site, now = stage.site, stage.clock.now

    everybody = stage.ask(lambda s: forecast(s, site=site, now=now, days=9))
    one = stage.ask(lambda s: forecast(s, site=site, now=now, days=9, subscriber_id=9))
    counts = stage.ask(lambda s: outlook(s, site=site, now=now, days=9))

    assert one == [entry for entry in everybody if entry.address == "p8@example.org"]
    assert one[0].why == "the day it was due was full, by the quota"
    assert counts.total == len(everybody)


def test_what_has_gone_today_counts(stage: BroadcastStage) -> None:
    stage.site = replace(stage.site, quota=Quota(daily_limit=3))
    stage.tick()
    stage.clock.now += HOUR

    ahead = foretold(stage, days=2)

    assert min(when for *_, when in ahead) == "03-02 23:00"  # midnight in Berlin
