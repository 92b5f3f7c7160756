"""What becomes of a delivery, and of the person's way, for everything a relay can answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from campaigns.models import Enrolment, Series, Step
from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from delivery.memory import MemorySender
from delivery.models import Delivery
from delivery.outbox import release_held
from delivery.rules.states import State
from delivery.sender import Accepted, Deferred, Outcome, Refused, RelayDown, Uncertain
from storage.database import Database
from subscribers.models import Subscriber, Subscription, Suppression
from subscribers.rules.standing import SuppressionReason
from tests.sending_stage import Clock, Stage, read

NOT_NOW = Deferred("450 4.2.0 come back later", "relay", 450, "4.2.0", "rcpt")
GONE = Refused("550 5.1.1 no such user", "relay", 550, "5.1.1", "rcpt")
POLICY = Refused("550 5.7.1 blocked by policy", "relay", 550, "5.7.1", "dot")
FULL = Refused("552 5.2.2 mailbox full", "relay", 552, "5.2.2", "rcpt")
TOO_BIG = Refused("552 5.3.4 message too big", "relay", 552, "5.3.4", "mail")
CONTENT = Refused("554 rejected", "relay", 554, "", "dot")
UNCLEAR = Refused("550 no", "relay", 550, "", "rcpt")
LOST = Uncertain("connection lost after the final dot", "relay")
DOWN = RelayDown("connection refused", "relay")
MONDAY = date(2026, 3, 2)


@dataclass
class Ada:
    """Ada at the first step of a series."""

    stage: Stage
    series: Series
    steps: list[Step]
    subscription: Subscription
    enrolment: int
    delivery: int

    @property
    def state(self) -> State:
        return self.stage.delivery(self.delivery).state

    @property
    def days(self) -> list[tuple[int, date, int]]:
        return self.stage.mailed_days()

    def day(self, day: date) -> list[tuple[int, date, int]]:
        return [(self.subscription.subscriber_id, day, self.delivery)]


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> Stage:
    return Stage(database, site, Clock(now))


@pytest.fixture
def ada(stage: Stage, cast: Any) -> Ada:
    series, steps = stage.add_series(cast.mailing_list.id)
    enrolment = stage.enrol(cast.ada, series)
    delivery = stage.queue_step(cast.ada, enrolment, steps[0])
    return Ada(stage, series, steps, cast.ada, enrolment, delivery)


@pytest.fixture
def crowd(ada: Ada, cast: Any) -> list[int]:
    """Queue the first step for Ada and four others; their deliveries in order."""
    names = ("finn", "gwen", "hana", "ivo")
    readers = [ada.stage.add_reader(name, cast.mailing_list.id) for name in names]
    ways = [(reader, ada.stage.enrol(reader, ada.series)) for reader in readers]
    others = [ada.stage.queue_step(reader, way, ada.steps[0]) for reader, way in ways]
    return [ada.delivery, *others]


def suppressions(stage: Stage) -> Iterator[tuple[str, SuppressionReason]]:
    with stage.database.reading() as session:
        for row in session.scalars(select(Suppression).order_by(Suppression.id)):
            yield row.email, row.reason


def test_an_accepted_step_is_sent_and_moves_the_pointer(ada: Ada, now: datetime) -> None:
    report = ada.stage.send()

    assert report.sent == 1
    assert ada.state is State.SENT
    enrolment = ada.stage.enrolment(ada.enrolment)
    assert (enrolment.last_step_id, enrolment.last_sent_at) == (ada.steps[0].id, now)
    assert enrolment.look_at <= now
    assert ada.days == ada.day(MONDAY)


def test_the_wait_counts_from_the_acceptance_and_not_from_the_mark(ada: Ada, now: datetime) -> None:
    class Slow(MemorySender):
        def send(self, handovers: Any) -> list[Outcome]:
            ada.stage.clock.move(minutes=20)
            return super().send(handovers)

    ada.stage.send(sender=Slow())

    assert ada.stage.enrolment(ada.enrolment).last_sent_at == now + timedelta(minutes=20)
    assert ada.stage.delivery(ada.delivery).sending_at == now


def test_a_delivery_keeps_the_revision_and_the_facts_it_was_sent_with(ada: Ada) -> None:
    ada.stage.send()

    delivery = ada.stage.delivery(ada.delivery)
    assert delivery.revision_id == ada.steps[0].revision_id
    assert delivery.context == {
        "subscriber": {"first_name": "Ada", "last_name": "", "city": ""},
        "series": {"title": "Your weekly series", "part": 1, "parts": 3},
    }


def test_a_deferred_step_is_tried_again_as_the_same_message(ada: Ada, now: datetime) -> None:
    ada.stage.sender.answer_next(NOT_NOW)

    first = ada.stage.send()
    waiting = ada.stage.delivery(ada.delivery)
    ada.stage.clock.move(minutes=5)
    second = ada.stage.send()

    assert (first.deferred, first.sent) == (1, 0)
    assert (waiting.state, waiting.due_at) == (State.QUEUED, now + timedelta(minutes=5))
    assert second.sent == 1
    one, two = (read(handover.message) for handover in ada.stage.sender.handovers)
    assert one["Message-ID"] == two["Message-ID"]
    assert one["Date"] == two["Date"]


def test_while_a_step_is_deferred_its_day_stays_taken_and_the_pointer_stays(ada: Ada) -> None:
    ada.stage.sender.answer_next(NOT_NOW)

    ada.stage.send()

    assert ada.days == ada.day(MONDAY)
    enrolment = ada.stage.enrolment(ada.enrolment)
    assert (enrolment.status, enrolment.last_step_id) == (EnrolmentStatus.ACTIVE, ada.steps[0].id)


def test_a_step_deferred_to_another_day_gives_its_day_back(ada: Ada) -> None:
    midnight_is_near = datetime.fromisoformat("2026-03-02T18:28:00+00:00")  # 23:58 in India
    ada.stage.clock.now = midnight_is_near
    ada.stage.change(Subscriber, ada.subscription.subscriber_id, time_zone="Asia/Kolkata")
    ada.stage.change(Delivery, ada.delivery, created_at=midnight_is_near)
    ada.stage.sender.answer_next(NOT_NOW)

    report = ada.stage.send()

    assert report.deferred == 1
    assert ada.days == []


@pytest.mark.parametrize("outcome", [LOST, Accepted("250 ok", "relay")], ids=["lost", "taken"])
def test_when_a_step_is_through_the_next_one_is_looked_for(
    ada: Ada, now: datetime, outcome: Outcome
) -> None:
    ada.stage.change(Enrolment, ada.enrolment, look_at=now + timedelta(hours=1))
    ada.stage.sender.answer_next(outcome)

    ada.stage.send()

    assert ada.stage.enrolment(ada.enrolment).look_at == now


def test_a_repeated_step_takes_the_day_on_which_it_goes(ada: Ada) -> None:
    ada.stage.sender.answer_next(NOT_NOW)
    ada.stage.send()

    ada.stage.clock.move(days=1)
    ada.stage.send()

    assert ada.state is State.SENT
    assert ada.days == ada.day(MONDAY + timedelta(days=1))


def test_an_address_that_does_not_exist_is_suppressed_and_everything_ends(ada: Ada) -> None:
    series, steps = ada.stage.add_series(ada.series.list_id, slug="second")
    other = ada.stage.enrol(ada.subscription, series)
    waiting = ada.stage.queue_step(ada.subscription, other, steps[0])
    ada.stage.change(Delivery, waiting, due_at=ada.stage.clock.now.replace(year=2027))
    ada.stage.sender.answer_next(GONE)

    report = ada.stage.send()

    assert report.rejected == 1
    assert ada.state is State.REJECTED
    assert ("ada@example.org", SuppressionReason.HARD_BOUNCE) in suppressions(ada.stage)
    for enrolment in (ada.enrolment, other):
        assert ada.stage.enrolment(enrolment).status is EnrolmentStatus.LEFT
    assert ada.stage.delivery(waiting).state is State.CANCELLED
    assert ada.days == []


def test_a_policy_refusal_holds_the_series_and_suppresses_nobody(
    ada: Ada, crowd: list[int]
) -> None:
    before = list(suppressions(ada.stage))
    sender = MemorySender(connections=2)
    sender.answer_next(POLICY)

    report = ada.stage.send(sender=sender)

    # the second one was in flight beside the refused one
    assert (report.held, report.sent) == (4, 1)
    states = ada.stage.states()
    assert [states[one] for one in crowd] == [
        State.HELD, State.SENT, State.HELD, State.HELD, State.HELD,
    ]  # fmt: skip
    assert "blocked by policy" in ada.stage.delivery(crowd[0]).reason
    assert "another email of the series was refused" in ada.stage.delivery(crowd[4]).reason
    assert list(suppressions(ada.stage)) == before
    assert ada.stage.enrolment(ada.enrolment).status is EnrolmentStatus.ACTIVE
    assert len(sender.handovers) == 2


def test_a_held_series_does_not_hold_another_one(ada: Ada, cast: Any) -> None:
    series, steps = ada.stage.add_series(cast.mailing_list.id, slug="second")
    finn = ada.stage.add_reader("finn", cast.mailing_list.id)
    other = ada.stage.queue_step(finn, ada.stage.enrol(finn, series), steps[0])
    sender = MemorySender(connections=1)
    sender.answer_next(POLICY)

    ada.stage.send(sender=sender)

    assert ada.state is State.HELD
    assert ada.stage.delivery(other).state is State.SENT


def test_a_held_step_goes_once_it_is_released(ada: Ada) -> None:
    ada.stage.sender.answer_next(POLICY)
    ada.stage.send()

    with ada.stage.database.transaction() as session:
        release_held(session, [ada.delivery])
    report = ada.stage.send()

    assert report.sent == 1
    assert ada.state is State.SENT
    assert ada.days == ada.day(MONDAY)


@pytest.mark.parametrize(("refusal", "held"), [(TOO_BIG, 5), (CONTENT, 1)], ids=["big", "content"])
def test_a_refused_message_is_held_for_staff(
    ada: Ada, crowd: list[int], refusal: Refused, held: int
) -> None:
    sender = MemorySender(connections=1)
    sender.answer_next(refusal)

    report = ada.stage.send(sender=sender)

    assert (report.held, report.sent) == (held, 5 - held)


def test_a_full_mailbox_is_tried_again_for_days_and_then_parked(ada: Ada, now: datetime) -> None:
    ada.stage.sender.answer_always("ada@example.org", FULL)

    first = ada.stage.send()
    while ada.state is State.QUEUED:
        ada.stage.clock.now = max(ada.stage.clock.now, ada.stage.delivery(ada.delivery).due_at)
        ada.stage.send()

    assert first.deferred == 1
    assert now + timedelta(days=5) <= ada.stage.clock.now < now + timedelta(days=6)
    assert ada.state is State.REJECTED
    enrolment = ada.stage.enrolment(ada.enrolment)
    assert enrolment.status is EnrolmentStatus.PARKED
    assert enrolment.reason == "gave up after 5 days of refusals; the last: 552 5.2.2 mailbox full"
    assert "ada@example.org" not in dict(suppressions(ada.stage))


def test_an_unexplained_refusal_parks_the_person(ada: Ada) -> None:
    ada.stage.sender.answer_next(UNCLEAR)

    report = ada.stage.send()

    assert report.rejected == 1
    enrolment = ada.stage.enrolment(ada.enrolment)
    assert (enrolment.status, enrolment.reason) == (EnrolmentStatus.PARKED, "unclear: 550 no")
    assert "ada@example.org" not in dict(suppressions(ada.stage))


def test_an_uncertain_step_counts_as_sent_and_is_never_sent_again(ada: Ada, now: datetime) -> None:
    ada.stage.sender.answer_next(LOST)

    report = ada.stage.send()
    ada.stage.clock.move(days=30)
    ada.stage.send()

    assert report.uncertain == 1
    assert ada.state is State.UNCERTAIN
    enrolment = ada.stage.enrolment(ada.enrolment)
    assert (enrolment.last_step_id, enrolment.last_sent_at) == (ada.steps[0].id, now)
    assert enrolment.look_at <= now
    assert ada.days == ada.day(MONDAY)
    assert len(ada.stage.sender.handovers) == 1


def test_an_uncertain_confirmation_is_sent_again_as_the_same_message(
    stage: Stage, cast: Any
) -> None:
    delivery = stage.queue_confirmation(cast.ben)
    stage.sender.answer_next(LOST)

    stage.send()
    stage.clock.move(minutes=5)
    stage.send()

    assert stage.delivery(delivery).state is State.SENT
    one, two = (read(handover.message) for handover in stage.sender.handovers)
    assert (one["Message-ID"], one["Date"]) == (two["Message-ID"], two["Date"])


def test_a_confirmation_to_an_address_that_does_not_exist_suppresses_it(
    stage: Stage, cast: Any
) -> None:
    delivery = stage.queue_confirmation(cast.ben)
    stage.sender.answer_next(GONE)

    stage.send()

    assert stage.delivery(delivery).state is State.REJECTED
    assert ("ben@example.org", SuppressionReason.HARD_BOUNCE) in suppressions(stage)


def test_a_refused_confirmation_touches_no_series(stage: Stage, cast: Any) -> None:
    delivery = stage.queue_confirmation(cast.ben)
    stage.sender.answer_next(UNCLEAR)

    stage.send()

    assert stage.delivery(delivery).state is State.REJECTED
    assert "ben@example.org" not in dict(suppressions(stage))


def test_when_the_relay_is_down_the_whole_batch_waits_for_it(
    ada: Ada, crowd: list[int], now: datetime
) -> None:
    sender = MemorySender(connections=2)
    sender.answer_next(DOWN, DOWN)

    report = ada.stage.send(sender=sender)

    assert report.relay_down == DOWN
    assert report.put_back == 5
    assert len(sender.handovers) == 2
    for one in crowd:
        delivery = ada.stage.delivery(one)
        assert (delivery.state, delivery.due_at) == (State.QUEUED, now + timedelta(minutes=1))
    assert ada.stage.delivery(crowd[4]).reason == "the relay cannot be used: connection refused"


def test_the_relay_is_left_alone_longer_each_time_and_then_everything_goes(
    ada: Ada, now: datetime
) -> None:
    ada.stage.sender.answer_next(*[DOWN] * 6)

    pauses = []
    for _ in range(6):
        ada.stage.send()
        due_at = ada.stage.delivery(ada.delivery).due_at
        pauses.append(due_at - ada.stage.clock.now)
        ada.stage.clock.now = due_at
    report = ada.stage.send()

    assert [pause // timedelta(minutes=1) for pause in pauses] == [1, 2, 4, 8, 15, 15]
    assert report.sent == 1
    assert ada.days == ada.day(MONDAY)


def test_a_relay_that_needs_its_operator_is_reported_so(ada: Ada) -> None:
    login = RelayDown("535 5.7.8 bad password", "relay", needs_operator=True)
    ada.stage.sender.answer_next(login)

    report = ada.stage.send()

    assert report.relay_down is not None
    assert report.relay_down.needs_operator
    assert ada.state is State.QUEUED


def test_one_connection_too_many_does_not_stop_the_others(
    ada: Ada, crowd: list[int], now: datetime
) -> None:
    sender = MemorySender(connections=2)
    sender.answer_next(DOWN)

    report = ada.stage.send(sender=sender)

    assert (report.sent, report.put_back, report.relay_down) == (4, 1, None)
    assert ada.stage.delivery(crowd[0]).due_at == now + timedelta(minutes=1)
