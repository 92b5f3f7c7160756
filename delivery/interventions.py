"""What people, staff and safety rules do to deliveries that have not left yet, or are in doubt."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, exists, select, true
from sqlalchemy.orm import Session

from delivery.rows import IS_HELD, IS_QUEUED, IS_URGENT, deliveries, in_states, move_all
from delivery.rules.states import Kind, State, origins_of

# The links in them stop working after a week, so does the use of sending them.
_USEFUL_DAYS = 7
USEFUL_FOR = dict.fromkeys([Kind.CONFIRMATION, Kind.NOTICE], timedelta(days=_USEFUL_DAYS))


def cancel_for_subscriber(
    session: Session,
    subscriber_id: int,
    reason: str,
    *,
    kinds: Collection[Kind] | None = None,
    now: datetime,
) -> int:
    """Cancel what a person has coming and is not marked yet; tell how many deliveries.

    What is marked may be on its way already: the row lock decides which of a mark and a
    cancellation at the same moment was first.
    """
    is_kind = true() if kinds is None else deliveries.c.kind.in_(sorted(kinds))
    of_person = deliveries.c.subscriber_id == subscriber_id
    return _cancel(session, of_person, is_kind, reason=reason, now=now)


def cancel_for_enrolments(
    session: Session, enrolment_ids: Collection[int], reason: str, *, now: datetime
) -> int:
    """Cancel what these enrolments have coming and is not marked yet."""
    of_them = deliveries.c.enrolment_id.in_(enrolment_ids)
    return _cancel(session, of_them, reason=reason, now=now)


def cancel_for_broadcast(session: Session, broadcast_id: int, reason: str, *, now: datetime) -> int:
    """Cancel what is not marked yet of a broadcast."""
    of_it = deliveries.c.broadcast_id == broadcast_id
    return _cancel(session, of_it, reason=reason, now=now)


def cancel_for_subscription(
    session: Session,
    subscription_id: int,
    reason: str,
    *,
    subscriber_id: int,
    kind: Kind,
    now: datetime,
) -> int:
    """Cancel what is not marked yet of one kind, sent by a person's word for one list."""
    return _cancel(
        session,
        deliveries.c.subscriber_id == subscriber_id,  # they are found by their person
        deliveries.c.subscription_id == subscription_id,
        deliveries.c.kind == kind,
        reason=reason,
        now=now,
    )


def cancel_deliveries(
    session: Session, delivery_ids: Collection[int], reason: str, *, now: datetime
) -> int:
    """Cancel these deliveries, where they are not marked yet."""
    return _cancel(session, deliveries.c.id.in_(delivery_ids), reason=reason, now=now)


def hold(session: Session, delivery_ids: Collection[int], reason: str) -> int:
    """Keep deliveries back until staff looked at them; the reason is shown to staff.

    Also for those the relay refused on our account (policy, login): staff put the cause right
    and release them.
    """
    return move_all(
        session,
        deliveries.c.id.in_(delivery_ids),
        in_states(origins_of(State.HELD)),
        state=State.HELD,
        owner=None,
        done_at=None,
        reason=reason,
    )


def release_held(session: Session, delivery_ids: Collection[int]) -> int:
    """Let held deliveries go again, those that are due at once."""
    return _queue(session, delivery_ids, State.HELD, due_at=None)


def queue_again(
    session: Session, delivery_ids: Collection[int], *, due_at: datetime, is_awaited: bool
) -> int:
    """Queue cancelled deliveries again, because the person asked again, maybe just now."""
    before = State.CANCELLED
    return _queue(session, delivery_ids, before, due_at=due_at, is_awaited=is_awaited)


def send_again(session: Session, delivery_ids: Collection[int], *, now: datetime) -> int:
    """Queue uncertain deliveries again because staff decided so; Message-ID and Date stay.

    A receiver that has the message already can then tell that this is the same one.
    """
    return _queue(session, delivery_ids, State.UNCERTAIN, due_at=now)


def confirm_arrival(
    session: Session, delivery_ids: Collection[int], evidence: str, *, now: datetime
) -> int:
    """Take uncertain deliveries as sent, on evidence: a click, a bounce, the relay's log."""
    return move_all(
        session,
        deliveries.c.id.in_(delivery_ids),
        deliveries.c.state == State.UNCERTAIN,
        state=State.SENT,
        reason=evidence,
        done_at=now,
    )


def has_old(session: Session, *, now: datetime) -> bool:
    """Tell whether `expire_old` would find anything to do."""
    before = {"before": now - timedelta(days=_USEFUL_DAYS)}
    return any(session.scalar(question, before) for question in _HAS_OLD)


def expire_old(session: Session, *, now: datetime) -> int:
    """Take out of the queue what is of no use any more; the reason says so."""
    reason = f"not sent within {_USEFUL_DAYS} days; its links work no longer"
    is_old = deliveries.c.created_at < now - timedelta(days=_USEFUL_DAYS)
    return sum(
        move_all(session, *conditions, is_old, state=State.EXPIRED, done_at=now, reason=reason)
        for conditions in _MAY_GROW_OLD
    )


# Each such that a partial index holds the few it is about; the questions are made once.
_MAY_GROW_OLD = ((IS_QUEUED, IS_URGENT), (IS_HELD, IS_URGENT))
_HAS_OLD = tuple(
    select(exists().where(*conditions, deliveries.c.created_at < bindparam("before")))
    for conditions in _MAY_GROW_OLD
)


def _cancel(session: Session, *conditions: ColumnElement[bool], reason: str, now: datetime) -> int:
    return move_all(
        session,
        in_states(origins_of(State.CANCELLED)),
        *conditions,
        state=State.CANCELLED,
        owner=None,
        reason=reason,
        done_at=now,
    )


def _queue(
    session: Session,
    delivery_ids: Collection[int],
    before: State,
    *,
    due_at: datetime | None,
    **values: Any,
) -> int:
    """Queue again with a clean slate; a message that certainly never went gets a new Date."""
    never_went = case((deliveries.c.doubt_count == 0, None), else_=deliveries.c.sending_at)
    return move_all(
        session,
        deliveries.c.id.in_(delivery_ids),
        deliveries.c.state == before,
        state=State.QUEUED,
        owner=None,
        reason="",
        done_at=None,
        deferred_since=None,
        sending_at=never_went,
        due_at=due_at or deliveries.c.due_at,
        **values,
    )
