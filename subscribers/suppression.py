"""Addresses we must not mail. Suppression wins over every list, file and form."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.consent import storable
from subscribers.errors import SuppressedAddressError
from subscribers.models import Subscriber, Suppression
from subscribers.noting import look_at_again
from subscribers.rules.address import parse_address
from subscribers.rules.standing import SuppressionReason, is_lifted_by_consent, outranks
from subscribers.store import (
    find_suppression,
    insert_new,
    lock_subscriber,
    suppression_reason,
    suppression_reasons,
)


def suppress_address(
    session: Session, email: str, reason: SuppressionReason, *, now: datetime, note: str = ""
) -> bool:
    """Never mail this address again; True when that is new.

    A second reason replaces the first only when it is stronger: a complaint must
    not hide behind a request that the person could lift by signing up again.

    Raises:
        InvalidAddressError: the text is no address at all.
    """
    address = parse_address(email).text
    person = lock_subscriber(session, Subscriber.email == address)
    known = find_suppression(session, address)
    if known is None:
        session.execute(
            insert_new(session, Suppression).values(
                email=address, reason=reason, at=now, note=storable(note)
            )
        )
    elif outranks(reason, known.reason):
        known.reason, known.at, known.note = reason, now, storable(note)
    else:
        return False
    if person is not None:
        person.changed_at = now
    return True


def lift_suppression(session: Session, email: str, *, now: datetime) -> SuppressionReason | None:
    """Allow mail to an address again, by the explicit will of staff; says what was lifted.

    It revives nobody: who has unsubscribed stays so.

    Raises:
        InvalidAddressError: the text is no address at all.
    """
    address = parse_address(email).text
    person = lock_subscriber(session, Subscriber.email == address)
    known = find_suppression(session, address)
    if known is None:
        return None
    session.delete(known)
    if person is not None:
        person.changed_at = now
        look_at_again(session, [person.id])
    return known.reason


def is_suppressed(session: Session, email: str) -> bool:
    """Tell whether an address must not be mailed.

    Raises:
        InvalidAddressError: the text is no address at all.
    """
    return suppression_reason(session, parse_address(email).text) is not None


def suppressed_among(session: Session, emails: Collection[str]) -> set[str]:
    """Pick the suppressed ones out of many normalised addresses (as they are stored)."""
    return set(suppression_reasons(session, emails))


def lift_by_consent(session: Session, address: str) -> None:
    """Take away a suppression that the person's own new yes is enough to lift."""
    known = find_suppression(session, address)
    if known is not None and is_lifted_by_consent(known.reason):
        session.delete(known)
        whose = select(Subscriber.id).where(Subscriber.email == address)
        look_at_again(session, session.scalars(whose).all())


def refuse_suppressed(session: Session, address: str) -> None:
    """Stop whoever would revive a suppressed address.

    Raises:
        SuppressedAddressError: it must not be mailed; the error says why and since when.
    """
    known = find_suppression(session, address)
    if known is not None:
        raise SuppressedAddressError(address, known.reason, known.at)
