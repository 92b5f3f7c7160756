"""The envelope sender: the address bounces go to, which names its delivery and is signed (VERP).

`bounces+<26 characters of public id><13 characters of seal>@clinic.example`: no personal data,
47 characters before the @ where 64 are allowed, and of letters and digits that survive being
upper-cased, quoted, or wrapped by a forwarder (SRS).
"""

from __future__ import annotations

import re
from typing import Protocol

from delivery.errors import BounceAddressTooLongError
from delivery.rules.addresses import LONGEST_LOCAL_PART, wire_address

PURPOSE = "bounce"
SEAL_BYTES = 8  # 64 bits: a guess costs a mail, and a local part has no room for more
TOKEN_LENGTH = 39
_LONGEST_NAME = LONGEST_LOCAL_PART - TOKEN_LENGTH - len("+")
_LONGEST_READ = 512  # of an address someone else wrote; longer than any real one

# Overlapping, so that letters glued to the token by a rewriting relay do no harm.
_TOKENS = re.compile(rf"(?=([a-z2-7]{{{TOKEN_LENGTH}}}))")


class Seals(Protocol):
    """Signs public ids for a purpose and verifies such texts (the key ring)."""

    def sign(self, purpose: str, public_id: str, *, mac_bytes: int) -> str:
        """Sign a public id."""

    def verify(self, purpose: str, text: str, *, mac_bytes: int) -> str | None:
        """Give back the public id of a signed text, None when the seal is wrong."""


def envelope_sender(keys: Seals, public_id: str, *, bounce_address: str) -> str:
    """Make the address to which bounces of one delivery go.

    Raises:
        BounceAddressTooLongError: no room for the token is left before the @.
        UnusableAddressError: the bounce address is malformed.
    """
    name, _, domain = wire_address(bounce_address).rpartition("@")
    if len(name) > _LONGEST_NAME:
        raise BounceAddressTooLongError(bounce_address, _LONGEST_NAME)
    token = keys.sign(PURPOSE, public_id, mac_bytes=SEAL_BYTES)
    return wire_address(f"{name}+{token}@{domain}")


def read_envelope_sender(keys: Seals, address: str) -> str | None:
    """Find the public id of the delivery an address names; None when no valid token is in it.

    The address comes from outside: changed in case, quoted, wrapped as
    `SRS0=hash=tt=clinic.example=bounces+token@forwarder.example`, or hostile.
    """
    text = address[:_LONGEST_READ].lower()
    for found in _TOKENS.finditer(text):
        public_id = keys.verify(PURPOSE, found[1], mac_bytes=SEAL_BYTES)
        if public_id is not None:
            return public_id
    return None
