"""Find who should be in a series and is not: newcomers, and people who came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from campaigns.models import Enrolment, Series
from campaigns.rules.standing import EnrolmentStatus, Origin, SeriesStatus
from campaigns.store import IS_ACTIVE
from subscribers.models import ConsentRecord, MailingList, Subscriber, Subscription, Suppression
from subscribers.rules.standing import ConsentKind, Standing

_ORIGINS = {
    ConsentKind.CONFIRMED: Origin.CONFIRMATION,
    ConsentKind.IMPORTED: Origin.IMPORT,
    ConsentKind.ADDED_BY_STAFF: Origin.STAFF,
}


@dataclass(frozen=True)
class Newcomer:
    """Somebody confirmed whom an active series of their list does not know."""

    subscriber_id: int
    series_id: int
    origin: Origin


@dataclass(frozen=True)
class Returner:
    """Somebody who left a series and may be mailed again."""

    subscriber_id: int
    enrolment_id: int


@dataclass(frozen=True)
class Joining:
    """Who will be on a way after the next tick, and is not yet."""

    newcomers: tuple[Newcomer, ...] = ()
    returners: tuple[Returner, ...] = ()

    @property
    def subscriber_ids(self) -> set[int]:
        """Name the people."""
        newcomers = {one.subscriber_id for one in self.newcomers}
        return newcomers | {one.subscriber_id for one in self.returners}

    def and_(self, other: Joining) -> Joining:
        """Put two of them together."""
        return Joining(self.newcomers + other.newcomers, self.returners + other.returners)


def find_joining(session: Session, *among: ColumnElement[bool]) -> Joining:
    """Find everybody who is about to join, or only who meets conditions, on Subscription too."""
    return Joining(
        tuple(find_newcomers(session, *among)),
        tuple(find_returners(session, *among)),
    )


def find_newcomers(session: Session, *among: ColumnElement[bool]) -> list[Newcomer]:
    """Find confirmed people whom an active series of their list does not know, oldest first.

    The conditions narrow it; they may be on Subscription, Subscriber and Series.
    """
    known = exists().where(
        Enrolment.subscriber_id == Subscription.subscriber_id, Enrolment.series_id == Series.id
    )
    wanted = (
        select(Subscription.subscriber_id, Series.id, _newest_consent().label("consent"))
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .join(Series, Series.list_id == Subscription.list_id)
        .where(may_be_mailed(), Series.status == SeriesStatus.ACTIVE, ~known, *among)
        .where(_is_new_enough())
        .order_by(Subscription.id)
    )
    # Only who has just clicked is mailed at night; without a record, nobody has.
    return [
        Newcomer(row.subscriber_id, row.id, _ORIGINS.get(row.consent, Origin.STAFF))
        for row in session.execute(wanted)
    ]


def find_returners(session: Session, *among: ColumnElement[bool]) -> list[Returner]:
    """Find who left a series, has not begun it anew since, and may be mailed again."""
    later = aliased(Enrolment)
    begun_anew = exists().where(
        later.subscriber_id == Enrolment.subscriber_id,
        later.series_id == Enrolment.series_id,
        later.round > Enrolment.round,
    )
    wanted = (
        select(Enrolment.subscriber_id, Enrolment.id)
        .join(Series, Series.id == Enrolment.series_id)
        .join(Subscriber, Subscriber.id == Enrolment.subscriber_id)
        .join(Subscription, is_membership())
        .where(
            Enrolment.status == EnrolmentStatus.LEFT,
            ~begun_anew,
            may_be_mailed(),
            *among,
        )
        .order_by(Enrolment.id)
    )
    return [Returner(row.subscriber_id, row.id) for row in session.execute(wanted)]


@dataclass(frozen=True)
class Leaver:
    """Somebody on the way through a series who may not be mailed any more."""

    enrolment_id: int
    is_suppressed: bool  # or they unsubscribed


def find_leavers(session: Session, *among: ColumnElement[bool]) -> list[Leaver]:
    """Find who is on a way and may not be mailed any more.

    The conditions narrow it; they may be on Enrolment, Subscriber and Series.
    """
    wanted = (
        select(Enrolment.id, Subscription.standing)
        .join(Series, Series.id == Enrolment.series_id)
        .join(Subscriber, Subscriber.id == Enrolment.subscriber_id)
        .outerjoin(Subscription, is_membership())
        .where(
            IS_ACTIVE,
            or_(Subscription.standing.is_distinct_from(Standing.CONFIRMED), is_suppressed()),
            *among,
        )
        .order_by(Enrolment.id)
    )
    return [Leaver(row.id, row.standing is Standing.CONFIRMED) for row in session.execute(wanted)]


def may_be_mailed() -> ColumnElement[bool]:
    """Make the condition: confirmed, and not suppressed (on Subscription and Subscriber)."""
    return and_(Subscription.standing == Standing.CONFIRMED, ~is_suppressed())


def is_suppressed() -> ColumnElement[bool]:
    """Make the condition that the address of the Subscriber must not be mailed."""
    return exists().where(Suppression.email == Subscriber.email)


def is_membership() -> ColumnElement[bool]:
    """Make the condition that joins an enrolment's person to the list of its series."""
    return and_(
        Subscription.subscriber_id == Enrolment.subscriber_id,
        Subscription.list_id == Series.list_id,
    )


def _is_new_enough() -> ColumnElement[bool]:
    """Leave out who was on the list before, where a series begins for newcomers only."""
    since = Series.newcomers_since
    return or_(since.is_(None), Subscription.confirmed_at > since)


def _newest_consent() -> Any:
    """Make the column that tells by which word a person came to the list."""
    return (
        select(ConsentRecord.kind)
        .where(
            ConsentRecord.subscriber_id == Subscription.subscriber_id,
            ConsentRecord.list_slug == MailingList.slug,
            ConsentRecord.kind.in_(_ORIGINS),
        )
        .order_by(ConsentRecord.id.desc())
        .limit(1)
        .scalar_subquery()
    )
