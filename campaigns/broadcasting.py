"""Queue broadcasts whose moment has come, page by page, and close those that are through.

Who gets it is asked anew with every page, in the order of people's ids, and the place reached is
written with the page: a crash loses neither, and a page costs the same wherever it is. The once
key lets nobody have it twice whatever else may happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from campaigns.audiences import candidates_of, meant_among
from campaigns.errors import CampaignError
from campaigns.facts import PersonFacts, load_people, plan_of_person
from campaigns.issues import is_lost, issue_key
from campaigns.models import Broadcast, Revision
from campaigns.portions import Portion
from campaigns.revisions import keep_surroundings, publish_text, surroundings_now
from campaigns.rules.broadcasts import BroadcastStatus
from campaigns.site import Site
from delivery.models import Delivery
from delivery.outbox import NewDelivery, queue_deliveries
from delivery.rules.states import TERMINAL, Kind, State
from subscribers.models import Subscription
from templates.errors import TemplateError

PAGE = 1_000
_OPEN = sorted(set(State) - TERMINAL)


_IS_SCHEDULED = Broadcast.status == BroadcastStatus.SCHEDULED
_IS_SENDING = Broadcast.status == BroadcastStatus.SENDING
_IS_DUE = and_(_IS_SCHEDULED, Broadcast.begins_at <= bindparam("now"))
_HAS_DUE = select(exists().where(or_(_IS_DUE, _IS_SENDING)))


def has_due_broadcasts(session: Session, *, now: datetime) -> bool:
    """Tell whether `queue_due_broadcasts` may find anything to do."""
    return bool(session.scalar(_HAS_DUE, {"now": now}))


def queue_due_broadcasts(
    session: Session, *, site: Site, now: datetime, limit: int = 5_000
) -> Portion:
    """Queue what is due of all broadcasts, and tell how many were queued.

    Of some thousand people at most it is asked whether the broadcast is for them.
    The next tick goes on. A broadcast that is later than its grace is held instead.
    """
    queued, asked = 0, 0
    for broadcast in _due(session, now=now):
        if is_lost(broadcast, now=now):
            _hold(broadcast, now=now)
        else:
            more = _queue(session, broadcast, site=site, now=now, limit=limit - asked)
            queued, asked = queued + more.queued, asked + more.asked
    _close(session, now=now)
    return Portion(queued, is_full=asked >= limit)


def _due(session: Session, *, now: datetime) -> Sequence[Broadcast]:
    """Lock the broadcasts to be queued; what another process is queueing is passed over."""
    wanted = (
        select(Broadcast)
        .where(
            Broadcast.status.in_([BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING]),
            Broadcast.queued_at.is_(None),
            Broadcast.begins_at <= now,
        )
        .order_by(Broadcast.priority, Broadcast.id)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(wanted, execution_options={"populate_existing": True}).all()


def _hold(broadcast: Broadcast, *, now: datetime) -> None:
    broadcast.status, broadcast.changed_at = BroadcastStatus.HELD, now
    broadcast.reason = (
        f"its moment was more than {broadcast.grace_hours} hours ago; 'steadypost broadcast send "
        f"{broadcast.slug}' sends it all the same"
    )


@dataclass(frozen=True)
class _Round:
    """What came of one round with a broadcast."""

    queued: int
    asked: int  # people, whether the broadcast is for them or not


def _queue(
    session: Session, broadcast: Broadcast, *, site: Site, now: datetime, limit: int
) -> _Round:
    if broadcast.status is BroadcastStatus.SCHEDULED:
        _dress_for_today(session, broadcast, site=site, now=now)
        broadcast.status, broadcast.changed_at = BroadcastStatus.SENDING, now
    queued, asked = 0, 0
    while asked < limit:
        page = _next_page(session, broadcast)
        if not page:
            broadcast.queued_at = now
            break
        readers = {key: page[key] for key in meant_among(session, broadcast, page)}
        queued += queue_deliveries(session, _rows(session, broadcast, readers, site=site, now=now))
        broadcast.queued_to = max(page)
        asked += len(page)
    session.flush()
    return _Round(queued, asked)


def _next_page(session: Session, broadcast: Broadcast) -> dict[int, int]:
    """Read the next people on the list, with their subscriptions, in order."""
    page = (
        candidates_of(broadcast)
        .where(Subscription.subscriber_id > broadcast.queued_to)
        .order_by(Subscription.subscriber_id)
        .limit(PAGE)
    )
    return {row.subscriber_id: row.subscription_id for row in session.execute(page)}


def _rows(
    session: Session, broadcast: Broadcast, page: Mapping[int, int], *, site: Site, now: datetime
) -> list[NewDelivery]:
    people = {one.subscriber_id: one for one in load_people(session, page, site=site, now=now)}
    return [
        NewDelivery(
            once_key=issue_key(broadcast.id, subscriber_id),
            kind=Kind.BROADCAST,
            due_at=_due_at(people.get(subscriber_id), broadcast, site=site, now=now),
            created_at=now,
            subscriber_id=subscriber_id,
            subscription_id=subscription_id,
            broadcast_id=broadcast.id,
        )
        for subscriber_id, subscription_id in page.items()
    ]


def _due_at(
    person: PersonFacts | None, broadcast: Broadcast, *, site: Site, now: datetime
) -> datetime:
    """Decide together with the person's series; where nothing fits, the last look will say so."""
    plan = plan_of_person(person, site=site, now=now) if person else None
    move = plan.issues.get(broadcast.id) if plan else None
    return move.at if move else now


def _dress_for_today(session: Session, broadcast: Broadcast, *, site: Site, now: datetime) -> None:
    """Take the theme and the clinic's facts as they are when it begins, if they can be used."""
    document = session.scalar(select(Revision.document).where(Revision.id == broadcast.revision_id))
    try:
        surroundings = surroundings_now(broadcast.theme, site, now=now)
    except (TemplateError, CampaignError):
        return  # the last good ones are kept with it
    if document is not None:
        keep_surroundings(session, surroundings)
        publish_text(session, broadcast, document, surroundings, now=now)


def _close(session: Session, *, now: datetime) -> None:
    """Call a broadcast sent when no delivery of it can go any more."""
    is_open = exists().where(Delivery.broadcast_id == Broadcast.id, Delivery.state.in_(_OPEN))
    wanted = select(Broadcast).where(
        Broadcast.status == BroadcastStatus.SENDING, Broadcast.queued_at.is_not(None), ~is_open
    )
    for broadcast in session.scalars(wanted.with_for_update(skip_locked=True, of=Broadcast)):
        broadcast.status, broadcast.changed_at = BroadcastStatus.SENT, now


def count_states(session: Session, broadcast_id: int) -> dict[State, int]:
    """Count the deliveries of a broadcast by state; every state is named."""
    counted = (
        select(Delivery.state, func.count())
        .where(Delivery.broadcast_id == broadcast_id)
        .group_by(Delivery.state)
    )
    found: dict[Any, int] = {row[0]: row[1] for row in session.execute(counted)}
    return {state: found.get(state, 0) for state in State}
