"""A complete message from its parts: what goes over the wire, byte for byte."""

from __future__ import annotations

import binascii
import hashlib
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

from delivery.errors import UnencodableTextError, UnusableHeaderError
from delivery.headers import (
    address_header,
    list_id_header,
    message_id_header,
    text_header,
    token_header,
    uris_header,
)
from storage.signing import KeyRing

_ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"  # RFC 8058, 3.1


class Letter(NamedTuple):
    """Everything that is in one message to one person."""

    from_name: str
    from_address: str
    to_address: str
    subject: str
    text: str | bytes  # bytes: encoded already, a whole body in quoted-printable
    html: str | bytes
    message_id: str
    date: datetime
    to_name: str = ""
    reply_to: str = ""
    list_id: tuple[str, str] | None = None  # name for people, id under our own domain
    unsubscribe_url: str = ""
    unsubscribe_mailto: str = ""  # with or without `mailto:`
    one_click: bool = False  # the address answers a POST as RFC 8058 asks
    feedback_id: str = ""
    note: str = ""  # what this is, if it is no mail of the outbox: a test, a rehearsal
    auto_submitted: bool = True

    @property
    def is_encoded(self) -> bool:
        """Tell whether both parts were given encoded: then no line of it begins with a dot."""
        return isinstance(self.text, bytes) and isinstance(self.html, bytes)


class Signer(Protocol):
    """Signs complete messages (DKIM)."""

    def signed(self, message: bytes, *, is_canonical: bool) -> bytes:
        """Give a message with its signatures on top."""


def compose_signed(letter: Letter, signer: Signer | None) -> bytes:
    """Write the message as `compose` does, and sign it where the site signs.

    Raises:
        The errors of `compose`.
    """
    message = compose(letter)
    return message if signer is None else signer.signed(message, is_canonical=letter.is_encoded)


def message_id(keys: KeyRing, delivery_public_id: str, domain: str) -> str:
    """Make the Message-ID of a delivery: the same at every attempt, and without personal data.

    The keyed part comes from the oldest key, so a new key changes no message under way.
    """
    seal = keys.digest("message-id", delivery_public_id)[:13]
    return f"<{delivery_public_id}.{seal}@{domain}>"


def compose(letter: Letter) -> bytes:
    """Write the message: CRLF only, 7-bit, text first, HTML second, both quoted-printable.

    Headers outside ASCII exist only where an address needs SMTPUTF8.

    Raises:
        HeaderInjectionError: a value holds a line break or another control character.
        UnusableAddressError: an address is malformed.
        UnusableHeaderError: a link, an id or a token is malformed.
        UnencodableTextError: a part holds half a character.
    """
    text, html = _encoded("text/plain", letter.text), _encoded("text/html", letter.html)
    boundary = derive_boundary(letter.message_id, *_unproven(letter, text, html))
    content_type = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'.encode()
    headers = [*_headers(letter), b"MIME-Version: 1.0\r\n", content_type, b"\r\n"]
    # The CRLF before a delimiter is part of the delimiter (RFC 2046, 5.1.1).
    delimiter = f"--{boundary}".encode()
    body = [delimiter, _TEXT_PART, text, b"\r\n", delimiter]
    body += [_HTML_PART, html, b"\r\n", delimiter, b"--\r\n"]
    return b"".join(headers + body)


def _headers(letter: Letter) -> list[bytes]:
    lines = [
        _date_header(letter.date),
        _shared_address("From", letter.from_address, name=letter.from_name),
        address_header("To", letter.to_address, name=letter.to_name),
        _subject_header(letter.subject),
        message_id_header(letter.message_id),
    ]
    if letter.reply_to:
        lines.append(_shared_address("Reply-To", letter.reply_to))
    if letter.list_id is not None:
        name, list_id = letter.list_id
        lines.append(_shared_list_id(list_id, name=name))
    lines += _unsubscribe_headers(letter)
    if letter.feedback_id:
        lines.append(_shared_token("Feedback-ID", letter.feedback_id))
    if letter.note:
        lines.append(text_header("X-Steadypost", letter.note))
    if letter.auto_submitted:
        lines.append(b"Auto-Submitted: auto-generated\r\n")  # RFC 3834, 5
    return lines


# What many letters share is written once. An error is not kept: it is raised anew each time.
_shared_address = lru_cache(maxsize=64)(address_header)
_shared_list_id = lru_cache(maxsize=64)(list_id_header)
_shared_token = lru_cache(maxsize=64)(token_header)


@lru_cache(maxsize=256)
def _subject_header(subject: str) -> bytes:
    return text_header("Subject", subject)


@lru_cache(maxsize=256)
def _date_header(date: datetime) -> bytes:
    return b"Date: %s\r\n" % format_datetime(date.astimezone(UTC)).encode()


def _unsubscribe_headers(letter: Letter) -> list[bytes]:
    url, mailto = letter.unsubscribe_url, letter.unsubscribe_mailto
    if mailto and not mailto.startswith("mailto:"):
        mailto = f"mailto:{mailto}"
    uris = [uri for uri in (url, mailto) if uri]
    if not uris:
        return []
    lines = [uris_header("List-Unsubscribe", uris)]
    if letter.one_click:
        if not url:
            raise UnusableHeaderError("List-Unsubscribe-Post", url, "one click needs an address")
        lines.append(_ONE_CLICK)
    return lines


_TEXT_PART, _HTML_PART = (
    b"\r\nContent-Type: text/%s; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" % kind
    for kind in (b"plain", b"html")
)


def _encoded(content_type: str, content: str | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return quoted_printable(content)
    except UnicodeEncodeError as error:
        raise UnencodableTextError(content_type, error.start) from error


def _unproven(letter: Letter, text: bytes, html: bytes) -> tuple[bytes, ...]:
    """Name the parts that were not given as quoted-printable, where `=_` cannot stand."""
    return () if letter.is_encoded else (text, html)


def quoted_printable(content: str) -> bytes:
    """Encode a text part: ASCII, lines of at most 76 characters that end with CRLF."""
    lines = content.replace("\r\n", "\n").replace("\r", "\n")
    encoded = binascii.b2a_qp(lines.encode(), quotetabs=False, istext=True)
    if encoded.endswith(_WHITE) or any(white + b"\n" in encoded for white in _WHITE):
        encoded = _TOO_LONG.sub(rb"\1=\n\2", encoded)
    return encoded.replace(b"\n", b"\r\n")


# The library writes white space at the end of a line as three characters without asking
# whether there is room for them.
_WHITE = (b"=20", b"=09")
_TOO_LONG = re.compile(rb"^([^\n]{74,75})(=20|=09)$", re.MULTILINE)


def derive_boundary(seed: str, *parts: bytes) -> str:
    """Derive a boundary from the message and prove that no part holds it.

    `=_` never occurs in quoted-printable text, so the first try holds; the proof stays for parts
    that no compiler has encoded.
    """
    while True:
        digest = hashlib.sha256(seed.encode()).hexdigest()[:24]
        boundary = f"=_{digest}"
        if not any(boundary.encode() in part for part in parts):
            return boundary
        seed = digest
