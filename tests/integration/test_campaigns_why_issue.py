"""Why has this person not got the newsletter? One sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from campaigns.broadcasts import LocalHour
from campaigns.enrolment import leave
from campaigns.errors import UnknownEmailError
from campaigns.explain import why, why_email
from campaigns.rules.calendar import ClinicCalendar
from campaigns.site import Site
from delivery.rules.quota import Quota
from delivery.sender import Refused, Uncertain
from storage.database import Database
from subscribers.models import Subscriber, Subscription
from subscribers.rules.standing import Standing
from subscribers.signup import unsubscribe
from tests.broadcast_stage import BroadcastStage
from tests.sending_stage import Clock

ADA = "ada@example.org"
TEN = datetime(2026, 3, 2, 9, tzinfo=UTC)  # in Berlin, an hour from now


@pytest.fixture
def stage(database: Database, site: Site, now: datetime, cast: Any) -> BroadcastStage:
    return BroadcastStage(database, site, Clock(now))


def ask(stage: BroadcastStage, address: str = ADA, name: str = "may-news") -> str:
    """Ask, and hear the last sentence without its beginning."""
    said = ask_all(stage, address, name)[-1]
    return said.removeprefix(f"broadcast '{name}' ")


def ask_all(stage: BroadcastStage, address: str = ADA, name: str = "may-news") -> list[str]:
    site, now = stage.site, stage.clock.now
    found: list[str] = stage.ask(lambda s: why_email(s, address, name, site=site, now=now))
    return found


# Before it begins


def test_a_draft_says_that_nobody_gave_it_a_moment(stage: BroadcastStage) -> None:
    stage.write()

    assert ask_all(stage) == [
        "broadcast 'may-news' has no moment yet; they are in its audience, and "
        "'steadypost broadcast schedule may-news' says when"
    ]


def test_what_is_scheduled_says_when_it_comes(stage: BroadcastStage) -> None:
    stage.schedule(TEN)

    assert ask(stage) == "comes on Monday 2 March 2026 10:00, Europe/Berlin"


def test_a_day_that_is_taken_is_named(stage: BroadcastStage, cast: Any) -> None:
    stage.add_series(cast.mailing_list.id)
    stage.tick()
    stage.schedule(TEN)

    assert ask(stage) == (
        "comes on Tuesday 3 March 2026 07:00, Europe/Berlin; "
        "Monday 2 March 2026 has another email already"
    )


def test_who_paused_over_it_does_not_get_it(stage: BroadcastStage, cast: Any) -> None:
    stage.schedule(TEN)
    stage.change(Subscriber, cast.ada.subscriber_id, paused_until=date(2026, 3, 9))

    foretold = ask(stage)
    stage.clock.now = TEN
    stage.tick()

    assert foretold == "does not come: they paused until Monday 9 March 2026"
    assert ask(stage) == "does not come: the person paused the mail until 2026-03-09"


def test_where_the_clinic_never_opens_it_cannot_go(stage: BroadcastStage) -> None:
    stage.schedule(TEN)
    calendar = ClinicCalendar(closed_weekdays=frozenset(range(7)))
    stage.site = replace(stage.site, calendar=calendar)

    assert ask(stage).startswith("cannot go: the clinic's calendar leaves no day or hour open")


# Not for them


@pytest.mark.parametrize(
    ("address", "because"),
    [
        ("ben@example.org", "they have not confirmed list 'weekly' yet"),
        ("cleo@example.org", "they left list 'weekly' on Sunday 1 March 2026"),
        ("dan@example.org", "their address is suppressed"),
    ],
)
def test_who_is_not_to_be_mailed_hears_why(
    stage: BroadcastStage, address: str, because: str
) -> None:
    stage.schedule(TEN)

    assert ask(stage, address) == f"does not come: {because}"


def test_a_suppression_is_told_with_its_reason(stage: BroadcastStage) -> None:
    stage.schedule(TEN)

    assert ask_all(stage, "dan@example.org")[0].startswith(
        "dan@example.org is suppressed since Sunday 1 March 2026: hard bounce"
    )


def test_who_is_on_another_list_is_not_on_this_one(stage: BroadcastStage) -> None:
    stage.make_list("other")
    stage.schedule(TEN, list_slug="other")

    assert ask(stage) == "does not come: they are not on list 'other'"


def test_whom_the_audience_leaves_out_hears_its_rule(stage: BroadcastStage, cast: Any) -> None:
    stage.schedule(TEN, audience="tagged vip")

    before = ask(stage)
    stage.tag(cast.ada.subscriber_id, "vip")

    assert before == "does not come: they are not in its audience: tagged vip"
    assert ask(stage).startswith("comes on ")


def test_who_came_after_it_began_is_not_meant(stage: BroadcastStage, cast: Any) -> None:
    stage.schedule(TEN)
    stage.clock.now = TEN
    stage.tick()
    stage.clock.move(days=1)
    stage.change(
        Subscription, cast.ben.id, standing=Standing.CONFIRMED, confirmed_at=stage.clock.now
    )

    assert ask(stage, "ben@example.org") == (
        "does not come: they confirmed list 'weekly' on Tuesday 3 March 2026, after it began"
    )


def test_who_was_meant_too_late_hears_that_it_was_queued_before(
    stage: BroadcastStage, cast: Any
) -> None:
    stage.schedule(TEN, audience="tagged vip")
    stage.clock.now = TEN
    stage.tick()

    stage.tag(cast.ada.subscriber_id, "vip")

    assert ask(stage) == "does not come: when it was queued they were not in its audience yet"


def test_somebody_nobody_knows_is_said_to_be_unknown(stage: BroadcastStage) -> None:
    stage.schedule(TEN)

    assert ask_all(stage, "nobody@example.org") == [
        "nobody with the address nobody@example.org is known here"
    ]


# On its way, and after


def test_what_is_queued_says_until_when(stage: BroadcastStage) -> None:
    stage.schedule(LocalHour(date(2026, 3, 2), 15))
    stage.tick()

    assert ask(stage) == "is queued for Monday 2 March 2026 15:00, Europe/Berlin"


def test_what_the_quota_keeps_back_says_so(stage: BroadcastStage) -> None:
    quota = Quota(warm_up_from=date(2026, 3, 2), warm_up=(0, 10))
    stage.site = replace(stage.site, quota=quota)
    stage.schedule(TEN)
    stage.clock.now = TEN
    stage.tick()

    assert ask(stage) == "waits: today's 0 are used; tomorrow 07:00"


def test_what_was_sent_says_when(stage: BroadcastStage) -> None:
    stage.schedule(TEN)
    stage.clock.now = TEN
    stage.tick()

    assert ask(stage) == "was sent on Monday 2 March 2026 10:00, Europe/Berlin"


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (
            Uncertain("lost", "relay"),
            "may or may not have arrived: the link was lost on Monday 2 March 2026 10:00, "
            "Europe/Berlin; it is not sent again unless you say so",
        ),
        (
            Refused("550 5.1.1 no such user", "relay", 550, "5.1.1"),
            "is rejected since Monday 2 March 2026 10:00, Europe/Berlin: hard: 550 5.1.1 no "
            "such user",
        ),
    ],
)
def test_what_went_wrong_is_told(stage: BroadcastStage, outcome: Any, said: str) -> None:
    stage.sender.answer_always(ADA, outcome)
    stage.schedule(TEN)
    stage.clock.now = TEN
    stage.tick()

    assert ask(stage) == said


def test_what_was_cancelled_before_it_was_queued_names_the_day(stage: BroadcastStage) -> None:
    stage.schedule(TEN)
    stage.cancel()

    assert ask(stage) == "does not come: it was cancelled on Monday 2 March 2026"


def test_what_was_cancelled_on_its_way_says_so(stage: BroadcastStage) -> None:
    stage.schedule(LocalHour(date(2026, 3, 2), 15))
    stage.tick()
    stage.cancel()

    assert ask(stage) == "does not come: the broadcast was cancelled"


def test_who_left_before_their_copy_went_hears_it(stage: BroadcastStage, cast: Any) -> None:
    stage.schedule(LocalHour(date(2026, 3, 2), 15))
    stage.tick()
    keys, now = stage.site.keys, stage.clock.now
    stage.do(lambda s: unsubscribe(s, cast.ada, keys=keys, now=now, source="a test"))

    before = ask(stage)
    stage.do(lambda s: leave(s, cast.ada, now=now))

    assert before == "does not come: they left list 'weekly' on Monday 2 March 2026"
    assert ask(stage) == "does not come: they unsubscribed"


def test_what_is_late_is_foretold_to_be_held_and_then_is(stage: BroadcastStage) -> None:
    stage.schedule(TEN)
    stage.clock.move(days=3)

    foretold = ask(stage)
    stage.tick()

    assert foretold == "is late, and will be held"
    assert ask(stage) == (
        "is held: its moment was more than 24 hours ago; 'steadypost broadcast send may-news' "
        "sends it all the same"
    )


def test_a_copy_that_came_too_late_is_held_and_the_whole_story_tells_it_too(
    stage: BroadcastStage,
) -> None:
    stage.schedule(LocalHour(date(2026, 3, 2), 15))
    stage.tick()
    stage.clock.move(days=3)
    stage.tick()
    site, now = stage.site, stage.clock.now

    said = ask_all(stage)

    assert said == [
        "broadcast 'may-news' is held: more than 24 hours late; 'steadypost broadcast send "
        "may-news' sends it all the same, then release this; put it right, then release it"
    ]
    assert said[0] in stage.ask(lambda s: why(s, ADA, site=site, now=now))


# Names


def test_a_step_and_a_broadcast_of_one_name_are_both_told(stage: BroadcastStage, cast: Any) -> None:
    stage.add_series(cast.mailing_list.id)
    stage.write("step-2")

    of_step, of_broadcast = ask_all(stage, name="step-2")

    assert of_step.startswith("series 'welcome', part 2 of 3 (step-2) ")
    assert of_broadcast.startswith("broadcast 'step-2' has no moment yet")


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (lambda stage, on: stage.add_series(on), "series 'welcome' has no step 'june'; it has: "),
        (lambda stage, on: None, "cannot tell which series step 'june' is of; "),
    ],
)
def test_a_name_that_nothing_has_is_answered_with_those_there_are(
    stage: BroadcastStage, cast: Any, prepare: Callable[..., Any], error: str
) -> None:
    stage.write()
    prepare(stage, cast.mailing_list.id)

    with pytest.raises(UnknownEmailError) as raised:
        ask_all(stage, name="june")

    assert str(raised.value).startswith(error)
    assert str(raised.value).endswith("; nor is it a broadcast: may-news")
