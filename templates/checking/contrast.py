"""Can the words be read? WCAG's contrast of every text with what lies behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from templates.checking.cascade import Look, texts_by_day, texts_in_the_dark
from templates.checking.checked_email import CheckedEmail
from templates.checking.findings import Finding, Level
from templates.colours import READABLE, contrast

READABLE_LARGE: Final = 3.0  # WCAG 2.2, success criterion 1.4.3, large scale
_LONGEST_QUOTE: Final = 40  # characters


def check_contrast(checked: CheckedEmail) -> Iterator[Finding]:
    """See that all words can be read, by day and in the dark; each pair of colours once."""
    yield from _pairs(checked, texts_by_day(checked), "")
    yield from _pairs(checked, texts_in_the_dark(checked), " in dark mode")


def _pairs(
    checked: CheckedEmail, texts: Iterable[tuple[str, Look]], when: str
) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for text, look in texts:
        wanted = READABLE_LARGE if look.is_large else READABLE
        found = contrast(look.ink, look.ground)
        if not (look.is_seen and look.ground_is_known and look.pixels > 1) or found >= wanted:
            continue
        if (look.ink, look.ground) in seen:
            continue
        seen.add((look.ink, look.ground))
        quoted = text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"
        words = text.split()
        place = checked.place_of(text, " ".join(words[:4]), " ".join(words[:2]))
        yield Finding(
            Level.LOOK,
            "contrast",
            f"“{quoted}” is hard to read{when}: {look.ink} on {look.ground} has a contrast of "
            f"{found:.1f}, and {wanted} is needed; make one darker or the other lighter",
            place.file,
            place.line,
        )
