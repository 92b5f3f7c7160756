"""Note what happened to people, for series that ask about it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from subscribers.models import Subscriber, SubscriberEvent
from subscribers.rules.profile import clean_tag


def note_event(session: Session, person: Subscriber, name: str, *, now: datetime) -> str:
    """Note that something happened to a person now; give its name in its one form.

    Raises:
        InvalidTextError: the name is empty, too long or holds a separator.
    """
    event = clean_tag(name, what="event")
    session.merge(SubscriberEvent(subscriber_id=person.id, name=event, at=now))
    session.flush()
    return event
