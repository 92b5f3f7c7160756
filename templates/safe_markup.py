"""What HTML an email may consist of: nothing that runs, loads pages or submits.

The list is of what is allowed. It is checked on the parsed tree that is also written out, so
there is no second opinion about what the HTML means; comments are the exception, and are
checked for the two spellings on which parsers differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lxml import etree

from templates.errors import (
    ActiveContentError,
    OutsideStyleError,
    TemplateError,
    UnsafeLinkError,
)
from templates.links import check_link

TAGS = frozenset(
    [
        *("html", "head", "meta", "title", "style", "body", "div", "span", "p", "a", "img"),
        *("br", "hr", "wbr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt"),
        *("dd", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "col"),
        *("colgroup", "strong", "em", "b", "i", "u", "s", "small", "sub", "sup", "big", "font"),
        *("center", "blockquote", "q", "cite", "pre", "code", "abbr", "address", "del", "ins"),
        *("figure", "figcaption", "section", "article", "header", "footer", "main", "nav", "o:p"),
    ]
)
LINKING = frozenset({"href", "cite", "longdesc"})
LOADING = frozenset({"src", "background"})
REFUSED_ATTRIBUTES = frozenset(
    [
        *("srcset", "action", "formaction", "data", "poster", "manifest", "ping", "usemap"),
        *("xlink:href", "srcdoc", "codebase", "classid", "archive", "profile", "lowsrc", "dynsrc"),
    ]
)
HARMLESS_HEADERS = frozenset({"content-type", "x-ua-compatible"})
SOURCES = re.compile(r"(https?://[^\s]+|cid:[^\s]+)", re.IGNORECASE)
# A browser ends a comment at these, libxml2 does not.
AMBIGUOUS_COMMENT = re.compile(r"--!>|^-?>|-->")
OUTSIDE_URL = re.compile(r"(?:expression|-moz-binding|behavior)\s*[(:]|javascript:", re.IGNORECASE)


def refuse_active_content(root: etree._Element) -> None:
    """See that a parsed page has only what an email may have.

    Raises:
        ActiveContentError: a tag, attribute or comment could run, load or submit something.
        OutsideStyleError: a style sheet is linked.
        UnsafeLinkError: an address may not be linked to.
    """
    for node in root.iter():
        with errors_at(node):
            _check_node(node)


@contextmanager
def errors_at(node: etree._Element) -> Iterator[None]:
    """Note in errors on which line of the page this node ends its first tag."""
    try:
        yield
    except TemplateError as error:
        if not error.page_line:
            line: Any = node.sourceline  # its stub has an ellipsis for a type
            error.page_line = line or 0
            tag: Any = node.tag  # of a comment, a function
            error.page_tag = f"<{tag}".lower() if isinstance(tag, str) else "<!"
        raise


def _check_node(node: etree._Element) -> None:
    if isinstance(node, etree._Comment):
        _check_comment(node)
    elif not isinstance(node.tag, str):
        raise ActiveContentError("a processing instruction <? … ?>")
    else:
        _check_element(node)


def _check_comment(node: etree._Comment) -> None:
    text = node.text or ""
    if AMBIGUOUS_COMMENT.search(text) or re.search(r"<\s*/?\s*script", text, re.IGNORECASE):
        raise ActiveContentError(f"the comment <!--{text[:40]}…")


def _check_element(node: etree._Element) -> None:
    tag = str(node.tag).lower()
    if tag == "link":
        raise OutsideStyleError("<link>")
    if tag not in TAGS:
        raise ActiveContentError(f"<{tag}>")
    for name, value in node.attrib.items():
        _check_attribute(tag, str(name).lower(), str(value))
    if tag == "style" and OUTSIDE_URL.search(node.text or ""):
        raise ActiveContentError("a script in <style>")


def _check_attribute(tag: str, name: str, value: str) -> None:
    if name.startswith("on") or name in REFUSED_ATTRIBUTES:
        raise ActiveContentError(f"{name}=… in <{tag}>")
    if name == "http-equiv" and value.strip().lower() not in HARMLESS_HEADERS:
        raise ActiveContentError(f"http-equiv={value[:20]!r} in <{tag}>")
    if name in LINKING:
        check_link(value)
    if name in LOADING and value.strip() and not SOURCES.fullmatch(value.strip()):
        raise UnsafeLinkError(value)
    if name == "style" and OUTSIDE_URL.search(value):
        raise ActiveContentError(f"a script in the style of <{tag}>")
