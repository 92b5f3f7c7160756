"""The clock's steps do what is due, each by itself, and stopping leaves nothing in hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

import scheduler
from campaigns.publishing import import_series
from campaigns.series_folder import read_series_folder
from campaigns.site import Site
from delivery.memory import MemorySender
from delivery.models import Delivery, Worker
from delivery.rules.states import State
from delivery.sender import Handover, Outcome, RelayDown
from delivery.ticks import StepReport, TickReport, list_workers
from scheduler import Parts, Scheduler, employed, run_tick
from storage.database import Database
from subscribers.models import MailingList
from subscribers.signup import SignUp, add_confirmed
from templates.rendering import PersonRenderer
from tests.sending_stage import Clock, RefusingDatabase

SERIES = Path(scheduler.__file__).parent / "templates/builtin/series/massage-benefits"
RENDERER = PersonRenderer()
EVERY = timedelta(seconds=0.2)
SOON = 120.0  # seconds within which anything that happens at all has happened


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def parts(database: Database, site: Site, clock: Clock) -> Parts:
    """Open a site with the shipped series and nobody on the list."""
    with database.transaction() as session:
        folder = read_series_folder(SERIES)
        import_series(session, folder, site=site, renderer=RENDERER, now=clock())
    return Parts(database, site, MemorySender(connections=4), RENDERER, clock)


def add_people(parts: Parts, *names: str) -> None:
    with parts.database.transaction() as session:
        for name in names:
            wish = SignUp(f"{name}@example.org", "weekly", source="paper form")
            add_confirmed(session, wish, keys=parts.site.keys, now=parts.clock())


def tick(parts: Parts) -> TickReport:
    with employed(parts) as worker:
        return run_tick(parts, worker, now=parts.clock())


def recipients(parts: Parts) -> list[str]:
    assert isinstance(parts.sender, MemorySender)
    return [handover.recipient.partition("@")[0] for handover in parts.sender.accepted]


def states(parts: Parts) -> list[State]:
    with parts.database.reading() as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.id)))


def workers(parts: Parts) -> list[Worker]:
    with parts.database.reading() as session:
        return list_workers(session)


def test_a_tick_enrols_queues_and_sends(parts: Parts) -> None:
    add_people(parts, "ada", "ben")

    report = tick(parts)

    done = {step.name: step.done for step in report.steps}
    assert (done["enrol newcomers"], done["queue due steps"], done["send"]) == (2, 2, 2)
    assert sorted(recipients(parts)) == ["ada", "ben"]
    assert report.failures == {}


def test_a_second_tick_finds_nothing_to_do(parts: Parts) -> None:
    add_people(parts, "ada")
    tick(parts)

    report = tick(parts)

    assert sum(step.done for step in report.steps) == 0
    assert report.sent == 0
    assert recipients(parts) == ["ada"]


def test_who_only_sends_plans_nothing_and_sends_what_another_planned(parts: Parts) -> None:
    add_people(parts, "ada", "ben")

    with employed(parts) as helper:
        before = run_tick(parts, helper, now=parts.clock(), only_sends=True)
        with employed(parts) as planner:
            run_tick(parts, planner, now=parts.clock(), keep_going=lambda: False)
        after = run_tick(parts, helper, now=parts.clock(), only_sends=True)

    assert [step.name for step in after.steps] == ["send"]
    assert (before.sent, after.sent) == (0, 2)
    assert sorted(recipients(parts)) == ["ada", "ben"]


def test_the_weeks_pass_one_email_at_a_time(parts: Parts, clock: Clock) -> None:
    add_people(parts, "ada")

    days = []
    for day in range(43):
        if tick(parts).sent:
            days.append(day)
        clock.move(days=1)

    assert recipients(parts) == ["ada"] * 6
    assert days == [0, 7, 14, 21, 28, 35]


def test_a_tick_is_kept_for_status(parts: Parts, now: datetime) -> None:
    add_people(parts, "ada")

    report = tick(parts)

    (worker,) = workers(parts)
    assert worker.last_tick == report.as_dict()
    assert worker.last_tick["at"] == now.isoformat()


@pytest.mark.parametrize(
    ("step", "broken"),
    [
        ("take over", "scheduler.outbox.may_take_over"),
        ("publish changes", "scheduler.has_changes"),
        ("enrol newcomers", "scheduler.enrol_newcomers"),
        ("queue confirmations", "scheduler.has_confirmations"),
        ("tidy", "scheduler.outbox.has_old"),
    ],
)
def test_a_step_that_fails_does_not_keep_the_others(
    parts: Parts, step: str, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_people(parts, "ada")
    tick(parts)
    add_people(parts, "ben")

    def break_once(*_: object, **__: object) -> int:
        monkeypatch.undo()
        raise RuntimeError("a wheel came off")

    monkeypatch.setattr(broken, break_once)
    report = tick(parts)
    healed = tick(parts)

    assert report.failures == {step: "a wheel came off"}
    assert [each.name for each in report.steps][-1] == "send"
    assert healed.failures == {}
    assert recipients(parts) == ["ada", "ben"]


def test_a_failure_of_the_database_is_told_without_anybodys_address() -> None:
    error = OperationalError(
        "UPDATE subscribers SET x = ?", ("ada@example.org",), Exception("database is locked")
    )

    report = StepReport.failed("send", error)

    assert report.failure == (
        "database does not answer: database is locked; another process is writing to it; "
        "try again in a moment"
    )
    assert StepReport.failed("send", ValueError()).failure == "ValueError"


def test_a_relay_that_is_down_is_named_and_the_mail_goes_later(parts: Parts, clock: Clock) -> None:
    add_people(parts, "ada")
    down = Unreachable()

    report = tick(replace(parts, sender=down))
    clock.move(hours=1)
    tick(parts)

    assert report.failures == {"reach the relay": "no route to host"}
    assert recipients(parts) == ["ada"]


class Unreachable(MemorySender):
    """A sender whose relay cannot be reached."""

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        return [RelayDown("no route to host", "mx.example:25") for _ in handovers]


def test_work_of_a_dead_worker_is_taken_over(parts: Parts, clock: Clock) -> None:
    add_people(parts, "ada")
    with parts.database.transaction() as session:
        dead = scheduler.outbox.register_worker(session, host="dead", process_id=1, now=clock())
    report = run_tick(parts, dead, now=clock(), keep_going=lambda: False)
    assert report.failures == {}
    with parts.database.transaction() as session:
        scheduler.outbox.claim_batch(session, dead, now=clock(), limit=9)

    clock.move(minutes=2)
    report = tick(parts)

    assert report.steps[0] == StepReport("take over", 1)
    assert recipients(parts) == ["ada"]


def test_after_the_block_nothing_is_left_in_hand(parts: Parts, clock: Clock) -> None:
    add_people(parts, "ada")

    with employed(parts) as worker:
        run_tick(parts, worker, now=clock(), keep_going=lambda: False)
        with parts.database.transaction() as session:
            scheduler.outbox.claim_batch(session, worker, now=clock(), limit=9)
        assert states(parts) == [State.CLAIMED]

    assert states(parts) == [State.QUEUED]
    assert [worker.alive for worker in workers(parts)] == [False]


@pytest.fixture
def started(parts: Parts) -> Iterator[Callable[[Parts], Scheduler]]:
    """Start schedulers, and stop those still running."""
    running: list[Scheduler] = []

    def start(of: Parts) -> Scheduler:
        running.append(Scheduler(of, every=EVERY))
        running[-1].start()
        return running[-1]

    yield start
    for each in running:
        each.stop()


@dataclass
class Watched(MemorySender):
    """A sender that tells when it has taken something, and may be kept from answering."""

    took: Event = field(default_factory=Event)
    may_answer: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        MemorySender.__init__(self, connections=2)
        self.may_answer.set()

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        self.took.set()
        assert self.may_answer.wait(SOON)
        return super().send(handovers)


def test_the_scheduler_sends_what_becomes_due(
    parts: Parts, started: Callable[[Parts], Scheduler]
) -> None:
    parts = replace(parts, sender=Watched())
    started(parts)

    add_people(parts, "ada")

    assert isinstance(parts.sender, Watched)
    assert parts.sender.took.wait(SOON)


def test_stopping_finishes_what_is_in_hand_and_gives_back_the_rest(
    parts: Parts, started: Callable[[Parts], Scheduler]
) -> None:
    sender = Watched()
    sender.may_answer.clear()
    parts = replace(parts, sender=sender)
    add_people(parts, *(f"person{number}" for number in range(9)))
    running = started(parts)
    assert sender.took.wait(SOON)

    running.ask_to_stop()
    sender.may_answer.set()
    running.stop()

    assert sorted(states(parts)) == [State.QUEUED] * 7 + [State.SENT] * 2
    assert [worker.alive for worker in workers(parts)] == [False]


def test_the_next_start_sends_the_rest_once(
    parts: Parts, started: Callable[[Parts], Scheduler]
) -> None:
    sender = Watched()
    sender.may_answer.clear()
    parts = replace(parts, sender=sender)
    names = [f"person{number}" for number in range(9)]
    add_people(parts, *names)
    running = started(parts)
    assert sender.took.wait(SOON)
    running.ask_to_stop()
    sender.may_answer.set()
    running.stop()

    Scheduler(parts, every=timedelta(minutes=1)).work()

    assert sorted(recipients(parts)) == names


def test_two_schedulers_beside_each_other_do_no_harm(
    parts: Parts, started: Callable[[Parts], Scheduler]
) -> None:
    names = [f"person{number:02}" for number in range(30)]
    add_people(parts, *names)
    other = Database(parts.database.engine)

    first, second = started(parts), started(replace(parts, database=other))
    wait_until(lambda: len(recipients(parts)) >= 30)
    first.stop()
    second.stop()

    assert sorted(recipients(parts)) == names


def wait_until(is_so: Callable[[], bool]) -> None:
    beat = Event()
    for _ in range(int(SOON / 0.05)):
        if is_so():
            return
        beat.wait(0.05)
    raise AssertionError("it never happened")


def test_a_worker_that_was_taken_for_dead_reports_again(parts: Parts, clock: Clock) -> None:
    mine = Scheduler(parts, every=timedelta(minutes=1))
    mine.work()
    clock.move(minutes=10)
    tick(parts)
    add_people(parts, "ada")

    mine.work()
    mine.stop()

    assert recipients(parts) == ["ada"]
    assert len(workers(parts)) == 3


def test_a_database_that_does_not_answer_is_tried_again_at_the_next_tick(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    add_people(parts, "ada")
    refusing = RefusingDatabase(parts.database.engine, frozenset({1, 2}))
    mine = Scheduler(replace(parts, database=refusing), every=timedelta(minutes=1))

    with caplog.at_level(logging.ERROR, logger="steadypost.scheduler"):
        mine.work()
        mine.work()
    assert recipients(parts) == []
    mine.work()
    mine.stop()

    assert recipients(parts) == ["ada"]
    assert [record.getMessage() for record in caplog.records] == [
        "could not report for work: database does not answer: database is locked; another "
        "process is writing to it; try again in a moment; tried again at every tick"
    ]


def test_a_tick_cut_short_leaves_the_rest_queued(parts: Parts, clock: Clock) -> None:
    add_people(parts, *(f"person{number}" for number in range(9)))
    answers = iter([True, True, True])

    with employed(parts) as worker:
        run_tick(parts, worker, now=clock(), keep_going=lambda: next(answers, False))

    assert len(recipients(parts)) < 9
    tick(parts)
    assert sorted(recipients(parts)) == [f"person{number}" for number in range(9)]


def test_an_unsubscribed_person_gets_nothing_more(parts: Parts, clock: Clock) -> None:
    add_people(parts, "ada")
    tick(parts)
    with parts.database.transaction() as session:
        session.execute(text("UPDATE subscriptions SET standing = 'unsubscribed'"))
        assert session.scalars(select(MailingList)).one().slug == "weekly"
    clock.move(days=8)

    report = tick(parts)

    assert {step.name: step.done for step in report.steps}["end leavers"] == 1
    assert recipients(parts) == ["ada"]
