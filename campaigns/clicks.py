"""Where does a link of a mail lead? Only to what its published text says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.editions import load_editions
from campaigns.errors import UnknownCampaignError
from campaigns.models import Broadcast, Revision, Series, Step
from delivery.clicks import count_clicks, count_sent
from delivery.store import find_by_public_id
from templates.destinations import addresses_of
from templates.errors import TemplateError


@dataclass(frozen=True)
class LinkCount:
    """One link of one email, and how many of those who got the email opened it."""

    email: str  # the step's key; of a broadcast its name
    link: int  # its number in the email
    address: str
    sent: int
    people: int


@dataclass(frozen=True)
class Destination:
    """One link of one mail."""

    delivery_id: int
    address: str
    is_noted: bool  # not for somebody who was erased


def destination_of(
    session: Session, delivery_public_id: str, link_number: int
) -> Destination | None:
    """Look up a link in the revision that was sent.

    None when it has no such link. Whether clicks are counted now does not matter: mail that is
    out there leads on for ever.
    """
    delivery = find_by_public_id(session, delivery_public_id)
    if delivery is None or delivery.revision_id is None:
        return None
    editions = load_editions(session, [delivery.revision_id], attribute_names=frozenset())
    edition = editions[delivery.revision_id]
    try:
        addresses = addresses_of(edition.document, edition.clinic)
    except TemplateError:  # written for an older program that allowed more
        return None
    if not 1 <= link_number <= len(addresses):
        return None
    is_noted = delivery.subscriber_id is not None
    return Destination(delivery.id, addresses[link_number - 1], is_noted)


def count_links(session: Session, name: str) -> list[LinkCount]:
    """Count who opened the links of a series' emails, or of a broadcast.

    A link that stands at the same place in several revisions of an email is one link.

    Raises:
        UnknownCampaignError: there is neither a series nor a broadcast of this name.
    """
    emails = _emails_of(session, name)
    if not emails:
        raise UnknownCampaignError(name)
    editions = load_editions(session, emails, attribute_names=frozenset())
    sent, opened = count_sent(session, emails), count_clicks(session, emails)
    found: dict[tuple[str, int, str], LinkCount] = {}
    for revision_id, email in emails.items():
        edition = editions[revision_id]
        for link, address in enumerate(addresses_of(edition.document, edition.clinic), start=1):
            before = found.get((email, link, address), LinkCount(email, link, address, 0, 0))
            found[email, link, address] = replace(
                before,
                sent=before.sent + sent[revision_id],
                people=before.people + opened[revision_id].get(link, 0),
            )
    return list(found.values())


def _emails_of(session: Session, name: str) -> dict[int, str]:
    """Give the revisions of a series' emails, or of a broadcast, with the email each is of."""
    of_series = (
        select(Revision.id, Step.key)
        .join(Step, Step.id == Revision.step_id)
        .join(Series, Series.id == Step.series_id)
        .where(Series.slug == name)
        .order_by(Step.position, Step.id, Revision.id)
    )
    of_broadcast = (
        select(Revision.id, Broadcast.slug)
        .join(Broadcast, Broadcast.id == Revision.broadcast_id)
        .where(Broadcast.slug == name)
        .order_by(Revision.id)
    )
    found = session.execute(of_series).all() or session.execute(of_broadcast).all()
    return {row[0]: row[1] for row in found}
