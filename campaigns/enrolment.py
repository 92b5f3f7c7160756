"""Begin, end and resume people's ways through series. What a subscription says decides.

Nothing here relies on having been told: each tick compares subscriptions with what it noted of
them, and makes good the difference. When nobody has moved it reads nothing but two empty indexes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from campaigns.errors import AlreadyEnrolledError, NotSubscribedError, SuppressedPersonError
from campaigns.joining import find_leavers, find_newcomers, find_returners
from campaigns.models import Enrolment, Series
from campaigns.portions import Portion
from campaigns.rules.standing import EnrolmentStatus, Origin
from campaigns.site import Site
from campaigns.store import change_enrolments, end_enrolments, look_again, look_again_at_people
from campaigns.walking import has_walks, note_walk, start_walks
from delivery.outbox import cancel_for_enrolments, cancel_for_subscription
from delivery.rules.states import Kind
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.noting import (
    find_moved,
    find_new_suppressions,
    look_at_again,
    note,
    note_suppressions,
)
from subscribers.rules.standing import Standing
from subscribers.store import (
    find_subscription_of,
    find_suppression,
    insert_new,
    lock_people,
    slices,
)

UNSUBSCRIBED = "they unsubscribed"
SUPPRESSED = "their address is suppressed"
_MOST_AT_ONCE = 4_000  # of an import; the next tick, which follows at once, takes the rest


def has_newcomers(session: Session, *, site: Site) -> bool:
    """Tell whether `enrol_newcomers` would find anything to do."""
    return bool(find_moved(session, confirmed=True, limit=1)) or has_walks(session, site=site)


def enrol_newcomers(session: Session, *, site: Site, now: datetime) -> Portion:
    """Enrol who confirmed, and resume who came back; tell how many people that were.

    Asked are those whose standing changed since the last look, and a stretch of those whom a
    new series or calendar has not been held against yet. Suppressed addresses are left out
    until the suppression is lifted.
    """
    walks = start_walks(session, site=site)
    moved = find_moved(session, confirmed=True, limit=_MOST_AT_ONCE)
    lock_people(session, {one.subscriber_id for one in moved})
    done = _take_in(session, [one.subscriber_id for one in moved], now=now)
    note(session, moved)
    for walk in walks:
        done += _take_in(session, walk.people, now=now)
        look_again_at_people(session, walk.people, now=now)
        note_walk(session, walk)
    is_full = len(moved) == _MOST_AT_ONCE or not all(walk.is_last for walk in walks)
    return Portion(done, is_full)


def _take_in(session: Session, subscriber_ids: Sequence[int], *, now: datetime) -> int:
    """Enrol and resume those of these people who should be on a way and are not."""
    done = 0
    for some in slices(subscriber_ids):
        among = Subscription.subscriber_id.in_(some)
        rows = [
            _row(one.subscriber_id, one.series_id, one.origin, now)
            for one in find_newcomers(session, among)
        ]
        back = [one.enrolment_id for one in find_returners(session, among)]
        done += _insert(session, rows) + _resume(session, back, now=now)
    return done


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


def _resume(session: Session, back: Sequence[int], *, now: datetime) -> int:
    """Let who left and has confirmed again go on where they were; tell how many.

    Their cancelled email is queued again when it is due, by the usual rules.
    """
    values = {"status": EnrolmentStatus.ACTIVE, "reason": "", "ended_at": None, "look_at": now}
    has_left = Enrolment.status == EnrolmentStatus.LEFT
    return sum(
        change_enrolments(session, Enrolment.id.in_(some), has_left, **values)
        for some in slices(back)
    )


def has_leavers(session: Session) -> bool:
    """Tell whether `end_enrolments_of_leavers` would find anything to do."""
    moved = find_moved(session, confirmed=False, limit=1)
    return bool(moved or find_new_suppressions(session, limit=1))


def end_enrolments_of_leavers(session: Session, *, now: datetime) -> Portion:
    """End the ways of people who may not be mailed any more; tell how many.

    Asked are those whose standing changed, or whose address was suppressed, since the last
    look. What they have queued or claimed is cancelled in the same transaction.
    """
    moved = find_moved(session, confirmed=False, limit=_MOST_AT_ONCE)
    suppressed = find_new_suppressions(session, limit=_MOST_AT_ONCE)
    bounced = {one.subscriber_id for one in suppressed if one.subscriber_id is not None}
    people = bounced | {one.subscriber_id for one in moved}
    lock_people(session, people)
    ended = sum(
        end_ways_of(session, Enrolment.subscriber_id.in_(some), now=now)
        for some in slices(sorted(people))
    )
    note(session, moved)
    note_suppressions(session, suppressed)
    return Portion(ended, is_full=_MOST_AT_ONCE in (len(moved), len(suppressed)))


def end_ways_of(session: Session, *among: ColumnElement[bool], now: datetime) -> int:
    """End those of these ways whose people may not be mailed any more; tell how many.

    The conditions may be on Enrolment, Subscriber and Series.
    """
    gone: dict[str, list[int]] = {UNSUBSCRIBED: [], SUPPRESSED: []}
    for one in find_leavers(session, *among):
        gone[SUPPRESSED if one.is_suppressed else UNSUBSCRIBED].append(one.enrolment_id)
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
    look_at_again(session, [person])  # who takes it back before the next tick is still found
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
