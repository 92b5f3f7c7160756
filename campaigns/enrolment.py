"""Begin, end and resume people's ways through series. What a subscription says decides.

Nothing here relies on having been told: each tick compares subscriptions and enrolments and makes
good the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campaigns.errors import AlreadyEnrolledError, NotSubscribedError, SuppressedPersonError
from campaigns.joining import find_newcomers, find_returners, is_membership, is_suppressed
from campaigns.models import Enrolment, Series
from campaigns.rules.standing import EnrolmentStatus, Origin
from campaigns.site import Site
from campaigns.store import IS_ACTIVE, change_enrolments, end_enrolments, look_again
from delivery.outbox import cancel_for_enrolments, cancel_for_subscription
from delivery.rules.states import Kind
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.rules.standing import Standing
from subscribers.store import find_subscription_of, find_suppression, insert_new, slices

UNSUBSCRIBED = "they unsubscribed"
SUPPRESSED = "their address is suppressed"
_MOST_AT_ONCE = 10_000  # of an import; the next tick takes the rest


def enrol_newcomers(session: Session, *, site: Site, now: datetime) -> int:
    """Enrol who confirmed, and resume who came back; tell how many people that were.

    Suppressed addresses are left out until the suppression is lifted.
    """
    rows = [
        _row(one.subscriber_id, one.series_id, one.origin, now)
        for one in find_newcomers(session, limit=_MOST_AT_ONCE)
    ]
    return _insert(session, rows) + resume_returners(session, now=now)


def enrol(
    session: Session, subscriber: Subscriber, series: Series, *, origin: Origin, now: datetime
) -> Enrolment:
    """Enrol one person by hand.

    Raises:
        NotSubscribedError: the person has not confirmed the list of the series.
        SuppressedPersonError: the address must not be mailed.
        AlreadyEnrolledError: the person is or was in it already.
    """
    _refuse_unwilling(session, subscriber, series)
    is_new = _insert(session, [_row(subscriber.id, series.id, origin, now)])
    of_person = (Enrolment.subscriber_id == subscriber.id, Enrolment.series_id == series.id)
    newest = select(Enrolment).where(*of_person).order_by(Enrolment.round.desc()).limit(1)
    found = session.scalars(newest).one()
    if not is_new:
        raise AlreadyEnrolledError(subscriber.email, series.slug, found.status)
    return found


def resume_returners(session: Session, *, now: datetime) -> int:
    """Let who left and has confirmed again go on where they were; tell how many.

    Their cancelled email is queued again when it is due, by the usual rules.
    """
    back = [one.enrolment_id for one in find_returners(session)]
    values = {"status": EnrolmentStatus.ACTIVE, "reason": "", "ended_at": None, "look_at": now}
    has_left = Enrolment.status == EnrolmentStatus.LEFT
    return sum(
        change_enrolments(session, Enrolment.id.in_(some), has_left, **values)
        for some in slices(back)
    )


def end_enrolments_of_leavers(session: Session, *, now: datetime) -> int:
    """End the ways of people who may not be mailed any more; tell how many.

    What they have queued or claimed is cancelled in the same transaction.
    """
    leavers = (
        select(Enrolment.id, Subscription.standing)
        .join(Series, Series.id == Enrolment.series_id)
        .join(Subscriber, Subscriber.id == Enrolment.subscriber_id)
        .outerjoin(Subscription, is_membership())
        .where(
            IS_ACTIVE,
            or_(Subscription.standing.is_distinct_from(Standing.CONFIRMED), is_suppressed()),
        )
    )
    gone: dict[str, list[int]] = {UNSUBSCRIBED: [], SUPPRESSED: []}
    for row in session.execute(leavers):
        gone[SUPPRESSED if row.standing is Standing.CONFIRMED else UNSUBSCRIBED].append(row.id)
    return sum(_end(session, ids, reason, now=now) for reason, ids in gone.items())


def leave(session: Session, subscription: Subscription, *, now: datetime) -> int:
    """End one person's ways through the series of a list, in the transaction of the unsubscribe.

    Nothing more of them, nor of the broadcasts to this list, is marked from its commit on. The
    other series of the person are decided anew, for days have become free. Tells how many ways
    ended.
    """
    person = subscription.subscriber_id
    ways = (
        select(Enrolment.id)
        .join(Series, Series.id == Enrolment.series_id)
        .where(Enrolment.subscriber_id == person, Series.list_id == subscription.list_id)
    )
    ended = _end(session, session.scalars(ways).all(), UNSUBSCRIBED, now=now)
    cancel_for_subscription(
        session,
        subscription.id,
        UNSUBSCRIBED,
        subscriber_id=person,
        kind=Kind.BROADCAST,
        now=now,
    )
    look_again(session, subscriber_id=person, now=now)
    return ended


def _end(session: Session, enrolment_ids: Sequence[int], reason: str, *, now: datetime) -> int:
    """End first, cancel after: whoever queues in this moment is then finished, and is seen."""
    ended = 0
    for some in slices(enrolment_ids):
        ended += end_enrolments(session, some, EnrolmentStatus.LEFT, now=now, reason=reason)
        cancel_for_enrolments(session, some, reason, now=now)
    return ended


def _refuse_unwilling(session: Session, subscriber: Subscriber, series: Series) -> None:
    suppression = find_suppression(session, subscriber.email)
    if suppression is not None:
        raise SuppressedPersonError(subscriber.email, suppression.reason)
    subscription = find_subscription_of(session, subscriber.id, list_id=series.list_id)
    if subscription is None or subscription.standing is not Standing.CONFIRMED:
        list_slug = session.get_one(MailingList, series.list_id).slug
        raise NotSubscribedError(subscriber.email, list_slug)


def _row(subscriber_id: int, series_id: int, origin: Origin, now: datetime) -> dict[str, Any]:
    return {
        "subscriber_id": subscriber_id,
        "series_id": series_id,
        "origin": origin,
        "enrolled_at": now,
        "look_at": now,
    }


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> int:
    """Insert enrolments; those another process has just made are passed over."""
    if not rows:
        return 0
    statement = insert_new(session, Enrolment).returning(Enrolment.id)
    return len(session.execute(statement, rows).all())
