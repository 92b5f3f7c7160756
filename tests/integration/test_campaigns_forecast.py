"""The forecast is what then happens: compared, send by send, with the service at work."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.broadcasts import LocalHour
from campaigns.forecast import ForecastEntry, forecast, forecast_soonest
from campaigns.models import Series, Step
from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.standing import FirstStep, SeriesStatus
from campaigns.site import Site
from delivery.interventions import hold
from delivery.models import Delivery
from storage.database import Database, open_database
from subscribers.models import MailingList, Suppression
from subscribers.rules.standing import Pace, SuppressionReason
from tests.broadcast_stage import BroadcastStage
from tests.sending_stage import Clock
from tests.series_stage import SeriesStage

DAY = timedelta(days=1)
ZONES = [None, "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu", "Mars/Olympus"]


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> SeriesStage:
    return SeriesStage(database, site, Clock(now))


@pytest.fixture
def weekly(stage: SeriesStage) -> int:
    return make_list(stage)


def make_list(stage: SeriesStage) -> int:
    with stage.database.transaction() as session:
        mailing_list = MailingList(slug="weekly", title="Weekly", created_at=stage.clock.now)
        session.add(mailing_list)
    return mailing_list.id


def ahead(stage: SeriesStage, days: int) -> list[ForecastEntry]:
    site, now = stage.site, stage.clock.now
    found: list[ForecastEntry] = stage.ask(lambda s: forecast(s, site=site, now=now, days=days))
    return found


def brief(entries: list[ForecastEntry]) -> list[tuple[str, str, str]]:
    return [
        (entry.address, entry.step_key or entry.broadcast, f"{entry.at:%m-%d %H:%M}")
        for entry in entries
    ]


def happened(stage: SeriesStage) -> list[tuple[str, str, str]]:
    return [(one.address, one.step_key, f"{one.at:%m-%d %H:%M}") for one in stage.went()]


def all_that_happened(stage: BroadcastStage) -> list[tuple[str, str, str]]:
    issues = [(who, name, f"{at:%m-%d %H:%M}") for name, who, at in stage.broadcasts_went()]
    return sorted([*happened(stage), *issues])


def test_who_confirmed_a_moment_ago_is_in_the_forecast_and_nothing_is_written(
    stage: SeriesStage, weekly: int
) -> None:
    stage.add_series(weekly)
    stage.add_reader("ada", weekly, time_zone="Asia/Kathmandu")

    found = ahead(stage, 30)

    assert found[0] == ForecastEntry(
        at=stage.clock.now,
        local=stage.clock.now.astimezone(found[0].local.tzinfo),
        address="ada@example.org",
        series="welcome",
        step_key="step-1",
        part=1,
        why="the first email goes at once",
    )
    assert f"{found[1].local:%A %H:%M}" == "Sunday 09:00"
    assert found[1].why == "7 days after the last one on Monday 2 March 2026; Sunday is their day"
    assert [entry.part for entry in found] == [1, 2, 3]
    assert stage.enrolments() == []


def test_who_may_not_be_mailed_is_not_in_the_forecast(stage: SeriesStage, weekly: int) -> None:
    series, _ = stage.add_series(weekly)
    stage.enrol(stage.add_reader("ada", weekly), series)
    reason = SuppressionReason.BY_STAFF
    stage.do(
        lambda s: s.add(Suppression(email="ada@example.org", reason=reason, at=stage.clock.now))
    )

    assert ahead(stage, 30) == []


def test_a_paused_series_sends_nothing(stage: SeriesStage, weekly: int) -> None:
    series, _ = stage.add_series(weekly)
    stage.enrol(stage.add_reader("ada", weekly), series)
    stage.change(Series, series.id, status=SeriesStatus.PAUSED)

    assert ahead(stage, 30) == []


def test_what_is_queued_is_in_the_forecast(stage: SeriesStage, weekly: int) -> None:
    stage.add_series(weekly)
    stage.add_reader("ada", weekly)
    stage.tick()
    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.queue()
    stage.do(lambda s: s.get_one(Delivery, 2).__setattr__("due_at", stage.clock.now + DAY))

    found = ahead(stage, 14)

    assert brief(found) == [
        ("ada@example.org", "step-2", "03-16 08:00"),
        ("ada@example.org", "step-3", "03-29 07:00"),
    ]
    assert found[0].why == "it is queued"


def test_what_is_held_stays_held_and_nothing_follows_it(stage: SeriesStage, weekly: int) -> None:
    stage.add_series(weekly)
    stage.add_reader("ada", weekly)
    stage.tick()
    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.queue()
    stage.do(lambda s: hold(s, [2], "look at it"))

    assert ahead(stage, 60) == []


def test_what_is_queued_of_a_step_taken_out_gives_way_to_the_next(
    stage: SeriesStage, weekly: int
) -> None:
    stage.add_series(weekly)
    stage.add_reader("ada", weekly)
    stage.tick()
    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.queue()
    stage.change(Step, 2, published=False)

    assert [entry.step_key for entry in ahead(stage, 14)] == ["step-3"]


# The same as what happens


def crowd(stage: SeriesStage, list_id: int) -> None:
    """Put people of all kinds on the list, some of them on their way already."""
    stage.add_series(list_id, slug="main", waits=(0, 7, 7, 7))
    side, _ = stage.add_series(list_id, slug="side", waits=(0, 3, 10), priority=50)
    stage.change(Series, side.id, first_step=FirstStep.NEXT_SLOT)
    choices: list[dict[str, Any]] = [
        {},
        {"hour": 18},
        {"weekday": 2, "hour": 6},
        {"pace": Pace.TWO_WEEKS},
        {"paused_until": date(2026, 3, 25)},
        {"weekday": 6, "pace": Pace.MONTH},
    ]
    for number, choice in enumerate(choices):
        zone = ZONES[number % len(ZONES)]
        stage.add_reader(f"person-{number}", list_id, time_zone=zone, **choice)


@pytest.fixture
def clinic(sqlite_database: Database, site: Site) -> SeriesStage:
    """Stand two weeks before Berlin's clocks change, at a clinic with closed days."""
    calendar = ClinicCalendar(
        closed_days=frozenset({date(2026, 3, 24), date(2026, 3, 30)}),
        closed_weekdays=frozenset({5}),
        window_opens=time(8),
        window_closes=time(17),
    )
    start = datetime(2026, 3, 16, 8, tzinfo=UTC)
    stage = SeriesStage(sqlite_database, replace(site, calendar=calendar), Clock(start))
    crowd(stage, make_list(stage))
    return stage


def test_what_is_forecast_is_what_the_service_then_does(clinic: SeriesStage) -> None:
    foretold = brief(ahead(clinic, 16))

    clinic.run_until(clinic.clock.now + 16 * DAY)

    assert happened(clinic) == foretold
    assert len(foretold) > 20


def test_a_forecast_made_on_the_way_holds_as_well(clinic: SeriesStage) -> None:
    clinic.run_until(clinic.clock.now + 3 * DAY)
    before = len(clinic.went())

    foretold = brief(ahead(clinic, 6))
    clinic.run_until(clinic.clock.now + 6 * DAY)

    assert happened(clinic)[before:] == foretold
    assert foretold != []


def test_a_broadcast_is_in_the_forecast_and_moves_what_gives_way(
    database: Database, site: Site, now: datetime
) -> None:
    stage = BroadcastStage(database, site, Clock(now))
    weekly = stage.make_list()
    stage.add_series(weekly, waits=(0, 7))
    stage.add_reader("ada", weekly, weekday=0)
    stage.add_reader("cid", stage.make_list("news"))
    stage.schedule(datetime(2026, 3, 9, 15, tzinfo=UTC), "urgent", priority=1)
    stage.schedule(LocalHour(date(2026, 3, 4), 10), "news", list_slug="news")

    foretold = ahead(stage, 14)
    stage.run_until(now + 14 * DAY)

    assert [(entry.what, f"{entry.at:%d %H:%M}") for entry in foretold] == [
        ("welcome/step-1", "02 08:00"),
        ("broadcast news", "04 09:00"),
        ("broadcast urgent", "09 15:00"),
        ("welcome/step-2", "10 08:00"),
    ]
    assert sorted(brief(foretold)) == all_that_happened(stage)


def test_a_broadcast_in_the_middle_of_being_sent_is_in_the_forecast(
    database: Database, site: Site, now: datetime
) -> None:
    stage = BroadcastStage(database, site, Clock(now))
    weekly = stage.make_list()
    for zone in ("Asia/Tokyo", "America/Los_Angeles"):
        stage.add_reader(zone.partition("/")[0].lower(), weekly, time_zone=zone)
    stage.schedule(LocalHour(date(2026, 3, 3), 10))
    stage.run_until(now + DAY)
    before = all_that_happened(stage)

    foretold = brief(ahead(stage, 2))
    stage.run_until(now + 3 * DAY)

    assert [who for who, *_ in before] == ["asia@example.org"]
    assert foretold == [("america@example.org", "may-news", "03-03 18:00")]
    assert all_that_happened(stage) == sorted([*before, *foretold])


readers = st.fixed_dictionaries(
    {
        "time_zone": st.sampled_from(ZONES),
        "weekday": st.none() | st.integers(0, 6),
        "hour": st.none() | st.integers(0, 23),
        "pace": st.sampled_from(Pace),
        "paused_until": st.none() | st.dates(date(2026, 2, 20), date(2026, 3, 20)),
    }
)
# Hours from the start, the readers' own hour if there is one, and the priority.
newsletters = st.tuples(
    st.integers(0, 200), st.none() | st.integers(0, 23), st.sampled_from([1, 2, 5])
)
calendars = st.builds(
    ClinicCalendar,
    closed_days=st.frozensets(st.dates(date(2026, 3, 1), date(2026, 4, 1)), max_size=5),
    closed_weekdays=st.frozensets(st.integers(0, 6), max_size=4),
    window_opens=st.times(max_value=time(11)),
    window_closes=st.times(min_value=time(13)),
)


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    people=st.lists(readers, min_size=1, max_size=3),
    calendar=calendars,
    starts=st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 8), timezones=st.just(UTC)),  # noqa: DTZ001
    priorities=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    broadcasts=st.lists(newsletters, max_size=3),
)
def test_whoever_the_people_and_whatever_the_calendar(
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    site: Site,
    people: list[dict[str, Any]],
    calendar: ClinicCalendar,
    starts: datetime,
    priorities: list[int],
    broadcasts: list[tuple[int, int | None, int]],
) -> None:
    file = tmp_path_factory.mktemp("life") / "steadypost.db"
    shutil.copy(sqlite_template, file)
    stage = BroadcastStage(
        open_database(f"sqlite:///{file}"), replace(site, calendar=calendar), Clock(starts)
    )
    list_id = make_list(stage)
    for number, priority in enumerate(priorities):
        stage.add_series(list_id, slug=f"series-{number}", waits=(0, 1, 7), priority=priority)
    for number, person in enumerate(people):
        stage.add_reader(f"person-{number}", list_id, **person)

    for number, (hours, hour, priority) in enumerate(broadcasts):
        at = starts + timedelta(hours=hours)
        when = at if hour is None else LocalHour(at.date() + DAY, hour)
        stage.schedule(when, f"news-{number}", priority=priority)

    foretold = sorted(brief(ahead(stage, 10)))
    stage.run_until(starts + 10 * DAY)

    assert all_that_happened(stage) == foretold
    stage.database.close()


def soonest(stage: SeriesStage, most: int) -> list[tuple[str, str, str]]:
    site, now = stage.site, stage.clock.now
    return brief(stage.ask(lambda s: forecast_soonest(s, site=site, now=now, most=most)))


@pytest.mark.parametrize("most", [1, 3, 6])
def test_what_comes_soonest_is_the_beginning_of_the_whole_forecast(
    stage: SeriesStage, weekly: int, most: int
) -> None:
    stage.add_series(weekly, waits=(0, 1, 2))
    for hour in range(6):
        stage.add_reader(f"person{hour}", weekly, hour=8 + 2 * hour)
    stage.tick()
    stage.clock.move(hours=1)
    stage.tick()
    stage.add_reader("newcomer", weekly)

    found = soonest(stage, most)

    assert found[0][0] == "newcomer@example.org"
    assert found == brief(ahead(stage, 7))[: len(found)]


def test_when_few_are_on_their_way_the_soonest_are_a_whole_week(
    stage: SeriesStage, weekly: int
) -> None:
    stage.add_series(weekly, waits=(0, 1, 2))
    stage.add_reader("ada", weekly)

    assert soonest(stage, 100) == brief(ahead(stage, 7))
