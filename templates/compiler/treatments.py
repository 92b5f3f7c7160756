"""Addresses and styles: what the inliner reads as a whole is made one part, fields and all."""

from __future__ import annotations

import re
from typing import Final

from templates.compiler.parts import (
    Attribute,
    Choice,
    Field,
    Part,
    Parts,
    Repeat,
    Words,
    joined_words,
)
from templates.compiler.positions import Kind, Spot, Tokenizer

LINK: Final = "a link of the page"  # filter names nobody can type
SOURCE: Final = "a source of the page"
STYLE: Final = "a style of the page"
NAME: Final = "an anchor of the page"
PIECE: Final = "a piece of a link of the page"
BLOCK: Final = "a block of the text"
LINE: Final = "a line of the text"
_TREATED: Final = {
    "href": LINK,
    "cite": LINK,
    "longdesc": LINK,
    "src": SOURCE,
    "background": SOURCE,
    "style": STYLE,
}


def treatment(spot: Spot) -> str:
    """Name the filter for an attribute; nothing when it is written as it stands."""
    if spot.kind is not Kind.VALUE:
        return ""
    if spot.name == "name":
        return NAME if spot.tag == "a" else ""
    return _TREATED.get(spot.name, "")


def gather_attributes(parts: Parts) -> Parts:
    """Make one part of everything in an address or style that is not the same for everybody."""
    gathered, _ = _Gathering().run(parts, Spot())
    return gathered


class _Gathering:
    """Goes through the page and cuts it where such an attribute begins and ends."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer()

    def run(self, parts: Parts, spot: Spot) -> tuple[Parts, Spot]:
        out: list[Part] = []
        group: list[Part] = []
        for part in parts:
            if isinstance(part, Words):
                spot = self._words(part, spot, out, group)
            elif treatment(spot):
                group.append(part)
            else:
                inner, spot = self._inside(part, spot)
                out.append(inner)
        out.extend(group)
        return joined_words(tuple(out)), spot

    def _words(self, part: Words, spot: Spot, out: list[Part], group: list[Part]) -> Spot:
        start = 0
        for offset, after in self._tokenizer.steps(spot, part.text):
            if treatment(spot) and after.number != spot.number:
                group.append(Words(part.text[start : offset - 1], part.place))
                out.extend(_closed(group, spot))
                group.clear()
                start = offset - 1
            elif treatment(after) and after.number != spot.number:
                out.append(Words(part.text[start:offset], part.place))
                start = offset
            spot = after
        rest = Words(part.text[start:], part.place)
        (group if treatment(spot) else out).append(rest)
        return spot

    def _inside(self, part: Part, spot: Spot) -> tuple[Part, Spot]:
        match part:
            case Choice():
                yes, after = self.run(part.yes, spot)
                no, _ = self.run(part.no, spot)
                return Choice(part.test, yes, no, part.place), after
            case Repeat():
                body, _ = self.run(part.body, spot)
                otherwise, _ = self.run(part.otherwise, spot)
                return part.with_runs(body, otherwise), spot
        return part, spot


def _closed(group: list[Part], spot: Spot) -> Parts:
    parts = joined_words(tuple(group))
    opened = next((part for part in parts if not isinstance(part, Words)), None)
    if opened is None:
        return parts
    return (Attribute(treatment(spot), 0, parts, opened.place),)


_HOST = re.compile(r"https?://[A-Za-z0-9.-]+[/?#]")
_PLAIN = re.compile(r"(?:[A-Za-z0-9._~:/?#@!$*+,;=%()-]|&amp;)*")


def opened_links(parts: Parts) -> Parts:
    """Take addresses apart whose beginning is known up to the host: only pieces need a look."""
    out: list[Part] = []
    for part in parts:
        match part:
            case Attribute(filter="a link of the page") if _has_known_host(part.parts):
                out += [_piece(inner) for inner in part.parts]
            case Choice():
                yes, no = opened_links(part.yes), opened_links(part.no)
                out.append(Choice(part.test, yes, no, part.place))
            case Repeat():
                out.append(part.with_runs(opened_links(part.body), opened_links(part.otherwise)))
            case _:
                out.append(part)
    return joined_words(tuple(out))


def _has_known_host(parts: Parts) -> bool:
    return (
        isinstance(parts[0], Words)
        and _HOST.match(parts[0].text) is not None
        and all(_PLAIN.fullmatch(part.text) for part in parts if isinstance(part, Words))
        and all(isinstance(part, Words | Field) for part in parts)
    )


def _piece(part: Part) -> Part:
    return part if isinstance(part, Words) else Attribute(PIECE, 0, (part,), part.place)
