"""Why has this person not got this one email? One sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from campaigns.enrolment import leave
from campaigns.errors import UnknownStepError
from campaigns.explain import why, why_email
from campaigns.models import Series, Step
from campaigns.own_choices import start_again
from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.standing import SeriesStatus
from campaigns.site import Site
from delivery.sender import Refused, Uncertain
from storage.database import Database
from subscribers.models import Subscriber
from subscribers.signup import unsubscribe
from tests.broadcast_stage import BroadcastStage
from tests.sending_stage import Clock

ADA = "ada@example.org"


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> BroadcastStage:
    return BroadcastStage(database, site, Clock(now))


@pytest.fixture
def series(stage: BroadcastStage, cast: Any) -> Series:
    return stage.add_series(cast.mailing_list.id)[0]


def ask(stage: BroadcastStage, step: str, address: str = ADA) -> list[str]:
    site, now = stage.site, stage.clock.now
    found: list[str] = stage.ask(lambda s: why_email(s, address, step, site=site, now=now))
    return found


def test_what_was_sent_says_when(stage: BroadcastStage, series: Series) -> None:
    stage.tick()

    assert ask(stage, "1") == [
        "series 'welcome', part 1 of 3 (step-1) was sent on Monday 2 March 2026 09:00, "
        "Europe/Berlin"
    ]


def test_what_comes_next_says_what_it_waits_for(stage: BroadcastStage, series: Series) -> None:
    calendar = ClinicCalendar(closed_days=frozenset({date(2026, 3, 15)}))
    stage.site = replace(stage.site, calendar=calendar)
    stage.tick()

    assert ask(stage, "welcome/step-2") == [
        "series 'welcome', part 2 of 3 (step-2) waits until Monday 16 March 2026 09:00, "
        "Europe/Berlin: 7 days after the last one on Monday 2 March 2026; Sunday is their day; "
        "Sunday 15 March 2026 is a closed day"
    ]


def test_what_comes_later_says_when_by_the_forecast(stage: BroadcastStage, series: Series) -> None:
    stage.tick()

    assert ask(stage, "3") == [
        "series 'welcome', part 3 of 3 (step-3) comes on Sunday 22 March 2026 09:00, "
        "Europe/Berlin: 7 days after the last one on Sunday 15 March 2026; Sunday is their day"
    ]


def test_what_was_inserted_behind_somebody_does_not_come(
    stage: BroadcastStage, series: Series
) -> None:
    stage.tick()
    stage.change(Step, 1, position=2)
    stage.change(Step, 2, position=1)

    assert ask(stage, "step-2") == [
        "series 'welcome', part 1 of 3 (step-2) does not come: a later part has gone already"
    ]


def test_what_is_taken_out_does_not_come(stage: BroadcastStage, series: Series) -> None:
    stage.tick()
    stage.change(Step, 2, published=False)

    assert ask(stage, "step-2") == [
        "series 'welcome', part (step-2) does not come: it is taken out of the series"
    ]


def test_behind_a_paused_series_nothing_has_a_date(stage: BroadcastStage, series: Series) -> None:
    stage.tick()
    stage.change(Series, series.id, status=SeriesStatus.PAUSED, reason="holidays")

    (sentence,) = ask(stage, "3")

    assert sentence == (
        "series 'welcome', part 3 of 3 (step-3) has no date yet; first: series 'welcome', "
        "part 2 of 3 (step-2) waits: the series is paused: holidays"
    )


def test_who_left_or_never_came_gets_none(stage: BroadcastStage, series: Series, cast: Any) -> None:
    stage.tick()
    keys, now = stage.site.keys, stage.clock.now
    stage.do(lambda s: unsubscribe(s, cast.ada, keys=keys, now=now, source="a test"))
    stage.do(lambda s: leave(s, cast.ada, now=now))

    (left,) = ask(stage, "2")
    (never,) = ask(stage, "2", "ben@example.org")
    (unknown,) = ask(stage, "2", "nobody@example.org")
    eve = ask(stage, "2", "eve@example.org")

    assert left.endswith(
        "does not come: they left the series on Monday 2 March 2026: they unsubscribed"
    )
    assert never.endswith("(step-2) does not come: they are not in series 'welcome'")
    assert unknown == "nobody with the address nobody@example.org is known here"
    assert eve[0].startswith("eve@example.org is suppressed since Sunday 1 March 2026: complaint")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Uncertain("lost", "relay"), "may or may not have arrived: the link was lost on Monday 2"),
        (Refused("552 5.2.2 full", "relay", 552, "5.2.2"), "part 1 of 3 (step-1)"),
    ],
)
def test_what_went_wrong_is_told(
    stage: BroadcastStage, series: Series, outcome: Any, said: str
) -> None:
    stage.sender.answer_always(ADA, outcome)
    stage.tick()

    assert said in ask(stage, "1")[0]


def test_a_step_that_is_not_there_is_named(stage: BroadcastStage, series: Series) -> None:
    with pytest.raises(UnknownStepError):
        ask(stage, "9")


def test_the_whole_story_knows_of_broadcasts(
    stage: BroadcastStage, series: Series, cast: Any
) -> None:
    stage.schedule(datetime(2026, 3, 2, 9, tzinfo=UTC))
    site, now = stage.site, stage.clock.now

    before = stage.ask(lambda s: why(s, ADA, site=site, now=now))
    stage.clock.move(hours=1)
    stage.tick()
    after = stage.ask(lambda s: why(s, ADA, site=site, now=stage.clock.now))

    assert before[-1] == (
        "broadcast 'may-news' comes on Tuesday 3 March 2026 07:00, Europe/Berlin; "
        "Monday 2 March 2026 has another email already"
    )
    assert "broadcast 'may-news' is queued for Tuesday 3 March 2026 07:00, Europe/Berlin" in after


def test_in_a_second_round_the_first_ones_emails_are_no_answer(
    stage: BroadcastStage, series: Series, cast: Any
) -> None:
    stage.tick()
    stage.clock.move(days=2)
    person = stage.ask(lambda s: s.get(Subscriber, cast.ada.subscriber_id))
    stage.do(lambda s: start_again(s, person, series.id, now=stage.clock.now))

    (sentence,) = ask(stage, "1")

    assert "part 1 of 3 (step-1) goes with the next tick" in sentence
