"""Where in the HTML each open part stands, by a small tokenizer that follows the known text.

It knows HTML's tokens and nothing of its tree. If it were ever wrong about a page, verification
would find a mark in the wrong kind of place, because the inliner's own parser looks there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The kinds of places."""

    TEXT = "between tags"
    TITLE = "the title"
    STYLE = "a style sheet"
    COMMENT = "a comment"
    VALUE = "an attribute"
    UNQUOTED = "an attribute without quotation marks"
    TAG = "a tag"
    OPENING = "the beginning of a tag"


@dataclass(frozen=True)
class Spot:
    """One place: between tags, or in which attribute of which tag."""

    kind: Kind = Kind.TEXT
    tag: str = ""
    name: str = ""
    quote: str = ""
    number: int = 0  # of the attribute: two of one name are two places
    pending: str = ""  # what cannot be told yet: the text ended inside a token


_TAG_NAME = re.compile(r"</?([a-zA-Z][^\s/>]*)")
_INSIDE_TAG = re.compile(
    r"""[\s/]*(?:(?P<end>>)|(?P<name>[^\s/>=][^\s/>=]*)(?P<value>\s*=\s*(?P<quote>["']?))?|(?P<odd>=))"""
)
_RAW: Final = {"style": Kind.STYLE, "script": Kind.STYLE, "title": Kind.TITLE}
_RAW_ALSO: Final = ("textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext")


class Tokenizer:
    """Follows a page through its stretches of known text."""

    def __init__(self) -> None:
        self._numbers = 0

    def feed(self, spot: Spot, text: str) -> Spot:
        """Read on from a place and tell where the text ends."""
        *_, (_, ended) = self.steps(spot, text)
        return ended

    def steps(self, spot: Spot, text: str) -> Iterator[tuple[int, Spot]]:
        """Read on from a place; give every place on the way and where it begins."""
        text, offset, shift = spot.pending + text, 0, len(spot.pending)
        spot = replace(spot, pending="")
        while True:
            end, spot = self._step(spot, text, offset)
            yield max(0, end - shift), spot
            if end >= len(text):
                return
            offset = end

    def _step(self, spot: Spot, text: str, at: int) -> tuple[int, Spot]:
        match spot.kind:
            case Kind.TEXT | Kind.OPENING:
                return self._from_text(text, at)
            case Kind.TITLE | Kind.STYLE:
                return self._from_raw(spot, text, at)
            case Kind.COMMENT:
                return _from_comment(spot, text, at)
            case Kind.TAG:
                return self._from_tag(spot, text, at)
            case Kind.VALUE:
                found = text.find(spot.quote, at)
                return (len(text), spot) if found < 0 else (found + 1, Spot(Kind.TAG, spot.tag))
        ended = re.compile(r"[\s>]").search(text, at)
        return (len(text), spot) if ended is None else (ended.start(), Spot(Kind.TAG, spot.tag))

    def _from_text(self, text: str, at: int) -> tuple[int, Spot]:
        found = text.find("<", at)
        if found < 0:
            return len(text), Spot()
        rest = text[found : found + 4]
        if rest.startswith("<!--"):
            return found + 4, Spot(Kind.COMMENT)
        if rest in {"<", "<!", "<!-", "</"}:
            return len(text), Spot(Kind.OPENING, pending=rest)
        if name := _TAG_NAME.match(text, found):
            end = name.end()
            if end == len(text):  # the name may go on
                return end, Spot(Kind.OPENING, pending=text[found:])
            return end, Spot(Kind.TAG, text[found + 1 : end].lower())
        if rest[1:2] in {"!", "?", "/"}:
            closed = text.find(">", found)
            if closed < 0:
                return len(text), Spot(Kind.OPENING, pending=text[found:])
            return closed + 1, Spot()
        return found + 1, Spot()

    def _from_raw(self, spot: Spot, text: str, at: int) -> tuple[int, Spot]:
        closing = re.compile(rf"</{spot.tag}(?=[\s/>])", re.IGNORECASE).search(text, at)
        if closing:
            return closing.end(), Spot(Kind.TAG, f"/{spot.tag}")
        tail = re.compile(r"<[^>]{0,20}\Z").search(text, at)
        pending = tail[0] if tail else ""
        return len(text), replace(spot, pending=pending)

    def _from_tag(self, spot: Spot, text: str, at: int) -> tuple[int, Spot]:
        found = _INSIDE_TAG.match(text, at)
        if found is None:
            return len(text), spot
        if found["end"]:
            return found.end(), self._after_tag(spot.tag)
        if found.end() == len(text) and not found["quote"]:  # a name or value may go on
            if found["value"]:
                return len(text), Spot(Kind.UNQUOTED, spot.tag, (found["name"] or "").lower())
            return len(text), replace(spot, pending=text[at:])
        if found["value"]:
            self._numbers += 1
            kind = Kind.VALUE if found["quote"] else Kind.UNQUOTED
            name = found["name"].lower()
            return found.end(), Spot(kind, spot.tag, name, found["quote"], self._numbers)
        return found.end(), spot

    @staticmethod
    def _after_tag(tag: str) -> Spot:
        if tag in _RAW or tag in _RAW_ALSO:
            return Spot(_RAW.get(tag, Kind.STYLE), tag)
        return Spot()


def _from_comment(spot: Spot, text: str, at: int) -> tuple[int, Spot]:
    closed = re.compile(r"--!?>").search(text, at)
    if closed:
        return closed.end(), Spot()
    tail = re.compile(r"-(?:-!?)?\Z").search(text, at)
    return len(text), replace(spot, pending=tail[0] if tail else "")
