"""Which addresses an email may link to."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from templates.errors import UnsafeLinkError

LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
# Browsers drop these from inside an address, so `java\nscript:` is a script to them.
INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\ufeff]")
FRAGMENT = re.compile(r"#[\w.-]*")


def check_link(url: str) -> str:
    """Give the address back, spaces encoded, when it may be linked to; empty stays empty.

    Raises:
        UnsafeLinkError: it may not.
    """
    address = url.strip()
    if not address or FRAGMENT.fullmatch(address):
        return address
    if INVISIBLE.search(address):
        raise UnsafeLinkError(url)
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise UnsafeLinkError(url) from error
    if parts.scheme not in LINK_SCHEMES:
        raise UnsafeLinkError(url)
    if parts.scheme in {"http", "https"} and not parts.hostname:
        raise UnsafeLinkError(url)
    return address.replace(" ", "%20")
