"""What the header and the rows of an imported file mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from subscribers.errors import InvalidTextError, UnreadableFileError
from subscribers.rules.address import parse_address
from subscribers.rules.cells import bare_cell
from subscribers.rules.preferences import (
    read_hour,
    read_pace,
    read_paused_until,
    read_time_zone,
    read_weekday,
)
from subscribers.rules.profile import attribute_name, clean_name, read_tags
from subscribers.rules.standing import Standing

COLUMN_COUNT = 64
CELL_LENGTH = 10_000

# What other programs call our columns.
_OTHER_NAMES = {
    "e_mail": "email",
    "mail": "email",
    "email_address": "email",
    "e_mail_address": "email",
    "emailaddress": "email",
    "firstname": "first_name",
    "given_name": "first_name",
    "lastname": "last_name",
    "surname": "last_name",
    "family_name": "last_name",
    "timezone": "time_zone",
}

# What a decoder leaves in place of bytes it cannot read.
_BROKEN = re.compile("[\x00\ufffd]")


def _read_first_name(text: str) -> str:
    return clean_name(text, field="first name")


def _read_last_name(text: str) -> str:
    return clean_name(text, field="last name")


_PROFILE: Mapping[str, Callable[[str], Any]] = {
    "first_name": _read_first_name,
    "last_name": _read_last_name,
    "time_zone": read_time_zone,
    "weekday": read_weekday,
    "hour": read_hour,
    "pace": read_pace,
    "paused_until": read_paused_until,
}
PROFILE_COLUMNS = tuple(_PROFILE)
_OWN_NAMES = frozenset({"email", "tags", "standing", "suppressed", *_PROFILE})


@dataclass(frozen=True)
class ImportRow:
    """A person as a file tells of them; every value is checked."""

    email: str  # normalised
    profile: Mapping[str, Any]
    tags: tuple[str, ...]
    attributes: Mapping[str, str]
    is_left_out: bool  # the file itself says they did not confirm, or are suppressed


def has_email_column(header: Sequence[str]) -> bool:
    """Tell whether one of the columns holds addresses."""
    return "email" in [_own_name(cell) for cell in header]


def read_header(cells: Sequence[str], *, file_name: str) -> tuple[str, ...]:
    """Name the columns: ours by our names, all others by the attribute they become.

    Raises:
        UnreadableFileError: no addresses, too many columns, or one that cannot be named.
    """
    named = list(cells)
    while named and not named[-1].strip():
        named.pop()
    if not has_email_column(named):
        found = ", ".join(repr(cell.strip()[:40]) for cell in named[:8]) or "nothing"
        why = f"no column is called 'email' (found {found}); name the column of addresses 'email'"
        raise UnreadableFileError(file_name, why)
    if len(named) > COLUMN_COUNT:
        why = f"it has {len(named)} columns; leave out some, {COLUMN_COUNT} are allowed"
        raise UnreadableFileError(file_name, why)
    return _distinct([_column(cell, file_name=file_name) for cell in named], file_name=file_name)


def read_row(columns: Sequence[str], cells: Sequence[str]) -> ImportRow:
    """Read one row; empty cells say nothing.

    Raises:
        SubscriberError: a cell that cannot be what its column says.
    """
    found = _cells_by_column(columns, cells)
    email = parse_address(found.pop("email", "")).text
    tags = read_tags(found.pop("tags", ""))
    suppressed, standing = found.pop("suppressed", ""), found.pop("standing", "")
    profile = {name: _PROFILE[name](found.pop(name)) for name in _PROFILE if name in found}
    return ImportRow(
        email=email,
        profile=profile,
        tags=tags,
        attributes=found,
        is_left_out=bool(suppressed) or standing.lower() not in ("", Standing.CONFIRMED),
    )


def _cells_by_column(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    bare = _bare_cells(cells)
    if any(bare[len(columns) :]):
        why = f"the row has {len(cells)} cells, the header has {len(columns)}"
        raise InvalidTextError("row", bare[0], why)
    return {name: cell for name, cell in zip(columns, bare, strict=False) if cell}


def _bare_cells(cells: Sequence[str]) -> list[str]:
    """Strip and check the cells; at once where the whole row has nothing to look at twice."""
    whole = "".join(cells)
    if "'" not in whole and len(whole) <= CELL_LENGTH and not _BROKEN.search(whole):
        return [cell.strip() for cell in cells]
    bare = [bare_cell(cell).strip() for cell in cells]
    for cell in bare:
        _check_cell(cell)
    return bare


def _check_cell(cell: str) -> None:
    if len(cell) > CELL_LENGTH:
        raise InvalidTextError("cell", cell, f"it is longer than {CELL_LENGTH:,} characters")
    if _BROKEN.search(cell):
        raise InvalidTextError("cell", cell, "it holds a character that cannot be read")


def _column(cell: str, *, file_name: str) -> str:
    name = _own_name(cell)
    if name in _OWN_NAMES:
        return name
    try:
        return attribute_name(cell)
    except InvalidTextError as error:
        raise UnreadableFileError(file_name, f"{error}; rename the column") from error


def _distinct(columns: list[str], *, file_name: str) -> tuple[str, ...]:
    twice = [name for name in columns if columns.count(name) > 1]
    if twice:
        why = f"two columns are called {twice[0]!r}; rename one"
        raise UnreadableFileError(file_name, why)
    return tuple(columns)


def _own_name(cell: str) -> str:
    name = re.sub(r"\W+", "_", cell.strip().lower()).strip("_")
    return _OTHER_NAMES.get(name, name)
