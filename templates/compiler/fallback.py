"""The honest way: inline for each reader, at a fraction of premailer's time.

premailer parses the sheet, compiles the selectors and merges the same styles anew for every
email. Here a sheet is read once, by premailer's own reader; a merge is remembered by the rules
that matched and the style that stood there, and done by premailer's own functions. What comes
out is premailer's result, byte for byte.
"""

from __future__ import annotations

import operator
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from lxml import etree
from lxml.cssselect import CSSSelector
from premailer import Premailer
from premailer.merge_style import csstext_to_pairs

from templates.cascade import merge_styles
from templates.inlining import (
    LOCK,
    OPTIONS,
    Inliner,
    parse_for_inlining,
    run_premailer,
    write_inlined,
)

SHEETS_KEPT: Final = 64
MERGES_KEPT: Final = 5_000  # for each sheet
Pairs: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rule:
    """One selector with its declarations, in the order of the cascade."""

    text: str
    matches: CSSSelector
    pairs: Pairs


@dataclass(frozen=True)
class Merged:
    """What an element gets: its style, and the old attributes that say the same."""

    style: str
    attributes: Mapping[str, str]


@dataclass
class Sheet:
    """The plain rules of a page, and the merges done with them so far."""

    rules: tuple[Rule, ...]
    merges: dict[tuple[tuple[int, ...], str], Merged] = field(default_factory=dict)

    def matching(self, root: etree._Element) -> dict[etree._Element, list[int]]:
        """Find for every element the rules that match it, the weakest first."""
        found: dict[etree._Element, list[int]] = {}
        for index, rule in enumerate(self.rules):
            for element in matching_elements(rule.matches, root):
                found.setdefault(element, []).append(index)
        return found

    def merged(self, rules: tuple[int, ...], inline: str) -> Merged:
        """Merge the declarations of rules with those that stand at the element."""
        key = (rules, inline)
        if key not in self.merges:
            if len(self.merges) >= MERGES_KEPT:
                self.merges.clear()
            self.merges[key] = self._merge(rules, inline)
        return self.merges[key]

    def _merge(self, rules: tuple[int, ...], inline: str) -> Merged:
        styles = [list(self.rules[index].pairs) for index in rules]
        with LOCK:
            style = merge_styles(inline, styles, [""] * len(styles), remove_unset_properties=True)
        mirrored = etree.Element("mirror")
        Premailer(**OPTIONS)._style_to_basic_html_attributes(mirrored, style, force=True)
        return Merged(style, {str(name): str(value) for name, value in mirrored.attrib.items()})


class FastInliner:
    """Inlines like premailer and remembers sheets and merges."""

    def __init__(self) -> None:
        self._sheets: OrderedDict[tuple[str, ...], Sheet] = OrderedDict()
        self._lock = threading.Lock()

    def inline(self, html: str) -> str:
        """Move the plain rules of every `<style>` into `style` attributes.

        Raises:
            InliningError: the HTML or CSS has something that cannot be inlined or is not allowed.
            UnsafeLinkError: an address may not be linked to.
        """
        root = parse_for_inlining(html)
        sheet = self.sheet_of(root)
        if sheet is None:
            run_premailer(root)
        else:
            _apply(sheet, root)
        return write_inlined(root)

    def sheet_of(self, root: etree._Element) -> Sheet | None:
        """Give the plain rules of a prepared page; nothing if premailer must read it itself."""
        texts = tuple(style.text or "" for style in inlined_sheets(root))
        with self._lock:
            if texts in self._sheets:
                self._sheets.move_to_end(texts)
                return self._sheets[texts]
        sheet = read_sheet(texts)
        if sheet is not None:
            with self._lock:
                self._sheets[texts] = sheet
                while len(self._sheets) > SHEETS_KEPT:
                    self._sheets.popitem(last=False)
        return sheet


def inlined_sheets(root: etree._Element) -> list[etree._Element]:
    """Give the style sheets of a prepared page that are moved into attributes."""
    return [style for style in _applying_sheets(root) if style.get("data-premailer") != "ignore"]


def _applying_sheets(root: etree._Element) -> list[etree._Element]:
    return [
        style for style in root.iter("style") if style.get("media") in (None, "", "all", "screen")
    ]


def read_sheet(texts: tuple[str, ...]) -> Sheet | None:
    """Read sheets with premailer's own reader; nothing if something is left for it to keep."""
    rules: list[tuple[Any, str, str]] = []
    try:
        with LOCK:
            reader = Inliner(**OPTIONS)
            for index, text in enumerate(texts):
                found, leftover = reader._parse_style_rules(text, index)
                if leftover or any(":" in selector for _, selector, _ in found):
                    return None
                rules.extend(found)
            rules.sort(key=operator.itemgetter(0))
            read = [_rule(selector, bulk) for _, selector, bulk in rules]
    except Exception:
        return None  # premailer itself says what is wrong
    return Sheet(tuple(read))


def matching_elements(selector: CSSSelector, root: etree._Element) -> list[etree._Element]:
    """Find the elements a selector matches, in a page or in a part of one."""
    found: Any = selector(root)  # typed for every kind of XPath
    return list(found)


def _rule(selector: str, bulk: str) -> Rule:
    return Rule(selector, CSSSelector(selector), tuple(csstext_to_pairs(bulk, validate=False)))


def _apply(sheet: Sheet, root: etree._Element) -> None:
    moved = inlined_sheets(root)
    for style in _applying_sheets(root):
        if style.get("data-premailer") == "ignore":
            del style.attrib["data-premailer"]
    for style in moved:
        parent = style.getparent()
        if parent is not None:
            parent.remove(style)
    for element, rules in sheet.matching(root).items():
        merged = sheet.merged(tuple(rules), element.get("style", ""))
        if merged.style:
            element.set("style", merged.style)
        for name, value in merged.attributes.items():
            element.set(name, value)
