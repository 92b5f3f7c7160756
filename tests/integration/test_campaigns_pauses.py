"""A series that pauses and goes on; people who skip, hurry, begin anew and leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.enrolment import enrol_newcomers
from campaigns.errors import (
    NotParkedError,
    SeriesNotPausedError,
    SeriesPausedError,
)
from campaigns.explain import why
from campaigns.models import Enrolment, Series, Step
from campaigns.own_choices import ask_for_next, leave_series, skip_next, start_again
from campaigns.parking import let_go_on, list_parked
from campaigns.pausing import Resumed, pause_series, resume_series
from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from campaigns.stopping import apply_exit_rules
from delivery.models import Delivery
from delivery.rules.states import State
from delivery.sender import Accepted, Refused
from storage.database import Database
from subscribers.events import note_event
from subscribers.models import Subscriber, Subscription
from subscribers.profiles import add_tags
from tests.sending_stage import Clock
from tests.series_stage import SeriesStage

DAY = timedelta(days=1)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> SeriesStage:
    return SeriesStage(database, site, Clock(now))


@pytest.fixture
def ada(stage: SeriesStage) -> Subscription:
    """Let Ada have had the first of three; she confirmed on a Sunday."""
    weekly = stage.add_list()
    stage.add_series(weekly)
    ada = stage.add_reader("ada", weekly)
    stage.tick()
    return ada


def pause(stage: SeriesStage) -> int:
    taken: int = stage.do(lambda s: pause_series(s, "welcome", reason="new", now=stage.clock.now))
    return taken


def resume(stage: SeriesStage, *, skip: bool = False) -> Resumed:
    site, now = stage.site, stage.clock.now
    done: Resumed = stage.do(lambda s: resume_series(s, "welcome", skip=skip, site=site, now=now))
    return done


def dates(stage: SeriesStage) -> list[tuple[str, str]]:
    return [(one.step_key, f"{one.at:%m-%d %H:%M}") for one in stage.went()]


def person(stage: SeriesStage, ada: Subscription) -> Subscriber:
    found: Subscriber = stage.ask(lambda s: s.get_one(Subscriber, ada.subscriber_id))
    return found


def told(stage: SeriesStage) -> str:
    site, now = stage.site, stage.clock.now
    return "\n".join(stage.ask(lambda s: why(s, "ada@example.org", site=site, now=now)))


# A series pauses


def test_after_a_pause_everybody_goes_on_where_they_were_at_their_own_slot(
    stage: SeriesStage, ada: Subscription
) -> None:
    pause(stage)
    stage.run_until(datetime(2026, 3, 18, 12, tzinfo=UTC))  # a Wednesday; two Sundays lapsed
    assert resume(stage) == Resumed(people=1, skipped=0, shortened=0)

    stage.tick()
    assert len(stage.went()) == 1
    assert "the series goes on for them from Wednesday 18 March 2026" in told(stage)
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-2", "03-22 08:00"), ("step-3", "03-29 07:00")]


def test_a_pause_that_no_slot_fell_into_moves_nothing(
    stage: SeriesStage, ada: Subscription
) -> None:
    pause(stage)
    stage.run_until(datetime(2026, 3, 4, 12, tzinfo=UTC))
    resume(stage)
    stage.run_until(datetime(2026, 3, 20, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-2", "03-15 08:00")]


def test_what_fell_into_a_pause_is_left_out_by_name_when_that_is_wished(
    stage: SeriesStage, ada: Subscription
) -> None:
    pause(stage)
    stage.run_until(datetime(2026, 3, 18, 12, tzinfo=UTC))
    assert resume(stage, skip=True) == Resumed(people=1, skipped=1, shortened=1)

    assert (
        "series 'welcome', part 2 of 3 (step-2) was left out on Wednesday 18 March 2026: "
        "the series was paused until Wednesday 18 March 2026"
    ) in told(stage)
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))
    assert dates(stage)[1:] == [("step-3", "03-22 08:00")]


def test_what_is_queued_when_a_series_pauses_is_taken_back_and_goes_later_once(
    stage: SeriesStage, ada: Subscription
) -> None:
    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.queue()
    assert pause(stage) == 1
    stage.run_until(datetime(2026, 3, 15, 12, tzinfo=UTC))
    resume(stage)
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-2", "03-22 08:00"), ("step-3", "03-29 07:00")]


def test_a_series_is_paused_and_resumed_once(stage: SeriesStage, ada: Subscription) -> None:
    with pytest.raises(SeriesNotPausedError, match="'welcome' is not paused"):
        resume(stage)
    pause(stage)
    with pytest.raises(SeriesPausedError, match="resume welcome' lets it go on"):
        pause(stage)


# Conditions and exit rules


def test_a_step_whose_condition_is_false_is_left_out_and_the_next_takes_its_slot(
    stage: SeriesStage, ada: Subscription
) -> None:
    stage.change(Step, 2, condition="tagged client")
    stage.run_until(datetime(2026, 3, 15, 9, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-3", "03-15 08:00")]
    assert "its condition is not true of them: tagged client" in told(stage)


def test_a_condition_is_asked_in_the_moment_of_sending(
    stage: SeriesStage, ada: Subscription
) -> None:
    stage.change(Step, 2, condition="tagged client")
    stage.run_until(datetime(2026, 3, 14, tzinfo=UTC))
    stage.do(lambda s: add_tags(s, s.get_one(Subscriber, ada.subscriber_id), ["client"]))
    stage.run_until(datetime(2026, 3, 15, 9, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-2", "03-15 08:00")]


def test_a_condition_that_turns_false_while_it_is_queued_leaves_it_out(
    stage: SeriesStage, ada: Subscription
) -> None:
    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.queue()
    stage.change(Step, 2, condition="tagged client")
    stage.run_until(datetime(2026, 3, 15, 9, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-3", "03-15 08:00")]
    assert stage.states()[2] is State.CANCELLED


def test_an_event_ends_the_series_with_its_reason(stage: SeriesStage, ada: Subscription) -> None:
    stage.change(Series, 1, exit_rule="event booked or tagged client")
    stage.clock.move(days=2)

    def note(session: Session) -> int:
        found = session.get_one(Subscriber, ada.subscriber_id)
        note_event(session, found, " Booked ", now=stage.clock.now)
        return apply_exit_rules(session, found.id, site=stage.site, now=stage.clock.now)

    assert stage.do(note) == 1
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    (way,) = stage.enrolments()
    assert way.status is EnrolmentStatus.STOPPED
    assert way.reason.endswith("exit rule is true of them: event booked or tagged client")
    assert len(stage.went()) == 1
    assert "series 'welcome' ended early for them on Wednesday 4 March 2026" in told(stage)


def test_a_tag_that_nobody_announced_ends_the_series_before_the_next_email(
    stage: SeriesStage, ada: Subscription
) -> None:
    stage.change(Series, 1, exit_rule="tagged client")
    stage.do(lambda s: add_tags(s, s.get_one(Subscriber, ada.subscriber_id), ["client"]))
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    assert len(stage.went()) == 1
    assert stage.enrolments()[0].status is EnrolmentStatus.STOPPED
    stage.do(lambda s: enrol_newcomers(s, site=stage.site, now=stage.clock.now))
    assert len(stage.enrolments()) == 1


# What people ask for


def wish(stage: SeriesStage, ada: Subscription, deed: Callable[..., bool]) -> bool:
    more: dict[str, Any] = {} if deed in (start_again, leave_series) else {"site": stage.site}
    with stage.database.transaction() as session:
        here = session.get_one(Subscriber, ada.subscriber_id)
        return deed(session, here, 1, now=stage.clock.now, **more)


def test_skipping_the_next_one_leaves_a_week_without(stage: SeriesStage, ada: Subscription) -> None:
    assert wish(stage, ada, skip_next)
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-3", "03-22 08:00")]
    assert not wish(stage, ada, skip_next)


def test_skipping_what_is_queued_takes_it_back(stage: SeriesStage, ada: Subscription) -> None:
    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.queue()

    assert wish(stage, ada, skip_next)
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-3", "03-22 08:00")]


def test_the_next_one_comes_now_and_not_twice_a_day(stage: SeriesStage, ada: Subscription) -> None:
    stage.clock.now = datetime(2026, 3, 4, 22, tzinfo=UTC)  # at night, on their own word
    assert wish(stage, ada, ask_for_next)
    stage.tick()
    assert dates(stage)[1:] == [("step-2", "03-04 22:00")]

    stage.clock.now = datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert wish(stage, ada, ask_for_next)  # the last one went after midnight in Berlin… before it
    stage.run_until(datetime(2026, 3, 5, 10, tzinfo=UTC))
    stage.tick()
    assert dates(stage)[2:] == [("step-3", "03-05 09:00")]


def test_what_is_queued_already_goes_before_the_others_once_its_reader_asks_for_it(
    stage: SeriesStage, ada: Subscription
) -> None:
    def queued() -> bool:
        with stage.database.reading() as session:
            return session.scalars(
                select(Delivery.is_awaited).where(Delivery.state == State.QUEUED)
            ).one()

    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.queue()
    assert not queued()

    assert wish(stage, ada, ask_for_next)
    stage.queue()
    assert queued()


def test_asking_twice_on_a_day_brings_the_second_tomorrow(
    stage: SeriesStage, ada: Subscription
) -> None:
    stage.clock.move(minutes=5)  # today's went at nine
    assert wish(stage, ada, ask_for_next)
    stage.tick()
    assert len(stage.went()) == 1
    stage.run_until(datetime(2026, 3, 3, 12, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-2", "03-03 06:00")]


def test_asking_ends_no_pause_and_still_brings_one(stage: SeriesStage, ada: Subscription) -> None:
    stage.change(Subscriber, ada.subscriber_id, paused_until=date(2026, 5, 1))
    stage.clock.now = datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert wish(stage, ada, ask_for_next)
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-2", "03-04 09:00")]


def test_nobody_hurries_a_paused_series(stage: SeriesStage, ada: Subscription) -> None:
    pause(stage)

    assert not wish(stage, ada, ask_for_next)


def test_starting_again_is_a_second_round(stage: SeriesStage, ada: Subscription) -> None:
    assert not wish(stage, ada, start_again)  # they have just begun
    stage.run_until(datetime(2026, 3, 16, 9, tzinfo=UTC))
    assert wish(stage, ada, start_again)
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    assert [one[0] for one in dates(stage)] == ["step-1", "step-2", "step-1", "step-2", "step-3"]
    rounds = [(way.round, way.status) for way in stage.enrolments()]
    assert rounds == [(1, EnrolmentStatus.STOPPED), (2, EnrolmentStatus.FINISHED)]


def test_leaving_one_series_alone_keeps_the_others(stage: SeriesStage, ada: Subscription) -> None:
    stage.add_series(ada.list_id, slug="other", waits=(0, 7))
    assert wish(stage, ada, leave_series)
    assert not wish(stage, ada, leave_series)
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    assert [(one.series_id, one.step_key) for one in stage.went()][1:] == [
        (2, "step-1"),
        (2, "step-2"),
    ]
    assert stage.enrolments()[0].reason == "they left this series alone"


def test_who_is_in_no_series_can_ask_for_nothing(stage: SeriesStage) -> None:
    weekly = stage.add_list()
    ada = stage.add_reader("ada", weekly)

    for deed in (skip_next, ask_for_next, start_again, leave_series):
        assert not wish(stage, ada, deed)


# Parked, and back


def test_a_full_mailbox_is_tried_for_days_then_parked_and_there_is_a_way_back(
    stage: SeriesStage, ada: Subscription
) -> None:
    full = Refused("552 5.2.2 mailbox full", "relay", 552, "5.2.2", "rcpt")
    stage.clock.now = datetime(2026, 3, 15, 8, tzinfo=UTC)
    stage.sender.answer_always("ada@example.org", full)
    stage.run_until(datetime(2026, 3, 22, tzinfo=UTC))

    (way,) = stage.enrolments()
    assert way.status is EnrolmentStatus.PARKED
    (parked,) = stage.ask(list_parked)
    assert (parked.email, parked.series) == ("ada@example.org", "welcome")
    assert "gave up after 5 days of refusals" in parked.reason

    stage.sender.answer_always("ada@example.org", Accepted("250 ok", "relay"))
    stage.clock.now = datetime(2026, 4, 2, 10, tzinfo=UTC)
    here = person(stage, ada)
    assert stage.do(lambda s: let_go_on(s, here, now=stage.clock.now)) == 1
    stage.run_until(datetime(2026, 4, 30, tzinfo=UTC))

    assert dates(stage)[1:] == [("step-2", "04-02 10:00"), ("step-3", "04-12 07:00")]
    with pytest.raises(NotParkedError, match=r"ada@example\.org is not parked in any series"):
        stage.do(lambda s: let_go_on(s, here, now=stage.clock.now))


def test_nothing_of_all_this_is_kept_when_a_person_is_erased(
    stage: SeriesStage, ada: Subscription
) -> None:
    wish(stage, ada, skip_next)
    stage.do(lambda s: s.delete(s.get_one(Subscriber, ada.subscriber_id)))

    assert stage.ask(lambda s: s.query(Enrolment).count()) == 0
