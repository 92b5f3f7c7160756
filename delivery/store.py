"""Every question about deliveries that pages, `status` and campaigns ask."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from delivery.models import Delivery
from delivery.rows import IS_IN_HAND, IS_QUEUED, IS_SET_ASIDE
from delivery.rules.states import Kind, State


def counts_by_state(session: Session) -> dict[State, int]:
    """Count the deliveries in each state; every state is named."""
    counted = select(Delivery.state, func.count()).group_by(Delivery.state)
    found = {row[0]: row[1] for row in session.execute(counted)}
    return {state: found.get(state, 0) for state in State}


def count_due(session: Session, *, now: datetime) -> int:
    """Count what is queued and due: how far sending is behind."""
    due = select(func.count()).select_from(Delivery).where(IS_QUEUED, Delivery.due_at <= now)
    return session.scalar(due) or 0


def soonest_due(session: Session, *, limit: int) -> list[tuple[int, datetime]]:
    """List the people whose queued mail is due soonest, with the moment."""
    columns = select(Delivery.subscriber_id, Delivery.due_at).where(IS_QUEUED)
    wanted = columns.order_by(Delivery.due_at, Delivery.id).limit(limit)
    return [(row.subscriber_id or 0, row.due_at) for row in session.execute(wanted)]


def oldest_due_at(session: Session) -> datetime | None:
    """Tell since when the longest waiting delivery has been due; None: nothing is queued."""
    return session.scalar(select(func.min(Delivery.due_at)).where(IS_QUEUED))


def count_in_hand(session: Session) -> int:
    """Count what workers hold at this moment."""
    return session.scalar(select(func.count()).select_from(Delivery).where(IS_IN_HAND)) or 0


def list_in_state(
    session: Session, state: State, *, limit: int = 100, after_id: int = 0
) -> Sequence[Delivery]:
    """List deliveries in one state by id, a page at a time."""
    # Named once more as its partial index names them: those it holds are what staff asks about.
    set_aside = (IS_SET_ASIDE,) if state in (State.HELD, State.UNCERTAIN) else ()
    rows = select(Delivery).where(*set_aside, Delivery.state == state, Delivery.id > after_id)
    return session.scalars(rows.order_by(Delivery.id).limit(limit)).all()


def list_uncertain(session: Session, *, limit: int = 100, after_id: int = 0) -> Sequence[Delivery]:
    """List what may or may not have arrived, for staff to decide about."""
    return list_in_state(session, State.UNCERTAIN, limit=limit, after_id=after_id)


def deliveries_of_subscriber(
    session: Session, subscriber_id: int, *, limit: int = 100
) -> Sequence[Delivery]:
    """List what one person got and is to get, the newest first."""
    rows = select(Delivery).where(Delivery.subscriber_id == subscriber_id)
    return session.scalars(rows.order_by(Delivery.id.desc()).limit(limit)).all()


def deliveries_of_enrolments(
    session: Session, enrolment_ids: Collection[int]
) -> dict[int, list[Delivery]]:
    """List the deliveries of enrolments, in the order they were planned; each one is named."""
    rows = select(Delivery).where(Delivery.enrolment_id.in_(enrolment_ids)).order_by(Delivery.id)
    found: dict[int, list[Delivery]] = {enrolment_id: [] for enrolment_id in enrolment_ids}
    for delivery in session.scalars(rows):
        if delivery.enrolment_id is not None:
            found[delivery.enrolment_id].append(delivery)
    return found


def deliveries_of_subscription(
    session: Session, subscription_id: int, *, kind: Kind
) -> Sequence[Delivery]:
    """List the confirmations or the notices of one subscription, the newest first."""
    rows = select(Delivery).where(
        Delivery.subscription_id == subscription_id, Delivery.kind == kind
    )
    return session.scalars(rows.order_by(Delivery.id.desc())).all()


def find_by_public_id(session: Session, public_id: str) -> Delivery | None:
    """Find the delivery a link, an envelope sender or a Message-ID names."""
    return session.scalar(select(Delivery).where(Delivery.public_id == public_id))


def find_by_once_key(session: Session, once_key: str) -> Delivery | None:
    """Find the delivery made for one purpose."""
    return session.scalar(select(Delivery).where(Delivery.once_key == once_key))


def last_accepted_at(session: Session, subscriber_id: int | None = None) -> datetime | None:
    """Tell when the relay last accepted a mail: any, or one for this person."""
    latest = select(func.max(Delivery.done_at)).where(Delivery.state == State.SENT)
    if subscriber_id is not None:
        latest = latest.where(Delivery.subscriber_id == subscriber_id)
    return session.scalar(latest)
