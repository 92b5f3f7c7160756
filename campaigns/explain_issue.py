"""Answer "why has this person not got the newsletter?" in one sentence."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from campaigns.audiences import meant_among
from campaigns.broadcasts import list_of
from campaigns.delivery_words import fate_in_words
from campaigns.facts import load_person, plan_of_person
from campaigns.issues import is_lost, issue_key
from campaigns.models import Broadcast
from campaigns.rules.broadcasts import BroadcastStatus, IssueMove
from campaigns.rules.due_dates import local_day
from campaigns.rules.moves import Block
from campaigns.rules.time_zones import zone_of
from campaigns.sentences import BLOCKS, day_in_words, moment_in_words, passed_over_in_words
from campaigns.site import Site
from delivery.rules.states import State
from delivery.store import find_by_once_key
from subscribers.models import Subscriber
from subscribers.rules.standing import Standing
from subscribers.store import find_subscription_of, find_suppression


def explain_issue(
    session: Session, broadcast: Broadcast, person: Subscriber, *, site: Site, now: datetime
) -> str:
    """Say where a person stands with a broadcast, as the end of a sentence that names it."""
    zone = zone_of(person.time_zone, site.zone)
    delivery = find_by_once_key(session, issue_key(broadcast.id, person.id))
    absence = _why_not_mailed(session, broadcast, person, zone)
    if delivery is not None and not (absence and delivery.state is State.QUEUED):
        return fate_in_words(session, delivery, zone, site=site, now=now)
    if broadcast.status is BroadcastStatus.CANCELLED:
        return f"does not come: it was cancelled {_on(broadcast.changed_at, zone)}"
    if absence := absence or _why_not_meant(session, broadcast, person, zone):
        return f"does not come: {absence}"
    return _about_coming(session, broadcast, person, site=site, now=now)


def issue_move_in_words(move: IssueMove | None, zone: ZoneInfo, *, now: datetime) -> str:
    """Say when an issue goes by the rules, or why it does not; None: the clinic never opens."""
    if move is None:
        return f"cannot go: {BLOCKS[Block.NEVER_OPEN]}"
    if move.paused_until is not None:
        return f"does not come: they paused until {day_in_words(move.paused_until)}"
    if move.is_late:
        return "is late, and will be held"
    passed = "".join(f"; {words}" for words in passed_over_in_words(move.passed_over))
    if move.at <= now:
        return f"comes with the next tick{passed}"
    return f"comes on {moment_in_words(move.at, zone)}{passed}"


def _why_not_mailed(
    session: Session, broadcast: Broadcast, person: Subscriber, zone: ZoneInfo
) -> str:
    """Say why nothing of the broadcast's list goes to a person; '' when it does."""
    on_list = f"list '{list_of(session, broadcast).slug}'"
    held = find_subscription_of(session, person.id, list_id=broadcast.list_id)
    if held is None:
        return f"they are not on {on_list}"
    if held.standing is Standing.UNCONFIRMED:
        return f"they have not confirmed {on_list} yet"
    if held.standing is Standing.UNSUBSCRIBED:
        return f"they left {on_list} {_on(held.unsubscribed_at, zone)}"
    return "their address is suppressed" if find_suppression(session, person.email) else ""


def _why_not_meant(
    session: Session, broadcast: Broadcast, person: Subscriber, zone: ZoneInfo
) -> str:
    """Say why a broadcast is not for somebody on its list as they are now; '' when it is."""
    held = find_subscription_of(session, person.id, list_id=broadcast.list_id)
    begins_at, confirmed_at = broadcast.begins_at, held.confirmed_at if held else None
    if begins_at is not None and confirmed_at is not None and confirmed_at > begins_at:
        on_list = f"list '{list_of(session, broadcast).slug}'"
        return f"they confirmed {on_list} {_on(confirmed_at, zone)}, after it began"
    if not meant_among(session, broadcast, [person.id]):
        return f"they are not in its audience: {broadcast.audience}"
    return ""


def _about_coming(
    session: Session, broadcast: Broadcast, person: Subscriber, *, site: Site, now: datetime
) -> str:
    """Say it of a person the broadcast is for as they are now, and who has no delivery of it."""
    zone = zone_of(person.time_zone, site.zone)
    if broadcast.status is BroadcastStatus.DRAFT:
        advice = f"'steadypost broadcast schedule {broadcast.slug}' says when"
        return f"has no moment yet; they are in its audience, and {advice}"
    if broadcast.status is BroadcastStatus.HELD:
        return f"is held: {broadcast.reason}"
    if broadcast.queued_at is not None or person.id <= broadcast.queued_to:
        return "does not come: when it was queued they were not in its audience yet"
    if is_lost(broadcast, now=now):
        return "is late, and will be held"
    facts = load_person(session, person.id, site=site, now=now)
    if facts is None:  # it was coming when we looked first
        return "is being sent just now; ask again in a minute"
    move = plan_of_person(facts, site=site, now=now).issues.get(broadcast.id)
    return issue_move_in_words(move, zone, now=now)


def _on(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"on {day_in_words(local_day(moment, zone))}" if moment else "at some time"
