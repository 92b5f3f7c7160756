"""Open styles: merged for each reader by the inliner's own functions, and remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree
from markupsafe import Markup

from templates.compiler.entities import unescaped
from templates.compiler.fallback import Sheet
from templates.errors import ActiveContentError, MalformedStyleError
from templates.inlining import drop_useless_attributes
from templates.safe_markup import OUTSIDE_URL

MIRRORED: Final = ("align", "valign", "bgcolor")
_KEPT: Final = 2_000


@dataclass
class OpenStyle:
    """One element whose style a reader's values are part of."""

    tag: str
    rules: tuple[int, ...]  # of the sheet, that match it
    attributes: Mapping[str, str]  # those of MIRRORED that stand at it
    sheet: Sheet
    known: dict[str, Markup] = field(default_factory=dict)

    def __call__(self, written: str) -> Markup:
        """Give the attributes an element gets whose style reads like this.

        Raises:
            InliningError: it is no style, or does something.
        """
        if written not in self.known:
            if len(self.known) >= _KEPT:
                self.known.clear()
            self.known[written] = self._attributes(unescaped(written))
        return self.known[written]

    def _attributes(self, style: str) -> Markup:
        element = etree.Element(self.tag, dict(self.attributes))
        inline = _closed(style, self.tag)
        if inline:
            element.set("style", inline)
        if self.rules:
            merged = self.sheet.merged(self.rules, inline)
            if merged.style:
                element.set("style", merged.style)
            for name, value in merged.attributes.items():
                element.set(name, value)
        drop_useless_attributes(element)
        text = etree.tostring(element, method="html", encoding="unicode")
        return Markup(text[len(self.tag) + 1 : text.index(">", _last_quote(text))])  # noqa: S704


def _last_quote(text: str) -> int:
    return max(text.rfind('"'), text.rfind("'"), 0)


def _closed(style: str, tag: str) -> str:
    if OUTSIDE_URL.search(style):
        raise ActiveContentError(f"a script in the style of <{tag}>")
    if not style.strip():
        return ""
    if ":" not in style or "{" in style or "}" in style:
        raise MalformedStyleError(style, tag)
    return style.strip().rstrip(";") + ";"
