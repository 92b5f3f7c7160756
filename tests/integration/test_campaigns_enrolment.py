"""People enter series by their word, leave by their word, and come back to where they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from campaigns import walking
from campaigns.enrolment import (
    SUPPRESSED,
    UNSUBSCRIBED,
    end_enrolments_of_leavers,
    enrol,
    enrol_newcomers,
    has_leavers,
    has_newcomers,
    leave,
)
from campaigns.errors import AlreadyEnrolledError, NotSubscribedError, SuppressedPersonError
from campaigns.models import Enrolment, Series
from campaigns.rules.standing import EnrolmentStatus, Origin, SeriesStatus
from campaigns.site import ClinicCalendar, Site
from delivery.models import Delivery
from delivery.rules.states import State
from storage.database import Database
from subscribers.models import Subscriber, Subscription, Suppression
from subscribers.rules.standing import Standing, SuppressionReason
from subscribers.signup import SignUp, add_confirmed, confirm, request_subscription
from subscribers.signup import unsubscribe as end_subscription
from subscribers.store import find_subscriber
from subscribers.suppression import lift_suppression, suppress_address
from tests.sending_stage import Clock
from tests.series_stage import SeriesStage

ADA = "ada@example.org"


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> SeriesStage:
    return SeriesStage(database, site, Clock(now))


@pytest.fixture
def series(stage: SeriesStage, cast: Any) -> Series:
    return stage.add_series(cast.mailing_list.id)[0]


def enrolled(stage: SeriesStage) -> list[tuple[str, EnrolmentStatus, Origin]]:
    wanted = (
        select(Subscriber.email, Enrolment.status, Enrolment.origin)
        .join(Subscriber, Subscriber.id == Enrolment.subscriber_id)
        .order_by(Enrolment.id)
    )
    return [tuple(row) for row in stage.ask(lambda s: s.execute(wanted).all())]


def newcomers(stage: SeriesStage) -> int:
    now = stage.clock.now
    return int(stage.do(lambda s: enrol_newcomers(s, site=stage.site, now=now)).done)


def end_leavers(stage: SeriesStage) -> int:
    return int(stage.do(lambda s: end_enrolments_of_leavers(s, now=stage.clock.now)).done)


def unsubscribe(stage: SeriesStage, subscription: Subscription) -> None:
    """End the subscription as somebody who forgot to end the ways."""
    keys, now = stage.site.keys, stage.clock.now
    stage.do(lambda s: end_subscription(s, subscription, keys=keys, now=now, source="test"))


def sign_up_and_confirm(stage: SeriesStage, email: str) -> None:
    keys, now = stage.site.keys, stage.clock.now
    wish = SignUp(email=email, list_slug="weekly")
    stage.do(lambda s: request_subscription(s, wish, keys=keys, now=now))
    with stage.database.transaction() as session:
        person = find_subscriber(session, email)
        assert person is not None
        subscription = session.scalars(
            select(Subscription).where(Subscription.subscriber_id == person.id)
        ).one()
        confirm(session, subscription.public_id, asking=None, keys=keys, now=now)


# Entering


@pytest.mark.usefixtures("series")
def test_only_who_confirmed_and_may_be_mailed_is_enrolled(stage: SeriesStage) -> None:
    assert newcomers(stage) == 1

    assert [row[:2] for row in enrolled(stage)] == [(ADA, EnrolmentStatus.ACTIVE)]


@pytest.mark.usefixtures("series")
def test_enrolling_twice_changes_nothing(stage: SeriesStage) -> None:
    newcomers(stage)

    assert newcomers(stage) == 0
    assert len(enrolled(stage)) == 1


@pytest.mark.usefixtures("series")
def test_the_newest_word_tells_how_an_enrolment_began(stage: SeriesStage) -> None:
    keys, now = stage.site.keys, stage.clock.now
    sign_up_and_confirm(stage, "finn@example.org")
    by_staff = SignUp(email="gwen@example.org", list_slug="weekly", source="phone call")
    stage.do(lambda s: add_confirmed(s, by_staff, keys=keys, now=now))

    newcomers(stage)

    assert enrolled(stage) == [
        (ADA, EnrolmentStatus.ACTIVE, Origin.STAFF),  # confirmed by no word on record
        ("finn@example.org", EnrolmentStatus.ACTIVE, Origin.CONFIRMATION),
        ("gwen@example.org", EnrolmentStatus.ACTIVE, Origin.STAFF),
    ]


def test_a_paused_series_takes_nobody_in(stage: SeriesStage, series: Series) -> None:
    stage.change(Series, series.id, status=SeriesStatus.PAUSED)

    assert newcomers(stage) == 0


def test_every_series_of_a_list_takes_its_people_in(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    stage.add_series(cast.mailing_list.id, slug="second")

    assert newcomers(stage) == 2


# Entering by hand


def person_of(stage: SeriesStage, subscription: Subscription) -> Subscriber:
    found: Subscriber = stage.ask(lambda s: s.get_one(Subscriber, subscription.subscriber_id))
    return found


def enrol_by_hand(stage: SeriesStage, subscription: Subscription, series: Series) -> Enrolment:
    person, now = person_of(stage, subscription), stage.clock.now
    found: Enrolment = stage.do(lambda s: enrol(s, person, series, origin=Origin.STAFF, now=now))
    return found


def test_staff_can_enrol_a_person(stage: SeriesStage, series: Series, cast: Any) -> None:
    found = enrol_by_hand(stage, cast.ada, series)

    assert (found.status, found.origin) == (EnrolmentStatus.ACTIVE, Origin.STAFF)


def test_nobody_is_enrolled_twice_by_hand(stage: SeriesStage, series: Series, cast: Any) -> None:
    enrol_by_hand(stage, cast.ada, series)

    with pytest.raises(
        AlreadyEnrolledError,
        match=r"cannot enrol ada@example\.org in series 'welcome' again: their enrolment is active",
    ):
        enrol_by_hand(stage, cast.ada, series)


@pytest.mark.parametrize("name", ["ben", "cleo"])
def test_nobody_is_enrolled_without_their_word(
    stage: SeriesStage, series: Series, cast: Any, name: str
) -> None:
    with pytest.raises(
        NotSubscribedError,
        match=rf"cannot enrol {name}@example\.org: not confirmed on list 'weekly'; they must sign",
    ):
        enrol_by_hand(stage, getattr(cast, name), series)


def test_nobody_suppressed_is_enrolled(stage: SeriesStage, series: Series, cast: Any) -> None:
    with pytest.raises(
        SuppressedPersonError,
        match=r"cannot enrol eve@example\.org: the address is suppressed \(complaint\); lift that",
    ):
        enrol_by_hand(stage, cast.eve, series)


# Leaving


@pytest.fixture
def queued(stage: SeriesStage, series: Series) -> int:
    """Enrol Ada and queue her first step; give the delivery's id."""
    newcomers(stage)
    assert stage.queue() == 1
    return int(stage.ask(lambda s: s.scalars(select(Delivery.id)).one()))


def test_who_leaves_gets_nothing_more_even_of_what_is_queued(
    stage: SeriesStage, queued: int, cast: Any
) -> None:
    unsubscribe(stage, cast.ada)

    assert stage.do(lambda s: leave(s, cast.ada, now=stage.clock.now)) == 1

    found = stage.enrolments()[0]
    assert (found.status, found.reason) == (EnrolmentStatus.LEFT, UNSUBSCRIBED)
    assert found.ended_at == stage.clock.now
    assert stage.delivery(queued).state is State.CANCELLED
    assert stage.delivery(queued).reason == UNSUBSCRIBED


def test_who_leaves_twice_leaves_once(stage: SeriesStage, queued: int, cast: Any) -> None:
    unsubscribe(stage, cast.ada)
    stage.do(lambda s: leave(s, cast.ada, now=stage.clock.now))

    assert stage.do(lambda s: leave(s, cast.ada, now=stage.clock.now)) == 0
    assert end_leavers(stage) == 0


def test_leaving_one_list_leaves_the_series_of_others(stage: SeriesStage, cast: Any) -> None:
    stage.add_series(cast.mailing_list.id)
    with stage.database.transaction() as session:
        other_list = type(cast.mailing_list)(
            slug="other", title="Other", created_at=stage.clock.now
        )
        session.add(other_list)
        session.flush()
        other = Subscription(
            subscriber_id=cast.ada.subscriber_id,
            list_id=other_list.id,
            standing=Standing.CONFIRMED,
            requested_at=stage.clock.now,
            confirmed_at=stage.clock.now,
        )
        session.add(other)
    stage.add_series(other_list.id, slug="other-series")
    newcomers(stage)
    stage.queue()
    stage.clock.move(minutes=1)

    stage.do(lambda s: leave(s, cast.ada, now=stage.clock.now))

    left, stays = stage.enrolments()
    assert (left.status, stays.status) == (EnrolmentStatus.LEFT, EnrolmentStatus.ACTIVE)
    assert stays.look_at == stage.clock.now  # a day has become free: decide anew


def test_an_unsubscription_nobody_told_of_is_found(
    stage: SeriesStage, queued: int, cast: Any
) -> None:
    unsubscribe(stage, cast.ada)

    assert end_leavers(stage) == 1

    assert stage.enrolments()[0].reason == UNSUBSCRIBED
    assert stage.delivery(queued).state is State.CANCELLED


def test_a_suppression_ends_the_way(stage: SeriesStage, queued: int) -> None:
    reason, now = SuppressionReason.COMPLAINT, stage.clock.now
    stage.do(lambda s: suppress_address(s, ADA, reason, now=now))

    assert end_leavers(stage) == 1

    assert stage.enrolments()[0].reason == SUPPRESSED
    assert stage.delivery(queued).state is State.CANCELLED


def test_a_subscription_that_is_gone_ends_the_way_at_the_next_look(
    stage: SeriesStage, queued: int, cast: Any
) -> None:
    stage.do(lambda s: s.execute(delete(Subscription).where(Subscription.id == cast.ada.id)))
    stage.clock.move(days=1)

    assert stage.queue() == 0

    assert stage.enrolments()[0].reason == UNSUBSCRIBED
    assert stage.delivery(queued).state is State.CANCELLED


def test_who_leaves_and_takes_it_back_before_any_tick_goes_on(
    stage: SeriesStage, queued: int, cast: Any
) -> None:
    unsubscribe(stage, cast.ada)
    stage.do(lambda s: leave(s, cast.ada, now=stage.clock.now))
    sign_up_and_confirm(stage, ADA)

    assert newcomers(stage) == 1

    assert stage.enrolments()[0].status is EnrolmentStatus.ACTIVE


def test_who_was_noted_is_not_asked_about_again(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    assert stage.ask(lambda s: has_newcomers(s, site=stage.site))
    newcomers(stage)
    end_leavers(stage)

    assert not stage.ask(lambda s: has_newcomers(s, site=stage.site))
    assert not stage.ask(has_leavers)


@pytest.mark.parametrize("standing", [Standing.UNCONFIRMED, Standing.UNSUBSCRIBED])
def test_a_standing_moved_by_hand_is_noticed(
    stage: SeriesStage, queued: int, cast: Any, standing: Standing
) -> None:
    stage.change(Subscription, cast.ada.id, standing=standing)

    assert stage.ask(has_leavers)
    assert end_leavers(stage) == 1


def test_a_series_that_was_paused_takes_in_who_came_meanwhile(
    stage: SeriesStage, series: Series
) -> None:
    newcomers(stage)
    stage.change(Series, series.id, status=SeriesStatus.PAUSED)
    sign_up_and_confirm(stage, "finn@example.org")
    assert newcomers(stage) == 0

    stage.change(Series, series.id, status=SeriesStatus.ACTIVE)

    assert stage.ask(lambda s: has_newcomers(s, site=stage.site))
    assert newcomers(stage) == 1


def test_a_later_series_takes_in_who_is_on_its_list_already(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    newcomers(stage)
    stage.add_series(cast.mailing_list.id, slug="second")

    assert newcomers(stage) == 1


def test_a_long_list_is_walked_in_stretches(
    stage: SeriesStage, series: Series, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "_STRETCH", 2)
    newcomers(stage)
    for number in range(5):
        stage.add_reader(f"person{number}", cast.mailing_list.id)
    newcomers(stage)
    while stage.ask(lambda s: has_newcomers(s, site=stage.site)):
        newcomers(stage)

    stage.add_series(cast.mailing_list.id, slug="second")
    taken_in = []
    while stage.ask(lambda s: has_newcomers(s, site=stage.site)):
        taken_in.append(newcomers(stage))

    assert sum(taken_in) == 6
    assert max(taken_in) == 2
    assert len(taken_in) == 6  # ten people, two at a time, and a look that finds no more


def test_another_calendar_lets_everybody_be_looked_at_anew(
    stage: SeriesStage, queued: int, cast: Any
) -> None:
    later = stage.enrolments()[0].look_at
    calendar = ClinicCalendar(closed_weekdays=frozenset({6}))
    stage.site = replace(stage.site, calendar=calendar)

    assert later > stage.clock.now
    newcomers(stage)

    assert stage.enrolments()[0].look_at == stage.clock.now
    newcomers(stage)
    assert not stage.ask(lambda s: has_newcomers(s, site=stage.site))


def test_who_stays_is_left_alone(stage: SeriesStage, queued: int) -> None:
    assert end_leavers(stage) == 0
    assert stage.delivery(queued).state is State.QUEUED


# Coming back


def test_who_comes_back_goes_on_where_they_were(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    stage.tick()
    stage.clock.move(days=7)
    stage.queue()
    stage.do(lambda s: leave(s, cast.ada, now=stage.clock.now))
    unsubscribe(stage, cast.ada)
    stage.clock.move(days=2)
    sign_up_and_confirm(stage, ADA)

    stage.tick()

    enrolment = stage.enrolments()[0]
    assert (enrolment.status, enrolment.reason, enrolment.ended_at) == (
        EnrolmentStatus.ACTIVE,
        "",
        None,
    )
    # the second step was cancelled: the same delivery goes, and the first is not repeated
    assert [one.step_key for one in stage.went()] == ["step-1", "step-2"]
    steps = [state for key, state in stage.once_keys() if key.startswith("enrolment")]
    assert steps == [State.SENT, State.SENT]


def test_who_comes_back_still_waits_a_whole_week_after_the_last_email(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    stage.tick()
    unsubscribe(stage, cast.ada)
    stage.do(lambda s: leave(s, cast.ada, now=stage.clock.now))
    stage.clock.move(days=1)
    sign_up_and_confirm(stage, ADA)

    stage.run_until(stage.clock.now + timedelta(days=5))

    assert [one.step_key for one in stage.went()] == ["step-1"]


def test_a_lifted_suppression_resumes_the_way(stage: SeriesStage, queued: int) -> None:
    now = stage.clock.now
    stage.do(lambda s: suppress_address(s, ADA, SuppressionReason.BY_STAFF, now=now))
    end_leavers(stage)
    assert newcomers(stage) == 0
    stage.do(lambda s: lift_suppression(s, ADA, now=now))

    assert newcomers(stage) == 1

    assert stage.enrolments()[0].status is EnrolmentStatus.ACTIVE


def test_who_finished_does_not_begin_again_by_coming_back(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    stage.run_until(stage.clock.now + timedelta(days=21))
    assert stage.enrolments()[0].status is EnrolmentStatus.FINISHED
    unsubscribe(stage, cast.ada)
    stage.clock.move(days=2)
    sign_up_and_confirm(stage, ADA)

    stage.run_until(stage.clock.now + timedelta(days=9))

    assert len(stage.went()) == 3


def test_a_way_that_was_begun_anew_is_not_resumed_beside_the_new_one(
    stage: SeriesStage, series: Series, cast: Any
) -> None:
    stage.enrol(cast.ada, series, status=EnrolmentStatus.LEFT)
    stage.enrol(cast.ada, series, round=2)

    assert newcomers(stage) == 0


def test_suppressions_alone_enrol_nobody(stage: SeriesStage, series: Series) -> None:
    stage.do(lambda s: s.execute(delete(Suppression).where(Suppression.email != "x")))

    assert newcomers(stage) == 3  # Ada, and Dan and Eve now that nothing speaks against them
