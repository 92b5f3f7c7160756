"""The page written flat: known text, and a mark for each open part.

Between tags a mark is a comment, which may stand anywhere, also between the rows of a table. In
an attribute, a comment or the title it is a word. Both ways of a choice and one turn of a loop
are written between marks. An address or style is one mark, whatever it is made of, because the
inliner treats it as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from jinja2 import nodes

from templates.compiler.parts import (
    Attribute,
    Choice,
    Field,
    Part,
    Parts,
    Place,
    Repeat,
    Words,
    everything_in,
)
from templates.compiler.positions import Kind, Spot, Tokenizer
from templates.compiler.treatments import LINK, SOURCE, STYLE
from templates.compiler.values import UnprovableError

_ENTITY_BEGUN = re.compile(r"&[#A-Za-z0-9]*\Z")
_IN_ENTITY = "it stands behind an &, with which it may become one letter"
_PAGE_TAGS = re.compile(
    r"<(?:/?(?:html|head|body)|style|title|meta|base|link|!doctype)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Demand:
    """Something a reader decides that the inliner has to see: it becomes a key."""

    expr: nodes.Expr
    kind: str  # "truth" or "text"
    why: str
    place: Place
    around: tuple[Demand, ...] = ()  # the choices it stands in, the outermost first


class KeysNeededError(UnprovableError):
    """The page cannot be inlined once for everybody, but once for each value of these."""

    def __init__(self, demands: list[Demand]) -> None:
        self.demands = demands
        self.parts: Parts = ()  # the page, filled in by whoever has it
        super().__init__(demands[0].why, demands[0].place)


@dataclass(frozen=True)
class Mark:
    """One mark on the page: what it stands for and where it stands."""

    word: str
    role: str  # field, attribute, begin, middle, end
    part: Part
    spot: Spot
    around: tuple[Demand, ...] = ()


@dataclass
class FlatPage:
    """The page as the inliner gets it, and its marks by their word."""

    html: str
    marks: dict[str, Mark]
    prefix: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """What marks look like, wherever they stand."""
        return re.compile(rf"({self.prefix}\d+z)")


def write_flat(parts: Parts, prefix: str) -> FlatPage:
    """Write a page flat.

    Raises:
        KeysNeededError: a reader decides something that the inliner has to see.
        UnprovableError: an open part stands where no mark can.
    """
    writing = _Writing(prefix)
    writing.parts(parts, Spot())
    if writing.demands:
        raise KeysNeededError(writing.demands)
    html = "".join(writing.text)
    return FlatPage(html, writing.marks, prefix)


class _Writing:
    """Writes the page from its parts and follows where it is."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._tokenizer = Tokenizer()
        self.text: list[str] = []
        self.marks: dict[str, Mark] = {}
        self.demands: list[Demand] = []
        self._around: list[Demand] = []

    def parts(self, parts: Parts, spot: Spot, *, is_branch: bool = False) -> Spot:
        """Write parts from a place on, and tell where they end."""
        for part in parts:
            match part:
                case Words():
                    spot = self._words(part, spot, is_branch)
                case Field():
                    self._field(part, spot)
                case Attribute():
                    self._attribute(part, spot)
                case Choice():
                    spot = self._choice(part, spot)
                case Repeat():
                    self._repeat(part, spot)
        return spot

    def _words(self, part: Words, spot: Spot, is_branch: bool) -> Spot:
        self.text.append(part.text)
        if is_branch and spot.kind is Kind.TEXT and (found := _PAGE_TAGS.search(part.text)):
            raise _PageTagError(found[0], part.place)
        return self._tokenizer.feed(spot, part.text)

    def _field(self, part: Field, spot: Spot) -> None:
        if part.is_markup:
            self._demand(part, "it writes tags")
        elif why := _why_not(spot):
            self._demand(part, why)
        else:
            self._mark("field", part, spot)

    def _attribute(self, part: Attribute, spot: Spot) -> None:
        for inner in everything_in(part.parts):
            if isinstance(inner, Words) and spot.quote in inner.text:
                raise UnprovableError("an attribute is closed by what a reader decides", part.place)
            if isinstance(inner, Repeat):
                raise UnprovableError("a loop over a reader's values in an attribute", part.place)
            if isinstance(inner, Field) and inner.is_markup:
                self._demand(inner, "it writes tags")
        self._mark("attribute", part, spot)

    def _choice(self, part: Choice, spot: Spot) -> Spot:
        if why := _why_not(spot):
            self._demand(part, why)
            return self.parts(part.yes, spot)
        known = len(self.demands)
        try:
            after_yes, after_no = self._both_ways(part, spot)
            if after_yes == spot and after_no == spot:
                return spot
            why = "it opens or closes something that stays open"
        except _PageTagError as error:
            why, after_yes = f"it decides about {error.tag}", spot
        del self.demands[known:]
        self._demand(part, why)
        return after_yes

    def _both_ways(self, part: Choice, spot: Spot) -> tuple[Spot, Spot]:
        self._around += demands_for(part, "what it encloses is a key")
        try:
            self._mark("begin", part, spot)
            after_yes = self.parts(part.yes, spot, is_branch=True)
            self._mark("middle", part, spot)
            after_no = self.parts(part.no, spot, is_branch=True)
            self._mark("end", part, spot)
        finally:
            self._around.pop()
        return after_yes, after_no

    def _repeat(self, part: Repeat, spot: Spot) -> None:
        if why := _why_not(spot):
            raise UnprovableError(f"a loop over a reader's values: {why}", part.place)
        try:
            self._mark("begin", part, spot)
            after = self.parts(part.body, spot, is_branch=True)
            self._mark("middle", part, spot)
            otherwise = self.parts(part.otherwise, spot, is_branch=True)
            self._mark("end", part, spot)
        except _PageTagError as error:
            raise UnprovableError(f"a loop over a reader's values writes {error.tag}") from error
        if spot not in (after, otherwise) or after != otherwise:
            raise UnprovableError(
                "a loop over a reader's values opens or closes something that stays open",
                part.place,
            )

    def _mark(self, role: str, part: Part, spot: Spot) -> None:
        if self.text and _ENTITY_BEGUN.search(self.text[-1]):
            self._demand_around(part)
        word = f"{self._prefix}{len(self.marks)}z"
        self.marks[word] = Mark(word, role, part, spot, tuple(self._around))
        if spot.kind is Kind.TEXT:
            word = f"<!--{word}-->"
        elif isinstance(part, Attribute) and part.filter in (LINK, SOURCE):
            word = f"https://{word}"
        elif isinstance(part, Attribute) and part.filter == STYLE:
            word = f"-{word}:1"
        self.text.append(word)

    def _demand_around(self, part: Part) -> None:
        """Ask for what comes after the beginning of an entity: together they are one letter."""
        if not isinstance(part, Field | Choice):
            raise UnprovableError(_IN_ENTITY, part.place)
        self._demand(part, _IN_ENTITY)

    def _demand(self, part: Field | Choice, why: str) -> None:
        around = tuple(self._around)
        self.demands += [replace(demand, around=around) for demand in demands_for(part, why)]


def _why_not(spot: Spot) -> str:
    """Say why no mark can stand in a place; nothing when it can."""
    if spot.pending:
        return f"it stands in {Kind.OPENING}"
    if spot.kind in (Kind.TEXT, Kind.TITLE, Kind.COMMENT, Kind.VALUE):
        return ""
    return f"it stands in {spot.kind}"


def demands_for(part: Field | Choice, why: str) -> list[Demand]:
    """Say what has to be known so that a part is the same for every reader of a variant."""
    if isinstance(part, Choice):
        return [Demand(part.test, "truth", why, part.place)]
    tests = [node.test for node in part.expr.find_all(nodes.CondExpr)]
    if isinstance(part.expr, nodes.CondExpr):
        tests.insert(0, part.expr.test)
    if tests:
        return [Demand(test, "truth", why, part.place) for test in tests[:1]]
    return [Demand(part.expr, "text", why, part.place)]


class _PageTagError(UnprovableError):
    """A branch holds a tag of which a page has one, or a style sheet."""

    def __init__(self, tag: str, place: Place) -> None:
        self.tag = f"{tag}>"
        super().__init__(f"it decides about {self.tag}", place)
