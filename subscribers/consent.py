"""Write down who said what, when, from where and to which words. Nothing is ever taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from storage.signing import KeyRing
from subscribers.models import ConsentRecord
from subscribers.rules.standing import ConsentKind


@dataclass(frozen=True)
class Evidence:
    """How somebody said it: the form or file, the network address, the words they saw."""

    source: str
    network_address: str = ""
    wording: str = ""


def address_digest(keys: KeyRing, address: str) -> str:
    """Make the fingerprint by which a consent record outlives the normalised address."""
    return keys.digest("address", address)


def address_digests(keys: KeyRing, addresses: Iterable[str]) -> list[str]:
    """Make the fingerprints of many normalised addresses."""
    return keys.digests("address", addresses)


def record_consent(
    session: Session,
    kind: ConsentKind,
    *,
    address: str,
    evidence: Evidence,
    list_slug: str,
    subscriber_id: int | None,
    keys: KeyRing,
    now: datetime,
) -> None:
    """Add one consent record. What is too long for its column is cut, never refused."""
    session.add(
        ConsentRecord(
            subscriber_id=subscriber_id,
            address_digest=address_digest(keys, address),
            list_slug=list_slug,
            kind=kind,
            at=now,
            source=storable(evidence.source, 200),
            network_address=storable(evidence.network_address, 64),
            wording=storable(evidence.wording),
        )
    )


def storable(text: str, limit: int | None = None) -> str:
    """Take out what a database refuses, and cut a text to the length of its column."""
    clean = text.replace("\0", "").encode("utf-8", "replace").decode()
    return clean if limit is None else clean[:limit]
