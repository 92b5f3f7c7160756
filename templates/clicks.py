"""Which links of an email lead to the same place for every reader, and their way past us.

A clinic may switch on that such links go through its own page, which counts the click and sends
the reader on. Which number stands for which address follows from the document and the clinic's
facts alone, so a link in a mail of last year still leads where it led. Text that a reader
decides, links of the theme (unsubscribe, preferences, view) and other kinds of addresses keep
theirs; so does the plain text part, where addresses are read by people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import nodes
from jinja2.exceptions import TemplateError as JinjaError

from templates.content import Inline, Phrase, Words
from templates.context import CLINIC_FIELDS
from templates.effort import limited_effort
from templates.errors import TemplateError
from templates.jinja_source import SourceWriter
from templates.links import check_link
from templates.pieces import Piece, PieceKind, protect
from templates.sandbox import EmailEnvironment

# An address that people read must be the one they come to: anything else looks like fraud.
_LOOKS_LIKE_ADDRESS = re.compile(r"\s*(?:https?://|www\.)", re.IGNORECASE)
_LINK = re.compile(
    r"(<a\b[^<>]*?\shref\s*=\s*([\"']))([^\"'<>]*)(\2[^<>]*>)(?=(.{0,20}))", re.IGNORECASE | re.S
)
_ONE_FIELD = re.compile(r"\s*\{\{-?(.*?)-?\}\}\s*", re.S)
_RAW = re.compile(r"\{%[-+]?\s*raw\b")
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_READING = EmailEnvironment({}, autoescape=False)


class Clicks:
    """Numbers the links of one document, and writes them as they go past the clinic's page."""

    def __init__(self, clinic: Mapping[str, Any] = _NONE, *, page: str = "") -> None:
        self._clinic, self._page = clinic, page  # `https://post.clinic.example/c/`, or nothing
        self.addresses: list[str] = []

    def written(self, url: Phrase, *, words: tuple[Inline, ...] = ()) -> Phrase:
        """Give the address to write for one that stands in the document."""
        address = self._address(url)
        if address is None:
            return url
        self.addresses.append(address)
        shown = "".join(child.text for child in words if isinstance(child, Words))
        if not self._page or _is_at(self._page, address) or _LOOKS_LIKE_ADDRESS.match(shown):
            return url
        token = Piece(PieceKind.FIELD, " links.click ", url.line)
        return Phrase((self._page, token, str(len(self.addresses))), url.line)

    def _address(self, url: Phrase) -> str | None:
        """Give where a link leads, if that is the same web page for every reader."""
        if not url.is_plain and not self._is_about_clinic(url):
            return None
        try:
            address = check_link(url.plain if url.is_plain else self._filled_in(url))
        except (TemplateError, JinjaError):
            return None  # whoever renders it says what is wrong
        return address if address.startswith(("https://", "http://")) else None

    def _is_about_clinic(self, url: Phrase) -> bool:
        fields = [part for part in url.parts if isinstance(part, Piece)]
        if any(piece.kind is not PieceKind.FIELD for piece in fields):
            return False
        tree = _READING.parse("".join(f"{{{{{piece.source}}}}}" for piece in fields))
        return {name.name for name in tree.find_all(nodes.Name)} == {"clinic"}

    def _filled_in(self, url: Phrase) -> str:
        writing = SourceWriter()
        writing.write("{{")
        writing.write_expression(url)
        writing.write("}}")
        with limited_effort():
            template = _READING.from_string(writing.finish().text)
            return template.render(clinic=dict.fromkeys(CLINIC_FIELDS, "") | dict(self._clinic))


def _is_at(page: str, address: str) -> bool:
    return urlsplit(page).netloc == urlsplit(address).netloc


def written_in_page(source: str, clicks: Clicks) -> str:
    """Write the links of a whole page, which is Jinja source, as they go past the clinic's page.

    A page that shows Jinja's own signs ({% raw %}) is left as it is.
    """
    if _RAW.search(source):
        return source
    spans = protect(source).spans
    out, done = [], 0
    for found in _LINK.finditer(source):
        if any(start <= found.start() < end for start, end in spans):
            continue  # not a tag but words in Jinja
        written = _in_page(found[3], found[5], clicks)
        out += [source[done : found.start(3)], written]
        done = found.end(3)
    return "".join([*out, source[done:]])


def _in_page(value: str, shown: str, clicks: Clicks) -> str:
    field = _ONE_FIELD.fullmatch(value)
    parts: tuple[str | Piece, ...]
    if field and "{{" not in field[1]:
        parts = (Piece(PieceKind.FIELD, field[1], 1),)
    elif "{" in value:
        return value
    else:
        parts = (unescape(value),)
    phrase = Phrase(parts, 1)
    written = clicks.written(phrase, words=(Words(shown),))
    if written is phrase:
        return value
    return "".join(
        f"{{{{{part.source}}}}}" if isinstance(part, Piece) else part for part in written.parts
    )
