"""Who has moved since the clock last looked? What follows from it is for campaigns to say.

A subscription keeps the standing whose consequences were drawn (`noted`) beside the one it has.
Where they differ somebody moved, whoever moved them and however. A partial index holds just
those, so asking costs the same for a hundred people as for a million.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, bindparam, select, update
from sqlalchemy.orm import Session

from subscribers.models import Subscriber, Subscription, Suppression
from subscribers.rules.standing import Standing
from subscribers.store import slices

_HAS_MOVED: ColumnElement[bool] = Subscription.noted.is_distinct_from(Subscription.standing)
_IS_NEW: ColumnElement[bool] = ~Suppression.noted
_NOT_CONFIRMED = (Standing.UNCONFIRMED, Standing.UNSUBSCRIBED)
# Made once, for every tick asks.
_MOVED = (
    select(Subscription.id, Subscription.subscriber_id)
    .where(_HAS_MOVED)
    .order_by(Subscription.id.desc())
    .limit(bindparam("most", type_=Integer))
)
_CAME = _MOVED.where(Subscription.standing.in_([Standing.CONFIRMED]))
_WENT = _MOVED.where(Subscription.standing.in_(_NOT_CONFIRMED))
_NEW_SUPPRESSIONS = (
    select(Suppression.id, Subscriber.id)
    .outerjoin(Subscriber, Subscriber.email == Suppression.email)
    .where(_IS_NEW)
    .order_by(Suppression.id)
    .limit(bindparam("most", type_=Integer))
)


@dataclass(frozen=True)
class Moved:
    """A subscription whose standing has changed since the clock last looked."""

    subscription_id: int
    subscriber_id: int


@dataclass(frozen=True)
class NewSuppression:
    """An address that was suppressed since, and the person who has it; None: nobody."""

    suppression_id: int
    subscriber_id: int | None


def find_moved(session: Session, *, confirmed: bool, limit: int) -> list[Moved]:
    """List who came (confirmed), or who is not confirmed any more, the newest first.

    Who signs up while a million are being taken in does not wait behind them.
    """
    wanted = _CAME if confirmed else _WENT
    return [Moved(*row) for row in session.execute(wanted, {"most": limit})]


def note(session: Session, moved: Sequence[Moved]) -> None:
    """Note that the consequences are drawn; lock the people before you draw them."""
    for some in slices([one.subscription_id for one in moved]):
        mine = update(Subscription).where(Subscription.id.in_(some))
        session.execute(mine.values(noted=Subscription.standing), execution_options=_PLAIN)


def find_new_suppressions(session: Session, *, limit: int) -> list[NewSuppression]:
    """List the suppressions whose consequences nobody has drawn yet."""
    found = session.execute(_NEW_SUPPRESSIONS, {"most": limit})
    return [NewSuppression(*row) for row in found]


def note_suppressions(session: Session, found: Sequence[NewSuppression]) -> None:
    """Note that the consequences of these suppressions are drawn."""
    for some in slices([one.suppression_id for one in found]):
        mine = update(Suppression).where(Suppression.id.in_(some))
        session.execute(mine.values(noted=True), execution_options=_PLAIN)


def look_at_again(session: Session, subscriber_ids: Collection[int]) -> None:
    """Let the next tick look at people whose standing stays: something else about them changed."""
    for some in slices(sorted(subscriber_ids)):
        theirs = update(Subscription).where(Subscription.subscriber_id.in_(some))
        session.execute(theirs.values(noted=None), execution_options=_PLAIN)


# Objects of the session are not asked whether they match: those who use this hold none.
_PLAIN = {"synchronize_session": False}
