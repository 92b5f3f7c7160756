"""Words that tell something about a person's health: on a lock screen, in a log, on an envelope."""

from __future__ import annotations

import re
from typing import Final

from templates.checking.word_lists import listed_words


def _pattern(beginnings: tuple[str, ...]) -> str:
    return "|".join(
        re.escape(word.removesuffix("$")) + (r"\b" if word.endswith("$") else r"\w*")
        for word in beginnings
    )


_WORDS: Final = re.compile(rf"(?<![^\W_])(?:{_pattern(listed_words('health'))})", re.IGNORECASE)


def health_word_in(text: str) -> str:
    """Find the first word about health; '' if there is none. Hyphens and underscores are spaces."""
    found = _WORDS.search(re.sub(r"[-_/+.=&?]+", " ", text))
    return found[0] if found else ""
