"""Load what the rules need to know about some people, in a handful of queries for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from campaigns.models import Enrolment, MailedDay, Series
from campaigns.rules.due_dates import local_day
from campaigns.rules.moves import Move
from campaigns.rules.series import InFlight, Moment, Progress, Rhythm, SeriesPlan
from campaigns.rules.shared_days import Way, plan_moves
from campaigns.rules.standing import EnrolmentStatus, Origin, SeriesStatus
from campaigns.rules.time_zones import zone_of
from campaigns.site import Site
from campaigns.store import IS_ACTIVE, load_plans
from delivery.models import Delivery
from delivery.rules.states import Kind, State
from subscribers.models import ConsentRecord, MailingList, Subscriber, Subscription, Suppression
from subscribers.rules.standing import ConsentKind, Standing
from subscribers.store import slices

# Older days matter only to a slot that was missed for as long.
_DAYS_BACK = timedelta(days=62)
_MOVING = frozenset({State.QUEUED, State.CLAIMED, State.SENDING})
_ORIGINS = {
    ConsentKind.CONFIRMED: Origin.CONFIRMATION,
    ConsentKind.IMPORTED: Origin.IMPORT,
    ConsentKind.ADDED_BY_STAFF: Origin.STAFF,
}


@dataclass(frozen=True)
class PersonFacts:
    """One person, with everything the next moves of their enrolments depend on."""

    subscriber_id: int
    email: str
    rhythm: Rhythm
    ways: tuple[Way, ...]
    busy_days: frozenset[date]
    # Delivery ids of cancelled steps, by enrolment and step: they are queued again, not anew.
    cancelled: Mapping[tuple[int, int], int] = field(default_factory=dict)


@dataclass
class _Ledger:
    """The marketing emails of one person so far."""

    had: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    cancelled: dict[tuple[int, int], int] = field(default_factory=dict)
    in_flight: dict[int, InFlight] = field(default_factory=dict)  # by enrolment
    broadcasts: list[datetime] = field(default_factory=list)  # due and not through yet


_PERSON = (
    Subscriber.id.label("subscriber_id"),
    Subscriber.email,
    Subscriber.time_zone,
    Subscriber.weekday,
    Subscriber.hour,
    Subscriber.pace,
    Subscriber.paused_until,
    Subscription.confirmed_at,
)
_WAY = (
    Enrolment.id,
    Enrolment.series_id,
    Enrolment.origin,
    Enrolment.enrolled_at,
    Enrolment.last_step_id,
    Enrolment.last_sent_at,
)


def load_people(
    session: Session,
    subscriber_ids: Iterable[int],
    *,
    site: Site,
    now: datetime,
    after_enrolling: bool = False,
) -> Iterator[PersonFacts]:
    """Load those people who may be mailed and are on a way, with all their ways.

    `after_enrolling` shows them as the next tick will have enrolled and resumed them: for
    forecasts and pages. An enrolment that does not exist yet has a negative id.
    """
    plans = load_plans(session)
    for some in slices(sorted(subscriber_ids)):
        rows = _rows(session, some, after_enrolling=after_enrolling)
        ledgers = _ledgers(session, some)
        days = _mailed_days(session, some, since=now.date() - _DAYS_BACK)
        for key, own in rows.items():
            ways = [_way(row, plans, ledgers[key], now=now) for row in own]
            yield _person(own[0], ways, ledgers[key], days=days[key], site=site, now=now)


def moves_of(person: PersonFacts, *, site: Site, now: datetime) -> dict[int, Move]:
    """Decide the next move of each of a person's enrolments, by enrolment id."""
    moment = Moment(now, site.calendar, person.busy_days)
    return plan_moves(person.ways, rhythm=person.rhythm, moment=moment)


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


def has_left() -> ColumnElement[bool]:
    """Make the condition: the person left this series and has not begun it anew since."""
    later = aliased(Enrolment)
    begun_anew = exists().where(
        later.subscriber_id == Enrolment.subscriber_id,
        later.series_id == Enrolment.series_id,
        later.round > Enrolment.round,
    )
    return and_(Enrolment.status == EnrolmentStatus.LEFT, ~begun_anew)


def enrolled(*columns: Any) -> Select[Any]:
    """Begin a query on enrolments whose person has a subscription to the list of the series."""
    return (
        select(*columns)
        .select_from(Enrolment)
        .join(Series, Series.id == Enrolment.series_id)
        .join(Subscriber, Subscriber.id == Enrolment.subscriber_id)
        .join(Subscription, is_membership())
    )


def newcomers(*columns: Any) -> Select[Any]:
    """Begin a query on confirmed people whom an active series of their list does not know."""
    known = exists().where(
        Enrolment.subscriber_id == Subscription.subscriber_id, Enrolment.series_id == Series.id
    )
    return (
        select(*columns)
        .select_from(Subscription)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .join(Series, Series.list_id == Subscription.list_id)
        .where(may_be_mailed(), Series.status == SeriesStatus.ACTIVE, ~known)
    )


def newest_consent() -> Any:
    """Make the column that tells by which word a newcomer came to the list."""
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


def origin_of(consent: ConsentKind | None) -> Origin:
    """Say how an enrolment begins; only who has just clicked is mailed at night."""
    return _ORIGINS.get(consent, Origin.STAFF) if consent else Origin.STAFF


def _rows(
    session: Session, subscriber_ids: Sequence[int], *, after_enrolling: bool
) -> Mapping[int, list[Row[Any]]]:
    is_on_the_way = or_(IS_ACTIVE, has_left()) if after_enrolling else IS_ACTIVE
    ways = enrolled(*_WAY, *_PERSON).where(
        Enrolment.subscriber_id.in_(subscriber_ids), is_on_the_way, may_be_mailed()
    )
    found = list(session.execute(ways))
    if after_enrolling:
        to_come = newcomers(Series.id.label("series_id"), newest_consent().label("consent"))
        found += session.execute(
            to_come.add_columns(*_PERSON).where(Subscriber.id.in_(subscriber_ids))
        )
    rows: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in found:
        rows[row.subscriber_id].append(row)
    return rows


def _ledgers(session: Session, subscriber_ids: Sequence[int]) -> Mapping[int, _Ledger]:
    columns = ("subscriber_id", "id", "enrolment_id", "step_id", "state", "due_at")
    wanted = select(*(getattr(Delivery, name) for name in columns)).where(
        Delivery.subscriber_id.in_(subscriber_ids),
        Delivery.kind.in_([Kind.STEP, Kind.BROADCAST]),
    )
    ledgers: defaultdict[int, _Ledger] = defaultdict(_Ledger)
    for row in session.execute(wanted):
        _enter(ledgers[row.subscriber_id], row)
    return ledgers


def _enter(ledger: _Ledger, row: Row[Any]) -> None:
    if row.enrolment_id is None:
        if row.state in _MOVING:
            ledger.broadcasts.append(row.due_at)
    elif row.state is State.CANCELLED:
        ledger.cancelled[row.enrolment_id, row.step_id] = row.id
    else:
        ledger.had[row.enrolment_id].add(row.step_id)
        if row.state in _MOVING or row.state is State.HELD:
            due_at = row.due_at if row.state in _MOVING else None
            ledger.in_flight[row.enrolment_id] = InFlight(row.step_id, due_at)


def _mailed_days(
    session: Session, subscriber_ids: Sequence[int], *, since: date
) -> Mapping[int, set[date]]:
    wanted = select(MailedDay.subscriber_id, MailedDay.day).where(
        MailedDay.subscriber_id.in_(subscriber_ids), MailedDay.day >= since
    )
    days: defaultdict[int, set[date]] = defaultdict(set)
    for row in session.execute(wanted):
        days[row.subscriber_id].add(row.day)
    return days


def _way(row: Row[Any], plans: Mapping[int, SeriesPlan], ledger: _Ledger, *, now: datetime) -> Way:
    series = plans[row.series_id]
    if "consent" in row._fields:
        start = Progress(now, origin_of(row.consent), row.confirmed_at)
        return Way(-series.id, series, start)
    progress = Progress(
        enrolled_at=row.enrolled_at,
        origin=row.origin,
        confirmed_at=row.confirmed_at,
        had=frozenset(_had(row, ledger)),
        last_sent_at=row.last_sent_at,
        in_flight=ledger.in_flight.get(row.id),
    )
    return Way(row.id, series, progress)


def _had(row: Row[Any], ledger: _Ledger) -> set[int]:
    """Name the steps reached; the pointer speaks for deliveries that were tidied away."""
    had = ledger.had[row.id]
    if row.last_step_id is not None and (row.id, row.last_step_id) not in ledger.cancelled:
        had.add(row.last_step_id)
    return had


def _person(
    row: Row[Any],
    ways: Sequence[Way],
    ledger: _Ledger,
    *,
    days: set[date],
    site: Site,
    now: datetime,
) -> PersonFacts:
    zone = zone_of(row.time_zone, site.zone)
    others = {local_day(max(due_at, now), zone) for due_at in ledger.broadcasts}
    return PersonFacts(
        subscriber_id=row.subscriber_id,
        email=row.email,
        rhythm=Rhythm(zone, row.weekday, row.hour, row.pace, row.paused_until),
        ways=tuple(ways),
        busy_days=frozenset(days | others),
        cancelled=ledger.cancelled,
    )
