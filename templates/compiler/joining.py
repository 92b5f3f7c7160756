"""Documents are tidied after they are rendered; here the same is done to a page that is open.

Gaps shrink to a line end, and two lists with nothing between them become one. What a reader's
branch leaves between two lists decides whether they do, and so becomes a key.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from templates.compiler.parts import Choice, Field, Part, Parts, Repeat, Words, joined_words
from templates.compiler.placeholders import KeysNeededError, demands_for
from templates.compiler.values import UnprovableError
from templates.compiling import GAPS, JOINED_LISTS

_OPENS = re.compile(r"\s*<(ul|ol)>")
_CLOSES = re.compile(r"</(ul|ol)>\s*\Z")
_OTHER: Final = ""
_WHY: Final = "it decides whether two lists become one"


def tidied(parts: Parts) -> Parts:
    """Tidy a page.

    Raises:
        KeysNeededError: a reader's branch decides whether lists join.
        UnprovableError: a loop does.
    """
    parts, _ = _without_gaps(parts, after_line_end=False)
    _walk(parts, frozenset({_OTHER}), None)
    return parts


def tidied_words(text: str) -> str:
    """Tidy what is known."""
    return JOINED_LISTS.sub("", GAPS.sub("\n", text))


def _without_gaps(parts: Parts, *, after_line_end: bool) -> tuple[Parts, bool]:
    out: list[Part] = []
    for part in parts:
        match part:
            case Words():
                text = tidied_words(part.text)
                text = text.lstrip() if after_line_end else text
                after_line_end = text.endswith("\n") if text else after_line_end
                out.append(Words(text, part.place))
            case Choice():
                yes, one = _without_gaps(part.yes, after_line_end=after_line_end)
                no, other = _without_gaps(part.no, after_line_end=after_line_end)
                out.append(replace(part, yes=yes, no=no))
                after_line_end = one and other
            case Repeat():
                body, _ = _without_gaps(part.body, after_line_end=False)
                otherwise, _ = _without_gaps(part.otherwise, after_line_end=False)
                out.append(part.with_runs(body, otherwise))
                after_line_end = False
            case _:
                out.append(part)
                after_line_end = False
    return joined_words(tuple(out)), after_line_end


def _walk(parts: Parts, ends: frozenset[str], before: Part | None) -> frozenset[str]:
    """Follow which list may have ended last, with nothing after it."""
    for part in parts:
        match part:
            case Words():
                ends = _after_words(part, ends, before)
            case Field():
                ends |= {_OTHER}
            case Choice():
                ends = _walk(part.yes, ends, part) | _walk(part.no, ends, part)
            case Repeat():
                once = ends | _walk(part.body, ends, part)
                ends = once | _walk(part.body, once, part) | _walk(part.otherwise, ends, part)
            case _:
                ends = frozenset({_OTHER})
        before = part
    return ends


def _after_words(part: Words, ends: frozenset[str], before: Part | None) -> frozenset[str]:
    opens = _OPENS.match(part.text)
    if opens and opens[1] in ends:
        if isinstance(before, Field | Choice):
            raise KeysNeededError(demands_for(before, _WHY))
        raise UnprovableError(f"a loop over a reader's values: {_WHY}", part.place)
    if not part.text.strip():
        return ends
    closes = _CLOSES.search(part.text)
    return frozenset({closes[1] if closes else _OTHER})
