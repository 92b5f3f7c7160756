"""Proof that inlining kept every mark where it belongs.

Nothing the tokenizer or the evaluation believed is taken for granted: the inliner's own tree is
searched for every mark. Each must be there as often as it was written, in the kind of place it
was written for; the marks of one choice or loop must have one parent; no selector that looks at
siblings may see what they enclose; no attribute a selector looks at may be open.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lxml import etree
from lxml.cssselect import CSSSelector

from templates.compiler.fallback import matching_elements
from templates.compiler.parts import Attribute, Choice, Field, everything_in
from templates.compiler.placeholders import (
    Demand,
    FlatPage,
    KeysNeededError,
    Mark,
    demands_for,
)
from templates.compiler.positions import Kind
from templates.compiler.treatments import STYLE
from templates.compiler.values import UnprovableError

# A selector's pieces; what stands in brackets belongs to the element it stands at.
_PIECES = re.compile(r"[+~>]|(?:\[[^\]]*\]|\([^)]*\)|[^\s>+~\[(])+")
_STATES = re.compile(r":[\w-]+(?:\([^)]*\))?")
_PLACES = re.compile(r":(?:not\([^)]*:)?(?:first|last|only|nth)-")
_ATTRIBUTES = re.compile(r"\[\s*([\w:-]+)")


@dataclass(frozen=True)
class Found:
    """Where a mark is in the tree."""

    kind: Kind
    element: etree._Element  # the parent of a comment, else the element or comment itself
    name: str = ""


def find_marks(root: etree._Element, page: FlatPage) -> dict[str, list[Found]]:
    """Find every mark in the inliner's tree."""
    found: dict[str, list[Found]] = {word: [] for word in page.marks}
    for node in root.getroottree().getroot().iter():
        for word, place in _marks_at(node, page):
            found[word].append(place)
    return found


def _marks_at(node: etree._Element, page: FlatPage) -> Iterator[tuple[str, Found]]:
    text = node.text or ""
    if isinstance(node, etree._Comment):
        parent = node.getparent()
        if text in page.marks and parent is not None:
            yield text, Found(Kind.TEXT, parent)
            return
        yield from ((word, Found(Kind.COMMENT, node)) for word in _words_in(text, page))
        return
    kind = Kind.TITLE if node.tag == "title" else Kind.STYLE
    yield from ((word, Found(kind, node)) for word in _words_in(text, page))
    yield from ((word, Found(Kind.OPENING, node)) for word in _words_in(node.tail or "", page))
    for name, value in node.attrib.items():
        for word in _words_in(str(value), page):
            yield word, Found(Kind.VALUE, node, str(name))


def _words_in(text: str, page: FlatPage) -> list[str]:
    return [word for word in page.pattern.findall(text) if word in page.marks]


def verify_marks(found: dict[str, list[Found]], page: FlatPage) -> None:
    """See that every mark is where it was written for.

    Raises:
        KeysNeededError: a mark is lost that a variant would not need.
        UnprovableError: a mark is somewhere else.
    """
    demands: list[Demand] = []
    for word, mark in page.marks.items():
        places = found[word]
        if len(places) != 1 or not _is_right(places[0], mark):
            demands += _in_need(mark, "the inliner changes it")
        elif mark.spot.kind is Kind.TEXT and not _may_stand(places[0], mark):
            raise UnprovableError("text stands outside of the body", mark.part.place)
    if not demands:
        demands = list(_torn_groups(found, page))
    if demands:
        raise KeysNeededError(demands)


def verify_written(html: str, page: FlatPage) -> None:
    """See that every mark was also written once: some attributes are written without a value.

    Raises:
        KeysNeededError: a mark was not, and a variant would not need it.
        UnprovableError: a mark was not.
    """
    written = Counter(page.pattern.findall(html))
    demands = [
        demand
        for word, mark in page.marks.items()
        if written[word] != 1
        for demand in _in_need(mark, "it is written without a value")
    ]
    if demands:
        raise KeysNeededError(demands)


def _is_right(place: Found, mark: Mark) -> bool:
    spot = mark.spot
    if place.kind is not spot.kind:
        return False
    return spot.kind is not Kind.VALUE or (
        place.name == spot.name and str(place.element.tag).lower() == spot.tag
    )


def _may_stand(place: Found, mark: Mark) -> bool:
    outer = {str(element.tag) for element in (place.element, *place.element.iterancestors())}
    return "body" in outer or (not isinstance(mark.part, Field) and "head" in outer)


def _in_need(mark: Mark, why: str) -> list[Demand]:
    """Ask for keys in place of a mark.

    Raises:
        UnprovableError: it is a loop, for which there is no key.
    """
    part = mark.part
    inner: list[Field | Choice] = []
    if isinstance(part, Field | Choice):
        inner = [part]
    elif isinstance(part, Attribute):
        inner = [each for each in everything_in(part.parts) if isinstance(each, Field | Choice)]
    if inner:
        demands = [demand for each in inner for demand in demands_for(each, why)]
        return [replace(demand, around=mark.around) for demand in demands]
    raise UnprovableError(f"a loop over a reader's values: {why}", part.place)


def _torn_groups(found: dict[str, list[Found]], page: FlatPage) -> Iterator[Demand]:
    """Find choices and loops whose marks were put into different parents."""
    for marks in _groups(page):
        places = [found[mark.word][0] for mark in marks]
        if any(
            place.element is not places[0].element or place.name != places[0].name
            for place in places
        ):
            yield from _in_need(marks[0], "it opens or closes something that stays open")


def _groups(page: FlatPage) -> Iterable[list[Mark]]:
    groups: dict[int, list[Mark]] = {}
    for mark in page.marks.values():
        if mark.role in ("begin", "middle", "end"):
            groups.setdefault(id(mark.part), []).append(mark)
    # One part may be written several times: a fragment that is used twice.
    for marks in groups.values():
        yield from _instances(marks)


def _instances(marks: list[Mark]) -> Iterator[list[Mark]]:
    open_marks: list[list[Mark]] = []
    for mark in marks:
        if mark.role == "begin":
            open_marks.append([mark])
        else:
            open_marks[-1].append(mark)
            if mark.role == "end":
                yield open_marks.pop()


def verify_selectors(
    selectors: Iterable[str], found: dict[str, list[Found]], page: FlatPage
) -> None:
    """See that no selector looks at what is open; to be done before inlining.

    Raises:
        KeysNeededError: a selector does, and a variant would make it known.
        UnprovableError: a selector does, and no variant could.
    """
    selectors = list(selectors)
    seen = {name.lower() for selector in selectors for name in _ATTRIBUTES.findall(selector)}
    seen |= {"class"} if any("." in selector for selector in selectors) else set()
    seen |= {"id"} if any("#" in selector for selector in selectors) else set()
    demands: list[Demand] = []
    for word, mark in page.marks.items():
        for place in found[word]:
            if place.kind is Kind.VALUE and place.name in seen:
                demands += _in_need(mark, f"a selector of the style sheet looks at {place.name}")
    siblings = {part for selector in selectors for part in _after_siblings(selector)}
    for marks in _groups(page):
        places = found[marks[0].word]
        if places and places[0].kind is Kind.TEXT and _is_seen(places[0].element, siblings):
            demands += _in_need(
                marks[0], "a selector of the style sheet looks at what is beside it"
            )
    if demands:
        raise KeysNeededError(demands)


def _after_siblings(selector: str) -> Iterator[str]:
    """Give whom a selector wants beside something else, or at some place among its siblings.

    Without that: `ul > li` of `ul > b + li`, and of `ul > li:first-child`.
    """
    path: list[str] = []
    is_beside = False
    for piece in _PIECES.findall(selector):
        if piece in ("+", "~"):
            path.pop()
            is_beside = True
        elif piece == ">":
            path.append(piece)
        else:
            path.append(_STATES.sub("", piece) or "*")
            if is_beside or _PLACES.search(piece):
                yield " ".join(path)
            is_beside = False


def _is_seen(parent: etree._Element, siblings: set[str]) -> bool:
    children = set(parent)
    root = parent.getroottree().getroot()
    return any(
        element in children
        for text in siblings
        for element in matching_elements(CSSSelector(text), root)
    )


def styled_elements(
    found: dict[str, list[Found]], page: FlatPage
) -> Iterator[tuple[Mark, etree._Element]]:
    """Give the elements whose style is open."""
    for word, mark in page.marks.items():
        if isinstance(mark.part, Attribute) and mark.part.filter == STYLE and found[word]:
            yield mark, found[word][0].element
