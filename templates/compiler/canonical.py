"""Two pages compared by what they mean: tags, attributes, styles, words.

White space that no reader sees is not compared: runs of it count as one space, and where only
tags may stand it counts as nothing. A style is compared as what it sets in the end.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from lxml import etree

_SPACE = re.compile(r"[ \t\n\r\f]+")
_TAGS_ONLY: Final = frozenset(
    {"html", "head", "table", "tbody", "thead", "tfoot", "tr", "ul", "ol"}
)
_DECLARATION = re.compile(r"""((?:[^;"'(]|"[^"]*"|'[^']*'|\([^)]*\))+)""")

Canonical: TypeAlias = tuple[object, ...]


def canonical(html: str) -> Canonical:
    """Give the page in a form that is equal for pages that mean the same."""
    parser = etree.HTMLParser(no_network=True, huge_tree=False)
    root = etree.fromstring(html, parser)
    return (*(_node(node) for node in root.itersiblings(preceding=True)), _node(root))


def _node(node: etree._Element) -> Canonical:
    if isinstance(node, etree._Comment):
        return ("comment", _collapsed(node.text))
    attributes = {
        str(name): _style(str(value)) if name == "style" else _collapsed(str(value))
        for name, value in node.attrib.items()
    }
    return (str(node.tag), tuple(sorted(attributes.items(), key=repr)), *_content(node))


def _content(node: etree._Element) -> list[object]:
    """Give words and elements; words around a comment are still two stretches."""
    content: list[object] = [_collapsed(node.text)]
    for child in node:
        content += [_node(child), _collapsed(child.tail)]
    nothing = ("", " ") if node.tag in _TAGS_ONLY else ("",)
    return [part for part in content if part not in nothing]


def _collapsed(text: str | None) -> str:
    return _SPACE.sub(" ", text or "")


def _style(style: str) -> tuple[tuple[str, str], ...]:
    """Give what a style sets: of two declarations of one property, the last counts."""
    declarations: dict[str, str] = {}
    for declaration in _DECLARATION.findall(style):
        name, _, value = declaration.partition(":")
        if name.strip():
            declarations.pop(name.strip(), None)
            declarations[name.strip()] = _collapsed(value.strip())
    return tuple(declarations.items())
