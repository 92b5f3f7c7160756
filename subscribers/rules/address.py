"""An email address: what we accept, and the one form we store and compare."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from subscribers.errors import InvalidAddressError

LOCAL_PART_OCTETS = 64  # RFC 5321 4.5.3.1.1; for UTF-8 local parts too (RFC 6531)

# A header or an SMTP command could be broken in two by these.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class Address:
    """An address that passed every check.

    `text` is lower case and NFC, with the domain in Unicode. Receivers may tell
    local parts apart by case (RFC 5321 2.4), but none does, and two rows for
    `Ada@` and `ada@` would mail her twice.
    """

    text: str
    local_part: str
    domain: str  # Unicode
    ascii_domain: str  # A-labels
    needs_smtputf8: bool  # the local part is not ASCII

    @property
    def wire(self) -> str:
        """Write the address as it goes over SMTP: the domain in A-labels."""
        return f"{self.local_part}@{self.ascii_domain}"


def parse_address(text: str) -> Address:
    """Check an address strictly and bring it into its one form. No DNS is asked.

    Raises:
        InvalidAddressError: the text is no address, or one that no server takes.
    """
    plain = _one_form(text.strip(" "))
    if _CONTROL.search(plain):
        raise InvalidAddressError(text, "it contains a control character")
    try:
        found = validate_email(plain, strict=True, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidAddressError(text, _reason(error)) from error
    if len(found.local_part.encode()) > LOCAL_PART_OCTETS:
        raise InvalidAddressError(text, "the part before the @-sign is longer than 64 octets")
    return Address(
        text=f"{found.local_part}@{found.domain}",
        local_part=found.local_part,
        domain=found.domain,
        ascii_domain=found.ascii_domain,
        needs_smtputf8=not found.local_part.isascii(),
    )


def _one_form(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", composed.lower())


def _reason(error: EmailNotValidError) -> str:
    sentences = str(error).rstrip(".").split(". ")
    return ", ".join(sentence[:1].lower() + sentence[1:] for sentence in sentences)
