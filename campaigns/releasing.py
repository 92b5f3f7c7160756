"""Tell how much a hold keeps back, and let it go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from campaigns.braking import allow_surge
from campaigns.holding import steps_of
from campaigns.models import Enrolment
from campaigns.site import Site
from campaigns.store import IS_ACTIVE
from delivery.clock_watch import forget_clock
from delivery.holds import release_holds
from delivery.models import Delivery, Hold
from delivery.outbox import release_held
from delivery.rows import IS_HELD, IS_QUEUED
from delivery.rules.holds import REACH_OF, Cause, Reach

_MOST_OF_A_DAY = timedelta(hours=20)


def release(session: Session, holds: Sequence[Hold], *, site: Site, now: datetime) -> int:
    """Release holds, and let go what they kept back; tell how many mails that is."""
    waiting = sum(_release(session, hold, site=site, now=now) for hold in holds)
    release_holds(session, [hold.id for hold in holds], now=now)
    return waiting


def _release(session: Session, hold: Hold, *, site: Site, now: datetime) -> int:
    waiting = count_waiting(session, hold, now=now)
    if REACH_OF[hold.cause] is Reach.SERIES:
        mine = select(Delivery.id).where(IS_HELD, Delivery.step_id.in_(steps_of(hold.subject)))
        return release_held(session, list(session.scalars(mine)))
    if hold.cause is Cause.SURGE:
        allow_surge(session, waiting, site=site, now=now)
    if hold.cause is Cause.CLOCK:
        forget_clock(session)
    return waiting


def count_waiting(session: Session, hold: Hold, *, now: datetime) -> int:
    """Count the mails a hold keeps back; those not queued yet by the people who may be due."""
    match REACH_OF[hold.cause]:
        case Reach.SERIES:
            mine = Delivery.step_id.in_(steps_of(hold.subject))
            return _count(session, Delivery, IS_HELD, mine)
        case Reach.SENDING:
            return _count(session, Delivery, IS_QUEUED, Delivery.due_at <= now)
        case Reach.QUEUEING:
            return _count_looks(session, now)
        case Reach.SITE:
            due = _count(session, Delivery, IS_QUEUED, Delivery.due_at <= now)
            return due + _count_looks(session, now)
        case _:
            return _count(session, Delivery, IS_QUEUED)


def _count_looks(session: Session, now: datetime) -> int:
    """Count the people whose next email may be due: at most one a day, so not those of today."""
    last = Enrolment.last_sent_at
    had_none = or_(last.is_(None), last < now - _MOST_OF_A_DAY)
    return _count(session, Enrolment, IS_ACTIVE, Enrolment.look_at <= now, had_none)


def _count(session: Session, table: Any, *conditions: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(table).where(*conditions)
    return session.scalar(counted) or 0
