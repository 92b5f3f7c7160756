"""What people using this or that mail program will not see, in their words.

Who lacks what comes from caniemail.com (`builtin/client-support.json`, made by
`tools/slim_client_support.py`); what that looks like, from `client_words`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from templates.checking.cascade import declarations_in
from templates.checking.checked_email import CheckedEmail, Place
from templates.checking.client_words import BROKEN, PLAINER, UNNOTICED
from templates.checking.findings import Finding, Level
from templates.style_sheets import split_sheet

_FILE: Final = Path(__file__).parents[1] / "builtin" / "client-support.json"
_CORNER: Final = re.compile(r"border-(top|bottom)-(left|right)-radius")
_FUNCTION: Final = re.compile(r"([a-z-]+)\(")
_UNIT: Final = re.compile(r"(?<![\w#.-])-?[\d.]+([a-z]+)\b")
_AT_RULE: Final = re.compile(r"@([a-z-]+)\s*([^{]*)", re.IGNORECASE)
_PSEUDO: Final = re.compile(r"(::?)([a-z-]+)")
_PICTURE: Final = re.compile(r"\.(apng|avif|heif|heic|mp4|svg|tiff?|webp)(?:[?#]|$)")
_SAME_PICTURE: Final = {"heic": "heif", "tif": "tiff"}
_SPECIAL_VALUES: Final = {
    ("display", "flex"): "css-display-flex",
    ("display", "inline-flex"): "css-display-flex",
    ("display", "grid"): "css-display-grid",
    ("display", "inline-grid"): "css-display-grid",
    ("font-family", "system-ui"): "css-sytem-ui",  # spelt so by caniemail
}
_ALIKE: Final = {
    "column-gap": "css-gap",
    "row-gap": "css-gap",
    **dict.fromkeys(("left", "right", "top", "bottom"), "css-left-right-top-bottom"),
    **dict.fromkeys(("columns", "column-rule", "column-width"), "css-column-layout-properties"),
    **dict.fromkeys(("grid-template-columns", "grid-template-rows"), "css-grid-template"),
    **dict.fromkeys(("outline-color", "outline-style", "outline-width"), "css-outline"),
}
_FUNCTIONS: Final = {
    **{name: f"css-function-{name}" for name in ("clamp", "max", "min", "light-dark")},
    **{f"{kind}-gradient": f"css-{kind}-gradient" for kind in ("linear", "radial", "conic")},
    **dict.fromkeys(("lch", "oklch", "lab", "oklab"), "css-modern-color"),
    **{"rgba": "css-rgba", "calc": "css-unit-calc", "var": "css-variables"},
}
_NO_NEED: Final = frozenset({"height", "position", "float", "visibility", "max-height", "opacity"})
_AS_USUAL: Final = re.compile(r"(static|none|visible|0(px)?|1|auto|normal|initial|inherit)\s*")


@dataclass(frozen=True)
class Gaps:
    """Who lacks a feature."""

    never: tuple[str, ...]  # families in which nobody has it
    sometimes: tuple[str, ...]  # families of which some programs have it


@cache
def client_gaps() -> Mapping[str, Gaps]:
    """Read who lacks what, by caniemail's name of the feature."""
    features = json.loads(_FILE.read_text("utf-8"))["features"]
    return {
        name: Gaps(tuple(gaps["never"]), tuple(gaps["sometimes"]))
        for name, gaps in features.items()
    }


def check_client_support(checked: CheckedEmail) -> Iterator[Finding]:
    """Say what people will not see, each thing once, naming all who will not."""
    used: dict[tuple[Level, str, str], str] = {}
    for feature, written in _features(checked):
        gaps = client_gaps().get(feature)
        if gaps is not None and feature not in UNNOTICED:
            level, seen = _in_words(feature, written)
            people = _people(gaps, level)
            if people:
                used.setdefault((level, seen, people), written)
    for (level, seen, people), written in used.items():
        place = _place(checked, written)
        message = f"{people} will see {seen}"
        yield Finding(level, "client-support", message, place.file, place.line)


def _in_words(feature: str, written: str) -> tuple[Level, str]:
    if feature in BROKEN:
        return Level.LOOK, BROKEN[feature]
    general = f"nothing of what '{written}' asks for"
    return Level.KNOW, PLAINER.get(feature, general)


def _people(gaps: Gaps, level: Level) -> str:
    """Name who is concerned; some of a family count only where something is missing."""
    some = _listed(gaps.sometimes) if gaps.sometimes and level is Level.LOOK else ""
    if not gaps.never:
        return f"some people using {some}" if some else ""
    people = f"people using {_listed(gaps.never)}"
    return f"{people}, and some using {some}," if some else people


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _place(checked: CheckedEmail, written: str) -> Place:
    is_markup = written.startswith("<") or "/" in written
    if is_markup or not written.replace("-", "").isalpha():
        return checked.place_of(written, in_styles=not is_markup)
    written_ways = (f" {written}:", f"{{{written}:", f";{written}:", f'"{written}:', written)
    return checked.place_of(*written_ways, in_styles=True)


def _features(checked: CheckedEmail) -> Iterator[tuple[str, str]]:
    """Name what the email uses, with a piece of text by which it can be found again."""
    for element in checked.elements():
        yield from _of_element(
            str(element.tag), {str(k): str(v) for k, v in element.attrib.items()}
        )
        for name, value in declarations_in(element.get("style") or "").items():
            yield from _of_declaration(name, value)
    for sheet in checked.page.iter("style"):
        for rule in split_sheet(sheet.text or "").kept:
            yield from _of_rule(rule)


def _of_element(tag: str, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield f"html-{tag}", f"<{tag}"
    if attributes.get("href", "").startswith("#") and len(attributes["href"]) > 1:
        yield "html-anchor-links", attributes["href"]
    source = attributes.get("src", "")
    if found := _PICTURE.search(source.lower()):
        yield f"image-{_SAME_PICTURE.get(found[1], found[1])}", source


def _of_declaration(name: str, value: str) -> Iterator[tuple[str, str]]:
    if name.startswith(("mso-", "-")) or (name in _NO_NEED and _AS_USUAL.fullmatch(value)):
        return  # for one program only, or nothing else than without it
    if name not in ("background", "background-color"):
        feature = "css-border-radius" if _CORNER.fullmatch(name) else f"css-{name}"
        yield _ALIKE.get(name, feature), name
    elif "url(" in value:
        yield "css-background-image", name
    for word in re.findall(r"[a-z-]+", value.lower()):
        if special := _SPECIAL_VALUES.get((name, word)):
            yield special, word if name == "font-family" else f"{name}: {word}"
    for function in _FUNCTION.findall(value.lower()):
        if function in _FUNCTIONS:
            yield _FUNCTIONS[function], f"{function}("
    for unit in _UNIT.findall(value.lower()):
        yield f"css-unit-{unit}", unit


def _of_rule(rule: str) -> Iterator[tuple[str, str]]:
    """Look at a rule of the head: at-rules and states are extras, so not at what is inside."""
    if found := _AT_RULE.match(rule):
        name, asked = found[1].lower(), found[2].lower()
        for kind in ("prefers-color-scheme", "orientation", "hover"):
            if name == "media" and kind in asked:
                yield f"css-at-media-{kind}", kind
                return
        yield f"css-at-{name}", f"@{name}"
        return
    prelude, _, body = rule.partition("{")
    states = _PSEUDO.findall(re.sub(r"\[[^\]]*\]", "", prelude))
    for colons, state in states:
        kind = "element" if colons == "::" or state in ("before", "after") else "class"
        yield f"css-pseudo-{kind}-{state}", f":{state}"
    if "{" in body:
        yield "css-nesting", prelude.strip()
    elif not states and "[" not in prelude:
        for name, value in declarations_in(body.rpartition("}")[0]).items():
            yield from _of_declaration(name, value.replace("!important", ""))
