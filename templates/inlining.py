"""CSS moved into `style` attributes, by premailer: the only place that calls it.

premailer 3.10 fetches what @import names, drops or breaks at-rules, strips !important, confuses
styles with selectors in its cache, and copies sizes to attributes. So it gets a tree that was
checked, plain rules only, styles that cannot be taken for selectors, and no way out; which
declaration wins is decided by `cascade`, and what it copied wrongly is taken back.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from functools import lru_cache
from typing import Any, NoReturn

from lxml import etree

# Its cache holds 128 entries by default, fewer than one email needs; read once, at import.
os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "20000")

import cssutils
import cssutils.util
import premailer.premailer
from premailer import Premailer

from templates.cascade import merge_styles
from templates.errors import (
    EmptyHtmlError,
    InlinerFailedError,
    MalformedStyleError,
    OutsideStyleError,
    TemplateError,
    TooLargeError,
)
from templates.safe_markup import errors_at, refuse_active_content
from templates.selectors import ask, forget, needs_asking
from templates.style_sheets import split_sheet


def _refuse_to_fetch(url: str) -> NoReturn:
    raise OutsideStyleError(f"the style sheet {url!r}")


premailer.premailer.merge_styles = merge_styles
# `allow_network=False` does not stop cssutils from opening what @import names.
cssutils.util._defaultFetcher = _refuse_to_fetch
_silence = logging.getLogger("templates.inlining.cssutils")
_silence.addHandler(logging.NullHandler())
_silence.propagate = False
cssutils.log.setLog(_silence)
cssutils.log.setLevel(logging.CRITICAL)

DOCTYPE = "<!DOCTYPE html>\n"  # always this one; what stood there is not copied
LOCK = threading.Lock()  # cssutils' parser is not made for threads
_CELLS = frozenset({"body", "table", "tr", "td", "th"})
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
SHEETS_KEPT = 64
MOST_ELEMENTS, MOST_RULES = 2_000, 300  # each rule is tried on each element
LARGEST_HTML = 1_000_000  # characters; Gmail hides what comes after the first tenth
OPTIONS: dict[str, Any] = {
    "strip_important": False,  # True would kill !important in media queries too
    "keep_style_tags": False,
    "disable_leftover_css": True,
    "disable_validation": True,
    "disable_basic_attributes": ["width", "height"],
    "align_floating_images": False,
    "remove_classes": False,
    "allow_network": False,
    "allow_loading_external_files": False,
}


def inline(html: str) -> str:
    """Move the plain rules of every `<style>` into `style` attributes.

    A `<style data-premailer="ignore">` is kept as it is.

    Raises:
        InliningError: the HTML or CSS has something that cannot be inlined or is not allowed.
        UnsafeLinkError: an address may not be linked to.
    """
    root = parse_for_inlining(html)
    run_premailer(root)
    return write_inlined(root)


def parse_for_inlining(html: str) -> etree._Element:
    """Parse a page, see that nothing in it acts, and bring its styles into the form inlining needs.

    Raises:
        InliningError: the HTML or CSS has something that cannot be inlined or is not allowed.
        UnsafeLinkError: an address may not be linked to.
    """
    root = _parse(html)
    _check_elements(root)
    refuse_active_content(root)
    _split_sheets(root)
    _close_styles(root)
    return root


def write_inlined(root: etree._Element) -> str:
    """Write a page whose styles are inlined.

    Raises:
        TooLargeError: it is larger than any email.
    """
    drop_useless_attributes(root)
    forget(root)
    inlined = etree.tostring(root, method="html", encoding="unicode", with_tail=False)
    _check_count("characters", len(inlined), limit=LARGEST_HTML)
    return f"{DOCTYPE}{inlined}\n"


def _parse(html: str) -> etree._Element:
    if not html.strip():
        raise EmptyHtmlError
    parser = etree.HTMLParser(no_network=True, huge_tree=False)
    try:
        root: etree._Element | None = etree.fromstring(html.strip(), parser)
    except (etree.LxmlError, ValueError) as error:
        raise InlinerFailedError(str(error)) from error
    if root is None or root.find("body") is None:
        raise EmptyHtmlError
    return root


def _check_count(what: str, count: int, *, limit: int) -> None:
    if count > limit:
        raise TooLargeError(what, count, limit=limit)


def _check_elements(root: etree._Element) -> None:
    nodes = list(root.iter())
    if len(nodes) > MOST_ELEMENTS:
        with errors_at(nodes[MOST_ELEMENTS]):
            _check_count("elements", len(nodes), limit=MOST_ELEMENTS)


def _split_sheets(root: etree._Element) -> None:
    """Leave the plain rules in each `<style>`, put the others beside it."""
    rules = 0
    for style in list(root.iter("style")):
        with errors_at(style):
            sheet = split_sheet(style.text or "")
        if not is_moved(style):
            continue  # read only to refuse what would be fetched
        # The comment keeps premailer from taking a sheet for a declaration: one cache holds both.
        plain = [_askable(rule, root, rules + number) for number, rule in enumerate(sheet.plain)]
        style.text = "\n".join(["/* sheet */", *plain, ""])
        rules += len(sheet.plain)
        with errors_at(style):
            _check_count("style rules", rules, limit=MOST_RULES)
        if sheet.kept:
            kept = etree.Element("style", {"data-premailer": "ignore"})
            kept.text = "\n".join(["", *sheet.kept, ""])
            kept.tail, style.tail = style.tail, "\n"
            style.addnext(kept)


def _askable(rule: str, root: etree._Element, number: int) -> str:
    """Write a rule for premailer, which reads only some of the selectors there are."""
    selector, brace, body = rule.partition("{")
    return ask(root, selector, number) + brace + body if needs_asking(selector) else rule


def is_moved(style: etree._Element) -> bool:
    """Tell whether premailer moves this sheet into attributes."""
    media = (style.get("media") or "").strip()
    return style.get("data-premailer") != "ignore" and media in ("", "all", "screen")


def _close_styles(root: etree._Element) -> None:
    """End every style with a semicolon: no selector does, so premailer's cache cannot mix them."""
    for element in root.iter("*"):
        style = element.get("style")
        if style is None:
            continue
        if not style.strip():
            del element.attrib["style"]
        elif ":" not in style or "{" in style or "}" in style:
            with errors_at(element):
                raise MalformedStyleError(style, str(element.tag))
        else:
            element.set("style", style.strip().rstrip(";") + ";")


def run_premailer(root: etree._Element) -> None:
    """Move the plain rules of a prepared page into its `style` attributes.

    Raises:
        InlinerFailedError: premailer broke down.
    """
    try:
        with LOCK:
            Inliner(**OPTIONS).transform(root)
    except TemplateError:
        raise
    except Exception as error:  # it has no errors of its own; anything may come
        raise InlinerFailedError(f"{type(error).__name__}: {error}") from error


class Inliner(Premailer):  # type: ignore[misc]  # it ships no types
    """premailer, which turns every sheet into words for every email; here once for all of them."""

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[Any], list[Any]]:
        rules, leftover = _words_of(css_body, ruleset_index)
        return list(rules), list(leftover)


@lru_cache(maxsize=SHEETS_KEPT)
def _words_of(sheet: str, place: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    rules, leftover = Premailer(**OPTIONS)._parse_style_rules(sheet, place)
    return tuple(rules), tuple(leftover)


def drop_useless_attributes(root: etree._Element) -> None:
    """Drop what premailer copied from styles to where it means nothing, or something else."""
    for element in root.iter("*"):
        colour = element.get("bgcolor")
        if colour is not None and (element.tag not in _CELLS or not _COLOUR.fullmatch(colour)):
            del element.attrib["bgcolor"]
        style = str(element.get("style"))
        # On a table, align="left" makes it float.
        if "text-align:" in style and element.tag not in _CELLS - {"table", "body"}:
            element.attrib.pop("align", "")
        if "vertical-align:" in style and element.tag not in _CELLS - {"table", "body"}:
            element.attrib.pop("valign", "")
