"""Begin an own theme: the colours of another one, to be changed."""

from __future__ import annotations

from pathlib import Path

import yaml

from steadypost.errors import ThemeExistsError, ThemeNameError
from templates.theme import NAME, read_theme
from templates.tokens import TOKENS_FILE, read_tokens

_HEADER = """\
# A theme of your own. It looks like '{based_on}' but for what stands here: change the colours you
# like, and leave out the lines you do not. Colours are six hexadecimal digits.
"""


def begin_theme(folder: Path, name: str, *, based_on: str) -> Path:
    """Write the first `theme.yaml` of a theme and tell where it is.

    Raises:
        ThemeNameError: no theme can be called so.
        ThemeExistsError: there is one of this name in the folder.
        ThemeError: the theme it is to be based on cannot be used.
    """
    if not NAME.fullmatch(name):
        raise ThemeNameError(name)
    path = folder / name / TOKENS_FILE
    if path.exists():
        raise ThemeExistsError(name, path)
    base = read_tokens(based_on, read_theme(based_on, folder=folder).files[TOKENS_FILE])
    tokens = {
        "title": name.replace("-", " ").capitalize(),
        "description": f"Our own colours on {based_on}.",
        "based_on": based_on,
        "light": dict(base["light"]),
        "dark": dict(base["dark"]),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(tokens, sort_keys=False, allow_unicode=True)
    path.write_text(_HEADER.format(based_on=based_on) + text, "utf-8")
    return path
