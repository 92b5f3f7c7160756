"""Keep the quota of the day: how many mails may still be claimed, by all workers together."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from delivery.models import SiteFact
from delivery.rows import IS_IN_HAND, IS_SET_ASIDE, deliveries
from delivery.rules.quota import Today
from delivery.site_facts import write_first

_LOCK = "daily quota"  # the fact that workers lock while they count and claim
_IS_SENT: ColumnElement[bool] = deliveries.c.state == literal_column("'sent'")


def claimable_today(session: Session, today: Today, *, at_most: int) -> int:
    """Tell how many mails may be claimed now; nobody else claims until this transaction ends.

    What is in hand counts as gone, for it may go at any moment. What a relay refused does not.
    """
    _lock(session)
    return max(0, min(at_most, today.limit - used_today(session, today, up_to=today.limit)))


def used_today(session: Session, today: Today, *, up_to: int | None = None) -> int:
    """Count what went since the day began, may have gone, or is in hand.

    In one statement, for a mail that moves from one to the other must be counted once. `up_to`
    ends the counting of those that went early.
    """
    c = deliveries.c
    went = select(c.id).where(_IS_SENT, c.done_at >= today.since).limit(up_to).subquery()
    in_doubt = IS_SET_ASIDE & (c.state == literal_column("'uncertain'"))
    parts = [
        select(func.count()).select_from(went).scalar_subquery(),
        _count(in_doubt & (c.sending_at >= today.since)),
        _count(IS_IN_HAND),
    ]
    return sum(session.execute(select(*parts)).one())


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(deliveries).where(condition).scalar_subquery()


def _lock(session: Session) -> None:
    wanted = select(SiteFact.name).where(SiteFact.name == _LOCK).with_for_update()
    if session.execute(wanted).one_or_none() is None:
        write_first(session, _LOCK, {})
        session.execute(wanted).one()
