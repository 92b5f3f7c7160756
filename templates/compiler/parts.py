"""A page that is partly open: what is known is words; what a reader decides is kept as Jinja."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from jinja2 import nodes


@dataclass(frozen=True)
class Place:
    """Where something was written: a template and a line of it."""

    source: str = ""
    line: int = 0


@dataclass(frozen=True)
class Words:
    """Text that is the same for every reader, escaped already."""

    text: str
    place: Place = field(default=Place(), compare=False)


@dataclass(frozen=True)
class Field:
    """A value written for each reader; Jinja finishes and escapes it."""

    expr: nodes.Expr
    place: Place
    is_markup: bool = False  # it may write tags, which the inliner would have to see


@dataclass(frozen=True)
class Choice:
    """Two ways on, of which each reader gets one."""

    test: nodes.Expr
    yes: Parts
    no: Parts
    place: Place


@dataclass(frozen=True)
class Repeat:
    """A loop over something that belongs to the reader."""

    target: nodes.Expr
    items: nodes.Expr
    test: nodes.Expr | None
    body: Parts
    otherwise: Parts
    place: Place
    loop_name: str  # the name that `loop` has in the body
    key: str = ""  # names the loop, so that it is found again when the page is executed anew

    def with_runs(self, body: Parts, otherwise: Parts) -> Repeat:
        """Give the same loop around other parts."""
        return replace(self, body=body, otherwise=otherwise)


@dataclass(frozen=True)
class Attribute:
    """What is written in an address or style, finished as the inliner would finish it."""

    filter: str
    number: int  # of the element, for styles
    parts: Parts
    place: Place


Part: TypeAlias = Words | Field | Choice | Repeat | Attribute
Parts: TypeAlias = tuple[Part, ...]


def everything_in(parts: Parts) -> Iterator[Part]:
    """Go through all parts, also those inside others, in the order they are written."""
    for part in parts:
        yield part
        for inner in inner_parts(part):
            yield from everything_in(inner)


def inner_parts(part: Part) -> tuple[Parts, ...]:
    """Give the runs of parts inside a part."""
    match part:
        case Choice():
            return (part.yes, part.no)
        case Repeat():
            return (part.body, part.otherwise)
        case Attribute():
            return (part.parts,)
    return ()


def joined_words(parts: Parts) -> Parts:
    """Make one stretch of words of neighbours, and leave out empty ones."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if not isinstance(part, Words):
            joined.append(part)
        elif isinstance(before, Words):
            joined[-1] = Words(before.text + part.text, before.place)
        elif part.text:
            joined.append(part)
    return tuple(joined)


def with_words(parts: Parts, change: Callable[[str], str]) -> Parts:
    """Change every stretch of words, wherever it stands."""
    return tuple(_with_words(part, change) for part in parts)


def _with_words(part: Part, change: Callable[[str], str]) -> Part:
    match part:
        case Words():
            return Words(change(part.text), part.place)
        case Choice():
            return Choice(
                part.test, with_words(part.yes, change), with_words(part.no, change), part.place
            )
        case Repeat():
            return part.with_runs(with_words(part.body, change), with_words(part.otherwise, change))
    return part
