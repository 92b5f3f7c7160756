"""Broadcasts as they stand for single people: what is still to come, and what a letter needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, cast, exists, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.audiences import candidates_of, pick_readers
from campaigns.ledger import Membership, Person, membership_of, of_membership, of_person, person_of
from campaigns.models import Broadcast, MailedDay
from campaigns.rules.broadcasts import BroadcastStatus, IssuePlan, IssueView, is_overdue
from campaigns.rules.series import Rhythm
from campaigns.rules.time_zones import zone_of
from campaigns.site import Site
from delivery.models import Delivery
from delivery.rules.states import State
from subscribers.models import MailingList, Subscriber, Subscription

MOVING = (State.QUEUED, State.CLAIMED, State.SENDING)
# Older days matter only to an issue that was put off for as long.
_DAYS_BACK = timedelta(days=62)


@dataclass(frozen=True)
class IssueFacts:
    """What one broadcast for one reader depends on."""

    person: Person
    membership: Membership
    weekday: int | None
    broadcast_id: int
    revision_id: int | None
    view: IssueView

    def rhythm(self, site: Site) -> Rhythm:
        """Give when the reader wants mail."""
        person = self.person
        zone = zone_of(person.time_zone, site.zone)
        return Rhythm(zone, self.weekday, person.hour, person.pace, person.paused_until)


def issue_key(broadcast_id: int, subscriber_id: int) -> str:
    """Make the once key of a broadcast for one person: one delivery for ever."""
    return f"broadcast:{broadcast_id}/subscriber:{subscriber_id}"


def plan_of_broadcast(broadcast: Broadcast) -> IssuePlan:
    """Give a broadcast as far as time is concerned; it must have been scheduled."""
    assert broadcast.begins_at is not None, broadcast.slug  # noqa: S101
    return IssuePlan(
        id=broadcast.id,
        begins_at=broadcast.begins_at,
        priority=broadcast.priority,
        day=broadcast.day,
        hour=broadcast.hour,
        grace=timedelta(hours=broadcast.grace_hours),
        released_at=broadcast.released_at,
    )


def load_coming(session: Session, *, now: datetime) -> list[Broadcast]:
    """Read the broadcasts that have a moment and are not queued for everybody yet.

    Those that will be held for being late are left out: they take nobody's day.
    """
    wanted = select(Broadcast).where(
        Broadcast.status.in_([BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING]),
        Broadcast.queued_at.is_(None),
    )
    return [one for one in session.scalars(wanted) if not is_lost(one, now=now)]


def is_lost(broadcast: Broadcast, *, now: datetime) -> bool:
    """Tell whether a broadcast is so late that none of it was queued in time."""
    is_untouched = broadcast.status is BroadcastStatus.SCHEDULED
    return is_untouched and is_overdue(plan_of_broadcast(broadcast), now=now)


def load_pending(
    session: Session, subscriber_ids: Collection[int], coming: Sequence[Broadcast]
) -> Mapping[int, list[IssuePlan]]:
    """Tell which of these broadcasts are still to be queued for which of these people."""
    pending: defaultdict[int, list[IssuePlan]] = defaultdict(list)
    for broadcast in coming:
        plan = plan_of_broadcast(broadcast)
        people = candidates_of(broadcast).where(
            Subscription.subscriber_id.in_(subscriber_ids),
            Subscription.subscriber_id > broadcast.queued_to,
            ~has_issue(broadcast.id, Subscription.subscriber_id),
        )
        for subscriber_id in pick_readers(session, broadcast, people):
            pending[subscriber_id].append(plan)
    return pending


def find_readers(session: Session, *, now: datetime) -> set[int]:
    """Name everybody for whom a broadcast is on its way, or still to be queued."""
    moving = select(Delivery.subscriber_id).where(
        Delivery.broadcast_id.is_not(None), Delivery.state.in_(MOVING)
    )
    readers = {one for one in session.scalars(moving) if one is not None}
    for broadcast in load_coming(session, now=now):
        readers |= pick_readers(session, broadcast, candidates_of(broadcast)).keys()
    return readers


def has_issue(broadcast_id: int, subscriber_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Make the condition that a person has their delivery of a broadcast."""
    key = literal(issue_key(broadcast_id, 0).removesuffix("0")) + cast(subscriber_id, String)
    return exists().where(Delivery.once_key == key)


def load_issues(session: Session, delivery_ids: Collection[int]) -> dict[int, IssueFacts]:
    """Read the facts of broadcast deliveries by delivery id; what was erased is missing."""
    wanted = (
        select(*of_person, *of_membership, Subscriber.weekday, Delivery, Broadcast)
        .select_from(Delivery)
        .join(Broadcast, Broadcast.id == Delivery.broadcast_id)
        .join(Subscription, Subscription.id == Delivery.subscription_id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .where(Delivery.id.in_(delivery_ids))
    )
    rows = session.execute(wanted).all()
    days = _mailed_days(session, [row.Delivery for row in rows])
    return {row.Delivery.id: _issue_facts(row, days[row.Delivery.id]) for row in rows}


def _mailed_days(session: Session, issues: Sequence[Delivery]) -> Mapping[int, set[date]]:
    """Read on which days the readers had other marketing emails, by delivery."""
    since = min((issue.due_at for issue in issues), default=None)
    days: defaultdict[int, set[date]] = defaultdict(set)
    if since is None:
        return days
    of_reader = defaultdict(list)
    for issue in issues:
        of_reader[issue.subscriber_id].append(issue.id)
    wanted = select(MailedDay).where(
        MailedDay.subscriber_id.in_(list(of_reader)), MailedDay.day >= since.date() - _DAYS_BACK
    )
    for day in session.scalars(wanted):
        for delivery_id in of_reader[day.subscriber_id]:
            if day.delivery_id != delivery_id:
                days[delivery_id].add(day.day)
    return days


def _issue_facts(row: Any, mailed_days: set[date]) -> IssueFacts:
    broadcast, delivery = row.Broadcast, row.Delivery
    view = IssueView(
        status=broadcast.status,
        plan=plan_of_broadcast(broadcast),
        slug=broadcast.slug,
        due_at=delivery.due_at,
        attempt=delivery.attempt,
        mailed_days=mailed_days,
    )
    return IssueFacts(
        person=person_of(row),
        membership=membership_of(row),
        weekday=row.weekday,
        broadcast_id=broadcast.id,
        revision_id=broadcast.revision_id,
        view=view,
    )
