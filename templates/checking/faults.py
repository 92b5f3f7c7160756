"""Every fault of a document at once: whoever mends one should not meet the next one after it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from templates.compiling import compile_edition
from templates.email import Edition, Reader
from templates.errors import DocumentError, UnknownKeyError, UnsafeLinkError

MOST_FAULTS: Final = 20
_FIELD: Final = re.compile(r"\{\{.*?\}\}")
_KEY: Final = re.compile(r"^(?=\w+:)")


def faults_in(edition: Edition, reader: Reader) -> list[DocumentError]:
    """Find what is wrong in a document, line by line; none when it can be rendered.

    A line with a fault is made harmless and the rest is tried again, as long as that helps.

    Raises:
        TemplateError: the theme or a value is at fault, not the document.
    """
    lines, found = edition.document.split("\n"), list[DocumentError]()
    while len(found) < MOST_FAULTS:
        error = _first_fault(replace(edition, document="\n".join(lines), digest=""), reader)
        if error is None:
            break
        found.append(error)
        if not _make_harmless(lines, error):
            break
    return found


def _first_fault(edition: Edition, reader: Reader) -> DocumentError | None:
    try:
        compile_edition(edition).render(reader)
    except DocumentError as error:
        if error.name == "document":
            return error
        raise
    return None


def _make_harmless(lines: list[str], error: DocumentError) -> bool:
    """Take the fields out of a line, or an unknown key; False when there is nothing to take."""
    number = (error.line or 0) - 1
    if not 0 <= number < len(lines):
        return False
    before = lines[number]
    lines[number] = _harmless(before, error)
    return lines[number] != before


def _harmless(line: str, error: DocumentError) -> str:
    match error:
        case UnknownKeyError():
            return _KEY.sub("# ", line)
        case UnsafeLinkError(url=url) if url in line:
            return line.replace(url, "#here")
    return _FIELD.sub("x", line)
