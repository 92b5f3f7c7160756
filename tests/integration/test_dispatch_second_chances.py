"""A step that was marked and did not go is not forgotten. Each was found by a simulated seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from campaigns.models import Enrolment, Step
from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from delivery import outbox
from delivery.models import Delivery
from delivery.rules.states import State
from delivery.sender import Deferred, Uncertain
from storage.database import Database
from tests.sending_stage import Clock, Stage


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> Stage:
    return Stage(database, site, Clock(now))


def test_a_step_moved_before_one_that_was_cancelled_in_a_retry_goes(stage: Stage) -> None:
    series, (one, two, _) = stage.add_series(list_id := stage.add_list())
    ada = stage.add_reader("ada", list_id)
    enrolment = stage.enrol(ada, series)
    deferred = stage.queue_step(ada, enrolment, one)
    stage.sender.answer_next(Deferred("451 not now", "relay", code=451))
    stage.send()
    stage.change(Delivery, deferred, state=State.CANCELLED, reason="they unsubscribed")
    stage.change(Step, one.id, position=2)
    stage.change(Step, two.id, position=1)

    stage.clock.move(days=7)
    moved = stage.queue_step(ada, enrolment, two)
    stage.send()

    assert stage.delivery(moved).state is State.SENT


def test_a_last_step_in_doubt_goes_again_when_staff_decide_so(stage: Stage) -> None:
    series, (only,) = stage.add_series(list_id := stage.add_list(), waits=(0,))
    ada = stage.add_reader("ada", list_id)
    enrolment = stage.enrol(ada, series)
    delivery = stage.queue_step(ada, enrolment, only)
    stage.sender.answer_next(Uncertain("lost after the dot", "relay"))
    stage.send()
    stage.change(Enrolment, enrolment, status=EnrolmentStatus.FINISHED)

    stage.clock.move(days=1)
    with stage.database.transaction() as session:
        outbox.send_again(session, [delivery], now=stage.clock())
    stage.send()

    assert stage.delivery(delivery).state is State.SENT
    assert stage.enrolment(enrolment).status is EnrolmentStatus.FINISHED


def test_what_was_marked_long_ago_is_not_sent_any_more(stage: Stage) -> None:
    """The commit of the mark took an hour: the machine was suspended in it."""
    series, (one, *_) = stage.add_series(list_id := stage.add_list())
    ada = stage.add_reader("ada", list_id)
    delivery = stage.queue_step(ada, stage.enrol(ada, series), one)

    report = stage.send(database=SuspendedDatabase(stage.database.engine, stage))
    stage.clock.move(hours=2)
    again = stage.send()

    assert (report.sent, report.deferred, again.sent) == (0, 1, 1)
    assert [handover.delivery_id for handover in stage.sender.handovers] == [delivery]


@dataclass(frozen=True)
class SuspendedDatabase(Database):
    """Lets an hour pass in each commit that marks something."""

    stage: Stage

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        before = State.SENDING in self.stage.states().values()
        with super().transaction() as session:
            yield session
        if not before and State.SENDING in self.stage.states().values():
            self.stage.clock.move(hours=1)
