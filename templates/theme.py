"""Themes: folders with a layout, block macros, style sheets, and the tokens they are drawn with.

A theme that is `based_on` another one brings only what differs: a file of its own goes before the
file of the other, a token of its own before the token of the other. So six colours are a theme.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from templates.email import Theme
from templates.errors import ThemeError, ThemeFileError, UnknownThemeError
from templates.tokens import TOKENS_FILE, check_keys, merge_tokens, read_tokens, theme_tokens

BUILTIN: Final = Path(__file__).parent / "builtin" / "themes"
FILES: Final = ("layout.html", "blocks.html", "layout.txt", "inline.css", "head.css")
NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LARGEST_FILE: Final = 100_000  # bytes


@dataclass(frozen=True)
class ThemeSummary:
    """One theme in a list of them."""

    name: str
    description: str
    based_on: str  # empty: it brings every file itself
    is_own: bool  # it lies in the owner's folder
    problem: str = ""  # why it cannot be used


def theme_names(folder: Path | None = None) -> tuple[str, ...]:
    """List the themes there are: the owner's and the built-in ones."""
    found = {path.parent.name for place in _places(folder) for path in place.glob("*/theme.yaml")}
    return tuple(sorted(found))


def list_themes(folder: Path | None = None) -> list[ThemeSummary]:
    """Describe the themes there are; one that cannot be used says why."""
    return [_summary(name, folder) for name in theme_names(folder)]


def read_theme(name: str, *, folder: Path | None = None) -> Theme:
    """Read a theme from the owner's folder or, if it is not there, from the built-in ones.

    Raises:
        UnknownThemeError: neither has it.
        ThemeFileError: a file of it is missing or unreadable.
    """
    layers = _read_layers(name, folder)
    files: dict[str, str] = {}
    owners: dict[str, str] = {}
    for owner, own_files in reversed(layers):
        files |= own_files
        owners |= dict.fromkeys(own_files, owner)
    if len(layers) > 1:
        merged = merge_tokens([read_tokens(owner, own[TOKENS_FILE]) for owner, own in layers])
        files[TOKENS_FILE] = yaml.safe_dump(merged, sort_keys=False, allow_unicode=True)
    missing = [file for file in FILES if file not in files]
    if missing:
        raise ThemeFileError(
            name, missing[0], problem="is missing; add it, or write 'based_on: calm' in theme.yaml"
        )
    theme = Theme(name, files, owners)
    theme_tokens(theme, {})  # a theme with a bad token is refused now, not at the first email
    return theme


def _summary(name: str, folder: Path | None) -> ThemeSummary:
    is_own = folder is not None and (folder / name / TOKENS_FILE).is_file()
    try:
        read_theme(name, folder=folder)
        tokens = _tokens_in(_place_of(name, folder, []))
    except ThemeError as error:
        return ThemeSummary(name, "", "", is_own, problem=str(error))
    description = " ".join(str(tokens.get("description") or "").split())
    return ThemeSummary(name, description, str(tokens.get("based_on") or ""), is_own)


def _read_layers(name: str, folder: Path | None) -> list[tuple[str, dict[str, str]]]:
    """Read a theme's own files, then those of the one it is based on, and so on down.

    Each with the name of its theme; one that has it from the theme built on it says so.
    """
    layers: list[tuple[str, dict[str, str]]] = []
    visited: list[Path] = []
    wanted: Any = name
    while wanted is not None:
        place = _place_of(str(wanted), folder, visited)
        is_shadowed = place.name in {other.name for other in visited}
        owner = f"built-in {place.name}" if is_shadowed else place.name
        visited.append(place)
        layers.append((owner, _read_files(place)))
        wanted = _tokens_in(visited[-1]).get("based_on")
    return layers


def _place_of(name: str, folder: Path | None, visited: list[Path]) -> Path:
    """Find the folder of a theme; an own one may be based on the built-in one of its name."""
    for place in (place / name for place in _places(folder) if NAME.fullmatch(name)):
        if place not in visited and (place / TOKENS_FILE).is_file():
            return place
    if any(place.name == name for place in visited):
        problem = f"'based_on: {name}' leads round in a circle; name another theme"
        raise ThemeFileError(visited[-1].name, TOKENS_FILE, problem=problem)
    raise UnknownThemeError(name, theme_names(folder))


def _places(folder: Path | None) -> tuple[Path, ...]:
    return (folder, BUILTIN) if folder is not None else (BUILTIN,)


def _tokens_in(place: Path) -> Mapping[str, Any]:
    tokens = read_tokens(place.name, _read_text(place / TOKENS_FILE))
    check_keys(place.name, tokens)
    return tokens


def _read_files(place: Path) -> dict[str, str]:
    return {
        file: _read_text(place / file) for file in (TOKENS_FILE, *FILES) if (place / file).is_file()
    }


def _read_text(path: Path) -> str:
    theme, content = path.parent.name, path.read_bytes()
    if len(content) > LARGEST_FILE:
        raise ThemeFileError(theme, path.name, problem=f"is larger than {LARGEST_FILE:,} bytes")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ThemeFileError(theme, path.name, problem="is not UTF-8; save it so") from error
