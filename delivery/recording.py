"""Record what became of hand-overs: what the relay said is written down, and counts once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Integer, Row, Text, and_, bindparam, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.types import TypeEngine

from delivery.rows import Change, deliveries, lock_rows, save_changes
from delivery.rules.outcomes import Situation, judge
from delivery.rules.replies import ReplyClass
from delivery.rules.states import Kind, Policy, State
from delivery.sender import Accepted, Outcome
from delivery.workers import WorkerIdentity
from storage.arrays import given_rows, many, rows_of
from storage.base import RowId


class Result(NamedTuple):
    """What became of one hand-over."""

    delivery_id: int
    attempt: int
    outcome: Outcome
    policy: Policy
    due_at: datetime | None = None  # when to try again after `RelayDown`
    is_relay_wide: bool = False  # a "not now" that everybody gets


class Recorded(NamedTuple):
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


def record_outcomes(
    session: Session, worker: WorkerIdentity, results: Sequence[Result], *, now: datetime
) -> list[Recorded]:
    """Write down what became of hand-overs; give those that changed something, in order.

    Also a worker that was given up for dead may record: what a relay said remains true.
    A result that is repeated, or older than the delivery's last attempt, changes nothing.
    """
    lock_rows(session, [result.delivery_id for result in results])
    accepted = _record_accepted(session, results, now=now)
    others = [result for result in results if result.delivery_id not in accepted]
    judged = _record_others(session, others, now=now) if others else {}
    # Each row is taken once: a result given twice in one call counts once.
    known = {**accepted, **judged}
    return [known.pop(one.delivery_id) for one in results if one.delivery_id in known]


def _record_accepted(
    session: Session, results: Sequence[Result], *, now: datetime
) -> dict[int, Recorded]:
    """Record what nearly all are, taken by the relay as expected, in one statement.

    It writes what `judge` says of an accepted hand-over that is still marked, and leaves the rest.
    """
    outcomes = {r.delivery_id: r.outcome for r in results if isinstance(r.outcome, Accepted)}
    if not outcomes:
        return {}
    rows = many(
        {"id": r.delivery_id, "attempt": r.attempt, "relay": r.outcome.relay[:255]}
        | {"reply": r.outcome.reply}
        for r in results
        if outcomes.get(r.delivery_id) is r.outcome
    )
    found = rows_of(session, _accept, rows=rows, now=now)
    return {
        row.id: Recorded(
            delivery_id=row.id,
            attempt=row.attempt,
            kind=row.kind,
            state=State.SENT,
            outcome=outcomes[row.id],
            due_at=row.due_at,
            reason="",
            reply_class=None,
            subscriber_id=row.subscriber_id,
            subscription_id=row.subscription_id,
            enrolment_id=row.enrolment_id,
            step_id=row.step_id,
        )
        for row in found
    }


_ACCEPTED: Mapping[str, TypeEngine[Any]] = {
    "id": RowId,
    "attempt": Integer(),
    "relay": Text(),
    "reply": Text(),
}
_OF_RECORDED = ("subscriber_id", "subscription_id", "enrolment_id", "step_id")


@cache
def _accept(dialect: str) -> ReturningUpdate[Any]:
    given = given_rows(dialect, "rows", _ACCEPTED)
    is_marked = and_(
        deliveries.c.id == given.c.id,
        deliveries.c.attempt == given.c.attempt,
        deliveries.c.state == State.SENDING,
    )
    told = [deliveries.c[name] for name in ("id", "attempt", "kind", "due_at", *_OF_RECORDED)]
    return (
        update(deliveries)
        .where(is_marked)
        .values(
            state=State.SENT,
            reason="",
            owner=None,
            done_at=bindparam("now", type_=deliveries.c.done_at.type),
            relay=given.c.relay,
            reply=given.c.reply,
        )
        .returning(*told)
    )


def _record_others(
    session: Session, results: Sequence[Result], *, now: datetime
) -> dict[int, Recorded]:
    rows = _locked_rows(session, [result.delivery_id for result in results])
    pairs = [(rows.pop(result.delivery_id, None), result) for result in results]
    judged = [_judge(row, result, now) for row, result in pairs if row is not None]
    save_changes(session, [change for change, _ in filter(None, judged)], now=now)
    return {recorded.delivery_id: recorded for _, recorded in filter(None, judged)}


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
