"""Colours: is this readable on that, and what would be."""

from __future__ import annotations

import re
from typing import Final

from templates.errors import ColourError

READABLE: Final = 4.5  # WCAG 2.2, success criterion 1.4.3
HEX = re.compile(r"#[0-9a-fA-F]{6}")


def check_colour(text: str, place: str) -> str:
    """Give a colour back in lower case.

    Raises:
        ColourError: it is not six hexadecimal digits; mail programs know nothing newer.
    """
    if not HEX.fullmatch(text):
        raise ColourError(text, place)
    return text.lower()


def contrast(one: str, other: str) -> float:
    """Compare the brightness of two colours: 1 is none, 21 is black on white.

    Source: WCAG 2.2, definition of contrast ratio.
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: str, *, grounds: tuple[str, ...], towards: str) -> str:
    """Mix a colour towards another until it can be read on every ground."""
    for step in range(21):
        mixed = mix(colour, towards, step / 20)
        if all(contrast(mixed, ground) >= READABLE for ground in grounds):
            return mixed
    return towards


def mix(colour: str, other: str, share: float) -> str:
    """Take this share of the other colour and the rest of the first."""
    channels = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in channels)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
