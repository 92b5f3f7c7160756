"""Which colours meet on the inlined page, by day and in the dark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeAlias

from cssutils.css.colors import COLORS
from lxml import etree
from lxml.cssselect import CSSSelector

from templates.checking.checked_email import CheckedEmail
from templates.style_sheets import split_sheet

Declarations: TypeAlias = dict[str, str]

_DARK: Final = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark", re.IGNORECASE)
_RGB: Final = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*1\s*)?\)")
_PIXELS: Final = re.compile(r"([\d.]+)px")
_COLOUR_WORD: Final = re.compile(r"#[0-9a-fA-F]{3,6}\b|rgba?\([^)]*\)|[a-zA-Z]+")
_BOLD: Final = frozenset({"bold", "bolder", "600", "700", "800", "900"})
_LINK_BLUE: Final = "#0000ee"
_LARGE_PIXELS, _LARGE_BOLD_PIXELS = 24.0, 18.66  # WCAG 2.2, "large scale"


@dataclass(frozen=True)
class Look:
    """How the words at one place look."""

    ink: str = "#000000"
    ground: str = "#ffffff"
    pixels: float = 16.0
    is_bold: bool = False
    is_seen: bool = True
    ground_is_known: bool = True  # a picture may lie between

    @property
    def is_large(self) -> bool:
        """Whether less contrast is enough."""
        return self.pixels >= (_LARGE_BOLD_PIXELS if self.is_bold else _LARGE_PIXELS)


@dataclass(frozen=True)
class _DarkRule:
    selector: CSSSelector
    specificity: tuple[int, int, int]
    declarations: Declarations


def texts_by_day(checked: CheckedEmail) -> Iterator[tuple[str, Look]]:
    """Give every piece of text with its look."""
    yield from _texts(checked.page, Look(), {})


def texts_in_the_dark(checked: CheckedEmail) -> Iterator[tuple[str, Look]]:
    """Give every piece of text with its look where dark mode is asked for; none without rules."""
    overlaid: dict[etree._Element, Declarations] = {}
    for rule in sorted(_dark_rules(checked.page), key=lambda rule: rule.specificity):
        found = rule.selector(checked.page)
        for element in found if isinstance(found, list) else ():
            if isinstance(element, etree._Element):
                overlaid.setdefault(element, {}).update(rule.declarations)
    if overlaid:
        yield from _texts(checked.page, Look(), overlaid)


def declarations_in(style: str) -> Declarations:
    """Read the declarations of a style; the last of the same name wins."""
    pairs = (part.partition(":") for part in re.split(r";(?![^(]*\))", style))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if value.strip()}


def _dark_rules(page: etree._Element) -> Iterator[_DarkRule]:
    for sheet in page.iter("style"):
        for rule in split_sheet(sheet.text or "").kept:
            if _DARK.match(rule):
                yield from _rules_inside(rule.partition("{")[2].rpartition("}")[0])


def _rules_inside(block: str) -> Iterator[_DarkRule]:
    for prelude, body in re.findall(r"([^{}]+)\{([^{}]*)\}", block):
        strong = {
            name: value.replace("!important", "").strip()
            for name, value in declarations_in(body).items()
            if "!important" in value  # whatever else is beaten by the styles at the elements
        }
        for selector in prelude.split(","):
            if found := _selector(selector.strip()):
                yield _DarkRule(found, _specificity(selector), strong)


@lru_cache(maxsize=512)
def _selector(text: str) -> CSSSelector | None:
    try:
        return CSSSelector(text)
    except Exception:  # what the library cannot match is not looked at
        return None


def _specificity(selector: str) -> tuple[int, int, int]:
    elements = re.findall(r"(?:^|[\s>+~])([a-zA-Z][\w-]*)", selector)
    return selector.count("#"), len(re.findall(r"[.\[:]", selector)), len(elements)


def _texts(
    element: etree._Element, look: Look, overlaid: Mapping[etree._Element, Declarations]
) -> Iterator[tuple[str, Look]]:
    if isinstance(element, etree._Comment) or element.tag in ("head", "style", "script"):
        return
    inside = _look_of(element, look, overlaid.get(element, {}))
    if element.text and _is_written(element.text):
        yield " ".join(element.text.split()), inside
    for child in element:
        yield from _texts(child, inside, overlaid)
        if child.tail and _is_written(child.tail):
            yield " ".join(child.tail.split()), inside


def _is_written(text: str) -> bool:
    return any(sign.isalnum() for sign in text)


def _look_of(element: etree._Element, look: Look, over: Declarations) -> Look:
    own = declarations_in(element.get("style") or "") | over
    ink = _LINK_BLUE if element.tag == "a" and element.get("href") else look.ink
    ground = _ground(own, element) or ""
    hides = own.get("display") == "none" or own.get("visibility") == "hidden"
    size = _PIXELS.match(own.get("font-size", ""))
    weight = own.get("font-weight", "bold" if element.tag in ("b", "strong", "th") else "")
    return replace(
        look,
        ink=colour_in(own.get("color", "")) or ink,
        ground=ground or look.ground,
        pixels=float(size[1]) if size else look.pixels,
        is_bold=weight in _BOLD if weight else look.is_bold,
        is_seen=look.is_seen and not hides,
        ground_is_known=bool(ground) or (look.ground_is_known and not _has_picture(own, element)),
    )


def _ground(own: Declarations, element: etree._Element) -> str:
    for value in (own.get("background-color"), own.get("background"), element.get("bgcolor")):
        if value and "url(" not in value and "gradient(" not in value:
            for word in _COLOUR_WORD.findall(value):
                if colour := colour_in(word):
                    return colour
    return ""


def _has_picture(own: Declarations, element: etree._Element) -> bool:
    written = own.get("background", "") + own.get("background-image", "")
    return "url(" in written or "gradient(" in written or bool(element.get("background"))


def colour_in(value: str) -> str:
    """Read a colour as six hexadecimal digits; '' for what is none, or lets others through."""
    text = value.replace("!important", "").strip().lower()
    if re.fullmatch(r"#[0-9a-f]{6}", text):
        return text
    if re.fullmatch(r"#[0-9a-f]{3}", text):
        return "#" + "".join(sign * 2 for sign in text[1:])
    if found := _RGB.fullmatch(text):
        return "#" + "".join(f"{min(255, int(channel)):02x}" for channel in found.groups())
    if text in COLORS and text != "transparent":
        return "#" + "".join(f"{channel:02x}" for channel in COLORS[text][:3])
    return ""
