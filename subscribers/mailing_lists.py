"""The lists people subscribe to."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.errors import InvalidTextError, UnknownListError
from subscribers.models import MailingList
from subscribers.store import insert_new

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLUG_LENGTH = 64


def ensure_list(session: Session, slug: str, *, title: str, now: datetime) -> MailingList:
    """Find a list by its slug, or make it; the title of an existing list stays.

    Raises:
        InvalidTextError: the slug does not fit into a URL and a List-Id.
    """
    if not _SLUG.fullmatch(slug) or len(slug) > SLUG_LENGTH:
        why = f"use up to {SLUG_LENGTH} lower-case letters, digits and single hyphens"
        raise InvalidTextError("list name", slug, why)
    session.execute(insert_new(session, MailingList).values(slug=slug, title=title, created_at=now))
    return get_list(session, slug)


def get_list(session: Session, slug: str) -> MailingList:
    """Find a list by its slug.

    Raises:
        UnknownListError: there is none; the error names those there are.
    """
    found = session.scalars(select(MailingList).where(MailingList.slug == slug)).one_or_none()
    if found is None:
        raise UnknownListError(slug, [each.slug for each in all_lists(session)])
    return found


def all_lists(session: Session) -> list[MailingList]:
    """List the lists, the oldest first."""
    return list(session.scalars(select(MailingList).order_by(MailingList.id)))
