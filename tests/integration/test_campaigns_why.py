"""Why has this person not got it? One plain sentence for each thing that decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from campaigns.enrolment import leave
from campaigns.explain import why
from campaigns.models import Enrolment, Series, Step
from campaigns.progress import Whereabouts, standing_of
from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.standing import EnrolmentStatus, SeriesStatus
from campaigns.site import Site
from delivery.interventions import hold
from delivery.models import Delivery
from delivery.rules.states import State
from delivery.sender import Refused, Uncertain
from storage.database import Database
from subscribers.errors import InvalidAddressError
from subscribers.models import Subscriber
from subscribers.rules.standing import Pace, SuppressionReason
from subscribers.signup import unsubscribe
from subscribers.suppression import suppress_address
from tests.sending_stage import Clock
from tests.series_stage import SeriesStage

ADA = "ada@example.org"
CONFIRMED = "ada@example.org confirmed list 'weekly' on Sunday 1 March 2026"
PART_1 = "series 'welcome', part 1 of 3 (step-1)"
PART_2 = "series 'welcome', part 2 of 3 (step-2)"
WEEK = timedelta(days=7)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> SeriesStage:
    return SeriesStage(database, site, Clock(now))


@pytest.fixture
def series(stage: SeriesStage, cast: Any) -> Series:
    return stage.add_series(cast.mailing_list.id)[0]


def ask(stage: SeriesStage, address: str = ADA) -> list[str]:
    found: list[str] = stage.ask(lambda s: why(s, address, site=stage.site, now=stage.clock.now))
    return found


def where(stage: SeriesStage, cast: Any) -> list[Whereabouts]:
    site, now = stage.site, stage.clock.now
    found: list[Whereabouts] = stage.ask(lambda s: standing_of(s, cast.ada, site=site, now=now))
    return found


def words(stage: SeriesStage, cast: Any) -> list[str]:
    return [one.in_words for one in where(stage, cast)]


# Why


def test_a_wait_is_explained_with_everything_that_makes_it(
    stage: SeriesStage, series: Series
) -> None:
    closed = frozenset({date(2026, 3, 15)})
    stage.site = replace(stage.site, calendar=ClinicCalendar(closed_days=closed))
    stage.tick()

    assert ask(stage) == [
        CONFIRMED,
        f"{PART_2} waits until Monday 16 March 2026 09:00, Europe/Berlin: 7 days after the last "
        "one on Monday 2 March 2026; Sunday is their day; Sunday 15 March 2026 is a closed day",
    ]


def test_who_is_about_to_be_enrolled_hears_what_comes(stage: SeriesStage, series: Series) -> None:
    assert ask(stage) == [
        CONFIRMED,
        f"{PART_1} goes with the next tick: the first email goes at once",
    ]


def test_what_is_on_its_way_is_told_by_its_state(stage: SeriesStage, series: Series) -> None:
    stage.tick()
    stage.clock.move(days=14)
    stage.queue()

    assert ask(stage)[1] == f"{PART_2} is queued for Monday 16 March 2026 09:00, Europe/Berlin"

    second = 3  # Ben's confirmation and the first step came before
    stage.change(Delivery, second, state=State.SENDING)
    assert ask(stage)[1] == f"{PART_2} is being sent"

    stage.change(Delivery, second, state=State.QUEUED, reason="the relay cannot be used")
    assert ask(stage)[1].endswith("09:00, Europe/Berlin: the relay cannot be used")

    stage.do(lambda s: hold(s, [second], "the template is broken"))
    assert ask(stage)[1] == (
        f"{PART_2} is held: the template is broken; put it right, then release it"
    )


def test_what_may_have_arrived_is_named(stage: SeriesStage, series: Series) -> None:
    stage.sender.answer_always(ADA, Uncertain("connection lost", "relay"))
    stage.tick()

    assert ask(stage)[-1] == (
        f"{PART_1} may or may not have arrived: the link was lost on Monday 2 March 2026 09:00, "
        "Europe/Berlin; it is not sent again unless you say so"
    )


def test_a_refusal_and_what_it_ended_are_named(stage: SeriesStage, series: Series) -> None:
    stage.sender.answer_always(ADA, Refused("550 5.1.1 no such user", "relay", 550, "5.1.1"))
    stage.tick()

    found = ask(stage)

    assert found[0].startswith("ada@example.org is suppressed since Monday 2 March 2026: hard bou")
    assert found[0].endswith("; nothing is sent")
    assert found[1] == CONFIRMED
    assert found[2].startswith("they left series 'welcome' on Monday 2 March 2026")
    assert found[3].startswith(f"{PART_1} is rejected since Monday 2 March 2026 09:00, Europe/")


def test_a_finished_series_is_told(stage: SeriesStage, series: Series) -> None:
    stage.tick()
    stage.change(Step, 2, published=False)
    stage.change(Step, 3, published=False)

    assert ask(stage)[1] == "series 'welcome': every part has been sent"

    stage.queue()
    assert ask(stage)[1] == ("they finished series 'welcome' on Monday 2 March 2026")


def test_a_paused_series_is_told_with_its_reason(stage: SeriesStage, series: Series) -> None:
    stage.tick()
    stage.change(Series, series.id, status=SeriesStatus.PAUSED, reason="new texts")

    assert ask(stage)[1] == f"{PART_2} waits: the series is paused: new texts"


def test_a_paused_series_that_takes_nobody_in_is_told(stage: SeriesStage, series: Series) -> None:
    stage.change(Series, series.id, status=SeriesStatus.PAUSED)

    assert ask(stage) == [CONFIRMED, "series 'welcome' is paused and takes nobody in"]


def test_a_calendar_that_never_opens_is_told(stage: SeriesStage, series: Series) -> None:
    stage.tick()
    closed = ClinicCalendar(closed_weekdays=frozenset(range(7)))
    stage.site = replace(stage.site, calendar=closed)

    assert ask(stage)[1] == (
        "series 'welcome': the clinic's calendar leaves no day or hour open; "
        "change it in the settings"
    )


@pytest.mark.usefixtures("series")
def test_wishes_and_a_wrong_time_zone_are_told(stage: SeriesStage, cast: Any) -> None:
    stage.change(
        Subscriber,
        cast.ada.subscriber_id,
        time_zone="Mars/Olympus",
        pace=Pace.MONTH,
        paused_until=date(2026, 3, 10),
    )

    assert ask(stage)[1:4] == [
        "their time zone 'Mars/Olympus' is not known; the clinic's, Europe/Berlin, is used",
        "they paused until Tuesday 10 March 2026",
        "they asked for one email in four weeks, where a series goes faster",
    ]


@pytest.mark.usefixtures("series")
def test_people_who_are_not_mailed_hear_why_not(stage: SeriesStage, cast: Any) -> None:
    assert ask(stage, "ben@example.org") == [
        "ben@example.org asked for list 'weekly' on Sunday 1 March 2026 and has not confirmed yet"
    ]
    assert ask(stage, "cleo@example.org") == [
        "cleo@example.org left list 'weekly' on Sunday 1 March 2026"
    ]
    assert ask(stage, "eve@example.org")[0] == (
        "eve@example.org is suppressed since Sunday 1 March 2026: complaint; nothing is sent"
    )


def test_an_unknown_address_is_told_even_when_it_is_suppressed(stage: SeriesStage) -> None:
    reason, now = SuppressionReason.BY_REQUEST, stage.clock.now
    stage.do(lambda s: suppress_address(s, "zoe@example.org", reason, now=now, note="by phone"))

    assert ask(stage, "zoe@example.org") == [
        "zoe@example.org is suppressed since Monday 2 March 2026: by request (by phone); "
        "nothing is sent",
        "nobody with the address zoe@example.org is known here",
    ]


def test_what_is_no_address_is_refused(stage: SeriesStage) -> None:
    with pytest.raises(InvalidAddressError):
        ask(stage, "no address")


def test_somebody_on_no_list_is_told(stage: SeriesStage) -> None:
    now = stage.clock.now
    stage.do(lambda s: s.add(Subscriber(email="zoe@example.org", created_at=now, changed_at=now)))

    assert ask(stage, "zoe@example.org") == ["zoe@example.org is on no list"]


def test_a_list_without_a_series_is_told(stage: SeriesStage, cast: Any) -> None:
    assert ask(stage) == [CONFIRMED, "no series is sent to list 'weekly'"]


def test_a_suppression_the_tick_has_not_met_yet_is_told(stage: SeriesStage, series: Series) -> None:
    stage.tick()
    now = stage.clock.now
    stage.do(lambda s: suppress_address(s, ADA, SuppressionReason.BY_STAFF, now=now))

    assert ask(stage)[-1] == "their way through series 'welcome' ends with the next tick"


# Where somebody is


def test_before_the_first_email_a_person_hears_that_it_comes(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    assert words(stage, cast) == ["3 parts, the next is on its way"]

    stage.tick()
    assert words(stage, cast) == ["Part 1 of 3, next Sunday 15 March 2026, 09:00"]


def test_the_next_date_is_on_the_readers_own_clock(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    stage.change(Subscriber, cast.ada.subscriber_id, time_zone="Pacific/Auckland", hour=7)
    stage.tick()
    stage.clock.now = datetime(2026, 3, 2, 18, tzinfo=UTC)
    stage.tick()

    found = where(stage, cast)[0].next_at

    assert found is not None
    assert f"{found:%A %H:%M %z}" == "Sunday 07:00 +1300"


def test_what_is_held_has_no_date(stage: SeriesStage, series: Series, cast: Any) -> None:
    stage.tick()
    stage.clock.move(days=14)
    stage.queue()
    assert words(stage, cast) == ["Part 1 of 3, the next is on its way"]

    stage.do(lambda s: hold(s, [3], "look at it"))

    assert words(stage, cast) == ["Part 1 of 3, the next has no date yet"]


def test_the_end_of_a_way_is_told(stage: SeriesStage, series: Series, cast: Any) -> None:
    stage.tick()
    stage.do(lambda s: leave(s, cast.ada, now=stage.clock.now))
    keys, now = stage.site.keys, stage.clock.now
    stage.do(lambda s: unsubscribe(s, cast.ada, keys=keys, now=now, source="test"))
    assert words(stage, cast) == ["Part 1 of 3, ended"]

    stage.change(Enrolment, 1, status=EnrolmentStatus.FINISHED)
    assert words(stage, cast) == ["Finished with part 1 of 3"]
    stage.change(Enrolment, 1, last_step_id=3)
    assert words(stage, cast) == ["All 3 parts have been sent"]


def test_what_is_put_in_taken_out_and_added_later_counts_as_it_is_now(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    stage.tick()
    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.tick()
    assert words(stage, cast) == ["Part 2 of 3, next Sunday 22 March 2026, 09:00"]

    stage.change(Step, 1, published=False)
    assert words(stage, cast) == ["Part 1 of 2, next Sunday 22 March 2026, 09:00"]
    stage.change(Step, 1, published=True)
    stage.change(Step, 3, published=False)
    stage.tick_with_looks()
    assert words(stage, cast) == ["All 2 parts have been sent"]

    stage.change(Step, 3, published=True)
    assert words(stage, cast) == ["Finished with part 2 of 3"]
    stage.change(Enrolment, 1, last_step_id=None)  # its last step is gone: the ledger knows
    assert words(stage, cast) == ["Finished with part 2 of 3"]


def test_who_left_before_the_first_email_had_no_part(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    stage.enrol(cast.ada, series, status=EnrolmentStatus.PARKED)

    assert words(stage, cast) == ["3 parts, ended"]


def test_a_series_somebody_is_not_in_is_not_told(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    site, now = stage.site, stage.clock.now

    assert stage.ask(lambda s: standing_of(s, cast.ben, site=site, now=now)) == []
