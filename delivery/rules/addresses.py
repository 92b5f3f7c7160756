"""Email addresses as the wire wants them: domains in ASCII, nothing that could break a command."""

from __future__ import annotations

import re
from functools import lru_cache

import idna

from delivery.errors import UnusableAddressError

LONGEST_LOCAL_PART = 64  # bytes; RFC 5321, 4.5.3.1.1
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets

# RFC 5321 and 6531: what the part before @ may be; SMTPUTF8 adds everything beyond ASCII.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_QUOTED = re.compile(r'"([ !#-\[\]-~]|\\[ -~])*"')
_NOT_SHOWN = re.compile(r"[\x80-\x9f\s\ufeff\ud800-\udfff]")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ASCII_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*", re.I)


@lru_cache(maxsize=1024)  # of one message they are asked for half a dozen times
def wire_address(address: str) -> str:
    """Give the address with its domain as A-labels, fit for SMTP commands and headers.

    Raises:
        UnusableAddressError: it is no address, or none that a relay could be told.
    """
    local_part, at, domain = address.rpartition("@")
    if not at:
        raise UnusableAddressError(address, "it has no @")
    if not _is_local_part(local_part):
        raise UnusableAddressError(address, "the part before @ is malformed")
    if len(local_part.encode()) > LONGEST_LOCAL_PART:
        raise UnusableAddressError(address, "the part before @ is longer than 64 bytes")
    ascii_domain = to_ascii_domain(domain)
    if ascii_domain is None:
        raise UnusableAddressError(address, "the domain is malformed")
    if len(local_part.encode()) + len(ascii_domain) >= LONGEST_ADDRESS:
        raise UnusableAddressError(address, "it is longer than 254 bytes")
    return f"{local_part}@{ascii_domain}"


def needs_smtputf8(address: str) -> bool:
    """Tell whether only a relay that offers SMTPUTF8 can take this address (RFC 6531)."""
    return not address.rpartition("@")[0].isascii()


@lru_cache(maxsize=4096)
def to_ascii_domain(domain: str) -> str | None:
    """Turn a domain into A-labels (IDNA 2008, UTS 46); None when it is no domain."""
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            return None
    return domain if _ASCII_DOMAIN.fullmatch(domain) else None


def _is_local_part(text: str) -> bool:
    if _QUOTED.fullmatch(text):
        return True
    return bool(_DOT_ATOM.fullmatch(text)) and not _NOT_SHOWN.search(text)
