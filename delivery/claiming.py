"""Claim: a worker takes due deliveries, so that nobody else does."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import CTE, ColumnElement, case, literal, select, update
from sqlalchemy.orm import Session

from delivery.quota import claimable_today
from delivery.rows import IS_AWAITED, IS_QUEUED, IS_URGENT, deliveries
from delivery.rules.quota import Today
from delivery.rules.states import Kind, State
from delivery.workers import WorkerIdentity, beat


class ClaimedDelivery(NamedTuple):
    """A delivery in the hands of one worker: everything it takes to render and address it."""

    id: int
    public_id: str
    kind: Kind
    attempt: int
    due_at: datetime
    message_date: datetime  # equal over all attempts that reach a relay
    subscriber_id: int | None
    subscription_id: int | None
    enrolment_id: int | None
    step_id: int | None
    revision_id: int | None  # of an earlier attempt
    document: str
    doubt_count: int
    once_key: str = ""
    broadcast_id: int | None = None
    reason: str = ""  # why it waited until its due time


_CLAIMED_COLUMNS = [deliveries.c[name] for name in ClaimedDelivery._fields]


def claim_batch(
    session: Session,
    worker: WorkerIdentity,
    *,
    now: datetime,
    limit: int,
    today: Today | None = None,
) -> list[ClaimedDelivery]:
    """Take due deliveries for one worker: first what somebody waits for, then by due time.

    A confirmation or a notice is taken whatever the quota of the day says, and counts. After them
    come the steps that somebody asked for just now, which else would wait behind a newsletter.

    Raises:
        WorkerFencedError: the worker was given up for dead.
    """
    beat(session, worker, now=now)
    claimed = _claim(session, worker, IS_URGENT, now=now, limit=limit)
    rest = limit - len(claimed)
    if today is not None:
        rest = claimable_today(session, today, at_most=rest)
    awaited = _claim(session, worker, IS_AWAITED, now=now, limit=rest)
    return claimed + awaited + _claim(session, worker, now=now, limit=rest - len(awaited))


def _claim(
    session: Session,
    worker: WorkerIdentity,
    *conditions: ColumnElement[bool],
    now: datetime,
    limit: int,
) -> list[ClaimedDelivery]:
    if limit <= 0:
        return []
    due = _due(*conditions, now=now, limit=limit)
    never_marked = deliveries.c.sending_at.is_(None)
    statement = (
        update(deliveries)
        .where(IS_QUEUED, deliveries.c.id.in_(select(due.c.id)))
        .values(
            state=State.CLAIMED,
            owner=worker.id,
            attempt=deliveries.c.attempt + 1,
            message_date=case((never_marked, _moment(now)), else_=deliveries.c.message_date),
        )
        .returning(*_CLAIMED_COLUMNS)
    )
    found = [ClaimedDelivery._make(row) for row in session.execute(statement)]
    return sorted(found, key=lambda delivery: (delivery.due_at, delivery.id))


def _moment(now: datetime) -> ColumnElement[datetime]:
    return literal(now, deliveries.c.message_date.type)


def _due(*conditions: ColumnElement[bool], now: datetime, limit: int) -> CTE:
    due = select(deliveries.c.id).where(IS_QUEUED, *conditions, deliveries.c.due_at <= now)
    first = due.order_by(deliveries.c.due_at, deliveries.c.id).limit(limit)
    # PostgreSQL leaves alone what another worker is taking; SQLite has locked everything.
    return first.with_for_update(skip_locked=True).cte("due")
