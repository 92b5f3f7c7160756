"""Walk past everybody, a stretch at each tick: because a series is new to them, or the calendar.

A series that begins, or goes on after a pause, has people to take in whose standing has not
changed; other closed days, hours or another zone move everybody's due dates. Looking at a million
people in one transaction would keep everybody else from writing, so each series remembers how far
its walk has come. Nobody has to announce anything: the digest of the calendar tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    exists,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from campaigns.models import Series
from campaigns.rules.standing import SeriesStatus
from campaigns.site import Site
from subscribers.models import Subscriber

_STRETCH = 4_000  # people
_IS_PAUSED: ColumnElement[bool] = Series.status == SeriesStatus.PAUSED


@dataclass(frozen=True)
class Walk:
    """The next stretch of one series' walk."""

    series_id: int
    people: Sequence[int]  # ids, in order

    @property
    def is_last(self) -> bool:
        """Tell whether nobody comes after them."""
        return len(self.people) < _STRETCH


def has_walks(session: Session, *, site: Site) -> bool:
    """Tell whether a series has a walk to begin or to go on with, or one to forget."""
    return bool(session.scalar(_HAS_WALKS, {"digest": site.calendar_digest}))


def start_walks(session: Session, *, site: Site) -> list[Walk]:
    """Give the next stretch of every walk that is wanted, and lock the series against changes.

    A paused series takes nobody in. It forgets its walk, and so begins anew when it goes on.
    """
    all_of_them = select(Series.id).order_by(Series.id)
    session.execute(all_of_them.with_for_update(key_share=True))
    forget = update(Series).where(_IS_STALE).values(walked_for=None, walked_to=None)
    session.execute(forget, execution_options=_PLAIN)
    is_behind = _is_behind(literal(site.calendar_digest))
    begin = update(Series).where(is_behind)
    values = {"walked_for": site.calendar_digest, "walked_to": 0}
    session.execute(begin.values(values), execution_options=_PLAIN)
    going = select(Series.id, Series.walked_to).where(Series.walked_to.is_not(None))
    return [
        Walk(row.id, _stretch(session, after=row.walked_to))
        for row in session.execute(going.order_by(Series.id))
    ]


def _stretch(session: Session, *, after: int) -> Sequence[int]:
    people = select(Subscriber.id).where(Subscriber.id > after).order_by(Subscriber.id)
    return session.scalars(people.limit(_STRETCH)).all()


def note_walk(session: Session, walk: Walk) -> None:
    """Remember how far a walk has come."""
    of_it = update(Series).where(Series.id == walk.series_id)
    upto = None if walk.is_last else walk.people[-1]
    session.execute(of_it.values(walked_to=upto), execution_options=_PLAIN)


def _is_behind(digest: ColumnElement[str]) -> ColumnElement[bool]:
    is_other = Series.walked_for.is_distinct_from(digest)
    return and_(Series.status == SeriesStatus.ACTIVE, is_other)


_IS_STALE = and_(_IS_PAUSED, Series.walked_for.is_not(None))
_IS_BEHIND = _is_behind(bindparam("digest", type_=String))
_HAS_WALKS = select(exists().where(or_(_IS_BEHIND, Series.walked_to.is_not(None), _IS_STALE)))
_PLAIN = {"synchronize_session": False}
