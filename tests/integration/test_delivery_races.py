"""Workers, people and reapers that come at the same moment never make two of one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from delivery.errors import WorkerFencedError
from delivery.models import Delivery
from delivery.outbox import (
    Mark,
    NewDelivery,
    WorkerIdentity,
    cancel_for_subscriber,
    claim_batch,
    mark_sending,
    queue_deliveries,
    reap_dead_workers,
    register_worker,
)
from delivery.rules.states import Kind, State
from storage.database import Database

LEASE = timedelta(seconds=60)


def fill(database: Database, cast: Any, now: datetime, count: int) -> None:
    rows = [NewDelivery(f"k{n}", Kind.STEP, now, now, cast.ada.subscriber_id) for n in range(count)]
    with database.transaction() as session:
        assert queue_deliveries(session, rows) == count


def hire(database: Database, now: datetime) -> WorkerIdentity:
    with database.transaction() as session:
        return register_worker(session, host="here", process_id=1, now=now)


def together(*deeds: Callable[[], None]) -> None:
    """Do all of it at once; a failure in any is a failure of the test."""
    start, failures = threading.Barrier(len(deeds)), list[BaseException]()

    def run(deed: Callable[[], None]) -> None:
        try:
            start.wait(10)
            deed()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_four_workers_share_a_queue_without_overlap(
    database: Database, cast: Any, now: datetime
) -> None:
    fill(database, cast, now, 200)
    taken: Counter[int] = Counter()

    def work() -> None:
        worker = hire(database, now)
        while True:
            with database.transaction() as session:
                claims = claim_batch(session, worker, now=now, limit=7)
            if not claims:
                return
            taken.update(claim.id for claim in claims)

    together(*[work] * 4)

    assert len(taken) == 200
    assert set(taken.values()) == {1}


def test_planners_that_plan_the_same_make_one(database: Database, cast: Any, now: datetime) -> None:
    rows = [NewDelivery(f"k{n}", Kind.STEP, now, now, cast.ada.subscriber_id) for n in range(50)]
    made: list[int] = []

    def plan() -> None:
        with database.transaction() as session:
            made.append(queue_deliveries(session, rows))

    together(*[plan] * 4)

    assert sum(made) == 50


def test_an_unsubscribe_and_a_mark_at_once_agree_about_every_delivery(
    database: Database, cast: Any, now: datetime
) -> None:
    fill(database, cast, now, 40)
    worker = hire(database, now)
    with database.transaction() as session:
        claims = claim_batch(session, worker, now=now, limit=40)
    marked: set[int] = set()
    cancelled: list[int] = []

    def mark() -> None:
        # Backwards, a few at a time: the other goes forwards.
        for start in range(36, -1, -4):
            marks = [Mark(claim.id, claim.attempt) for claim in claims[start : start + 4]]
            with database.transaction() as session:
                marked.update(mark_sending(session, worker, marks[::-1], now=now))

    def leave() -> None:
        with database.transaction() as session:
            ada = cast.ada.subscriber_id
            cancelled.append(cancel_for_subscriber(session, ada, "left", now=now))

    together(mark, leave)

    with database.reading() as session:
        states = {row.id: row.state for row in session.query(Delivery)}
    assert {key for key, state in states.items() if state is State.SENDING} == marked
    assert Counter(states.values())[State.CANCELLED] == cancelled[0]
    assert len(marked) + cancelled[0] == 40


def test_a_worker_that_wakes_while_it_is_reaped_marks_all_or_nothing(
    database: Database, cast: Any, now: datetime
) -> None:
    fill(database, cast, now, 20)
    worker = hire(database, now)
    with database.transaction() as session:
        claims = claim_batch(session, worker, now=now, limit=20)
    marked: set[int] = set()
    marks = [Mark(claim.id, claim.attempt) for claim in claims]

    def wake() -> None:
        try:
            with database.transaction() as session:
                found = mark_sending(session, worker, marks, now=now)
            marked.update(found)
        except WorkerFencedError:
            pass

    def reap() -> None:
        with database.transaction() as session:
            reap_dead_workers(session, now=now + 2 * LEASE, lease=LEASE)

    together(wake, reap, reap)

    with database.reading() as session:
        states = Counter(row.state for row in session.query(Delivery))
    # Marked first: what was marked is in doubt, or under way while nobody was fenced.
    assert states in (
        {State.QUEUED: 20},
        {State.UNCERTAIN: 20},
        {State.SENDING: 20},
    )
    assert bool(marked) == (State.QUEUED not in states)
