"""The email under the loupe: rendered, parsed, with the way back to the lines it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from typing import Final

from lxml import etree

from templates.document import Document, parse_document
from templates.email import Edition, Reader, RenderedEmail

_UNSEEN_TAGS: Final = frozenset({"head", "style", "script", "title"})
_MARKUP_FILES: Final = ("layout.html", "blocks.html")
_STYLE_FILES: Final = ("inline.css", "head.css", *_MARKUP_FILES)


@dataclass(frozen=True)
class Place:
    """Where something was written; the document when no file is named."""

    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class CheckedEmail:
    """An email with everything it was made from."""

    edition: Edition
    reader: Reader
    email: RenderedEmail

    @cached_property
    def page(self) -> etree._Element:
        """The HTML part as a tree."""
        return etree.fromstring(self.email.html, etree.HTMLParser())

    @cached_property
    def document(self) -> Document:
        """The document as it was written."""
        return parse_document(self.edition.document)

    @cached_property
    def words(self) -> str:
        """Everything of the HTML part that is read, on one line."""
        return " ".join(" ".join(self._texts(self.page)).split())

    @property
    def addresses(self) -> list[str]:
        """Every address the HTML part names, each once."""
        found = [element.get(name) for element in self.elements() for name in ("href", "src")]
        return list(dict.fromkeys(str(url) for url in found if url))

    def elements(self) -> Iterator[etree._Element]:
        """Go through the elements of the page; comments are none."""
        return self.page.iter("*")

    def line_of(self, key: str) -> Place:
        """Find where a line of the front matter stands."""
        return Place("", self.document.front.lines.get(key, 0))

    def place_of(self, *written: str, in_styles: bool = False) -> Place:
        """Find the first line on which one of these is written: in the document, else the theme.

        What comes from the clinic's facts is looked for by the fact's name. Styles stand in a
        document only when it is whole HTML.
        """
        wanted = [text for text in (*written, *self._facts_named(written)) if text.strip()]
        is_whole = self.document.is_whole_html
        if is_whole or not in_styles:
            line = _line_with(self.edition.document, wanted)
            if line or is_whole:
                return Place("", line)
        for name in _STYLE_FILES if in_styles else _MARKUP_FILES:
            if line := _line_with(self.edition.theme.files.get(name, ""), wanted):
                return Place(f"{self.edition.theme.owner_of(name)}/{name}", line)
        return Place()

    def _facts_named(self, written: tuple[str, ...]) -> list[str]:
        known = self.edition.clinic.items()
        return [f"clinic.{name}" for name, value in known if value and value in written]

    def _texts(self, element: etree._Element) -> Iterator[str]:
        if not isinstance(element, etree._Comment) and element.tag not in _UNSEEN_TAGS:
            yield element.text or ""
            for child in element:
                yield from self._texts(child)
                yield child.tail or ""


def _line_with(text: str, wanted: list[str]) -> int:
    """Find the first line with one of these, the first of these first; 0 if there is none."""
    lines = text.splitlines()
    for each in wanted:
        for number, line in enumerate(lines, start=1):
            if each in line or each in unescape(line):
                return number
    return 0
