"""Several workers, and people who leave, all in the same moment: real threads on both stores."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from campaigns.dispatch import send_queued
from campaigns.enrolment import leave
from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from delivery.memory import MemorySender
from delivery.rules.states import State
from delivery.sender import Refused
from storage.database import Database
from subscribers.models import Subscription
from subscribers.signup import unsubscribe
from tests.sending_stage import Clock, InterruptedSender, Stage
from tests.series_stage import PlainRenderer

PEOPLE = 40
MONDAY = date(2026, 3, 2)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> Stage:
    return Stage(database, site, Clock(now))


def enrol_everybody(stage: Stage, *, series: int) -> list[tuple[Subscription, int, int]]:
    """Queue the first step of some series for many people: subscription, enrolment, delivery."""
    list_id = stage.add_list()
    published = [stage.add_series(list_id, slug=f"series-{n}", waits=(0,)) for n in range(series)]
    readers = [stage.add_reader(f"person{n}", list_id) for n in range(PEOPLE)]
    rows = []
    for found, steps in published:
        for reader in readers:
            enrolment = stage.enrol(reader, found)
            rows.append((reader, enrolment, stage.queue_step(reader, enrolment, steps[0])))
    return rows


def send_alone(stage: Stage, sender: MemorySender) -> Any:
    """Send as a worker of its own, in small groups."""
    return send_queued(
        stage.database,
        sender,
        stage.site,
        renderer=PlainRenderer(),
        worker=stage.hire(),
        clock=stage.clock,
        limit=25,
    )


def test_three_workers_send_each_person_one_email_a_day(stage: Stage) -> None:
    rows = enrol_everybody(stage, series=2)
    sender = MemorySender(connections=4)

    with ThreadPoolExecutor(3) as threads:
        rounds = [threads.submit(send_alone, stage, sender) for _ in range(6)]
        reports = [one.result() for one in rounds]

    assert sum(report.sent for report in reports) == PEOPLE
    assert sum(report.put_back for report in reports) == PEOPLE
    got = Counter(handover.recipient for handover in sender.handovers)
    assert set(got.values()) == {1}
    assert len(got) == PEOPLE
    assert Counter(stage.states().values()) == {State.SENT: PEOPLE, State.QUEUED: PEOPLE}
    assert len(stage.mailed_days()) == PEOPLE
    states = stage.states()
    for reader, enrolment, delivery in rows:
        taken = (reader.subscriber_id, MONDAY, delivery) in stage.mailed_days()
        moved = stage.enrolment(enrolment).last_step_id is not None
        assert (states[delivery] is State.SENT) == taken == moved


def test_people_who_leave_while_mail_goes_out_get_it_before_or_not_at_all(stage: Stage) -> None:
    rows = enrol_everybody(stage, series=1)
    sender = MemorySender(connections=4)

    def leave_list(subscription: Subscription, delivery: int) -> State:
        with stage.database.transaction() as session:
            found = session.get_one(Subscription, subscription.id)
            now = stage.clock.now
            unsubscribe(session, found, keys=stage.site.keys, now=now, source="one click")
            leave(session, found, now=now)
        return stage.delivery(delivery).state

    with ThreadPoolExecutor(4) as threads:
        rounds = [threads.submit(send_alone, stage, sender) for _ in range(2)]
        leaving = [threads.submit(leave_list, one[0], one[2]) for one in reversed(rows)]
        for one in rounds:
            one.result()
        states_on_leaving = {one.result() for one in leaving}

    # Whoever is out has nothing coming that could still be marked.
    assert states_on_leaving <= {State.SENDING, State.SENT, State.CANCELLED}
    states = stage.states()
    sent_to = [handover.delivery_id for handover in sender.handovers]
    assert len(sent_to) == len(set(sent_to))
    for _, enrolment, delivery in rows:
        assert states[delivery] in (State.SENT, State.CANCELLED)
        assert (states[delivery] is State.SENT) == (delivery in sent_to)
        assert stage.enrolment(enrolment).status is EnrolmentStatus.LEFT


def test_a_hard_bounce_and_an_unsubscribe_in_the_same_moment_do_not_wait_in_a_circle(
    postgresql_database: Database, site: Site, now: datetime
) -> None:
    """The page has locked the person when the bounce is recorded, and ends their ways after."""
    stage = Stage(postgresql_database, site, Clock(now))
    list_id = stage.add_list()
    series, steps = stage.add_series(list_id, waits=(0, 7))
    reader = stage.add_reader("ada", list_id)
    enrolment = stage.enrol(reader, series)
    delivery = stage.queue_step(reader, enrolment, steps[0])
    has_locked = Event()

    def leave_by_page() -> None:
        with stage.database.transaction() as session:
            found = session.get_one(Subscription, reader.id)
            unsubscribe(session, found, keys=site.keys, now=now, source="one click")
            has_locked.set()
            wait_until_somebody_waits(stage.database)
            leave(session, found, now=now)

    def refuse_while_they_leave() -> None:
        leaving.append(threads.submit(leave_by_page))
        assert has_locked.wait(10)

    leaving: list[Future[None]] = []
    sender = InterruptedSender(refuse_while_they_leave)
    sender.answer_next(Refused("550 5.1.1 no such user", "mx", 550, "5.1.1", "rcpt"))
    with ThreadPoolExecutor(1) as threads:
        stage.send(sender=sender, renderer=PlainRenderer())
        leaving[0].result(10)

    assert stage.delivery(delivery).state is State.REJECTED
    assert stage.enrolment(enrolment).status is EnrolmentStatus.LEFT


def wait_until_somebody_waits(database: Database) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    pause = Event()
    for _ in range(200):
        with database.reading() as session:
            if session.scalar(waiting):
                return
        pause.wait(0.05)
    raise AssertionError("nobody waits for a lock")
