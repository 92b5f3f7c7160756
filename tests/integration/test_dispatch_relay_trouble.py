"""Trouble of the relay is the relay's: it costs nobody their attempts, series or Date."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from delivery.memory import MemorySender
from delivery.rules.outcomes import RELAY_WIDE
from delivery.rules.states import State
from delivery.sender import Deferred, Outcome, RelayDown
from storage.database import Database
from tests.sending_stage import Clock, Stage, read

NOT_NOW = Deferred("451 4.3.0 try again later", "relay", 451, "4.3.0", "rcpt")
DOWN = RelayDown("connection refused", "relay")


class MoodySender(MemorySender):
    """Says the same to everybody until its mood changes; each message to a domain of its own."""

    mood: Outcome | None = None

    def _answer(self, recipient: str) -> Outcome:
        return self.mood or super()._answer(recipient)


@pytest.fixture
def stage(sqlite_database: Database, site: Site, now: datetime) -> Stage:
    stage = Stage(sqlite_database, site, Clock(now))
    stage.sender = MoodySender(connections=4)
    return stage


def crowd(stage: Stage, *, people: int, domains: int) -> list[int]:
    """Queue the first step for some people; give the deliveries."""
    list_id = stage.add_list()
    series, steps = stage.add_series(list_id, waits=(0, 7))
    deliveries = []
    for number in range(people):
        email = f"person{number}@clinic{number % domains}.example"
        reader = stage.add_reader(f"person{number}", list_id, email=email)
        deliveries.append(stage.queue_step(reader, stage.enrol(reader, series), steps[0]))
    return deliveries


def bear(stage: Stage, mood: Outcome, *, days: int) -> set[str]:
    """Try every four hours for some days; give what was said of the relay."""
    assert isinstance(stage.sender, MoodySender)
    stage.sender.mood = mood
    said = set()
    for _ in range(days * 6):
        report = stage.send()
        said |= {report.relay_down.reply} if report.relay_down else set()
        stage.clock.move(hours=4)
    stage.sender.mood = None
    return said


def test_a_relay_that_says_not_now_to_everybody_for_a_week_parks_nobody(stage: Stage) -> None:
    deliveries = crowd(stage, people=12, domains=3)

    said = bear(stage, NOT_NOW, days=7)

    assert said == {f"{RELAY_WIDE}: {NOT_NOW.reply}"}
    assert {stage.delivery(one).state for one in deliveries} == {State.QUEUED}
    stage.clock.move(hours=2)
    assert stage.send().sent == 12
    assert {stage.enrolment(one).status for one in range(1, 13)} == {EnrolmentStatus.ACTIVE}


def test_after_trouble_of_the_relay_the_five_days_of_a_person_begin_anew(stage: Stage) -> None:
    deliveries = crowd(stage, people=12, domains=3)
    bear(stage, NOT_NOW, days=6)
    assert isinstance(stage.sender, MoodySender)
    stage.sender.answer_always("person0@clinic0.example", NOT_NOW)
    stage.clock.move(hours=2)

    stage.send()

    assert stage.delivery(deliveries[0]).state is State.QUEUED


def test_the_reason_names_the_relay_and_not_the_person(stage: Stage) -> None:
    deliveries = crowd(stage, people=12, domains=3)
    bear(stage, NOT_NOW, days=1)
    assert isinstance(stage.sender, MoodySender)
    stage.sender.mood = NOT_NOW
    stage.send()

    reasons = {stage.delivery(one).reason for one in deliveries}

    assert f"{RELAY_WIDE}: {NOT_NOW.reply}" in reasons


def test_one_domain_alone_does_not_speak_for_the_relay(stage: Stage) -> None:
    deliveries = crowd(stage, people=12, domains=1)

    bear(stage, NOT_NOW, days=6)

    assert {stage.delivery(one).state for one in deliveries} == {State.REJECTED}


def test_while_it_accepts_others_a_not_now_is_the_persons_own(stage: Stage) -> None:
    deliveries = crowd(stage, people=2, domains=2)
    assert isinstance(stage.sender, MoodySender)
    stage.sender.answer_always("person1@clinic1.example", NOT_NOW)

    for _ in range(6 * 6):
        stage.send()
        stage.clock.move(hours=4)

    assert [stage.delivery(one).state for one in deliveries] == [State.SENT, State.REJECTED]


def dates(stage: Stage) -> list[datetime]:
    assert isinstance(stage.sender, MoodySender)
    return [parsedate_to_datetime(read(one.message)["Date"]) for one in stage.sender.handovers]


def test_after_weeks_without_a_relay_the_date_is_that_of_the_first_hand_over(stage: Stage) -> None:
    (delivery,) = crowd(stage, people=1, domains=1)
    bear(stage, DOWN, days=20)
    stage.clock.move(hours=1)
    assert stage.delivery(delivery).sending_at is None
    begun = stage.clock.now

    stage.send()

    assert dates(stage)[-1] == begun


def test_once_a_relay_has_seen_it_the_date_stays_also_while_the_relay_is_gone(
    stage: Stage,
) -> None:
    crowd(stage, people=1, domains=1)
    first = stage.clock.now
    bear(stage, NOT_NOW, days=1)
    bear(stage, DOWN, days=3)
    stage.clock.move(hours=2)

    stage.send()

    assert stage.delivery(1).state is State.SENT
    assert set(dates(stage)) == {first}
