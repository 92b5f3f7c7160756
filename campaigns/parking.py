"""A way back for people who were parked: we stopped by ourselves, staff put it right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.errors import NotParkedError
from campaigns.models import Enrolment, Series
from campaigns.rules.standing import EnrolmentStatus
from campaigns.store import change_enrolments, look_again
from delivery.models import Delivery
from delivery.outbox import hold, release_held
from delivery.rules.states import State
from subscribers.models import Subscriber

UNPARKED = "the person was let go on after having been parked"


@dataclass(frozen=True)
class Parked:
    """Somebody whose way stands still."""

    email: str
    series: str
    since: datetime | None
    reason: str


def list_parked(session: Session, *, limit: int = 1000) -> list[Parked]:
    """List who is parked, the latest first."""
    columns = (Subscriber.email, Series.slug, Enrolment.ended_at, Enrolment.reason)
    wanted = (
        select(*columns)
        .join(Enrolment, Enrolment.subscriber_id == Subscriber.id)
        .join(Series, Series.id == Enrolment.series_id)
        .where(Enrolment.status == EnrolmentStatus.PARKED)
        .order_by(Enrolment.ended_at.desc(), Enrolment.id)
        .limit(limit)
    )
    return [Parked(*row) for row in session.execute(wanted)]


def let_go_on(session: Session, person: Subscriber, *, now: datetime) -> int:
    """Let a parked person go on with the same step; tell in how many series.

    What was refused is queued again, once: it never arrived.

    Raises:
        NotParkedError: they are not parked anywhere.
    """
    theirs = (Enrolment.subscriber_id == person.id, Enrolment.status == EnrolmentStatus.PARKED)
    ids = session.scalars(select(Enrolment.id).where(*theirs)).all()
    if not ids:
        raise NotParkedError(person.email)
    refused = (
        select(Delivery.id)
        .join(Enrolment, Enrolment.id == Delivery.enrolment_id)
        .where(Enrolment.id.in_(ids), Delivery.step_id == Enrolment.last_step_id)
        .where(Delivery.state == State.REJECTED)
    )
    _queue_refused(session, list(session.scalars(refused.order_by(Delivery.id))))
    values = {"status": EnrolmentStatus.ACTIVE, "reason": "", "ended_at": None, "look_at": now}
    changed = change_enrolments(session, Enrolment.id.in_(ids), *theirs, **values)
    look_again(session, subscriber_id=person.id, now=now)
    return changed


def _queue_refused(session: Session, delivery_ids: list[int]) -> None:
    hold(session, delivery_ids, UNPARKED)
    release_held(session, delivery_ids)
