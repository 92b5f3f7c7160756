"""The same email both ways for made-up readers, before a real one gets it.

Verification proves that marks are where they belong. This looks at the result instead: branches
taken and not, loops without a turn and with two, values and none. Whatever inlining makes of the
page written out must be what the compiled page is written out to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import escape

from templates.compiler.canonical import canonical
from templates.compiler.entities import ReaderError
from templates.compiler.fallback import FastInliner
from templates.compiler.pages import InlinedPage
from templates.compiler.parts import Attribute, Choice, Field, Part, Parts, Repeat, everything_in
from templates.compiler.residual import ATTRIBUTE_WRITERS
from templates.compiler.treatments import STYLE
from templates.compiler.values import UnprovableError, signature
from templates.errors import TemplateError

VALUE: Final = "https://made-up.example/1"  # a text that is also an address
MOST_FLIPS: Final = 8


@dataclass(frozen=True)
class Act:
    """One made-up reader: which branches, how many turns, which values."""

    truth: bool
    turns: int
    value: str
    flipped: str = ""  # the condition that is the other way round

    def holds(self, choice: Choice) -> bool:
        """Say which way a choice goes."""
        return self.truth != (signature(choice.test) == self.flipped)


def rehearse(before: Parts, page: InlinedPage, tidy: Callable[[str], str]) -> None:
    """Compare both ways for several made-up readers.

    Raises:
        UnprovableError: they differ.
    """
    inliner = FastInliner()
    for act in _acts(before):
        try:
            expected = inliner.inline(tidy(_spelled(before, act, page)))
            found = _spelled(page.parts, act, page)
        except (TemplateError, ReaderError):
            continue  # such a reader gets an error, or the fallback
        if canonical(expected) != canonical(found):
            raise UnprovableError("a rehearsal with made-up values came out differently")


def _acts(parts: Parts) -> Iterator[Act]:
    yield Act(truth=True, turns=1, value=VALUE)
    yield Act(truth=False, turns=0, value=VALUE)
    yield Act(truth=True, turns=2, value="")
    choices = [part for part in everything_in(parts) if isinstance(part, Choice)]
    tests = list(dict.fromkeys(signature(choice.test) for choice in choices))
    for test in tests[:MOST_FLIPS] if len(tests) > 1 else ():
        yield Act(truth=True, turns=1, value=VALUE, flipped=test)


def _spelled(parts: Parts, act: Act, page: InlinedPage) -> str:
    return "".join(_spelled_part(part, act, page) for part in parts)


def _spelled_part(part: Part, act: Act, page: InlinedPage) -> str:
    match part:
        case Field():
            return str(escape(act.value))
        case Choice():
            return _spelled(part.yes if act.holds(part) else part.no, act, page)
        case Repeat():
            if not act.turns:
                return _spelled(part.otherwise, act, page)
            return _spelled(part.body, act, page) * act.turns
        case Attribute():
            written = _spelled(part.parts, act, page)
            if part.filter == STYLE:
                return str(page.styles[part.number](written))
            return str(ATTRIBUTE_WRITERS[part.filter](written))
    return part.text
