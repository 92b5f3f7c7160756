"""What may happen between the claim and the hand-over, and keeps a mail from going."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from campaigns.enrolment import leave
from campaigns.models import Enrolment, Series, Step
from campaigns.rules.standing import EnrolmentStatus, SeriesStatus
from campaigns.site import Site
from delivery import outbox
from delivery.errors import WorkerFencedError
from delivery.memory import MemorySender
from delivery.models import Delivery
from delivery.rules.states import Kind, State
from storage.database import Database
from subscribers.models import Subscriber, Subscription
from subscribers.profiles import add_tags
from subscribers.rules.standing import Pace, Standing, SuppressionReason
from subscribers.signup import unsubscribe
from subscribers.suppression import suppress_address
from tests.sending_stage import (
    DOCUMENT,
    Clock,
    Crash,
    InterruptedRenderer,
    InterruptedSender,
    Stage,
    crash,
    read,
)

LEASE = timedelta(seconds=60)


@dataclass
class Ada:
    """Ada at the first step of a series."""

    stage: Stage
    series: Series
    steps: list[Step]
    subscription: Subscription
    enrolment: int
    delivery: int

    def now(self) -> Delivery:
        return self.stage.delivery(self.delivery)

    def queue_second(self) -> int:
        """Queue the second step instead of the first, which she has had a week ago."""
        stage = self.stage
        with stage.database.transaction() as session:
            outbox.cancel_deliveries(session, [self.delivery], "test", now=stage.clock.now)
        week_ago = stage.clock.now - timedelta(days=7)
        stage.change(
            Enrolment, self.enrolment, last_step_id=self.steps[0].id, last_sent_at=week_ago
        )
        return stage.queue_step(self.subscription, self.enrolment, self.steps[1])


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> Stage:
    return Stage(database, site, Clock(now))


@pytest.fixture
def ada(stage: Stage, cast: Any) -> Ada:
    series, steps = stage.add_series(cast.mailing_list.id)
    enrolment = stage.enrol(cast.ada, series)
    delivery = stage.queue_step(cast.ada, enrolment, steps[0])
    return Ada(stage, series, steps, cast.ada, enrolment, delivery)


def between_claim_and_mark(ada: Ada, deed: Callable[[], object]) -> Any:
    return ada.stage.send(renderer=InterruptedRenderer(deed))


# --- what was written ahead ---


def test_a_series_paused_between_claim_and_mark_keeps_its_mail(ada: Ada, now: datetime) -> None:
    report = between_claim_and_mark(
        ada, lambda: ada.stage.change(Series, ada.series.id, status=SeriesStatus.PAUSED)
    )

    assert (report.sent, report.put_back) == (0, 1)
    assert (ada.now().state, ada.now().reason) == (State.QUEUED, "the series is paused")
    assert ada.now().due_at == now + timedelta(hours=1)


def test_a_step_taken_out_between_claim_and_mark_is_not_sent(ada: Ada) -> None:
    report = between_claim_and_mark(
        ada, lambda: ada.stage.change(Step, ada.steps[0].id, published=False)
    )

    assert (report.sent, report.cancelled) == (0, 1)
    assert ada.now().reason == "the step was taken out of the series"


def test_a_text_published_between_claim_and_mark_is_the_one_that_goes(ada: Ada) -> None:
    def publish() -> None:
        with ada.stage.database.transaction() as session:
            text = DOCUMENT.format(subject="The corrected one")
            ada.stage.publish(session, ada.steps[0], text)

    first = between_claim_and_mark(ada, publish)
    again = ada.stage.send()

    assert (first.sent, first.put_back, again.sent) == (0, 1, 1)
    (handover,) = ada.stage.sender.handovers
    assert read(handover.message)["Subject"] == "The corrected one"


def test_a_person_who_pauses_between_claim_and_mark_gets_nothing(ada: Ada, now: datetime) -> None:
    until = (now + timedelta(days=14)).date()

    report = between_claim_and_mark(
        ada,
        lambda: ada.stage.change(Subscriber, ada.subscription.subscriber_id, paused_until=until),
    )

    assert (report.sent, report.put_back) == (0, 1)
    assert ada.now().reason == "the person paused the mail"


# --- the person ---


@pytest.mark.parametrize(
    ("table", "values", "reason"),
    [
        (Step, {"condition": "tagged vip"}, "its condition is not true of them: tagged vip"),
        (
            Series,
            {"exit_rule": "first_name is Ada"},
            "the series' exit rule is true of them: first_name is Ada",
        ),
    ],
)
def test_what_is_asked_of_a_person_between_claim_and_mark_is_asked_at_the_mark(
    ada: Ada, table: Any, values: dict[str, str], reason: str
) -> None:
    place = ada.steps[0].id if table is Step else ada.series.id
    between_claim_and_mark(ada, lambda: ada.stage.change(table, place, **values))

    assert (ada.now().state, ada.now().reason) == (State.CANCELLED, reason)


def test_a_person_who_changes_between_claim_and_mark_is_asked_again(ada: Ada) -> None:
    ada.stage.change(Step, ada.steps[0].id, condition="not tagged vip")

    def tag_them() -> None:
        with ada.stage.database.transaction() as session:
            person = session.get_one(Subscriber, ada.subscription.subscriber_id)
            add_tags(session, person, ["vip"])

    between_claim_and_mark(ada, tag_them)

    assert ada.now().reason == "its condition is not true of them: not tagged vip"
    assert ada.stage.sender.accepted == []


def test_an_unsubscribe_between_claim_and_mark_stops_the_mail(ada: Ada) -> None:
    def leave_now() -> None:
        now = ada.stage.clock.now
        with ada.stage.database.transaction() as session:
            found = session.get_one(Subscription, ada.subscription.id)
            unsubscribe(session, found, keys=ada.stage.site.keys, now=now, source="one click")
            leave(session, found, now=now)

    between_claim_and_mark(ada, leave_now)

    assert ada.stage.sender.handovers == []
    assert ada.now().state is State.CANCELLED
    assert ada.stage.enrolment(ada.enrolment).last_step_id is None
    assert ada.stage.mailed_days() == []


def test_an_unsubscribe_that_told_nobody_is_seen_at_the_mark(ada: Ada) -> None:
    report = between_claim_and_mark(
        ada,
        lambda: ada.stage.change(Subscription, ada.subscription.id, standing=Standing.UNSUBSCRIBED),
    )

    assert ada.stage.sender.handovers == []
    assert report.cancelled == 1
    assert (ada.now().state, ada.now().reason) == (State.CANCELLED, "the person is unsubscribed")
    assert ada.stage.enrolment(ada.enrolment).last_step_id is None


def test_a_suppression_between_claim_and_mark_stops_the_mail(ada: Ada) -> None:
    def complain() -> None:
        with ada.stage.database.transaction() as session:
            suppress_address(
                session,
                "ada@example.org",
                SuppressionReason.COMPLAINT,
                now=ada.stage.clock.now,
            )

    report = between_claim_and_mark(ada, complain)

    assert ada.stage.sender.handovers == []
    assert report.cancelled == 1
    assert ada.now().reason == "the address is suppressed"


def test_somebody_erased_between_claim_and_mark_gets_nothing(ada: Ada) -> None:
    def erase() -> None:
        with ada.stage.database.transaction() as session:
            session.delete(session.get_one(Subscriber, ada.subscription.subscriber_id))

    between_claim_and_mark(ada, erase)

    assert ada.stage.sender.handovers == []
    assert ada.now().state is State.CANCELLED
    assert ada.now().reason == "the person or their address is gone"


def test_somebody_erased_before_the_claim_gets_nothing(ada: Ada) -> None:
    with ada.stage.database.transaction() as session:
        session.delete(session.get_one(Subscriber, ada.subscription.subscriber_id))

    ada.stage.send()

    assert ada.stage.sender.handovers == []
    assert ada.now().reason == "the person, the step or the series is gone"


def test_an_enrolment_that_ended_between_claim_and_mark_gets_nothing(ada: Ada) -> None:
    between_claim_and_mark(
        ada,
        lambda: ada.stage.change(Enrolment, ada.enrolment, status=EnrolmentStatus.PARKED),
    )

    assert ada.stage.sender.handovers == []
    assert ada.now().reason == "the enrolment has ended: parked"


def test_a_mail_that_staff_held_between_claim_and_mark_takes_no_day(ada: Ada) -> None:
    def hold_it() -> None:
        with ada.stage.database.transaction() as session:
            outbox.hold(session, [ada.delivery], "a doubt")

    between_claim_and_mark(ada, hold_it)

    assert ada.stage.sender.handovers == []
    assert (ada.now().state, ada.now().reason) == (State.HELD, "a doubt")
    assert ada.stage.mailed_days() == []
    assert ada.stage.enrolment(ada.enrolment).last_step_id is None


def test_a_paused_person_is_not_mailed_before_the_pause_is_over(ada: Ada) -> None:
    until = date(2026, 3, 12)
    ada.stage.change(Subscriber, ada.subscription.subscriber_id, paused_until=until)

    report = ada.stage.send()

    assert report.put_back == 1
    assert ada.now().state is State.QUEUED
    assert ada.now().due_at == datetime(2026, 3, 12, 8, 0, tzinfo=UTC)  # 9 in Berlin
    assert ada.now().reason == "the person paused the mail"


# --- the day ---


def test_two_series_share_a_day_and_the_loser_goes_on_the_next(ada: Ada) -> None:
    series, steps = ada.stage.add_series(ada.series.list_id, slug="second")
    other = ada.stage.enrol(ada.subscription, series)
    delivery = ada.stage.queue_step(ada.subscription, other, steps[0])

    report = ada.stage.send()

    assert (report.sent, report.put_back) == (1, 1)
    assert len(ada.stage.sender.accepted) == 1
    loser = ada.stage.delivery(delivery)
    assert (loser.state, loser.due_at) == (State.QUEUED, datetime(2026, 3, 3, 8, 0, tzinfo=UTC))
    assert loser.reason == "another email went to this person today"
    assert ada.stage.enrolment(other).last_step_id is None
    ada.stage.clock.now = loser.due_at
    assert ada.stage.send().sent == 1


def test_two_workers_cannot_both_send_to_one_person_on_a_day(ada: Ada) -> None:
    series, steps = ada.stage.add_series(ada.series.list_id, slug="second")
    other = ada.stage.enrol(ada.subscription, series)
    colleague = ada.stage.hire()

    def send_the_other() -> None:
        delivery = ada.stage.queue_step(ada.subscription, other, steps[0])
        ada.stage.send(worker=colleague)
        assert ada.stage.delivery(delivery).state is State.SENT

    report = between_claim_and_mark(ada, send_the_other)

    assert report.put_back == 1
    assert len(ada.stage.sender.accepted) == 1


def test_confirmations_and_notices_need_no_day(ada: Ada, cast: Any) -> None:
    ada.stage.queue_notice(cast.ada)

    report = ada.stage.send()

    assert report.sent == 2


# --- the wait ---


def test_a_step_does_not_go_before_its_wait_is_over(ada: Ada, now: datetime) -> None:
    second = ada.queue_second()
    sunday = now - timedelta(days=6)
    ada.stage.change(Enrolment, ada.enrolment, last_sent_at=sunday - timedelta(days=0))

    report = ada.stage.send()

    assert report.put_back == 1
    waiting = ada.stage.delivery(second)
    assert waiting.reason == "the wait of 7 days is not over"
    assert waiting.due_at == datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    assert ada.stage.sender.handovers == []


def test_after_a_late_send_local_dates_count_and_not_hours(ada: Ada, now: datetime) -> None:
    second = ada.queue_second()
    late = datetime.combine(now.date() - timedelta(days=7), time(20, 30), tzinfo=UTC)
    ada.stage.change(Enrolment, ada.enrolment, last_sent_at=late)  # 6 days and 11.5 hours ago

    ada.stage.send()

    assert ada.stage.delivery(second).state is State.SENT


def test_a_slower_pace_chosen_after_queueing_counts(ada: Ada) -> None:
    second = ada.queue_second()
    ada.stage.change(Subscriber, ada.subscription.subscriber_id, pace=Pace.MONTH)

    ada.stage.send()

    assert ada.stage.delivery(second).reason == "the wait of 28 days is not over"


def test_the_pointer_decides_between_two_steps_of_one_series(ada: Ada) -> None:
    second = ada.stage.queue_step(ada.subscription, ada.enrolment, ada.steps[1])
    sender = MemorySender(connections=1)

    report = ada.stage.send(sender=sender)

    assert (report.sent, report.put_back) == (1, 1)
    assert ada.stage.delivery(second).reason == "another email of the series went meanwhile"


def test_a_step_behind_the_pointer_is_cancelled(ada: Ada) -> None:
    ada.stage.change(Enrolment, ada.enrolment, last_step_id=ada.steps[1].id)

    ada.stage.send()

    assert ada.now().state is State.CANCELLED
    assert ada.now().reason == "a later step of the series has already gone"


# --- the series and the clinic ---


def test_a_paused_series_keeps_its_people_where_they_are(ada: Ada, now: datetime) -> None:
    ada.stage.change(Series, ada.series.id, status=SeriesStatus.PAUSED)

    ada.stage.send()

    assert (ada.now().state, ada.now().reason) == (State.QUEUED, "the series is paused")
    assert ada.now().due_at == now + timedelta(hours=1)


def test_a_step_taken_out_of_the_series_is_not_sent(ada: Ada) -> None:
    ada.stage.change(Step, ada.steps[0].id, published=False)

    ada.stage.send()

    assert ada.now().state is State.CANCELLED
    assert ada.now().reason == "the step was taken out of the series"


def test_a_step_without_a_text_is_held(ada: Ada) -> None:
    ada.stage.change(Step, ada.steps[0].id, revision_id=None)

    ada.stage.send()

    assert ada.now().state is State.HELD
    assert ada.now().reason == "the step has no published text; publish it, then release this"


def test_nothing_goes_outside_the_send_window(ada: Ada) -> None:
    second = ada.queue_second()
    ada.stage.clock.now = datetime(2026, 3, 2, 20, 5, tzinfo=UTC)  # 21:05 in Berlin

    ada.stage.send()

    waiting = ada.stage.delivery(second)
    assert waiting.reason == "outside the clinic's send window"
    assert waiting.due_at == datetime(2026, 3, 3, 6, 0, tzinfo=UTC)  # 7 in Berlin


def test_the_first_email_may_go_at_night_right_after_the_click(stage: Stage, cast: Any) -> None:
    stage.clock.now = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    series, steps = stage.add_series(cast.mailing_list.id)
    enrolment = stage.enrol(cast.ada, series)
    delivery = stage.queue_step(cast.ada, enrolment, steps[0])

    stage.clock.move(minutes=30)
    stage.send()

    assert stage.delivery(delivery).state is State.SENT


def test_a_later_first_email_waits_for_the_morning(stage: Stage, cast: Any) -> None:
    stage.clock.now = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    series, steps = stage.add_series(cast.mailing_list.id)
    enrolment = stage.enrol(cast.ada, series)
    delivery = stage.queue_step(cast.ada, enrolment, steps[0])

    stage.clock.move(minutes=61)
    stage.send()

    assert stage.delivery(delivery).due_at == datetime(2026, 3, 3, 6, 0, tzinfo=UTC)


def test_no_campaign_goes_without_a_postal_address(ada: Ada) -> None:
    clinic = {**ada.stage.site.clinic, "postal_address": " "}
    with ada.stage.database.transaction() as session:
        step = session.get_one(Step, ada.steps[0].id)
        ada.stage.publish(session, step, "---\nsubject: One\n---\nText", clinic=clinic)

    report = ada.stage.send()

    assert report.held == 1
    assert ada.now().state is State.HELD
    assert ada.now().reason.startswith("the clinic's postal address is empty; set it")
    assert ada.stage.enrolment(ada.enrolment).last_step_id is None


# --- what is written ---


def test_a_text_that_cannot_be_rendered_is_held_and_the_others_go(ada: Ada, cast: Any) -> None:
    gwen = ada.stage.add_reader("gwen", cast.mailing_list.id, attributes={"city": "Leeds"})
    other = ada.stage.queue_step(gwen, ada.stage.enrol(gwen, ada.series), ada.steps[0])
    text = "---\nsubject: One\n---\n{% if not subscriber.city %}{{ subscriber.town }}{% endif %} x"
    with ada.stage.database.transaction() as session:
        ada.stage.publish(session, session.get_one(Step, ada.steps[0].id), text)

    report = ada.stage.send()

    assert (report.held, report.sent) == (1, 1)
    assert ada.now().state is State.HELD
    assert "line 4" in ada.now().reason
    assert "town" in ada.now().reason
    assert ada.stage.enrolment(ada.enrolment).last_step_id is None
    assert ada.stage.mailed_days() == [(gwen.subscriber_id, date(2026, 3, 2), other)]


def test_a_defect_of_the_renderer_holds_one_mail_and_stops_nothing(ada: Ada) -> None:
    def break_down() -> None:
        raise ZeroDivisionError("division by zero")

    report = ada.stage.send(renderer=InterruptedRenderer(break_down))

    assert report.held == 1
    assert ada.now().reason == "a defect of this program: ZeroDivisionError: division by zero"


def test_a_broadcast_that_is_gone_is_cancelled(ada: Ada) -> None:
    ada.stage.change(Delivery, ada.delivery, kind=Kind.BROADCAST)

    ada.stage.send()

    assert ada.now().reason == "the person or the broadcast is gone"


def test_an_answer_with_an_unknown_text_is_held(stage: Stage, cast: Any) -> None:
    delivery = stage.queue_confirmation(cast.ben)
    stage.change(Delivery, delivery, document="../secrets")

    stage.send()

    reason = "no mail of this name ships with the program: '../secrets'"
    assert stage.delivery(delivery).reason == reason


# --- confirmations and notices ---


def test_who_has_confirmed_meanwhile_is_not_asked_any_more(stage: Stage, cast: Any) -> None:
    delivery = stage.queue_confirmation(cast.ben)
    stage.change(Subscription, cast.ben.id, standing=Standing.CONFIRMED)

    stage.send()

    assert stage.sender.handovers == []
    assert stage.delivery(delivery).reason == "the person is confirmed"


def test_of_two_askings_only_the_newer_one_is_mailed(stage: Stage, cast: Any) -> None:
    first = stage.queue_confirmation(cast.ben)
    stage.change(Subscription, cast.ben.id, asking=2)
    second = stage.queue_confirmation(replace_asking(cast.ben, 2))

    stage.send()

    states = stage.states()
    assert (states[first], states[second]) == (State.CANCELLED, State.SENT)
    reason = "they asked again; the newer mail has the link that works"
    assert stage.delivery(first).reason == reason


def test_who_left_meanwhile_gets_no_notice(stage: Stage, cast: Any) -> None:
    delivery = stage.queue_notice(cast.cleo)

    stage.send()

    assert stage.delivery(delivery).reason == "the person is unsubscribed"


def replace_asking(subscription: Subscription, asking: int) -> Subscription:
    subscription.asking = asking
    return subscription


# --- workers ---


def test_a_worker_that_was_given_up_sends_nothing_more(ada: Ada) -> None:
    colleague = ada.stage.hire()

    def stall() -> None:
        ada.stage.clock.move(minutes=2)
        now = ada.stage.clock.now
        with ada.stage.database.transaction() as session:
            outbox.beat(session, colleague, now=now)
            outbox.reap_dead_workers(session, now=now, lease=LEASE)
        assert ada.stage.send(worker=colleague).sent == 1

    with pytest.raises(WorkerFencedError):
        between_claim_and_mark(ada, stall)

    assert len(ada.stage.sender.handovers) == 1
    assert ada.now().state is State.SENT
    assert ada.now().attempt == 2


def test_a_worker_given_up_in_mid_sending_still_records_what_it_heard(ada: Ada) -> None:
    finn = ada.stage.add_reader("finn", ada.series.list_id)
    other = ada.stage.queue_step(finn, ada.stage.enrol(finn, ada.series), ada.steps[0])
    colleague = ada.stage.hire()

    def stall() -> None:
        ada.stage.clock.move(minutes=2)
        now = ada.stage.clock.now
        with ada.stage.database.transaction() as session:
            outbox.beat(session, colleague, now=now)
            outbox.reap_dead_workers(session, now=now, lease=LEASE)

    sender = InterruptedSender(stall, connections=1)
    with pytest.raises(WorkerFencedError):
        ada.stage.send(sender=sender)

    states = ada.stage.states()
    assert (states[ada.delivery], states[other]) == (State.SENT, State.QUEUED)
    assert len(sender.handovers) == 1


def test_what_was_marked_when_the_process_died_is_uncertain_and_never_sent_again(ada: Ada) -> None:
    with pytest.raises(Crash):
        ada.stage.send(sender=InterruptedSender(crash))
    assert ada.now().state is State.SENDING

    ada.stage.clock.move(minutes=2)
    colleague = ada.stage.hire()
    with ada.stage.database.transaction() as session:
        outbox.reap_dead_workers(session, now=ada.stage.clock.now, lease=LEASE)
    ada.stage.clock.move(days=10)
    ada.stage.send(worker=colleague)

    assert ada.now().state is State.UNCERTAIN
    assert ada.stage.sender.handovers == []


def test_what_was_claimed_when_the_process_died_is_sent_by_another(ada: Ada) -> None:
    with pytest.raises(Crash):
        ada.stage.send(renderer=InterruptedRenderer(crash))
    assert ada.now().state is State.CLAIMED

    ada.stage.clock.move(minutes=2)
    colleague = ada.stage.hire()
    with ada.stage.database.transaction() as session:
        outbox.reap_dead_workers(session, now=ada.stage.clock.now, lease=LEASE)
    report = ada.stage.send(worker=colleague)

    assert report.sent == 1
    assert ada.now().state is State.SENT


def test_a_worker_clears_its_own_hands_after_a_round_that_broke_off(ada: Ada, cast: Any) -> None:
    confirmation = ada.stage.queue_confirmation(cast.ben)
    finn = ada.stage.add_reader("finn", ada.series.list_id)
    claimed = ada.stage.queue_step(finn, ada.stage.enrol(finn, ada.series), ada.steps[0])
    with pytest.raises(Crash):
        ada.stage.send(sender=InterruptedSender(crash, connections=2))

    ada.stage.send()
    ada.stage.clock.move(minutes=5)
    ada.stage.send()

    assert ada.now().state is State.UNCERTAIN
    assert ada.stage.delivery(confirmation).state is State.SENT  # rather twice than never
    assert ada.stage.delivery(claimed).state is State.SENT
    assert len(ada.stage.sender.accepted) == 2


# --- stopping and limits ---


def test_asked_to_stop_it_gives_back_what_it_has_claimed(ada: Ada) -> None:
    finn = ada.stage.add_reader("finn", ada.series.list_id)
    other = ada.stage.queue_step(finn, ada.stage.enrol(finn, ada.series), ada.steps[0])
    sender = MemorySender(connections=1)

    report = ada.stage.send(sender=sender, keep_going=lambda: not sender.handovers)

    assert report.sent == 1
    assert ada.now().state is State.SENT
    assert ada.stage.delivery(other).state is State.QUEUED
    assert ada.stage.delivery(other).owner is None


def test_asked_to_stop_while_writing_it_sends_nothing_of_the_batch(ada: Ada) -> None:
    calls: list[int] = []

    def twice() -> bool:
        calls.append(1)
        return len(calls) <= 1

    report = ada.stage.send(keep_going=twice)

    assert report.sent == 0
    assert ada.stage.sender.handovers == []
    assert ada.now().state is State.QUEUED


def test_no_more_than_the_limit_is_sent_at_once(ada: Ada) -> None:
    for name in ("finn", "gwen", "hana"):
        reader = ada.stage.add_reader(name, ada.series.list_id)
        ada.stage.queue_step(reader, ada.stage.enrol(reader, ada.series), ada.steps[0])

    report = ada.stage.send(limit=3)

    assert report.sent == 3
    assert sorted(ada.stage.states().values()) == [State.QUEUED] + [State.SENT] * 3


def test_a_group_is_never_larger_than_the_sender_takes(ada: Ada) -> None:
    sizes: list[int] = []

    class Counting(MemorySender):
        def send(self, handovers: Any) -> Any:
            sizes.append(len(handovers))
            return super().send(handovers)

    for name in ("finn", "gwen", "hana", "ivo"):
        reader = ada.stage.add_reader(name, ada.series.list_id)
        ada.stage.queue_step(reader, ada.stage.enrol(reader, ada.series), ada.steps[0])

    ada.stage.send(sender=Counting(connections=2))

    assert sizes == [2, 2, 1]


def test_people_get_the_letter_meant_for_them(ada: Ada) -> None:
    for name in ("finn", "gwen", "hana", "ivo"):
        reader = ada.stage.add_reader(name, ada.series.list_id)
        ada.stage.queue_step(reader, ada.stage.enrol(reader, ada.series), ada.steps[0])

    ada.stage.send()

    for handover in ada.stage.sender.accepted:
        message = read(handover.message)
        name = handover.recipient.partition("@")[0].title()
        assert message["To"] == handover.recipient
        assert f"Hello {name}" in message.get_body(("plain",)).get_content()
