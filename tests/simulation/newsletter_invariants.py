"""Hold newsletters against what was promised: once, in time, not after it was cancelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select

from campaigns.models import Broadcast
from campaigns.rules.broadcasts import BroadcastStatus
from delivery.models import Delivery
from subscribers.models import Subscriber, Suppression
from tests.simulation.records import Member
from tests.simulation.world import World

_OVER = {BroadcastStatus.SENT, BroadcastStatus.CANCELLED}
_OTHER_DAYS = timedelta(days=14)  # a newsletter that loses its day to a series waits for another


def _news_once(world: World) -> Iterator[str]:
    copies = Counter((one.recipient, one.issue) for one in world.relay.accepted if one.issue)
    again = Counter[tuple[str, str]]()
    for one in {one.delivery_id: one for one in world.relay.accepted if one.issue}.values():
        again[one.recipient, one.issue] += world.book.sent_again.get(one.delivery_id, 0)
    for (person, issue), count in copies.items():
        if count > 1 + again[person, issue]:
            yield f"{person} got {issue} {count} times"


def _none_after_cancelling(world: World) -> Iterator[str]:
    for one in world.relay.accepted:
        issue = world.book.issues.get(one.issue)
        if issue and issue.cancelled is not None and one.marked > issue.cancelled:
            yield f"{one.recipient} got {one.issue} after it was cancelled"


def _news_in_time(world: World) -> Iterator[str]:
    for one in world.relay.accepted:
        issue = world.book.issues.get(one.issue)
        if issue is None:
            continue
        if one.at < issue.begins_at:
            yield f"{one.recipient} got {one.issue} {issue.begins_at - one.at} too early"
        wanted = max([issue.begins_at, *(at for at in issue.released_at if at <= one.at)])
        late = one.at - wanted
        if late > issue.grace + _OTHER_DAYS and one.delivery_id not in world.book.sent_again:
            yield f"{one.recipient} got {one.issue} {late} late"


def _news_through(world: World) -> Iterator[str]:
    with world.database.reading() as session:
        for broadcast in session.scalars(select(Broadcast)):
            if broadcast.status not in _OVER:
                yield f"{broadcast.slug} is still {broadcast.status}: {broadcast.reason}"


def _no_news_lost(world: World) -> Iterator[str]:
    """Who was on the list from the schedule on has their delivery, whatever became of it."""
    sent = {slug for slug, status in _statuses(world).items() if status is BroadcastStatus.SENT}
    rows = _readers(world)
    for slug in sorted(sent):
        issue = world.book.issues[slug]
        for person, member in world.book.members.items():
            was_there = issue.is_for_all and member.was_confirmed_since(issue.sequence)
            may_lack = _was_ever_suppressed(world, member) or (person, slug) in rows
            if was_there and not may_lack:
                yield f"{person} has no delivery of {slug}"


def _was_ever_suppressed(world: World, member: Member) -> bool:
    return any(is_so for _, is_so in member.suppressed) or member.address in _suppressed(world)


def _statuses(world: World) -> dict[str, BroadcastStatus]:
    with world.database.reading() as session:
        return {one.slug: one.status for one in session.scalars(select(Broadcast))}


def _readers(world: World) -> set[tuple[str, str]]:
    wanted = (
        select(Subscriber.email, Broadcast.slug)
        .join(Delivery, Delivery.subscriber_id == Subscriber.id)
        .join(Broadcast, Broadcast.id == Delivery.broadcast_id)
    )
    with world.database.reading() as session:
        return {(row[0], row[1]) for row in session.execute(wanted)}


def _suppressed(world: World) -> set[str]:
    with world.database.reading() as session:
        return set(session.scalars(select(Suppression.email)))


newsletter_checks = (
    _news_once,
    _none_after_cancelling,
    _news_in_time,
    _news_through,
    _no_news_lost,
)
