"""What we note about a person beside their address: names, tags and attributes."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from subscribers.errors import InvalidTextError

NAME_LENGTH = 200
TAG_LENGTH = 64
ATTRIBUTE_NAME_LENGTH = 64
ATTRIBUTE_LENGTH = 10_000
ATTRIBUTE_COUNT = 64

# Templates see these under `subscriber`, and CSV files have columns of these names.
RESERVED_NAMES = frozenset(
    [
        *("id", "public_id", "email", "first_name", "last_name", "time_zone", "weekday", "hour"),
        *("pace", "paused_until", "tags", "attributes", "standing", "suppressed"),
    ]
)

# Controls, line separators, direction overrides, halves of a character.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")  # PostgreSQL takes neither
_LINK = re.compile(r"https?:|//|www\.|@", re.IGNORECASE)


def clean_name(text: str, *, field: str) -> str:
    """Make one printable line of a name; what cannot be printed becomes a space.

    Raises:
        InvalidTextError: more than 200 characters are left.
    """
    name = _one_line(text)
    if len(name) > NAME_LENGTH:
        raise InvalidTextError(field, name, f"it is longer than {NAME_LENGTH} characters")
    return name


def clean_typed_name(text: str, *, field: str) -> str:
    """Clean a name that a stranger typed: it must not carry a link.

    A sign-up form mails what was typed to the address that was typed. Without this
    rule it is a free way to send advertising in the clinic's name.

    Raises:
        InvalidTextError: it is too long, or it holds a link or an address.
    """
    name = clean_name(text, field=field)
    if _LINK.search(name):
        raise InvalidTextError(field, name, "a name holds no web or email address")
    return name


def clean_tag(text: str, *, what: str = "tag") -> str:
    """Bring a tag, or the name of an event, into its one form: lower case, one line, 64 characters.

    Raises:
        InvalidTextError: nothing is left, it is too long, or it holds a separator.
    """
    tag = _one_line(_one_line(text).lower())
    if not tag:
        raise InvalidTextError(what, text, "it is empty")
    if len(tag) > TAG_LENGTH:
        raise InvalidTextError(what, tag, f"it is longer than {TAG_LENGTH} characters")
    if re.search(r"[,;|]", tag):
        raise InvalidTextError(what, tag, "it holds a comma, a semicolon or a bar")
    return tag


@lru_cache(maxsize=1024)  # the rows of a file carry the same few again and again
def read_tags(text: str) -> tuple[str, ...]:
    """Read tags separated by comma, semicolon or bar, each once, in order."""
    words = [word for word in re.split(r"[,;|]", text) if _one_line(word)]
    return tuple(dict.fromkeys(clean_tag(word) for word in words))


def attribute_name(text: str) -> str:
    """Make the name of an attribute: `Postal Code` becomes `postal_code`.

    Templates write it as `subscriber.postal_code`, so it must be an identifier.

    Raises:
        InvalidTextError: nothing usable is left, or the name is taken.
    """
    name = re.sub(r"\W+", "_", text.strip().lower()).strip("_")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InvalidTextError("attribute name", text, "start it with a letter")
    if len(name) > ATTRIBUTE_NAME_LENGTH:
        raise InvalidTextError(
            "attribute name", text, f"it is longer than {ATTRIBUTE_NAME_LENGTH} characters"
        )
    if name in RESERVED_NAMES:
        raise InvalidTextError("attribute name", text, "the name has a meaning of its own")
    return name


def clean_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Check names and values: plain texts, numbers, yes or no, or nothing.

    Raises:
        InvalidTextError: too many, or one that cannot be kept.
    """
    if len(attributes) > ATTRIBUTE_COUNT:
        raise InvalidTextError(
            "attributes", str(len(attributes)), f"keep {ATTRIBUTE_COUNT} at most"
        )
    return {attribute_name(name): _value(name, value) for name, value in attributes.items()}


def fill_empty(current: Mapping[str, Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """List the offered values for which nothing is on record; what is there stays."""
    return {
        name: value
        for name, value in offered.items()
        if not _is_empty(value) and _is_empty(current.get(name))
    }


def unstorable(texts: Iterable[str]) -> bool:
    """Tell whether a text holds what a database refuses (NUL, half a character)."""
    return any(_UNSTORABLE.search(text) for text in texts)


def _value(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if not isinstance(value, str):
        raise InvalidTextError(f"attribute {name!r}", str(value), "it is no text or number")
    if unstorable([value]):
        raise InvalidTextError(f"attribute {name!r}", value, "it holds a NUL or half a character")
    if len(value) > ATTRIBUTE_LENGTH:
        why = f"it is longer than {ATTRIBUTE_LENGTH} characters"
        raise InvalidTextError(f"attribute {name!r}", value, why)
    return value


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def _one_line(text: str) -> str:
    return " ".join(_UNPRINTABLE.sub(" ", text).split())
