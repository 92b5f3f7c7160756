"""Queue what is due, unless it is far more than usual: then hold the surplus and ask."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaigns.models import DailyVolume
from campaigns.portions import Portion
from campaigns.queueing import queue_due_steps
from campaigns.rules.brake import LOOKS_BACK, Brake, Volume, most_today, room_today
from campaigns.rules.due_dates import local_day
from campaigns.site import Site
from delivery.holds import put_hold
from delivery.rules.holds import Cause


def queue_within_brake(session: Session, brake: Brake, *, site: Site, now: datetime) -> Portion:
    """Queue the steps that are due, as far as the day has room; tell how many.

    More than that is not queued but held: it stays due, and goes on when somebody releases it.
    """
    today = local_day(now, site.zone)
    volumes = read_volumes(session, today)
    room = room_today(brake, volumes, today=today)
    portion = _queue_at_most(session, room, site=site, now=now)
    if portion is None:
        most = most_today(brake, volumes, today=today)
        detail = f"more emails of series are due than the {most} a day like this may have"
        put_hold(session, Cause.SURGE, now=now, detail=detail)
        held = queue_due_steps(session, site=site, now=now, limit=room) if room else Portion(0)
        portion = Portion(held.done)
    _note(session, today, queued=portion.done)
    return portion


def allow_surge(session: Session, count: int, *, site: Site, now: datetime) -> None:
    """Allow so many emails more than usual, for a week; and let go what was held for it."""
    _note(session, local_day(now, site.zone), allowed=count)


def read_volumes(session: Session, today: date) -> dict[date, Volume]:
    """Read what was queued of late, by day."""
    columns = (DailyVolume.day, DailyVolume.queued, DailyVolume.allowed)
    rows = session.execute(select(*columns).where(DailyVolume.day >= today - LOOKS_BACK))
    return {row.day: Volume(row.queued, row.allowed) for row in rows}


def _queue_at_most(session: Session, room: int, *, site: Site, now: datetime) -> Portion | None:
    """Queue what is due; None, and nothing queued, when it is more than there is room for."""
    attempt = session.begin_nested()
    portion = queue_due_steps(session, site=site, now=now)
    if portion.done <= room:
        attempt.commit()
        return portion
    attempt.rollback()
    return None


def _note(session: Session, day: date, *, queued: int = 0, allowed: int = 0) -> None:
    if not queued and not allowed:
        return
    values = {
        "queued": DailyVolume.queued + queued,
        "allowed": DailyVolume.allowed + allowed,
    }
    there = update(DailyVolume).where(DailyVolume.day == day).values(values)
    if session.execute(there.returning(DailyVolume.day)).one_or_none() is None:
        session.add(DailyVolume(day=day, queued=queued, allowed=allowed))
        session.flush()
