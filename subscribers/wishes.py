"""A sign-up that passed every check, and how it is laid over what is known of a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from subscribers.models import Subscriber
from subscribers.rules.address import parse_address
from subscribers.rules.preferences import PreferenceChange
from subscribers.rules.profile import clean_attributes, fill_empty
from subscribers.store import insert_new, lock_subscriber


@dataclass(frozen=True)
class Wish:
    """Who wants something, as checked values."""

    email: str  # normalised
    profile: Mapping[str, Any]  # by column of the subscriber; empty where nothing was given
    attributes: Mapping[str, Any]


def check_wish(
    email: str,
    *,
    first_name: str,
    last_name: str,
    choice: PreferenceChange,
    attributes: Mapping[str, Any],
    clean: Callable[..., str],
) -> Wish:
    """Bring what was typed into the form that is stored; `clean` cleans the names.

    Raises:
        InvalidAddressError: the text is no address at all.
        InvalidTextError: a name or an attribute cannot be kept.
    """
    return Wish(
        email=parse_address(email).text,
        profile={
            "first_name": clean(first_name, field="first name"),
            "last_name": clean(last_name, field="last name"),
            **choice.given(),
        },
        attributes=clean_attributes(attributes),
    )


def add_person(session: Session, wish: Wish, *, now: datetime) -> Subscriber | None:
    """Insert a person and lock the row; None when another transaction just did."""
    added = session.execute(
        insert_new(session, Subscriber)
        .values(
            **wish.profile,
            email=wish.email,
            attributes=dict(wish.attributes),
            created_at=now,
            changed_at=now,
        )
        .returning(Subscriber.id)
    ).scalar()
    return None if added is None else lock_subscriber(session, Subscriber.id == added)


def take_over(person: Subscriber, wish: Wish) -> None:
    """Believe the newest form, as long as nobody has confirmed an older one."""
    for name, value in wish.profile.items():
        if value not in (None, ""):
            setattr(person, name, value)
    person.attributes = {**person.attributes, **wish.attributes}


def fill(person: Subscriber, wish: Wish, *, now: datetime) -> None:
    """Write down only what nobody has said before."""
    missing = fill_empty({name: getattr(person, name) for name in wish.profile}, wish.profile)
    for name, value in missing.items():
        setattr(person, name, value)
    person.attributes = {**person.attributes, **fill_empty(person.attributes, wish.attributes)}
    if missing:
        person.changed_at = now
