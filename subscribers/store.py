"""Every query about people, lists, subscriptions, consent and suppression."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Text, and_, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage.arrays import given_values, many, rows_of, run
from storage.base import Base, RowId
from subscribers.models import (
    ConsentRecord,
    MailingList,
    Subscriber,
    SubscriberTag,
    Subscription,
    Suppression,
)
from subscribers.rules.address import parse_address
from subscribers.rules.profile import clean_tag
from subscribers.rules.standing import ConsentKind, Standing, SuppressionReason

QUESTION_SIZE = 1000  # how many values one statement asks for; SQLite allows 32,766


@dataclass(frozen=True)
class SubscriberFilter:
    """Which people to list; what is None does not narrow."""

    list_slug: str | None = None
    standing: Standing | None = None  # with that list, or with any
    tag: str | None = None
    text: str | None = None  # part of the address or of a name
    suppressed: bool | None = None


EVERYBODY = SubscriberFilter()


@dataclass(frozen=True)
class Circumstances:
    """What pages and files show beside a person's own row."""

    standings: Mapping[str, Standing]  # by list slug
    tags: tuple[str, ...]
    suppression: SuppressionReason | None


def find_subscriber(session: Session, email: str) -> Subscriber | None:
    """Find a person by any spelling of their address.

    Raises:
        InvalidAddressError: the text is no address at all.
    """
    address = parse_address(email).text
    return session.scalars(select(Subscriber).where(Subscriber.email == address)).one_or_none()


def find_subscriber_by_public_id(session: Session, public_id: str) -> Subscriber | None:
    """Find the person a preferences link names."""
    wanted = select(Subscriber).where(Subscriber.public_id == public_id)
    return session.scalars(wanted).one_or_none()


def find_subscription(session: Session, public_id: str) -> Subscription | None:
    """Find the subscription a link names."""
    wanted = select(Subscription).where(Subscription.public_id == public_id)
    return session.scalars(wanted).one_or_none()


def find_subscription_of(
    session: Session, subscriber_id: int, *, list_id: int
) -> Subscription | None:
    """Find one person's subscription to one list, as it is in the database now."""
    wanted = select(Subscription).where(
        Subscription.subscriber_id == subscriber_id, Subscription.list_id == list_id
    )
    return session.scalars(wanted, execution_options={"populate_existing": True}).one_or_none()


def subscriptions_of(
    session: Session, subscriber_id: int
) -> list[tuple[Subscription, MailingList]]:
    """List a person's subscriptions with their lists, the oldest list first."""
    wanted = (
        select(Subscription, MailingList)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .where(Subscription.subscriber_id == subscriber_id)
        .order_by(MailingList.id)
    )
    return [(held, held_to) for held, held_to in session.execute(wanted)]


def has_confirmed_subscription(session: Session, subscriber_id: int) -> bool:
    """Tell whether the person confirmed any list."""
    confirmed = exists().where(
        Subscription.subscriber_id == subscriber_id, Subscription.standing == Standing.CONFIRMED
    )
    return bool(session.scalar(select(confirmed)))


def lock_subscriber(session: Session, condition: ColumnElement[bool]) -> Subscriber | None:
    """Read a person as they are now, and let nobody else change them until the commit.

    Every deed on a person takes this lock before any other row of theirs, so two
    deeds never wait for each other in a circle. (SQLite has one writer anyway.)
    """
    wanted = select(Subscriber).where(condition).with_for_update(key_share=True)
    return session.scalars(wanted, execution_options={"populate_existing": True}).one_or_none()


def lock_people(session: Session, subscriber_ids: Collection[int]) -> None:
    """Let nobody else change these people until the commit.

    The lock of `lock_subscriber` for many, always in the order of their ids. Take it before any
    other row of theirs, in one call for everybody the transaction will touch: two calls for
    overlapping people may wait for somebody else's two in a circle.
    """
    if subscriber_ids and session.get_bind().dialect.name != "sqlite":  # which locks everything
        run(session, _locking, ids=many(subscriber_ids))


@cache
def _locking(dialect: str) -> Select[Any]:
    chosen = select(Subscriber.id).where(Subscriber.id.in_(given_values(dialect, "ids", RowId)))
    return chosen.order_by(Subscriber.id).with_for_update(key_share=True)


def lock_subscription(
    session: Session, condition: ColumnElement[bool]
) -> tuple[Subscriber, Subscription] | None:
    """Lock the person of a subscription, and read both as they are now."""
    subscriber_id = session.scalar(select(Subscription.subscriber_id).where(condition))
    person = lock_subscriber(session, Subscriber.id == subscriber_id)
    again = select(Subscription).where(condition)
    found = session.scalars(again, execution_options={"populate_existing": True}).one_or_none()
    return (person, found) if person is not None and found is not None else None


def askings_of(session: Session, address_digest: str, *, since: datetime) -> list[datetime]:
    """List the moments at which an address was asked for."""
    wanted = select(ConsentRecord.at).where(
        ConsentRecord.address_digest == address_digest,
        ConsentRecord.kind == ConsentKind.ASKED,
        ConsentRecord.at > since,
    )
    return list(session.scalars(wanted))


def consent_records_of(session: Session, address_digest: str) -> list[ConsentRecord]:
    """List everything that was said for an address, the oldest first."""
    wanted = (
        select(ConsentRecord)
        .where(ConsentRecord.address_digest == address_digest)
        .order_by(ConsentRecord.id)
    )
    return list(session.scalars(wanted))


def find_suppression(session: Session, address: str) -> Suppression | None:
    """Find the suppression of a normalised address, as it is in the database now."""
    wanted = select(Suppression).where(Suppression.email == address)
    return session.scalars(wanted, execution_options={"populate_existing": True}).one_or_none()


def suppression_reason(session: Session, address: str) -> SuppressionReason | None:
    """Tell why a normalised address must not be mailed, or None."""
    return session.scalar(select(Suppression.reason).where(Suppression.email == address))


def suppression_reasons(
    session: Session, addresses: Collection[str]
) -> dict[str, SuppressionReason]:
    """Read which of these normalised addresses are suppressed, and why."""
    if not addresses:
        return {}
    found = rows_of(session, _suppressed, addresses=many(addresses))
    return {row.email: row.reason for row in found}


@cache
def _suppressed(dialect: str) -> Select[Any]:
    wanted: Sequence[Any] = (Suppression.email, Suppression.reason)
    given = given_values(dialect, "addresses", Text())
    return select(*wanted).where(Suppression.email.in_(given))


def list_subscribers(
    session: Session,
    filters: SubscriberFilter = EVERYBODY,
    *,
    limit: int = 100,
    after_id: int = 0,
) -> list[Subscriber]:
    """List people in the order they came, a page at a time."""
    page = _narrowed(select(Subscriber), filters).where(Subscriber.id > after_id)
    return list(session.scalars(page.order_by(Subscriber.id).limit(limit)))


def count_subscribers(session: Session, filters: SubscriberFilter = EVERYBODY) -> int:
    """Count the people a filter lets through."""
    counted = _narrowed(select(func.count()).select_from(Subscriber), filters)
    return session.scalar(counted) or 0


def count_standings(session: Session, *, list_id: int) -> dict[Standing, int]:
    """Count the subscriptions of a list by standing."""
    counted = (
        select(Subscription.standing, func.count())
        .where(Subscription.list_id == list_id)
        .group_by(Subscription.standing)
    )
    found = {row[0]: row[1] for row in session.execute(counted)}
    return {standing: found.get(standing, 0) for standing in Standing}


def circumstances_of(session: Session, people: Sequence[Subscriber]) -> dict[int, Circumstances]:
    """Read standings, tags and suppression of some people at once, by subscriber id."""
    ids = [person.id for person in people]
    standings, tags = _standings_of(session, ids), tags_of(session, ids)
    reasons = suppression_reasons(session, [person.email for person in people])
    return {
        person.id: Circumstances(standings[person.id], tags[person.id], reasons.get(person.email))
        for person in people
    }


def addresses_of(session: Session, subscriber_ids: Collection[int]) -> dict[int, str]:
    """Read the addresses of some people, by subscriber id."""
    addresses: dict[int, str] = {}
    for some in slices(list(subscriber_ids)):
        wanted = select(Subscriber.id, Subscriber.email).where(Subscriber.id.in_(some))
        addresses |= {row.id: row.email for row in session.execute(wanted)}
    return addresses


def tags_of(session: Session, subscriber_ids: Collection[int]) -> Mapping[int, tuple[str, ...]]:
    """Read the tags of some people, in alphabetical order; no tags is an empty tuple."""
    tags: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
    for some in slices(list(subscriber_ids)):
        wanted = select(SubscriberTag).where(SubscriberTag.subscriber_id.in_(some))
        for row in session.scalars(wanted.order_by(SubscriberTag.tag)):
            tags[row.subscriber_id] += (row.tag,)
    return tags


def insert_new(session: Session, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Make an INSERT that passes over rows whose unique key is already taken."""
    table = table_of(model)
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def table_of(model: type[Base]) -> Table:
    """Give the plain table behind a model, for statements that go past the session's objects."""
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101  (we map nothing else)
    return table


def slices(values: Sequence[Any], size: int = QUESTION_SIZE) -> Iterator[Sequence[Any]]:
    """Cut a sequence into pieces small enough for one statement."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _standings_of(
    session: Session, subscriber_ids: Collection[int]
) -> Mapping[int, dict[str, Standing]]:
    standings: defaultdict[int, dict[str, Standing]] = defaultdict(dict)
    for some in slices(list(subscriber_ids)):
        wanted = (
            select(Subscription.subscriber_id, MailingList.slug, Subscription.standing)
            .join(MailingList, MailingList.id == Subscription.list_id)
            .where(Subscription.subscriber_id.in_(some))
        )
        for subscriber_id, slug, standing in session.execute(wanted):
            standings[subscriber_id][slug] = standing
    return standings


def _narrowed(query: Select[Any], filters: SubscriberFilter) -> Select[Any]:
    return query.where(*_conditions(filters))


def _conditions(filters: SubscriberFilter) -> Iterator[ColumnElement[bool]]:
    if filters.list_slug is not None or filters.standing is not None:
        yield _is_on_list(filters)
    if filters.tag is not None:
        yield exists().where(
            SubscriberTag.subscriber_id == Subscriber.id,
            SubscriberTag.tag == clean_tag(filters.tag),
        )
    if filters.text is not None:
        whole = func.lower(
            Subscriber.email + " " + Subscriber.first_name + " " + Subscriber.last_name
        )
        yield whole.contains(filters.text.lower(), autoescape=True)
    if filters.suppressed is not None:
        suppressed = exists().where(Suppression.email == Subscriber.email)
        yield suppressed if filters.suppressed else ~suppressed


def _is_on_list(filters: SubscriberFilter) -> ColumnElement[bool]:
    parts = [Subscription.subscriber_id == Subscriber.id]
    if filters.standing is not None:
        parts.append(Subscription.standing == filters.standing)
    if filters.list_slug is not None:
        slug = select(MailingList.id).where(MailingList.slug == filters.list_slug)
        parts.append(Subscription.list_id == slug.scalar_subquery())
    return exists().where(and_(*parts))
