"""Links that carry their own permission: signed texts, each for one purpose.

A token is lower-case base 32 and holds a random public id and 128 bits of MAC; no address,
no name, no number that counts people. A confirmation token also holds its asking.
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import StrEnum
from typing import Protocol

from storage.signing import KeyRing

# A signed public id is two times 26 characters long; numbers have one spelling.
_CLICK = re.compile(r"([a-zA-Z2-7]{52})([1-9][0-9]{0,3})", re.ASCII)
_ASKING_BYTES = 5  # 8 characters of base 32, without padding


class Purpose(StrEnum):
    """What a link may be used for."""

    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    VIEW = "view"
    CLICK = "click"


class HasPublicId(Protocol):
    """A row, or part of one, that is known outside by a random id."""

    @property
    def public_id(self) -> str:
        """The 26 characters that stand for it in links."""


class HasAsking(HasPublicId, Protocol):
    """A subscription, or what a query read of it."""

    @property
    def asking(self) -> int:
        """How often the person has asked."""


def confirm_token(keys: KeyRing, subscription: HasAsking) -> str:
    """Sign the link of one asking; the next asking's link is another."""
    asking = subscription.asking
    number = base64.b32encode(asking.to_bytes(_ASKING_BYTES)).decode().lower()
    return number + keys.sign(_of_asking(asking), subscription.public_id)


def read_confirm_token(keys: KeyRing, text: str) -> tuple[str, int] | None:
    """Give back the subscription's public id and the asking, or None for a forged text."""
    number, signed = text[:8], text[8:]
    if not (number.isascii() and number.isalnum()):  # no padding: one spelling only
        return None
    try:
        asking = int.from_bytes(base64.b32decode(number.upper()))
    except binascii.Error:
        return None
    public_id = keys.verify(_of_asking(asking), signed)
    return None if public_id is None else (public_id, asking)


def unsubscribe_token(keys: KeyRing, subscription: HasPublicId) -> str:
    """Sign the link that ends one subscription."""
    return keys.sign(Purpose.UNSUBSCRIBE, subscription.public_id)


def read_unsubscribe_token(keys: KeyRing, text: str) -> str | None:
    """Give back the subscription's public id, or None for a forged text."""
    return keys.verify(Purpose.UNSUBSCRIBE, text)


def preferences_token(keys: KeyRing, subscriber: HasPublicId) -> str:
    """Sign the link to one person's choices."""
    return keys.sign(Purpose.PREFERENCES, subscriber.public_id)


def read_preferences_token(keys: KeyRing, text: str) -> str | None:
    """Give back the subscriber's public id, or None for a forged text."""
    return keys.verify(Purpose.PREFERENCES, text)


def view_token(keys: KeyRing, delivery: HasPublicId) -> str:
    """Sign the link that shows one mail in the browser."""
    return keys.sign(Purpose.VIEW, delivery.public_id)


def read_view_token(keys: KeyRing, text: str) -> str | None:
    """Give back the delivery's public id, or None for a forged text."""
    return keys.verify(Purpose.VIEW, text)


def click_token(keys: KeyRing, delivery: HasPublicId) -> str:
    """Sign the way on from the links of one mail; each link adds its number."""
    return keys.sign(Purpose.CLICK, delivery.public_id)


def read_click_token(keys: KeyRing, text: str) -> tuple[str, int] | None:
    """Give back the delivery's public id and the link's number, or None for a forged text."""
    found = _CLICK.fullmatch(text)
    public_id = keys.verify(Purpose.CLICK, found[1]) if found else None
    return (public_id, int(found[2])) if found and public_id else None


def _of_asking(asking: int) -> str:
    return f"{Purpose.CONFIRM} {asking}"
