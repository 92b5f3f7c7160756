"""Write a batch of imported people with few statements, whatever its size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from storage.signing import KeyRing
from subscribers.consent import address_digest, storable
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
    new_subscriptions: list[dict[str, Any]] = field(default_factory=list)
    confirmed: list[dict[str, Any]] = field(default_factory=list)  # changes, by id
    consents: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)


_EMPTY_PROFILE: Mapping[str, Any] = {
    **dict.fromkeys(PROFILE_COLUMNS),
    "first_name": "",
    "last_name": "",
    "pace": Pace.AS_WRITTEN,
}


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
    new = _insert_people(session, rows, target)
    known = _read_people(session, [row.email for row in rows if row.email not in new])
    subscriptions = _read_subscriptions(session, [each.id for each in known.values()], target)
    plan, fates = _Plan(), []
    for row in rows:
        if row.email in new:
            _plan_yes(plan, row, new[row.email], None, target)
            fates.append(Fate.ADDED)
        else:
            person = known[row.email]
            fates.append(_plan_known(plan, row, person, subscriptions.get(person.id), target))
    _write(session, plan)
    return fates


def _insert_people(
    session: Session, rows: Sequence[ImportRow], target: ImportTarget
) -> dict[str, int]:
    """Insert those who are not known yet; gives their ids by address."""
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
    columns = [getattr(Subscriber, name) for name in PROFILE_COLUMNS]
    wanted = (
        select(Subscriber.id, Subscriber.email, Subscriber.attributes, *columns)
        .where(Subscriber.email.in_(emails))
        .order_by(Subscriber.id)
        .with_for_update(key_share=True)
    )
    return {row.email: row for row in session.execute(wanted)}


def _read_subscriptions(
    session: Session, subscriber_ids: Collection[int], target: ImportTarget
) -> dict[int, _KnownSubscription]:
    wanted = select(
        Subscription.id,
        Subscription.subscriber_id,
        Subscription.standing,
        Subscription.unsubscribed_at,
    ).where(
        Subscription.list_id == target.mailing_list.id,
        Subscription.subscriber_id.in_(subscriber_ids),
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
    moments = {"standing": Standing.CONFIRMED, "confirmed_at": target.now}
    if subscription is None:
        belonging = {"subscriber_id": subscriber_id, "list_id": target.mailing_list.id}
        plan.new_subscriptions.append({**moments, **belonging, "requested_at": target.now})
    else:
        plan.confirmed.append({**moments, "id": subscription.id})
    plan.consents.append(
        {
            "subscriber_id": subscriber_id,
            "address_digest": address_digest(target.keys, row.email),
            "list_slug": target.mailing_list.slug,
            "kind": ConsentKind.IMPORTED,
            "at": target.now,
            "source": storable(target.consent_source, 200),
        }
    )


def _write(session: Session, plan: _Plan) -> None:
    for statement, rows in (
        (update(Subscriber), plan.people),
        (insert(table_of(Subscription)), plan.new_subscriptions),
        (update(Subscription), plan.confirmed),
        (insert(table_of(ConsentRecord)), plan.consents),
        (insert_new(session, SubscriberTag), plan.tags),
    ):
        if rows:
            session.execute(statement, rows)
