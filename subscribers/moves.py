"""Move a subscription between its standings, and write down whose word moved it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from storage.signing import KeyRing
from subscribers.consent import Evidence, record_consent
from subscribers.errors import UnknownSubscriptionError
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.rules.standing import ConsentKind, Standing, may_move
from subscribers.store import lock_subscription


def locked(session: Session, subscription: Subscription) -> tuple[Subscriber, Subscription]:
    """Read a subscription and its person as they are now, and keep others from changing them.

    Raises:
        UnknownSubscriptionError: it is gone.
    """
    found = lock_subscription(session, Subscription.id == subscription.id)
    if found is None:
        raise UnknownSubscriptionError(subscription.public_id)
    return found


def open_subscription(
    session: Session, person: Subscriber, mailing_list: MailingList, *, now: datetime
) -> Subscription:
    """Make a person's first subscription to a list; it waits for their yes."""
    subscription = Subscription(
        subscriber_id=person.id,
        list_id=mailing_list.id,
        standing=Standing.UNCONFIRMED,
        requested_at=now,
    )
    session.add(subscription)
    session.flush()
    return subscription


def move(
    person: Subscriber, subscription: Subscription, standing: Standing, *, now: datetime
) -> None:
    """Change a standing together with the moments that belong to it.

    `confirmed_at` tells whether the present consent was confirmed, and survives leaving
    so that undo gives it back. `unsubscribed_at` stays while somebody who left has only
    asked again.
    """
    assert may_move(subscription.standing, standing)  # noqa: S101  (the rules decided before)
    if standing is Standing.UNSUBSCRIBED:
        subscription.unsubscribed_at = now
    elif standing is Standing.UNCONFIRMED:
        subscription.confirmed_at = None
    else:
        subscription.confirmed_at = _confirmed_at(subscription, now=now)
        subscription.unsubscribed_at = None
    subscription.standing = standing
    person.changed_at = now


def _confirmed_at(subscription: Subscription, *, now: datetime) -> datetime:
    is_undo = subscription.standing is Standing.UNSUBSCRIBED
    return subscription.confirmed_at if is_undo and subscription.confirmed_at else now


def move_by_word(
    session: Session,
    found: tuple[Subscriber, Subscription],
    standing: Standing,
    *,
    kind: ConsentKind,
    evidence: Evidence,
    keys: KeyRing,
    now: datetime,
) -> None:
    """Move a subscription, and record the word that moved it."""
    person, subscription = found
    move(person, subscription, standing, now=now)
    record_consent(
        session,
        kind,
        address=person.email,
        evidence=evidence,
        list_slug=session.get_one(MailingList, subscription.list_id).slug,
        subscriber_id=person.id,
        keys=keys,
        now=now,
    )
