"""What stands in the email: pictures and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from templates.checking.checked_email import CheckedEmail
from templates.checking.findings import Finding, Level

_FILE_NAME: Final = re.compile(r"[\w-]+\.(png|jpe?g|gif|webp|svg)|(img|dsc|image|picture)[_ -]?\d+")


def check_pictures(checked: CheckedEmail) -> Iterator[Finding]:
    """See that every picture has words for those who cannot see it."""
    for picture in checked.page.iter("img"):
        source, words = str(picture.get("src") or ""), picture.get("alt")
        place = checked.place_of(source)
        for level, message in _faults_of(source, words):
            yield Finding(level, "alt", message, place.file, place.line)


def _faults_of(source: str, words: str | None) -> Iterator[tuple[Level, str]]:
    if words is None:
        yield (
            Level.LOOK,
            f"the picture {source} has no words for those who cannot see it; add them",
        )
    elif not words.strip():
        yield Level.KNOW, f"the picture {source} has no words, so it counts as decoration"
    elif _FILE_NAME.fullmatch(words.strip().lower()):
        yield (
            Level.LOOK,
            f"the words for the picture {source} are a file name, '{words.strip()}'; "
            "say what can be seen",
        )


def check_headings(checked: CheckedEmail) -> Iterator[Finding]:
    """See that there is one main heading, by which screen readers find the beginning."""
    count = len(list(checked.page.iter("h1")))
    if count != 1:
        yield Finding(
            Level.LOOK, "heading", f"the email has {count} main headings; write exactly one '# '"
        )
