"""The clinic's own notes about a person: tags and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from subscribers.errors import UnknownSubscriberError
from subscribers.models import Subscriber, SubscriberTag
from subscribers.rules.profile import clean_attributes, clean_tag
from subscribers.store import insert_new, lock_subscriber


def add_tags(session: Session, subscriber: Subscriber, tags: Iterable[str]) -> None:
    """Put tags on a person; those they have already stay.

    Raises:
        InvalidTextError: a tag is empty, too long or holds a separator.
    """
    rows = [{"subscriber_id": subscriber.id, "tag": clean_tag(tag)} for tag in tags]
    if rows:
        session.execute(insert_new(session, SubscriberTag), rows)


def remove_tags(session: Session, subscriber: Subscriber, tags: Iterable[str]) -> None:
    """Take tags off a person; those they do not have are passed over."""
    session.execute(
        delete(SubscriberTag).where(
            SubscriberTag.subscriber_id == subscriber.id,
            SubscriberTag.tag.in_([clean_tag(tag) for tag in tags]),
        )
    )


def set_attributes(
    session: Session, subscriber: Subscriber, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """Lay attributes over those a person has; None takes one away. Gives the result.

    Raises:
        InvalidTextError: a name or value that cannot be kept.
        UnknownSubscriberError: the person is gone.
    """
    changes = clean_attributes(attributes)
    person = lock_subscriber(session, Subscriber.id == subscriber.id)
    if person is None:
        raise UnknownSubscriberError(subscriber.id)
    merged = {**person.attributes, **changes}
    person.attributes = {name: value for name, value in merged.items() if value is not None}
    return person.attributes
