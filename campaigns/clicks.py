"""Where does a link of a mail lead? Only to what its published text says."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from campaigns.editions import load_editions
from delivery.store import find_by_public_id
from templates.destinations import addresses_of
from templates.errors import TemplateError


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
