"""The lists of words that emails are searched for, in every language they are kept in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).parents[1] / "builtin" / "words.json"


def listed_words(name: str) -> tuple[str, ...]:
    """Give the list of this name, `health` or `spam`, of all languages."""
    by_language: dict[str, list[str]] = json.loads(_FILE.read_text("utf-8"))[name]
    return tuple(word for words in by_language.values() for word in words)
