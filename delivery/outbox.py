"""The outbox: queue, claim, mark, record. The database decides who sends what, and how it ended.

Every function may be called twice or too late without harm: it changes only rows that are in
the state it is made for, and tells which those were. Call it inside `Database.transaction()`;
it never commits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Integer,
    Text,
    and_,
    bindparam,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.types import TypeEngine

from delivery.claiming import ClaimedDelivery, claim_batch
from delivery.interventions import (
    cancel_deliveries,
    cancel_for_broadcast,
    cancel_for_enrolments,
    cancel_for_subscriber,
    cancel_for_subscription,
    confirm_arrival,
    expire_old,
    has_old,
    hold,
    queue_again,
    release_held,
    send_again,
)
from delivery.recording import Recorded, Result, record_outcomes
from delivery.rows import (
    IS_IN_HAND,
    deliveries,
    lock_rows,
    move_all,
)
from delivery.rules.states import Kind, State
from delivery.workers import (
    LeftBehind,
    Reaped,
    WorkerIdentity,
    beat,
    fence_ended_workers,
    marked_by,
    marked_by_the_dead,
    may_take_over,
    reap_dead_workers,
    register_worker,
    retire_worker,
)
from storage.arrays import given_rows, many, run
from storage.base import RowId
from storage.signing import new_public_id

__all__ = [
    "ClaimedDelivery",
    "LeftBehind",
    "Mark",
    "NewDelivery",
    "Reaped",
    "Recorded",
    "Result",
    "WorkerIdentity",
    "beat",
    "cancel_deliveries",
    "cancel_for_broadcast",
    "cancel_for_enrolments",
    "cancel_for_subscriber",
    "cancel_for_subscription",
    "claim_batch",
    "confirm_arrival",
    "expire_old",
    "fence_ended_workers",
    "has_old",
    "hold",
    "mark_sending",
    "marked_by",
    "marked_by_the_dead",
    "may_take_over",
    "queue_again",
    "queue_deliveries",
    "reap_dead_workers",
    "record_outcomes",
    "register_worker",
    "release_claims",
    "release_held",
    "retire_worker",
    "send_again",
]


@dataclass(frozen=True)
class NewDelivery:
    """A message somebody should get; the once key allows it once."""

    once_key: str
    kind: Kind
    due_at: datetime
    created_at: datetime
    subscriber_id: int
    subscription_id: int | None = None
    enrolment_id: int | None = None
    step_id: int | None = None
    document: str = ""
    broadcast_id: int | None = None
    is_awaited: bool = False  # a step that somebody asked for just now


class Mark(NamedTuple):
    """The wish to begin the hand-over of a claimed delivery, and what it was rendered from."""

    delivery_id: int
    attempt: int
    revision_id: int | None = None
    context: dict[str, Any] | None = None


_MARKED: Mapping[str, TypeEngine[Any]] = {
    "delivery_id": RowId,
    "attempt": Integer(),
    "revision_id": RowId,
    "context": JSONB().with_variant(Text(), "sqlite"),
}


def queue_deliveries(session: Session, rows: Sequence[NewDelivery]) -> int:
    """Queue deliveries; those whose once key is taken exist already. Tell how many were new."""
    if not rows:
        return 0
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(deliveries).on_conflict_do_nothing(index_elements=["once_key"])
    values = [{**vars(row), "public_id": new_public_id()} for row in rows]
    return len(session.execute(statement.returning(deliveries.c.id), values).all())


def mark_sending(
    session: Session, worker: WorkerIdentity, claims: Sequence[Mark], *, now: datetime
) -> set[int]:
    """Record that these hand-overs are about to start; give the ids that really may.

    Whatever is missing in the answer was cancelled, held or taken over since: it must not be
    sent. The answer counts once the transaction is committed, and not before.

    Raises:
        WorkerFencedError: the worker was given up for dead; nothing may be sent.
    """
    beat(session, worker, now=now)
    if not claims:
        return set()
    lock_rows(session, [claim.delivery_id for claim in claims])
    marks = many(claim._asdict() for claim in claims)
    return set(run(session, _mark, marks=marks, at=now, worker=worker.id).scalars())


@cache
def _mark(dialect: str) -> ReturningUpdate[Any]:
    """Compare and set in one: what this worker does not hold, or holds anew, stays as it is."""
    given = given_rows(dialect, "marks", _MARKED)
    is_ours = and_(
        deliveries.c.id == given.c.delivery_id,
        deliveries.c.attempt == given.c.attempt,
        deliveries.c.state == State.CLAIMED,
        deliveries.c.owner == bindparam("worker"),
    )
    marked = update(deliveries).where(is_ours)
    return marked.values(
        state=State.SENDING,
        sending_at=bindparam("at", type_=deliveries.c.sending_at.type),
        revision_id=given.c.revision_id,
        context=type_coerce(given.c.context, deliveries.c.context.type),
    ).returning(deliveries.c.id)


def release_claims(
    session: Session,
    worker: WorkerIdentity,
    delivery_ids: Collection[int] | None,
    *,
    now: datetime,
    due_at: datetime | None = None,
    reason: str = "",
) -> int:
    """Give back what this worker claimed and did not mark: these, or all of it.

    It is due again at `due_at`, or now; the reason tells people what it waits for.
    """
    mine = deliveries.c.owner == worker.id
    conditions = [IS_IN_HAND, mine, deliveries.c.state == State.CLAIMED]
    if delivery_ids is not None:
        conditions.append(deliveries.c.id.in_(delivery_ids))
    values = {"state": State.QUEUED, "owner": None, "due_at": due_at or now, "reason": reason}
    return move_all(session, *conditions, **values)
