"""What a value looks like to a parser: the entities that escaping writes, and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from templates.compiler.values import UnprovableError


class ReaderError(UnprovableError):
    """A reader's value is one for which the compiled form is not proven; the fallback takes it."""


_ENTITIES: Final[Mapping[str, str]] = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&#34;": '"',
    "&#39;": "'",
    "&quot;": '"',
}
_ENTITY = re.compile(r"&(?:#?\w+;)?")


def unescaped(written: str) -> str:
    """Read an attribute as the inliner's parser does.

    Raises:
        ReaderError: it has an entity that escaping does not write.
    """
    if "&" not in written:
        return str(written)
    return _ENTITY.sub(_character, str(written))


def _character(found: re.Match[str]) -> str:
    if found[0] not in _ENTITIES:
        raise ReaderError("an address is written with an unusual entity")
    return _ENTITIES[found[0]]
