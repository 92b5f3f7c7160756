"""CSS split in two: plain rules that can be inlined, and everything that has to stay a sheet.

premailer drops or breaks at-rules, so it never sees them; nor `:hover` and the like, which a
style attribute cannot say. What it cannot read but the tree can tell, `selectors` rewrites.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from templates.errors import OutsideStyleError, TooLargeError
from templates.selectors import needs_asking

LARGEST_SHEET = 50_000  # characters; a theme has a tenth of it

SHEETS_KEPT: Final = 64
_COMMENTS = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|/\*.*?(?:\*/|\Z)""", re.DOTALL)
# One step through a sheet: a string, an unquoted address, an escape, or one character.
_STEPS = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|url\(\s*[^"'\s)][^)]*\)|\\.)|(?P<sign>.)""",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)
_NAMES = re.compile(r"\[[^\]]*\]|[.#]?[\w-]+")  # of tags, classes, ids; attributes as a whole
_MARKUP_SIGNS = re.compile(r"<!--|-->")  # CSS skips these between rules


@dataclass(frozen=True)
class SplitSheet:
    """A style sheet in its two halves, rule by rule."""

    plain: tuple[str, ...]
    kept: tuple[str, ...]


@lru_cache(maxsize=SHEETS_KEPT)  # the same sheets come with every email of an edition
def split_sheet(css: str) -> SplitSheet:
    """Split a style sheet.

    Raises:
        OutsideStyleError: it would import another one.
        TooLargeError: it is longer than any email needs.
    """
    plain: list[str] = []
    kept: list[str] = []
    size = 0
    for rule in _rules(_COMMENTS.sub(lambda found: found[1] or " ", css)):
        prelude, brace, body = _cut(rule)
        if prelude.startswith("@"):
            _refuse_import(prelude)
            kept.append(rule)
        elif brace and "{" not in body:
            inlinable, others = _sort_selectors(prelude)
            size += len(body) * len(inlinable)
            if size > LARGEST_SHEET:  # a body is repeated for every selector of its list
                raise TooLargeError("characters of style", size, limit=LARGEST_SHEET)
            plain += [f"{selector}{{{body}}}" for selector in inlinable]
            kept += [f"{selector}{{{body}}}" for selector in others]
        elif brace:  # nested rules: the inliner would drop them
            kept.append(rule)
    return SplitSheet(tuple(plain), tuple(kept))


def _rules(css: str) -> Iterator[str]:
    """Cut a sheet after every closing brace, and every semicolon outside of braces."""
    start = depth = 0
    for step in _STEPS.finditer(css):
        sign = step["sign"]
        if sign in ("{", "(", "["):
            depth += 1
        elif sign in ("}", ")", "]"):
            depth = max(0, depth - 1)
        if depth == 0 and sign in ("}", ";"):
            yield _MARKUP_SIGNS.sub(" ", css[start : step.end()]).strip()
            start = step.end()
    rest = _MARKUP_SIGNS.sub(" ", css[start:]).strip()
    if rest:
        yield rest


def _cut(rule: str) -> tuple[str, str, str]:
    for step in _STEPS.finditer(rule):
        if step["sign"] == "{":
            body = rule[step.end() :].strip().removesuffix("}").strip()
            return rule[: step.start()].strip(), "{", body
    return rule, "", ""


def _sort_selectors(prelude: str) -> tuple[list[str], list[str]]:
    parts, start, depth = [], 0, 0
    for step in _STEPS.finditer(prelude):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(step["sign"] or "", 0)
        if step["sign"] == "," and depth == 0:
            parts.append(prelude[start : step.start()].strip())
            start = step.end()
    parts.append(prelude[start:].strip())
    selectors = [part for part in parts if part]
    inlinable = [part for part in selectors if _is_inlinable(part)]
    return [_NAMES.sub(_lower_tag, part) for part in inlinable], [
        part for part in selectors if part not in inlinable
    ]


def _lower_tag(found: re.Match[str]) -> str:
    """Write tags small, as the parsed page does: `BODY` would match nothing there."""
    return found[0].lower() if found[0][0] not in ".#[" else found[0]


def _is_inlinable(selector: str) -> bool:
    return needs_asking(selector) or not any(sign in selector for sign in ":*\\@<&|")


def _refuse_import(prelude: str) -> None:
    if _ESCAPE.sub(_decode, prelude).lower().startswith("@import"):
        raise OutsideStyleError("@import in a style sheet")


def _decode(found: re.Match[str]) -> str:
    if found[1]:
        number = int(found[1], 16)
        return chr(number) if number < 0x110000 else "�"
    return found[2]
