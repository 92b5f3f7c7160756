"""Selectors premailer cannot read, told to it in another way.

It cuts a selector at a colon and counts no attributes, so rules with `:nth-child()`, `:not()` or
`[type]` were left out or weighed too little. Here the tree itself is asked, before inlining, whom
such a selector means; they get an attribute, and the rule a selector that names the attribute. The
attribute's value holds as many signs of each kind as the selector weighs, since premailer counts
signs; and the selector as it was written, so that everybody else can read it back.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import cssselect
from cssselect import SelectorError
from lxml import etree
from lxml.cssselect import CSSSelector

ATTRIBUTE: Final = "data-steadypost-rule"
# What never changes while a mail is read; `:empty` is not here, for emptiness is a reader's.
_STATES: Final = re.compile(
    r":(?:not|(?:first|last|only)-(?:child|of-type)|nth-(?:last-)?(?:child|of-type))(?=$|[^\w-])"
)
_COLON: Final = re.compile(r":+[\w-]*")
_BRACKETS: Final = re.compile(r"\[[^\]]*\]")
_NESTED: Final = re.compile(r"\([^)]*\(")
_REWRITTEN: Final = re.compile(rf'\[{ATTRIBUTE}-\d+="h([0-9a-f]+)[^"]*"\]')


@lru_cache(maxsize=1_000)
def needs_asking(selector: str) -> bool:
    """Tell whether a selector can be inlined, but only by asking the tree whom it means."""
    outside = _BRACKETS.sub("", selector)
    if outside == selector and ":" not in selector:
        return False
    if any(sign in outside for sign in "*\\@<&|") or _NESTED.search(outside):
        return False
    if any(not _STATES.match(state[0] + "(") for state in _COLON.finditer(outside)):
        return False
    try:
        CSSSelector(selector)
        return len(cssselect.parse(selector)) == 1
    except SelectorError:
        return False


def ask(root: etree._Element, selector: str, number: int) -> str:
    """Mark the elements a selector means; give a selector for the marked, of the same weight."""
    ids, classes, tags = cssselect.parse(selector)[0].specificity()
    # The attribute of the new selector weighs nothing: premailer counts signs only.
    value = f"h{selector.encode().hex()}" + "#" * ids + "." * classes + " x" * tags
    found: Any = CSSSelector(selector)(root)
    for element in found:
        element.set(f"{ATTRIBUTE}-{number}", value)
    return f'[{ATTRIBUTE}-{number}="{value}"]'


def forget(root: etree._Element) -> None:
    """Take the marks away again."""
    for element in root.iter("*"):
        for name in [name for name in element.attrib if str(name).startswith(ATTRIBUTE)]:
            del element.attrib[name]


def as_written(text: str) -> str:
    """Give a selector, or a rule, as its author wrote it."""
    return _REWRITTEN.sub(lambda found: bytes.fromhex(found[1]).decode(), text)
