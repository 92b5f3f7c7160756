"""Load what the rules need to know about some people, in a handful of queries for all of them.

Each query asks one table by ids, and the rows meet here: a join of them all is at the mercy of
the database's guess, which right after an import is wrong by a factor of hundreds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Executable, Row, Select, select
from sqlalchemy.orm import Session

from campaigns.issues import load_coming, load_pending
from campaigns.joining import Joining, find_joining, may_be_mailed
from campaigns.models import Enrolment, MailedDay, Series, SkippedStep
from campaigns.rules.broadcasts import IssuePlan
from campaigns.rules.conditions import NOBODY, Traits
from campaigns.rules.due_dates import local_day
from campaigns.rules.moves import Move
from campaigns.rules.series import InFlight, Moment, Progress, Rhythm, SeriesPlan
from campaigns.rules.shared_days import Plan, Way, plan_person
from campaigns.rules.standing import EnrolmentStatus, Origin
from campaigns.rules.time_zones import zone_of
from campaigns.site import Site
from campaigns.store import load_plans
from campaigns.traits import asks_for_traits, load_traits
from delivery.models import Delivery
from delivery.rules.states import Kind, State
from subscribers.models import Subscriber, Subscription
from subscribers.store import slices

# Older days matter only to a slot that was missed for as long.
_DAYS_BACK = timedelta(days=62)
_MOVING = frozenset({State.QUEUED, State.CLAIMED, State.SENDING})
_ACTIVE_OR_LEFT = (EnrolmentStatus.ACTIVE, EnrolmentStatus.LEFT)
_NOBODY = Joining()
_NO_DAYS: frozenset[date] = frozenset()
_MEMBERSHIP = (
    Subscription.list_id,
    Subscription.confirmed_at,
    Subscriber.id.label("subscriber_id"),
    Subscriber.email,
    Subscriber.time_zone,
    Subscriber.weekday,
    Subscriber.hour,
    Subscriber.pace,
    Subscriber.paused_until,
)
_START: Sequence[Any] = (
    Enrolment.id,
    Enrolment.series_id,
    Enrolment.origin,
    Enrolment.enrolled_at,
    Enrolment.last_step_id,
    Enrolment.last_sent_at,
    Enrolment.starts_at,
    Enrolment.asked_at,
)


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
    issues: tuple[IssuePlan, ...] = ()  # broadcasts that are still to be queued for them
    queued_issues: tuple[QueuedIssue, ...] = ()
    traits: Traits = NOBODY  # left empty where no series asks for them


@dataclass(frozen=True)
class QueuedIssue:
    """A broadcast that is on its way to a person."""

    broadcast_id: int
    due_at: datetime


@dataclass(slots=True)
class _Start:
    """One enrolment, or one that is about to be."""

    id: int
    series_id: int
    origin: Origin
    enrolled_at: datetime
    last_step_id: int | None = None
    last_sent_at: datetime | None = None
    starts_at: datetime | None = None
    asked_at: datetime | None = None


@dataclass(slots=True)
class _More:
    """What only some people have."""

    issues: tuple[IssuePlan, ...]
    traits: Traits
    days: Set[date]  # with a marketing email


_NONE: Mapping[Any, Any] = MappingProxyType({})


@dataclass(slots=True)
class _Ledger:
    """The marketing emails of one person so far; what few people have is made when it is there."""

    had: dict[int, set[int]] = field(default_factory=dict)  # by enrolment
    cancelled: Mapping[tuple[int, int], int] = field(default_factory=lambda: _NONE)
    in_flight: Mapping[int, InFlight] = field(default_factory=lambda: _NONE)  # by enrolment
    broadcasts: tuple[QueuedIssue, ...] = ()  # not through yet
    skips: Mapping[int, list[Any]] = field(default_factory=lambda: _NONE)  # by enrolment


def load_people(
    session: Session,
    subscriber_ids: Iterable[int],
    *,
    site: Site,
    now: datetime,
    joining: Joining = _NOBODY,
    with_traits: bool = False,
) -> Iterator[PersonFacts]:
    """Load those people who may be mailed and have something coming, with all their ways.

    With `joining` they are shown as the next tick will have enrolled them: for forecasts and
    pages. An enrolment that does not exist yet has a negative id. Without `with_traits` people
    come with what can be asked about them only if a series asks.
    """
    # First the lists: what is imported in this moment is then known to both or passed over.
    lists = {row.id: row.list_id for row in session.execute(select(Series.id, Series.list_id))}
    plans = load_plans(session)
    resumed = frozenset(one.enrolment_id for one in joining.returners)
    coming = _coming(joining, now=now)
    broadcasts = load_coming(session, now=now)
    asks = with_traits or any(map(asks_for_traits, plans.values()))
    for some in slices(sorted(subscriber_ids)):
        starts = _starts(session, some, resumed=resumed)
        ledgers = _ledgers(session, some)
        days = _mailed_days(session, some, since=now.date() - _DAYS_BACK)
        issues = load_pending(session, some, broadcasts) if broadcasts else {}
        traits = load_traits(session, some) if asks else {}
        for key, memberships in _memberships(session, some).items():
            ways = [
                _way(start, membership, ledgers[key], plan=plans[start.series_id])
                for start in (*starts[key], *coming[key])
                if (membership := memberships.get(lists.get(start.series_id, 0))) is not None
            ]
            pending = tuple(issues.get(key, ()))
            if ways or pending or ledgers[key].broadcasts:
                row = next(iter(memberships.values()))
                more = _More(pending, traits.get(key, NOBODY), days.get(key, _NO_DAYS))
                yield _person(row, ways, ledgers[key], more, site=site, now=now)


def load_person(
    session: Session, subscriber_id: int, *, site: Site, now: datetime
) -> PersonFacts | None:
    """Load one person as the next tick will have enrolled them; None: nothing comes."""
    joining = find_joining(session, Subscription.subscriber_id == subscriber_id)
    people = load_people(session, [subscriber_id], site=site, now=now, joining=joining)
    return next(people, None)


def moves_of(person: PersonFacts, *, site: Site, now: datetime) -> dict[int, Move]:
    """Decide the next move of each of a person's enrolments, by enrolment id."""
    return plan_of_person(person, site=site, now=now).steps


def plan_of_person(person: PersonFacts, *, site: Site, now: datetime) -> Plan:
    """Decide what comes next for a person, of series and of broadcasts."""
    moment = Moment(now, site.calendar, person.busy_days, person.traits)
    return plan_person(person.ways, person.issues, rhythm=person.rhythm, moment=moment)


def _rows(session: Session, wanted: Executable) -> Sequence[Row[Any]]:
    """Read plain rows past the mapper, which has nothing to map here and costs as much again."""
    session.flush()  # as any query through the session would
    return session.connection().execute(wanted).all()


def _memberships(session: Session, subscriber_ids: Sequence[int]) -> Mapping[int, dict[int, Any]]:
    """Read the people who may be mailed, by id and by list."""
    wanted = (
        select(*_MEMBERSHIP)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.subscriber_id.in_(subscriber_ids), may_be_mailed())
    )
    found: defaultdict[int, dict[int, Any]] = defaultdict(dict)
    for row in _rows(session, wanted):
        found[row.subscriber_id][row.list_id] = row
    return found


def _starts(
    session: Session, subscriber_ids: Sequence[int], *, resumed: Set[int]
) -> Mapping[int, list[_Start]]:
    """Read the active enrolments, and of the others those that are about to be resumed."""
    wanted = select(Enrolment.subscriber_id, Enrolment.status, *_START).where(
        Enrolment.subscriber_id.in_(subscriber_ids),
        Enrolment.status.in_(_ACTIVE_OR_LEFT if resumed else (EnrolmentStatus.ACTIVE,)),
    )
    starts: defaultdict[int, list[_Start]] = defaultdict(list)
    for row in _rows(session, wanted):
        if row.status is EnrolmentStatus.ACTIVE or row.id in resumed:
            facts: Any = row[2:]
            starts[row.subscriber_id].append(_Start(*facts))
    return starts


def _coming(joining: Joining, *, now: datetime) -> Mapping[int, list[_Start]]:
    coming: defaultdict[int, list[_Start]] = defaultdict(list)
    for one in joining.newcomers:
        start = _Start(-one.series_id, one.series_id, one.origin, enrolled_at=now)
        coming[one.subscriber_id].append(start)
    return coming


def _ledgers(session: Session, subscriber_ids: Sequence[int]) -> Mapping[int, _Ledger]:
    columns = ("subscriber_id", "id", "enrolment_id", "step_id", "broadcast_id", "state", "due_at")
    wanted = select(*(getattr(Delivery, name) for name in columns)).where(
        Delivery.subscriber_id.in_(subscriber_ids),
        Delivery.kind.in_([Kind.STEP, Kind.BROADCAST]),
    )
    ledgers: defaultdict[int, _Ledger] = defaultdict(_Ledger)
    for row in _rows(session, wanted):
        _enter(ledgers[row.subscriber_id], row)
    for row in _rows(session, _skips_of(subscriber_ids)):
        ledger = ledgers[row.subscriber_id]
        of_way = ledger.skips.get(row.enrolment_id, [])
        ledger.skips = {**ledger.skips, row.enrolment_id: [*of_way, row]}
    return ledgers


def _skips_of(subscriber_ids: Sequence[int]) -> Select[Any]:
    columns: Sequence[Any] = (SkippedStep.enrolment_id, SkippedStep.step_id)
    return (
        select(Enrolment.subscriber_id, *columns, SkippedStep.counts_from)
        .join(Enrolment, Enrolment.id == SkippedStep.enrolment_id)
        .where(Enrolment.subscriber_id.in_(subscriber_ids))
    )


def _enter(ledger: _Ledger, row: Row[Any]) -> None:
    if row.enrolment_id is None:
        if row.state in _MOVING:
            ledger.broadcasts += (QueuedIssue(row.broadcast_id or 0, row.due_at),)
    elif row.state is State.CANCELLED:
        ledger.cancelled = {**ledger.cancelled, (row.enrolment_id, row.step_id): row.id}
    else:
        ledger.had.setdefault(row.enrolment_id, set()).add(row.step_id)
        if row.state in _MOVING or row.state is State.HELD:
            due_at = row.due_at if row.state in _MOVING else None
            flight = InFlight(row.step_id, due_at)
            ledger.in_flight = {**ledger.in_flight, row.enrolment_id: flight}


def _mailed_days(
    session: Session, subscriber_ids: Sequence[int], *, since: date
) -> Mapping[int, set[date]]:
    wanted = select(MailedDay.subscriber_id, MailedDay.day).where(
        MailedDay.subscriber_id.in_(subscriber_ids), MailedDay.day >= since
    )
    days: defaultdict[int, set[date]] = defaultdict(set)
    for row in _rows(session, wanted):
        days[row.subscriber_id].add(row.day)
    return days


def _way(start: _Start, membership: Row[Any], ledger: _Ledger, *, plan: SeriesPlan) -> Way:
    skips = ledger.skips.get(start.id, ())
    slots = [row.counts_from for row in skips if row.counts_from is not None]
    progress = Progress(
        enrolled_at=start.enrolled_at,
        origin=start.origin,
        confirmed_at=membership.confirmed_at,
        had=frozenset(_had(start, ledger)),
        last_sent_at=start.last_sent_at,
        in_flight=ledger.in_flight.get(start.id),
        skipped=frozenset(row.step_id for row in skips),
        counts_from=max(slots, default=None),
        starts_at=start.starts_at,
        asked_at=start.asked_at,
    )
    return Way(start.id, plan, progress)


def _had(start: _Start, ledger: _Ledger) -> set[int]:
    """Name the steps reached; the pointer speaks for deliveries that were tidied away."""
    had = ledger.had.get(start.id, set())
    if start.last_step_id is not None and (start.id, start.last_step_id) not in ledger.cancelled:
        had.add(start.last_step_id)
    return had


def _person(
    row: Row[Any],
    ways: Sequence[Way],
    ledger: _Ledger,
    more: _More,
    *,
    site: Site,
    now: datetime,
) -> PersonFacts:
    zone = zone_of(row.time_zone, site.zone)
    others = {local_day(max(issue.due_at, now), zone) for issue in ledger.broadcasts}
    return PersonFacts(
        subscriber_id=row.subscriber_id,
        email=row.email,
        rhythm=Rhythm(zone, row.weekday, row.hour, row.pace, row.paused_until),
        ways=tuple(ways),
        busy_days=frozenset(more.days | others) if more.days or others else _NO_DAYS,
        cancelled=ledger.cancelled,
        queued_issues=ledger.broadcasts,
        issues=more.issues,
        traits=more.traits,
    )
