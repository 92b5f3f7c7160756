"""What is due is queued once, what is not due waits, and nobody's facts hold back another's."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from campaigns.enrolment import leave
from campaigns.models import Series, Step
from campaigns.portions import Portion
from campaigns.queueing import queue_confirmations, queue_due_steps
from campaigns.rules.looks import LONGEST, ON_ITS_WAY
from campaigns.rules.standing import EnrolmentStatus, Origin, SeriesStatus
from campaigns.site import Site
from campaigns.store import look_again, next_look
from delivery.interventions import hold, release_held
from delivery.models import Delivery
from delivery.rules.states import State
from storage.database import Database
from subscribers.models import MailingList, Subscriber, Subscription, Suppression
from subscribers.rules.standing import Pace, Standing, SuppressionReason
from tests.sending_stage import Clock
from tests.series_stage import SeriesStage

DAY = timedelta(days=1)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> SeriesStage:
    return SeriesStage(database, site, Clock(now))


@pytest.fixture
def weekly(stage: SeriesStage) -> int:
    """Make a list without anybody on it."""
    with stage.database.transaction() as session:
        mailing_list = MailingList(slug="weekly", title="Weekly", created_at=stage.clock.now)
        session.add(mailing_list)
    return mailing_list.id


@pytest.fixture
def series(stage: SeriesStage, weekly: int) -> Series:
    return stage.add_series(weekly)[0]


@pytest.fixture
def ada(stage: SeriesStage, weekly: int, series: Series) -> int:
    """Put Ada on her way; give her id as a subscriber."""
    subscription = stage.add_reader("ada", weekly)
    stage.enrol(subscription, series)
    return subscription.subscriber_id


def sent(stage: SeriesStage) -> list[tuple[str, str]]:
    return [(one.step_key, f"{one.at:%m-%d %H:%M}") for one in stage.went()]


# Steps


def test_a_due_step_is_queued_once_under_its_key(stage: SeriesStage, ada: int) -> None:
    assert stage.queue() == 1
    assert stage.queue() == 0

    assert stage.once_keys() == [("enrolment:1/step:1", State.QUEUED)]
    assert stage.enrolments()[0].look_at == stage.clock.now + ON_ITS_WAY


@pytest.mark.parametrize(
    ("origin", "hours", "is_awaited"),
    [
        (Origin.CONFIRMATION, 0, True),
        (Origin.CONFIRMATION, 2, False),  # their series began later, or the service was down
        (Origin.IMPORT, 0, False),
    ],
)
def test_the_first_step_of_who_signed_up_just_now_waits_behind_no_newsletter(
    stage: SeriesStage, weekly: int, series: Series, origin: Origin, hours: int, *, is_awaited: bool
) -> None:
    subscription = stage.add_reader("ada", weekly)
    confirmed_at = stage.clock.now - timedelta(hours=hours)
    stage.change(Subscription, subscription.id, confirmed_at=confirmed_at)
    stage.enrol(subscription, series, origin=origin)
    stage.queue()

    with stage.database.reading() as session:
        (delivery,) = session.scalars(select(Delivery))
    assert delivery.is_awaited is is_awaited


def test_looking_too_often_queues_nothing_twice(stage: SeriesStage, ada: int) -> None:
    for _ in range(3):
        stage.queue()
        stage.do(lambda s: look_again(s, now=stage.clock.now))

    assert len(stage.once_keys()) == 1


def test_a_whole_series_goes_week_by_week_and_ends(stage: SeriesStage, ada: int) -> None:
    stage.run_until(stage.clock.now + 22 * DAY)

    assert sent(stage) == [
        ("step-1", "03-02 08:00"),
        ("step-2", "03-15 08:00"),
        ("step-3", "03-22 08:00"),
    ]
    assert stage.enrolments()[0].status is EnrolmentStatus.FINISHED
    assert stage.ask(next_look) is None


def test_nobody_goes_unlooked_at_for_longer_than_a_day(stage: SeriesStage, ada: int) -> None:
    stage.tick()
    stage.queue()

    ahead = stage.enrolments()[0].look_at - stage.clock.now
    assert timedelta(hours=18) <= ahead <= LONGEST


def test_what_is_on_its_way_is_not_followed_by_the_next(stage: SeriesStage, ada: int) -> None:
    stage.queue()
    stage.clock.move(days=30)

    assert stage.queue() == 0
    assert len(stage.once_keys()) == 1


def test_what_is_held_stops_what_follows_until_it_is_released(stage: SeriesStage, ada: int) -> None:
    stage.queue()
    stage.do(lambda s: hold(s, [1], "look at it"))
    stage.run_until(stage.clock.now + DAY)
    assert sent(stage) == []

    stage.do(lambda s: release_held(s, [1]))
    stage.run_until(stage.clock.now + DAY)

    assert [key for key, _ in sent(stage)] == ["step-1"]


def test_after_an_outage_of_weeks_one_email_goes_and_then_the_wait_counts_again(
    stage: SeriesStage, ada: int
) -> None:
    stage.tick()
    stage.clock.move(days=40)

    stage.run_until(stage.clock.now + 6 * DAY)

    assert sent(stage) == [("step-1", "03-02 08:00"), ("step-2", "04-11 08:00")]


def test_a_paused_series_queues_nothing_and_goes_on_where_it_was(
    stage: SeriesStage, ada: int, series: Series
) -> None:
    stage.tick()
    stage.change(Series, series.id, status=SeriesStatus.PAUSED)
    stage.run_until(stage.clock.now + 15 * DAY)
    assert len(sent(stage)) == 1

    stage.change(Series, series.id, status=SeriesStatus.ACTIVE)
    stage.do(lambda s: look_again(s, series_id=series.id, now=stage.clock.now))
    stage.run_until(stage.clock.now + 6 * DAY)

    assert [key for key, _ in sent(stage)] == ["step-1", "step-2"]


def test_a_changed_hour_counts_from_the_next_look(stage: SeriesStage, ada: int) -> None:
    stage.tick()
    stage.clock.now = datetime(2026, 3, 15, 7, 30, tzinfo=UTC)  # half an hour before her slot
    stage.change(Subscriber, ada, hour=18)
    stage.do(lambda s: look_again(s, subscriber_id=ada, now=stage.clock.now))

    stage.run_until(stage.clock.now + DAY)

    assert sent(stage)[-1] == ("step-2", "03-15 17:00")


def test_a_change_nobody_announced_is_noticed_within_a_day(stage: SeriesStage, ada: int) -> None:
    stage.tick()
    stage.queue()
    stage.change(Subscriber, ada, weekday=2)  # Wednesdays

    stage.run_until(stage.clock.now + 10 * DAY)

    assert sent(stage)[-1] == ("step-2", "03-11 08:00")


def test_a_wish_to_go_slower_and_a_pause_are_kept(stage: SeriesStage, ada: int) -> None:
    stage.tick()
    stage.change(Subscriber, ada, pace=Pace.TWO_WEEKS, paused_until=date(2026, 3, 20), weekday=0)

    stage.run_until(stage.clock.now + 36 * DAY)

    assert [at for _, at in sent(stage)] == ["03-02 08:00", "03-23 08:00", "04-06 07:00"]


def test_an_unknown_time_zone_costs_its_owner_the_hour_and_nobody_anything(
    stage: SeriesStage, ada: int, weekly: int, series: Series
) -> None:
    stage.change(Subscriber, ada, time_zone="Mars/Olympus")
    stage.enrol(stage.add_reader("finn", weekly, time_zone="Pacific/Auckland"), series)

    stage.run_until(stage.clock.now + DAY)

    assert {(one.address, f"{one.at:%H:%M}") for one in stage.went()} == {
        ("ada@example.org", "08:00"),  # 09:00 on the clinic's clock
        ("finn@example.org", "18:00"),  # 07:00 on theirs, where it is night now
    }


@pytest.mark.parametrize("what", ["unsubscribed", "suppressed"])
def test_who_may_not_be_mailed_is_not_queued_though_nobody_ended_their_way(
    stage: SeriesStage, ada: int, what: str
) -> None:
    if what == "unsubscribed":
        stage.change(Subscription, 1, standing=Standing.UNSUBSCRIBED)
    else:
        stage.do(
            lambda s: s.add(
                Suppression(
                    email="ada@example.org",
                    reason=SuppressionReason.COMPLAINT,
                    at=stage.clock.now,
                )
            )
        )

    assert stage.queue() == 0
    assert stage.enrolments()[0].look_at > stage.clock.now


def test_a_step_taken_out_after_queueing_makes_room_for_the_next(
    stage: SeriesStage, ada: int
) -> None:
    stage.tick()
    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.queue()
    stage.change(Step, 2, published=False)

    stage.run_until(stage.clock.now + DAY)

    assert [key for key, _ in sent(stage)] == ["step-1", "step-3"]


def test_a_limit_leaves_the_rest_for_the_next_round(
    stage: SeriesStage, weekly: int, series: Series
) -> None:
    for name in ("finn", "gwen", "hana"):
        stage.enrol(stage.add_reader(name, weekly), series)

    def two(session: Any) -> Portion:
        return queue_due_steps(session, site=stage.site, now=stage.clock.now, limit=2)

    assert [stage.do(two) for _ in range(3)] == [Portion(2, True), Portion(1), Portion(0)]


# Several series


def test_two_series_share_a_persons_days_by_priority(stage: SeriesStage, weekly: int) -> None:
    urgent, _ = stage.add_series(weekly, slug="urgent", priority=1)
    usual, _ = stage.add_series(weekly, slug="usual", priority=2)
    stage.add_reader("ada", weekly)

    stage.run_until(stage.clock.now + 2 * DAY)

    assert [(one.series_id, f"{one.at:%m-%d %H:%M}") for one in stage.went()] == [
        (urgent.id, "03-02 08:00"),
        (usual.id, "03-03 06:00"),
    ]


def test_a_day_on_which_a_broadcast_goes_is_taken(stage: SeriesStage, ada: int) -> None:
    stage.tick()
    slot = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.do(lambda s: s.add(broadcast(ada, due_at=slot)))
    stage.clock.now = slot

    assert stage.queue() == 0
    assert stage.ask(next_look) == slot + DAY


def broadcast(subscriber_id: int, *, due_at: datetime) -> Delivery:
    return Delivery(
        once_key=f"broadcast:1/subscriber:{subscriber_id}",
        kind="broadcast",
        due_at=due_at,
        created_at=due_at,
        subscriber_id=subscriber_id,
    )


# Answers


@pytest.fixture
def asking(stage: SeriesStage, weekly: int) -> Subscription:
    subscription = stage.add_reader("ben", weekly)
    stage.change(
        Subscription,
        subscription.id,
        standing=Standing.UNCONFIRMED,
        confirmed_at=None,
        requested_at=stage.clock.now,
    )
    return subscription


def answers(stage: SeriesStage) -> int:
    now = stage.clock.now
    return int(stage.do(lambda s: queue_confirmations(s, site=stage.site, now=now)))


def test_each_asking_gets_one_confirmation(stage: SeriesStage, asking: Subscription) -> None:
    assert [answers(stage), answers(stage)] == [1, 0]
    stage.change(Subscription, asking.id, asking=2)
    assert [answers(stage), answers(stage)] == [1, 0]

    assert [key for key, _ in stage.once_keys()] == [
        f"confirm:subscription:{asking.id}/asking:1",
        f"confirm:subscription:{asking.id}/asking:2",
    ]


def test_a_confirmation_whose_link_would_not_work_is_not_queued(
    stage: SeriesStage, asking: Subscription
) -> None:
    stage.clock.move(days=7)

    assert answers(stage) == 0


def test_a_suppressed_address_is_asked_nothing(stage: SeriesStage, asking: Subscription) -> None:
    stage.do(
        lambda s: s.add(
            Suppression(
                email="ben@example.org", reason=SuppressionReason.COMPLAINT, at=stage.clock.now
            )
        )
    )

    assert answers(stage) == 0


def test_a_wish_for_a_notice_is_answered_once(stage: SeriesStage, weekly: int) -> None:
    subscription = stage.add_reader("ada", weekly)
    stage.change(Subscription, subscription.id, notice_wanted_at=stage.clock.now)

    assert [answers(stage), answers(stage)] == [1, 0]
    stage.clock.move(days=1)
    assert answers(stage) == 0
    stage.change(Subscription, subscription.id, notice_wanted_at=stage.clock.now)
    assert [answers(stage), answers(stage)] == [1, 0]


def test_a_wish_for_a_notice_is_forgotten_after_a_week(stage: SeriesStage, weekly: int) -> None:
    subscription = stage.add_reader("ada", weekly)
    stage.change(Subscription, subscription.id, notice_wanted_at=stage.clock.now)
    stage.clock.move(days=7)

    assert answers(stage) == 0


# Many, and at the same time


def test_the_number_of_queries_does_not_grow_with_the_number_of_people(
    stage: SeriesStage, weekly: int, series: Series
) -> None:
    def statements() -> int:
        counted: list[str] = []

        def count(_c: Any, _cursor: Any, text: str, *_more: Any) -> None:
            counted.append(text)

        event.listen(stage.database.engine, "before_cursor_execute", count)
        stage.queue()
        event.remove(stage.database.engine, "before_cursor_execute", count)
        return len(counted)

    stage.enrol(stage.add_reader("finn", weekly), series)
    for_one = statements()
    for number in range(12):
        stage.enrol(stage.add_reader(f"person-{number}", weekly), series)

    assert statements() <= for_one


def test_who_leaves_while_their_step_is_being_queued_gets_nothing(
    postgresql_database: Database, site: Site, now: datetime
) -> None:
    stage = SeriesStage(postgresql_database, site, Clock(now))
    with stage.database.transaction() as session:
        mailing_list = MailingList(slug="weekly", title="Weekly", created_at=now)
        session.add(mailing_list)
    series, _ = stage.add_series(mailing_list.id)
    subscription = stage.add_reader("ada", mailing_list.id)
    stage.enrol(subscription, series)
    leaving = threading.Thread(target=stage.do, args=[lambda s: leave(s, subscription, now=now)])

    with stage.database.transaction() as session:
        assert queue_due_steps(session, site=site, now=now).done == 1
        leaving.start()
        leaving.join(timeout=0.3)
        assert leaving.is_alive(), "it waits for what is queued here"
    leaving.join(timeout=60)

    assert [state for _, state in stage.once_keys()] == [State.CANCELLED]


def test_two_processes_look_at_different_people(
    postgresql_database: Database, site: Site, now: datetime
) -> None:
    stage = SeriesStage(postgresql_database, site, Clock(now))
    with stage.database.transaction() as session:
        mailing_list = MailingList(slug="weekly", title="Weekly", created_at=now)
        session.add(mailing_list)
    series, _ = stage.add_series(mailing_list.id)
    for name in ("finn", "gwen", "hana"):
        stage.enrol(stage.add_reader(name, mailing_list.id), series)
    with stage.database.transaction() as one, stage.database.transaction() as other:
        first = queue_due_steps(one, site=site, now=now, limit=2)
        second = queue_due_steps(other, site=site, now=now)

    assert (first.done, second.done) == (2, 1)
