"""The outbox: queue, claim, mark, record. The database decides who sends what, and how it ended.

Every function may be called twice or too late without harm: it changes only rows that are in
the state it is made for, and tells which those were. Call it inside `Database.transaction()`;
it never commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Row,
    bindparam,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

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
from delivery.rows import (
    IS_IN_HAND,
    Change,
    deliveries,
    move_all,
    save_changes,
)
from delivery.rules.outcomes import Situation, judge
from delivery.rules.replies import ReplyClass
from delivery.rules.states import Kind, Policy, State
from delivery.sender import Outcome
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
from storage.base import JsonObject
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


@dataclass(frozen=True)
class Mark:
    """The wish to begin the hand-over of a claimed delivery, and what it was rendered from."""

    delivery_id: int
    attempt: int
    revision_id: int | None = None
    context: dict[str, Any] | None = None


@dataclass(frozen=True)
class Result:
    """What became of one hand-over."""

    delivery_id: int
    attempt: int
    outcome: Outcome
    policy: Policy
    due_at: datetime | None = None  # when to try again after `RelayDown`
    is_relay_wide: bool = False  # a "not now" that everybody gets


@dataclass(frozen=True)
class Recorded:
    """What a delivery has become by a result; for those who follow the people and the series."""

    delivery_id: int
    attempt: int
    kind: Kind
    state: State
    outcome: Outcome
    due_at: datetime
    reason: str
    reply_class: ReplyClass | None  # of a refusal: whose fault it is
    subscriber_id: int | None
    subscription_id: int | None
    enrolment_id: int | None
    step_id: int | None


def queue_deliveries(session: Session, rows: Sequence[NewDelivery]) -> int:
    """Queue deliveries; those whose once key is taken exist already. Tell how many were new."""
    if not rows:
        return 0
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(deliveries).on_conflict_do_nothing(index_elements=["once_key"])
    values = [{**vars(row), "public_id": new_public_id()} for row in rows]
    return len(session.execute(statement.returning(deliveries.c.id), values).all())


_MARK = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("row_id"))
    .values(
        state=State.SENDING,
        sending_at=bindparam("new_sending_at"),
        revision_id=bindparam("new_revision_id"),
        context=bindparam("new_context", type_=JsonObject),
    )
)


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
    ours = _claimed_attempts(session, worker, [claim.delivery_id for claim in claims])
    marks = {
        claim.delivery_id: claim for claim in claims if ours.get(claim.delivery_id) == claim.attempt
    }
    if marks:
        session.execute(_MARK, [_values_of(mark, now) for mark in marks.values()])
    return set(marks)


def _claimed_attempts(
    session: Session, worker: WorkerIdentity, delivery_ids: Collection[int]
) -> dict[int, int]:
    """Lock what this worker holds among these; what it holds cannot be taken away any more."""
    mine = (
        select(deliveries.c.id, deliveries.c.attempt)
        .where(
            deliveries.c.id.in_(delivery_ids),
            deliveries.c.state == State.CLAIMED,
            deliveries.c.owner == worker.id,
        )
        .order_by(deliveries.c.id)
        .with_for_update()
    )
    return {row.id: row.attempt for row in session.execute(mine)}


def _values_of(mark: Mark, now: datetime) -> dict[str, Any]:
    return {
        "row_id": mark.delivery_id,
        "new_sending_at": now,
        "new_revision_id": mark.revision_id,
        "new_context": mark.context,
    }


def record_outcomes(
    session: Session, worker: WorkerIdentity, results: Sequence[Result], *, now: datetime
) -> list[Recorded]:
    """Write down what became of hand-overs; give those that changed something, in order.

    Also a worker that was given up for dead may record: what a relay said remains true.
    A result that is repeated, or older than the delivery's last attempt, changes nothing.
    """
    rows = _locked_rows(session, [result.delivery_id for result in results])
    # Each row is taken once: a result given twice in one call counts once.
    pairs = [(rows.pop(result.delivery_id, None), result) for result in results]
    judged = [_judge(row, result, now) for row, result in pairs if row is not None]
    save_changes(session, [change for change, _ in filter(None, judged)], now=now)
    return [recorded for _, recorded in filter(None, judged)]


_JUDGED_COLUMNS = [
    deliveries.c[name]
    for name in (
        "id",
        "attempt",
        "kind",
        "state",
        "due_at",
        "deferred_since",
        "doubt_count",
        "subscriber_id",
        "subscription_id",
        "enrolment_id",
        "step_id",
    )
]


def _locked_rows(session: Session, delivery_ids: Collection[int]) -> dict[int, Row[Any]]:
    rows = select(*_JUDGED_COLUMNS).where(deliveries.c.id.in_(delivery_ids))
    locked = rows.order_by(deliveries.c.id).with_for_update()
    return {row.id: row for row in session.execute(locked)}


def _judge(row: Row[Any], result: Result, now: datetime) -> tuple[Change, Recorded] | None:
    situation = Situation(
        row.state,
        result.policy,
        row.due_at,
        row.deferred_since,
        row.doubt_count,
        result.is_relay_wide,
    )
    verdict = judge(result.outcome, situation, now=now, due_at=result.due_at)
    if verdict is None or row.attempt != result.attempt:
        return None
    relay, reply = result.outcome.relay, result.outcome.reply
    change = Change(row.id, row.attempt, row.state, verdict, relay[:255], reply)
    recorded = Recorded(
        delivery_id=row.id,
        attempt=row.attempt,
        kind=row.kind,
        state=verdict.state,
        outcome=result.outcome,
        due_at=verdict.due_at,
        reason=verdict.reason,
        reply_class=verdict.reply_class,
        subscriber_id=row.subscriber_id,
        subscription_id=row.subscription_id,
        enrolment_id=row.enrolment_id,
        step_id=row.step_id,
    )
    return change, recorded


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
