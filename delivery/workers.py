"""Workers: who sends, who still lives, and what becomes of the work of the dead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, and_, bindparam, exists, insert, literal, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from delivery.errors import WorkerFencedError
from delivery.rows import (
    IS_IN_HAND,
    Change,
    deliveries,
    move_all,
    save_changes,
    workers,
)
from delivery.rules.outcomes import Situation, in_doubt
from delivery.rules.signs_of_life import is_silent
from delivery.rules.states import POLICY_OF_KIND, Kind, State
from storage.arrays import rows_of


@dataclass(frozen=True)
class WorkerIdentity:
    """What a worker proves itself with: its epoch was raised when it was given up for dead."""

    id: int
    epoch: int


@dataclass(frozen=True)
class LeftBehind:
    """A delivery that was marked, and whose outcome nobody recorded."""

    delivery_id: int
    attempt: int
    kind: Kind
    journal: str  # of the worker that marked it


@dataclass(frozen=True)
class Reaped:
    """What was found in the hands of dead workers."""

    claimed_back: int = 0  # nothing had left: queued again
    uncertain: int = 0  # the hand-over may have happened: listed
    queued_again: int = 0  # the same, for mail that is rather sent twice than never

    @property
    def total(self) -> int:
        """Count all of it."""
        return self.claimed_back + self.uncertain + self.queued_again


def register_worker(
    session: Session, *, host: str, process_id: int, now: datetime, journal: str = ""
) -> WorkerIdentity:
    """Add a worker; every process that sends has its own, and the name of its journal."""
    about = {"host": host, "process_id": process_id, "journal": journal}
    row = insert(workers).values(**about, started_at=now, heartbeat_at=now)
    found = session.execute(row.returning(workers.c.id, workers.c.epoch)).one()
    return WorkerIdentity(found.id, found.epoch)


def beat(session: Session, worker: WorkerIdentity, *, now: datetime) -> None:
    """Record that the worker lives; every claim and mark does so too.

    The row is locked until the transaction ends, so nobody can give the worker up for dead
    between this and the commit.

    Raises:
        WorkerFencedError: it was given up for dead.
    """
    if not rows_of(session, _beat, worker=worker.id, known=worker.epoch, now=now):
        raise WorkerFencedError(worker.id)


@cache
def _beat(_dialect: str) -> ReturningUpdate[Any]:
    is_not_fenced = workers.c.epoch == bindparam("known")
    its_own = and_(workers.c.id == bindparam("worker"), is_not_fenced, workers.c.alive.is_(True))
    now = bindparam("now", type_=workers.c.heartbeat_at.type)
    return update(workers).where(its_own).values(heartbeat_at=now).returning(workers.c.id)


def retire_worker(session: Session, worker: WorkerIdentity, *, now: datetime) -> int:
    """Sign a worker off at shutdown, and give its claims back; tell how many there were."""
    session.execute(_FENCE.where(workers.c.id == worker.id).values(heartbeat_at=now))
    return _give_back(session)


def fence_ended_workers(
    session: Session, *, now: datetime, lease: timedelta, has_ended: Callable[[str], bool]
) -> int:
    """Fence out who was silent for longer than the lease, and whose journal shows that they ended.

    Nothing is taken from their hands yet. Tells how many there were.
    """
    living = select(workers.c.id, workers.c.heartbeat_at, workers.c.journal)
    rows = living.where(workers.c.alive.is_(True)).with_for_update(skip_locked=True)
    ended = [
        row.id
        for row in session.execute(rows)
        if is_silent(row.heartbeat_at, now=now, lease=lease) or has_ended(row.journal)
    ]
    session.execute(_FENCE.where(workers.c.id.in_(ended)))
    return len(ended)


def marked_by_the_dead(session: Session) -> list[LeftBehind]:
    """List what dead workers had marked and not recorded, each with its worker's journal."""
    rows = (
        select(deliveries.c.id, deliveries.c.attempt, deliveries.c.kind, workers.c.journal)
        .join(workers, workers.c.id == deliveries.c.owner)
        .where(IS_IN_HAND, deliveries.c.state == State.SENDING, workers.c.alive.is_(False))
    )
    return [LeftBehind(*row) for row in session.execute(rows.order_by(deliveries.c.id))]


def marked_by(session: Session, worker: WorkerIdentity) -> list[LeftBehind]:
    """List what a worker has marked and not recorded."""
    rows = select(deliveries.c.id, deliveries.c.attempt, deliveries.c.kind, literal("")).where(
        IS_IN_HAND, deliveries.c.state == State.SENDING, deliveries.c.owner == worker.id
    )
    return [LeftBehind(*row) for row in session.execute(rows.order_by(deliveries.c.id))]


def reap_dead_workers(session: Session, *, now: datetime, lease: timedelta) -> Reaped:
    """Take over from workers that were silent for longer than the lease.

    How long the lease is decides only how soon things go on, never whether they are right:
    from here on the dead worker's claims and marks are refused, should it wake up again.
    """
    silent = _silent_workers(session, now, lease)
    session.execute(_FENCE.where(workers.c.id.in_(silent)))
    claimed_back = _give_back(session)
    changes = [_doubt(row, now) for row in _sending_of_the_dead(session)]
    save_changes(session, changes, now=now)
    uncertain = sum(change.verdict.state is State.UNCERTAIN for change in changes)
    return Reaped(claimed_back, uncertain, len(changes) - uncertain)


def may_take_over(
    session: Session,
    worker: WorkerIdentity,
    *,
    now: datetime,
    lease: timedelta,
    has_ended: Callable[[str], bool],
) -> bool:
    """Tell whether anybody has ended, or left something behind, this worker itself included."""
    if any(
        is_silent(row.heartbeat_at, now=now, lease=lease) or has_ended(row.journal)
        for row in session.execute(_LIVING)
    ):
        return True
    return bool(session.scalar(_HAS_LEFT_BEHIND, {"worker_id": worker.id}))


def anybody_works(session: Session, *, now: datetime, lease: timedelta) -> bool:
    """Tell whether any worker lives, as far as its last sign of life says."""
    lives = exists().where(workers.c.alive.is_(True), workers.c.heartbeat_at >= now - lease)
    return bool(session.scalar(select(lives)))


def _silent_workers(session: Session, now: datetime, lease: timedelta) -> list[int]:
    living = select(workers.c.id, workers.c.heartbeat_at).where(workers.c.alive.is_(True))
    # Another reaper at the same work, or the worker itself just now, is left alone.
    rows = session.execute(living.with_for_update(skip_locked=True))
    return [row.id for row in rows if is_silent(row.heartbeat_at, now=now, lease=lease)]


_FENCE = (
    update(workers).where(workers.c.alive.is_(True)).values(alive=False, epoch=workers.c.epoch + 1)
)

# Asked of the rows and not of the workers just fenced, so that nothing stays behind when a
# reaper itself dies half-way. Asked for the dead and not for "none of the living", so that a
# worker this transaction cannot see yet is safe.
_OF_THE_DEAD = deliveries.c.owner.in_(select(workers.c.id).where(workers.c.alive.is_(False)))

# Made once, for every tick asks.
_LIVING = select(workers.c.heartbeat_at, workers.c.journal).where(workers.c.alive.is_(True))
_OF_ITS_OWN = and_(
    deliveries.c.owner == bindparam("worker_id"), deliveries.c.state == State.SENDING
)
_HAS_LEFT_BEHIND = select(exists().where(IS_IN_HAND, or_(_OF_THE_DEAD, _OF_ITS_OWN)))


def _give_back(session: Session) -> int:
    is_claimed = deliveries.c.state == State.CLAIMED
    return move_all(session, IS_IN_HAND, is_claimed, _OF_THE_DEAD, state=State.QUEUED, owner=None)


def _sending_of_the_dead(session: Session) -> list[RowMapping]:
    rows = select(deliveries).where(IS_IN_HAND, deliveries.c.state == State.SENDING, _OF_THE_DEAD)
    return list(session.execute(rows.order_by(deliveries.c.id).with_for_update()).mappings())


def _doubt(row: RowMapping, now: datetime) -> Change:
    situation = Situation(
        row["state"],
        POLICY_OF_KIND[Kind(row["kind"])],
        row["due_at"],
        row["deferred_since"],
        row["doubt_count"],
    )
    return Change(row["id"], row["attempt"], row["state"], in_doubt(situation, now=now))
