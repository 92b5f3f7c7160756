"""What a theme is drawn with: colours by day and by night, fonts, corners and rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import yaml

from templates.colours import check_colour, readable
from templates.email import Theme
from templates.errors import ThemeFileError, suggest

TOKENS_FILE: Final = "theme.yaml"
COLOURS: Final = frozenset(
    {"paper", "card", "line", "ink", "quiet", "accent", "on_accent", "panel", "panel_ink"}
)
FONTS: Final = frozenset({"headings", "text"})
FONT: Final = re.compile(r"[A-Za-z0-9 ,-]+")
# What the files of a theme called its fonts before; revisions and copies of then still do.
FORMER_FONTS: Final = {"serif": "headings", "sans": "text"}
THICKEST: Final = 40  # pixels
PIXELS: Final = frozenset({"card_corner", "button_corner", "tip_corner", "card_rule", "tip_rule"})
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "heading_weight": ("normal", "bold"),
    "tip_title": ("italic", "normal"),
    "eyebrow": ("none", "uppercase"),
    "masthead": ("center", "start"),
}
# Older themes draw these into their sheets themselves.
SHAPE: Final[Mapping[str, Any]] = {
    **{"card_corner": 12, "button_corner": 8, "tip_corner": 10, "card_rule": 0, "tip_rule": 0},
    **{name: words[0] for name, words in WORDS.items()},
}
GROUPS: Final[Mapping[str, Collection[str]]] = {
    "light": COLOURS,
    "dark": COLOURS,
    "fonts": FONTS,
    "shape": frozenset(SHAPE),
}
KEYS: Final = ("title", "description", "based_on", *GROUPS)
# Word takes Times for a list of fonts it does not know the first of; so it is told one it has.
OUTLOOK_FONTS: Final = (
    *("Georgia", "Palatino Linotype", "Book Antiqua", "Cambria", "Times New Roman", "Segoe UI"),
    *("Arial", "Verdana", "Tahoma", "Trebuchet MS", "Calibri", "Courier New"),
)


def theme_tokens(theme: Theme, clinic: Mapping[str, Any]) -> dict[str, Any]:
    """Give what to draw with; the clinic's own accent colour goes before the theme's.

    A clinic's accent is moved towards black, or white in the dark, until it can be read.

    Raises:
        ThemeFileError: a token is missing or no colour, font or size.
    """
    loaded = read_tokens(theme.name, theme.files[TOKENS_FILE])
    light, dark = (_colours(theme.name, loaded, group) for group in ("light", "dark"))
    if accent := str(clinic.get("accent") or ""):
        chosen = check_colour(accent, "the clinic's accent colour")
        light = _with_accent(light, chosen, towards="#000000", on="#ffffff")
        dark = _with_accent(dark, chosen, towards="#ffffff", on=dark["paper"])
    return {**light, **_fonts(theme.name, loaded), **_shape(theme.name, loaded), "dark": dark}


@lru_cache(maxsize=32)  # every tick asks whether a theme has changed
def read_tokens(theme: str, text: str) -> Mapping[str, Any]:
    """Read `theme.yaml` as it stands.

    Raises:
        ThemeFileError: it is no YAML, or no mapping.
    """
    try:
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ThemeFileError(theme, TOKENS_FILE, problem=f"is not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ThemeFileError(theme, TOKENS_FILE, problem="must be 'key: value' lines")
    return loaded


def check_keys(theme: str, tokens: Mapping[str, Any]) -> None:
    """See that nothing is misspelt: what nobody knows would change nothing, silently.

    Raises:
        ThemeFileError: a name is unknown, or a group is no group.
    """
    _refuse_unknown(theme, tokens, KEYS, "there is no key")
    for group, names in GROUPS.items():
        known = {*names, *FORMER_FONTS} if group == "fonts" else names
        _refuse_unknown(theme, _group(theme, tokens, group), known, f"'{group}' has no")


def merge_tokens(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put the tokens of a theme over those of the theme it is based on; the first goes first."""
    merged: dict[str, Any] = {key: layers[0][key] for key in KEYS if key in layers[0]}
    merged.pop("based_on", None)
    for group in GROUPS:
        values = [_renamed(layer.get(group) or {}) for layer in reversed(layers)]
        merged[group] = {name: value for each in values for name, value in each.items()}
    return merged


def _group(theme: str, tokens: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    found = tokens.get(group) or {}
    if not isinstance(found, dict):
        problem = f"'{group}' must be indented 'name: value' lines"
        raise ThemeFileError(theme, TOKENS_FILE, problem=problem)
    return _renamed(found) if group == "fonts" else found


def _renamed(found: Mapping[str, Any]) -> dict[str, Any]:
    return {FORMER_FONTS.get(name, name): value for name, value in found.items()}


def _refuse_unknown(
    theme: str, found: Mapping[str, Any], known: Collection[str], what: str
) -> None:
    for name in map(str, found):
        if name not in known:
            problem = f"{what} '{name}'; {suggest(name, known)}"
            raise ThemeFileError(theme, TOKENS_FILE, problem=problem)


def _complete(theme: str, tokens: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    found = _group(theme, tokens, group)
    if missing := sorted(set(GROUPS[group]) - set(found)):
        problem = f"'{group}' lacks {', '.join(missing)}; add them, or write 'based_on: calm'"
        raise ThemeFileError(theme, TOKENS_FILE, problem=problem)
    return found


def _colours(theme: str, tokens: Mapping[str, Any], group: str) -> dict[str, str]:
    found = _complete(theme, tokens, group)
    return {
        name: check_colour(str(found[name]), f"{theme}/{TOKENS_FILE}, {group}.{name}")
        for name in sorted(COLOURS)
    }


def _fonts(theme: str, tokens: Mapping[str, Any]) -> dict[str, str]:
    """Give the fonts by their names of now and of before, and the one Outlook is to take."""
    found = {name: str(value) for name, value in _complete(theme, tokens, "fonts").items()}
    for name, value in found.items():
        if not FONT.fullmatch(value):
            problem = f"font '{name}' must be plain names without quotes"
            raise ThemeFileError(theme, TOKENS_FILE, problem=problem)
    former = {before: found[name] for before, name in FORMER_FONTS.items()}
    outlook = {f"outlook_{name}": _outlook_font(value) for name, value in found.items()}
    return {**found, **former, **outlook}


def _outlook_font(fonts: str) -> str:
    names = [name.strip() for name in fonts.split(",")]
    return next((name for name in names if name in OUTLOOK_FONTS), "Arial")


def _shape(theme: str, tokens: Mapping[str, Any]) -> dict[str, Any]:
    found = {**SHAPE, **_group(theme, tokens, "shape")}
    for name in sorted(PIXELS):
        if type(found[name]) is not int or not 0 <= found[name] <= THICKEST:
            problem = f"shape.{name} must be a whole number of pixels from 0 to {THICKEST}"
            raise ThemeFileError(theme, TOKENS_FILE, problem=problem)
    for name, words in WORDS.items():
        if found[name] not in words:
            problem = f"shape.{name} is '{found[name]}'; write {' or '.join(words)}"
            raise ThemeFileError(theme, TOKENS_FILE, problem=problem)
    return found


def _with_accent(colours: dict[str, str], accent: str, *, towards: str, on: str) -> dict[str, str]:
    grounds = (colours["paper"], colours["card"], colours["panel"], on)
    return {
        **colours,
        "accent": readable(accent, grounds=grounds, towards=towards),
        "on_accent": on,
    }
