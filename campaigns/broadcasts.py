"""Make, schedule, release and cancel broadcasts; count whom they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.audiences import check_audience, count_audience, count_paused
from campaigns.broadcast_folder import BroadcastFolder
from campaigns.broadcasting import count_states
from campaigns.editions import load_editions
from campaigns.errors import (
    BroadcastFolderError,
    BroadcastMoveError,
    Fault,
    PastMomentError,
    PostalAddressMissingError,
    UnknownBroadcastError,
)
from campaigns.models import Broadcast, Surroundings
from campaigns.revisions import (
    edition_with,
    faults_of,
    keep_surroundings,
    publish_text,
    surroundings_now,
)
from campaigns.rules.broadcasts import BroadcastStatus, begin_of, may_become
from campaigns.rules.due_dates import local_day
from campaigns.site import Site
from campaigns.store import look_again
from delivery.outbox import cancel_for_broadcast
from delivery.rules.states import TERMINAL, State
from subscribers.mailing_lists import ensure_list, get_list
from subscribers.models import MailingList
from templates.email import Edition, Reader, Renderer
from templates.errors import ThemeError
from templates.samples import SAMPLE_READER

_EDITABLE = frozenset({BroadcastStatus.DRAFT, BroadcastStatus.SCHEDULED})


@dataclass(frozen=True)
class AudienceCount:
    """How many people a broadcast is for, were it queued now."""

    people: int
    paused: int  # of them: they paused their mail, and are passed over by name


@dataclass(frozen=True)
class LocalHour:
    """An hour of a day, wherever the reader is."""

    day: date
    hour: int


def save_broadcast(
    session: Session,
    folder: BroadcastFolder,
    *,
    site: Site,
    renderer: Renderer,
    now: datetime,
    new_list: str = "",
) -> tuple[Broadcast, bool]:
    """Make a broadcast, or change one that has not begun; True when it is new.

    Its text is rendered for a sample reader first. `new_list` is the title of its list, should
    that not exist.

    Raises:
        BroadcastFolderError: with every fault in text and theme.
        AudienceRuleError: its audience cannot be read.
        UnknownListError: its list does not exist, and no title was given.
        BroadcastMoveError: it has begun already.
    """
    rule = check_audience(folder.audience, attributes=site.attribute_names)
    mailing_list = (
        ensure_list(session, folder.list_slug, title=new_list, now=now)
        if new_list
        else get_list(session, folder.list_slug)
    )
    surroundings = _checked(folder, mailing_list, site=site, renderer=renderer, now=now)
    broadcast, is_new = _find_or_make(session, folder.slug, mailing_list, now=now)
    broadcast.file, broadcast.theme, broadcast.list_id = folder.file, folder.theme, mailing_list.id
    broadcast.audience, broadcast.priority = str(rule or ""), folder.priority
    broadcast.grace_hours, broadcast.changed_at = folder.grace_hours, now
    session.add(broadcast)
    session.flush()
    keep_surroundings(session, surroundings)
    publish_text(session, broadcast, folder.document, surroundings, now=now)
    session.flush()
    return broadcast, is_new


def find_broadcast(session: Session, slug: str, *, to_change: bool = False) -> Broadcast:
    """Find a broadcast by its name, and lock it when it is to be changed.

    Raises:
        UnknownBroadcastError: there is none; the error names those there are.
    """
    wanted = select(Broadcast).where(Broadcast.slug == slug)
    wanted = wanted.with_for_update() if to_change else wanted
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise UnknownBroadcastError(slug, [one.slug for one in all_broadcasts(session)])
    return found


def all_broadcasts(session: Session) -> Sequence[Broadcast]:
    """List the broadcasts, the newest first."""
    return session.scalars(select(Broadcast).order_by(Broadcast.id.desc())).all()


def schedule_broadcast(
    session: Session, slug: str, at: datetime | LocalHour, *, site: Site, now: datetime
) -> Broadcast:
    """Say when a broadcast goes: at a moment, or at an hour of everybody's own day.

    Raises:
        UnknownBroadcastError: there is none of this name.
        BroadcastMoveError: it has begun, is over or was cancelled.
        PastMomentError: the moment is over, or that hour is where the clinic is.
        PostalAddressMissingError: the clinic has given none.
    """
    broadcast = find_broadcast(session, slug, to_change=True)
    if broadcast.status not in _EDITABLE:
        raise BroadcastMoveError(slug, before=broadcast.status, deed="schedule")
    _refuse_past(slug, at, zone=site.zone, now=now)
    if not str(site.clinic.get("postal_address", "")).strip():
        raise PostalAddressMissingError(slug)
    if isinstance(at, LocalHour):
        broadcast.day, broadcast.hour = at.day, at.hour
        broadcast.begins_at = max(begin_of(at.day, at.hour), now)
    else:
        broadcast.day, broadcast.hour, broadcast.begins_at = None, None, at
    broadcast.status, broadcast.changed_at = BroadcastStatus.SCHEDULED, now
    return broadcast


def send_broadcast(session: Session, slug: str, *, site: Site, now: datetime) -> Broadcast:
    """Send a broadcast now; one that is held for being late, all the same.

    Raises:
        The errors of `schedule_broadcast`.
    """
    broadcast = find_broadcast(session, slug, to_change=True)
    _reopen(session, broadcast)
    if broadcast.status in (BroadcastStatus.HELD, BroadcastStatus.SENDING):
        if broadcast.status is BroadcastStatus.HELD:
            broadcast.status, broadcast.reason = BroadcastStatus.SCHEDULED, ""
        broadcast.released_at = broadcast.changed_at = now
        return broadcast
    return schedule_broadcast(session, slug, now, site=site, now=now)


def cancel_broadcast(session: Session, slug: str, *, now: datetime) -> tuple[Broadcast, int]:
    """End a broadcast: what is not marked yet stays here; tell how many deliveries that was.

    Raises:
        UnknownBroadcastError: there is none of this name.
        BroadcastMoveError: it is over.
    """
    broadcast = find_broadcast(session, slug, to_change=True)
    _reopen(session, broadcast)
    if not may_become(broadcast.status, BroadcastStatus.CANCELLED):
        raise BroadcastMoveError(slug, before=broadcast.status, deed="cancel")
    broadcast.status, broadcast.changed_at = BroadcastStatus.CANCELLED, now
    cancelled = cancel_for_broadcast(session, broadcast.id, "the broadcast was cancelled", now=now)
    if broadcast.begins_at is not None:
        look_again(session, now=now)  # days have become free
    return broadcast, cancelled


def _reopen(session: Session, broadcast: Broadcast) -> None:
    """Take up one that was through, if a delivery of it that was settled is to go again."""
    states = count_states(session, broadcast.id)
    has_open = any(count for state, count in states.items() if state not in TERMINAL)
    if broadcast.status is BroadcastStatus.SENT and has_open:
        broadcast.status = BroadcastStatus.SENDING


def count_people(
    session: Session, broadcast: Broadcast, *, site: Site, now: datetime
) -> AudienceCount:
    """Count who gets a broadcast, by the code that then sends it."""
    day = broadcast.day or local_day(broadcast.begins_at or now, site.zone)
    return AudienceCount(
        count_audience(session, broadcast), count_paused(session, broadcast, day=day)
    )


def states_of(session: Session, broadcast: Broadcast) -> dict[State, int]:
    """Count what became of a broadcast so far."""
    return count_states(session, broadcast.id)


def list_of(session: Session, broadcast: Broadcast) -> MailingList:
    """Give the list a broadcast goes to."""
    return session.get_one(MailingList, broadcast.list_id)


def edition_to_look_at(
    session: Session, broadcast: Broadcast, *, site: Site, now: datetime
) -> Edition:
    """Take its text with the theme and the clinic as they stand now, as it would begin."""
    names, revision_id = site.attribute_names, broadcast.revision_id or 0
    kept = load_editions(session, [revision_id], attribute_names=names)[revision_id]
    if broadcast.status not in _EDITABLE:
        return kept
    surroundings = surroundings_now(broadcast.theme, site, now=now)
    return edition_with(kept.document, surroundings, attribute_names=names)


def _find_or_make(
    session: Session, slug: str, mailing_list: MailingList, *, now: datetime
) -> tuple[Broadcast, bool]:
    wanted = select(Broadcast).where(Broadcast.slug == slug).with_for_update()
    found = session.scalars(wanted).one_or_none()
    if found is None:
        return Broadcast(slug=slug, list_id=mailing_list.id, created_at=now), True
    if found.status not in _EDITABLE:
        raise BroadcastMoveError(slug, before=found.status, deed="change")
    return found, False


def _checked(
    folder: BroadcastFolder,
    mailing_list: MailingList,
    *,
    site: Site,
    renderer: Renderer,
    now: datetime,
) -> Surroundings:
    try:
        surroundings = surroundings_now(folder.theme, site, now=now)
    except ThemeError as error:
        raise BroadcastFolderError(folder.slug, [Fault("theme", 0, str(error))]) from error
    edition = edition_with(folder.document, surroundings, attribute_names=site.attribute_names)
    reader = Reader(SAMPLE_READER.subscriber, SAMPLE_READER.links, {"title": mailing_list.title})
    faults = list(faults_of(folder.file, edition, reader, renderer))
    if faults:
        raise BroadcastFolderError(folder.slug, faults)
    return surroundings


def _refuse_past(slug: str, at: datetime | LocalHour, *, zone: ZoneInfo, now: datetime) -> None:
    if isinstance(at, LocalHour):
        there = now.astimezone(zone)
        is_over = (at.day, at.hour) <= (there.date(), there.hour)
        words = f"{at.day} {at.hour:02}:00 in {zone.key}"
    else:
        is_over, words = at < now, f"{at.astimezone(zone):%F %H:%M}, {zone.key}"
    if is_over:
        raise PastMomentError(slug, words)
