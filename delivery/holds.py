"""Holds: what is kept back, why, since when, and how it is released. One place for all of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from delivery.models import Hold
from delivery.rules.holds import REACH_OF, Cause, Reach

_holds = cast(Table, Hold.__table__)
_IS_OPEN = _holds.c.released_at.is_(None)
_OPEN = select(Hold).where(_IS_OPEN).order_by(Hold.id)  # made once: every tick asks
_OPEN_OF = _OPEN.where(Hold.cause.in_(bindparam("causes", expanding=True)))


def put_hold(
    session: Session, cause: Cause, *, now: datetime, subject: str = "", detail: str = ""
) -> bool:
    """Hold something; what is held for the same cause already stays as it is. Tell if it is new."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    new = dialect.insert(_holds).values(cause=cause, subject=subject, detail=detail, since=now)
    once = new.on_conflict_do_nothing(index_elements=["cause", "subject"], index_where=_IS_OPEN)
    return session.execute(once.returning(_holds.c.id)).one_or_none() is not None


def open_holds(session: Session, *causes: Cause) -> list[Hold]:
    """List what is held, the oldest first: all, or only for these causes."""
    found = session.scalars(_OPEN_OF, {"causes": causes}) if causes else session.scalars(_OPEN)
    return list(found)


def release_holds(session: Session, hold_ids: Collection[int], *, now: datetime) -> int:
    """Release holds; tell how many were open."""
    release = update(_holds).where(_IS_OPEN, _holds.c.id.in_(hold_ids)).values(released_at=now)
    return len(session.execute(release.returning(_holds.c.id)).all())


def release_cause(session: Session, cause: Cause, *, now: datetime) -> int:
    """Release what has put itself right; tell how many holds."""
    return release_holds(session, [hold.id for hold in open_holds(session, cause)], now=now)


def of_reach(holds: Sequence[Hold], *reaches: Reach) -> list[Hold]:
    """Choose the holds that keep this back."""
    return [hold for hold in holds if REACH_OF[hold.cause] in reaches]
