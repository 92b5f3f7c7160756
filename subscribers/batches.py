"""Write a batch of imported people with few statements, whatever its size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from storage.bulk import insert_rows, is_among, reserve_ids
from storage.errors import RowsRefusedError
from storage.signing import KeyRing, new_public_ids
from subscribers.consent import address_digests, storable
from subscribers.models import (
    ConsentRecord,
    MailingList,
    Subscriber,
    SubscriberTag,
    Subscription,
)
from subscribers.rules.profile import fill_empty
from subscribers.rules.rows import PROFILE_COLUMNS, ImportRow
from subscribers.rules.standing import ConsentKind, Pace, Standing, may_be_added
from subscribers.store import insert_new, table_of
from subscribers.suppression import suppressed_among


class Fate(StrEnum):
    """What became of a row."""

    ADDED = "added"
    FILLED = "filled"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    LEFT_OUT = "left_out"


_KnownSubscription = Row[int, int, Standing, datetime | None]


@dataclass(frozen=True)
class ImportTarget:
    """The list people come to, and the consent they come with."""

    mailing_list: MailingList
    consent_source: str
    keys: KeyRing
    now: datetime


@dataclass
class _Plan:
    """The rows to write for a batch, table by table."""

    people: list[dict[str, Any]] = field(default_factory=list)  # changes, by id
    new_subscriptions: list[int] = field(default_factory=list)  # of whom
    confirmed: list[dict[str, Any]] = field(default_factory=list)  # changes, by id
    consents: list[tuple[int, str]] = field(default_factory=list)  # of whom, at which address
    new_tags: list[tuple[int, str]] = field(default_factory=list)  # of people without any
    tags: list[dict[str, Any]] = field(default_factory=list)


_EMPTY_PROFILE: Mapping[str, Any] = {
    **dict.fromkeys(PROFILE_COLUMNS),
    "first_name": "",
    "last_name": "",
    "pace": Pace.AS_WRITTEN,
}
_ALWAYS_TOLD = ("id", "public_id", "email", "attributes")


def import_batch(
    session: Session, rows: Sequence[ImportRow], *, target: ImportTarget
) -> Counter[Fate]:
    """Add the people of a batch to a list, each address once; count what became of them."""
    offered = [row for row in rows if not row.is_left_out]
    suppressed = suppressed_among(session, [row.email for row in offered])
    wanted = [row for row in offered if row.email not in suppressed]
    fates = Counter({Fate.LEFT_OUT: len(rows) - len(offered), Fate.KEPT: len(suppressed)})
    if wanted:
        fates.update(_import_wanted(session, wanted, target))
    return fates


def _import_wanted(session: Session, rows: Sequence[ImportRow], target: ImportTarget) -> list[Fate]:
    known = _read_people(session, [row.email for row in rows])
    unknown = [row for row in rows if row.email not in known]
    new = _insert_people(session, unknown, target)
    if len(new) < len(unknown):  # they signed up since we looked
        known |= _read_people(session, [row.email for row in unknown if row.email not in new])
    subscriptions = _read_subscriptions(session, [each.id for each in known.values()], target)
    plan, fates = _Plan(), [Fate.ADDED] * len(new)
    _plan_new(plan, rows, new)
    for row in rows:
        if row.email in known:
            person = known[row.email]
            fates.append(_plan_known(plan, row, person, subscriptions.get(person.id), target))
    _write(session, plan, target)
    return fates


def _insert_people(
    session: Session, rows: Sequence[ImportRow], target: ImportTarget
) -> dict[str, int]:
    """Insert those who are not known; gives their ids by address.

    Somebody may sign up with one of the addresses in this very moment: then row by row.
    """
    if not rows:
        return {}
    people = table_of(Subscriber)
    ids = reserve_ids(session, people, len(rows))
    told = {name for row in rows for name in row.profile}
    names = [name for name in PROFILE_COLUMNS if name in told]
    unsaid = {name: _EMPTY_PROFILE[name] for name in PROFILE_COLUMNS if name not in told}
    empty = [_EMPTY_PROFILE[name] for name in names]
    values = (
        (given, public_id, row.email, row.attributes, *map(row.profile.get, names, empty))
        for given, public_id, row in zip(ids, new_public_ids(len(rows)), rows, strict=True)
    )
    same = {**unsaid, "created_at": target.now, "changed_at": target.now}
    try:
        insert_rows(session, people, (*_ALWAYS_TOLD, *names), values, shared=same)
    except RowsRefusedError:
        return _insert_one_by_one(session, rows, target)
    return {row.email: given for row, given in zip(rows, ids, strict=True)}


def _insert_one_by_one(
    session: Session, rows: Sequence[ImportRow], target: ImportTarget
) -> dict[str, int]:
    """Insert those whose address is not taken, waiting for whoever is just taking it."""
    statement = insert_new(session, Subscriber).returning(Subscriber.email, Subscriber.id)
    inserted = session.execute(statement, [_person(row, target) for row in rows])
    return {row.email: row.id for row in inserted}


def _person(row: ImportRow, target: ImportTarget) -> dict[str, Any]:
    return {
        **_EMPTY_PROFILE,
        **row.profile,
        "email": row.email,
        "attributes": row.attributes,
        "created_at": target.now,
        "changed_at": target.now,
    }


def _read_people(session: Session, emails: Collection[str]) -> dict[str, Row[Any]]:
    """Read people as they are now and lock them, always in the same order."""
    if not emails:
        return {}
    columns = [getattr(Subscriber, name) for name in PROFILE_COLUMNS]
    wanted = (
        select(Subscriber.id, Subscriber.email, Subscriber.attributes, *columns)
        .where(is_among(session, Subscriber.email, emails))
        .order_by(Subscriber.id)
        .with_for_update(key_share=True)
    )
    return {row.email: row for row in session.execute(wanted)}


def _read_subscriptions(
    session: Session, subscriber_ids: Collection[int], target: ImportTarget
) -> dict[int, _KnownSubscription]:
    if not subscriber_ids:
        return {}
    wanted = select(
        Subscription.id,
        Subscription.subscriber_id,
        Subscription.standing,
        Subscription.unsubscribed_at,
    ).where(
        Subscription.list_id == target.mailing_list.id,
        is_among(session, Subscription.subscriber_id, subscriber_ids),
    )
    return {row.subscriber_id: row for row in session.execute(wanted)}


def _plan_known(
    plan: _Plan,
    row: ImportRow,
    person: Row[Any],
    subscription: _KnownSubscription | None,
    target: ImportTarget,
) -> Fate:
    standing = subscription.standing if subscription else None
    left_at = subscription.unsubscribed_at if subscription else None
    if not may_be_added(standing, unsubscribed_at=left_at):
        return Fate.KEPT
    changes = _missing(row, person)
    if standing is Standing.CONFIRMED:
        _plan_tags(plan, row, person.id)
        fate = Fate.FILLED if changes else Fate.UNCHANGED
    else:
        _plan_yes(plan, row, person.id, subscription, target)
        fate = Fate.ADDED
    if fate is not Fate.UNCHANGED:
        plan.people.append({**changes, "id": person.id, "changed_at": target.now})
    return fate


def _missing(row: ImportRow, person: Row[Any]) -> dict[str, Any]:
    """List what the row knows and the person's record does not; a default pace is no choice."""
    known = {name: getattr(person, name) for name in PROFILE_COLUMNS}
    known["pace"] = None if person.pace is Pace.AS_WRITTEN else person.pace
    changes = fill_empty(known, row.profile)
    attributes = fill_empty(person.attributes, row.attributes)
    return {**changes, "attributes": {**person.attributes, **attributes}} if attributes else changes


def _plan_new(plan: _Plan, rows: Sequence[ImportRow], new: Mapping[str, int]) -> None:
    plan.new_subscriptions += new.values()
    plan.consents += [(given, email) for email, given in new.items()]
    tagged = [row for row in rows if row.tags and row.email in new]
    plan.new_tags += [(new[row.email], tag) for row in tagged for tag in row.tags]


def _plan_tags(plan: _Plan, row: ImportRow, subscriber_id: int) -> None:
    plan.tags += [{"subscriber_id": subscriber_id, "tag": tag} for tag in row.tags]


def _plan_yes(
    plan: _Plan,
    row: ImportRow,
    subscriber_id: int,
    subscription: _KnownSubscription | None,
    target: ImportTarget,
) -> None:
    _plan_tags(plan, row, subscriber_id)
    if subscription is None:
        plan.new_subscriptions.append(subscriber_id)
    else:
        moments = {"standing": Standing.CONFIRMED, "confirmed_at": target.now}
        plan.confirmed.append({**moments, "id": subscription.id})
    plan.consents.append((subscriber_id, row.email))


def _write(session: Session, plan: _Plan, target: ImportTarget) -> None:
    _write_subscriptions(session, plan.new_subscriptions, target)
    _write_consents(session, plan.consents, target)
    insert_rows(session, table_of(SubscriberTag), ("subscriber_id", "tag"), plan.new_tags)
    for statement, rows in (
        (update(Subscriber), plan.people),
        (update(Subscription), plan.confirmed),
        (insert_new(session, SubscriberTag), plan.tags),
    ):
        if rows:
            session.execute(statement, rows)


def _write_subscriptions(
    session: Session, subscriber_ids: Sequence[int], target: ImportTarget
) -> None:
    same = {
        "list_id": target.mailing_list.id,
        "standing": Standing.CONFIRMED,
        "asking": 1,
        "requested_at": target.now,
        "confirmed_at": target.now,
    }
    rows = zip(new_public_ids(len(subscriber_ids)), subscriber_ids, strict=True)
    columns = ("public_id", "subscriber_id")
    insert_rows(session, table_of(Subscription), columns, rows, shared=same)


def _write_consents(
    session: Session, consents: Sequence[tuple[int, str]], target: ImportTarget
) -> None:
    same = {
        "list_slug": target.mailing_list.slug,
        "kind": ConsentKind.IMPORTED,
        "at": target.now,
        "source": storable(target.consent_source, 200),
        "network_address": "",
        "wording": "",
    }
    digests = address_digests(target.keys, [email for _, email in consents])
    rows = zip([who for who, _ in consents], digests, strict=True)
    columns = ("subscriber_id", "address_digest")
    insert_rows(session, table_of(ConsentRecord), columns, rows, shared=same)
