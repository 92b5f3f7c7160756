"""Themes: folders with a layout, block macros, style sheets, and the tokens they are drawn with.

A theme that only differs in colours and fonts says `based_on` and brings its own tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from templates.colours import check_colour, readable
from templates.email import Theme
from templates.errors import ThemeFileError, UnknownThemeError

BUILTIN: Final = Path(__file__).parent / "builtin" / "themes"
FILES: Final = ("layout.html", "blocks.html", "layout.txt", "inline.css", "head.css")
TOKENS_FILE: Final = "theme.yaml"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LARGEST_FILE: Final = 100_000  # bytes
COLOURS: Final = frozenset(
    {"paper", "card", "line", "ink", "quiet", "accent", "on_accent", "panel", "panel_ink"}
)
FONTS: Final = frozenset({"serif", "sans"})
FONT = re.compile(r"[A-Za-z0-9 ,-]+")


def theme_names(folder: Path | None = None) -> tuple[str, ...]:
    """List the themes there are: the owner's and the built-in ones."""
    found = {path.parent.name for place in _places(folder) for path in place.glob("*/theme.yaml")}
    return tuple(sorted(found))


def read_theme(name: str, *, folder: Path | None = None) -> Theme:
    """Read a theme from the owner's folder or, if it is not there, from the built-in ones.

    Raises:
        UnknownThemeError: neither has it.
        ThemeFileError: a file of it is missing or unreadable.
    """
    files = _read_files(name, folder)
    base = _read_tokens(name, files[TOKENS_FILE]).get("based_on")
    if base is not None:
        below = _read_files(str(base), folder if base != name else None)
        files = {**below, **files}
    missing = [file for file in FILES if file not in files]
    if missing:
        raise ThemeFileError(
            name, missing[0], problem="is missing; add it, or write 'based_on: calm' in theme.yaml"
        )
    theme = Theme(name, files)
    theme_tokens(theme, {})  # a theme with a bad token is refused now, not at the first email
    return theme


def theme_tokens(theme: Theme, clinic: Mapping[str, Any]) -> dict[str, Any]:
    """Give the colours and fonts to draw with; the clinic's own accent colour goes first.

    A clinic's accent is moved towards black, or white in the dark, until it can be read.

    Raises:
        ThemeFileError: a token is missing or no colour or font.
    """
    loaded = _read_tokens(theme.name, theme.files[TOKENS_FILE])
    light = _check_tokens(theme.name, loaded.get("light"), COLOURS, "light")
    dark = _check_tokens(theme.name, loaded.get("dark"), COLOURS, "dark")
    fonts = _check_tokens(theme.name, loaded.get("fonts"), FONTS, "fonts")
    if accent := str(clinic.get("accent") or ""):
        chosen = check_colour(accent, "the clinic's accent colour")
        light = _with_accent(light, chosen, towards="#000000", on="#ffffff")
        dark = _with_accent(dark, chosen, towards="#ffffff", on=dark["paper"])
    return {**light, **fonts, "dark": dark}


def _with_accent(colours: dict[str, str], accent: str, *, towards: str, on: str) -> dict[str, str]:
    grounds = (colours["paper"], colours["card"], colours["panel"], on)
    return {
        **colours,
        "accent": readable(accent, grounds=grounds, towards=towards),
        "on_accent": on,
    }


def _places(folder: Path | None) -> tuple[Path, ...]:
    return (folder, BUILTIN) if folder is not None else (BUILTIN,)


def _read_files(name: str, folder: Path | None) -> dict[str, str]:
    for place in _places(folder):
        if NAME.fullmatch(name) and (place / name / TOKENS_FILE).is_file():
            names = (TOKENS_FILE, *FILES)
            present = [file for file in names if (place / name / file).is_file()]
            return {file: _read_text(name, place / name / file) for file in present}
    raise UnknownThemeError(name, theme_names(folder))


def _read_text(theme: str, path: Path) -> str:
    content = path.read_bytes()
    if len(content) > LARGEST_FILE:
        raise ThemeFileError(theme, path.name, problem=f"is larger than {LARGEST_FILE:,} bytes")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ThemeFileError(theme, path.name, problem="is not UTF-8; save it so") from error


@lru_cache(maxsize=32)  # every tick asks whether a theme has changed
def _read_tokens(theme: str, text: str) -> Mapping[str, Any]:
    try:
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ThemeFileError(theme, TOKENS_FILE, problem=f"is not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ThemeFileError(theme, TOKENS_FILE, problem="must be 'key: value' lines")
    return loaded


def _check_tokens(theme: str, found: Any, names: frozenset[str], group: str) -> dict[str, str]:
    if not isinstance(found, dict) or set(found) != names:
        wanted = ", ".join(sorted(names))
        raise ThemeFileError(theme, TOKENS_FILE, problem=f"'{group}' must have exactly: {wanted}")
    if group == "fonts":
        bad = [name for name, value in found.items() if not FONT.fullmatch(str(value))]
        if bad:
            raise ThemeFileError(
                theme, TOKENS_FILE, problem=f"font '{bad[0]}' must be plain names without quotes"
            )
        return {name: str(value) for name, value in found.items()}
    return {
        name: check_colour(str(value), f"{theme}/{TOKENS_FILE}, {group}.{name}")
        for name, value in found.items()
    }
