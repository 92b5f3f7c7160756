"""What the header and the rows of an imported file mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from subscribers.errors import InvalidTextError, UnreadableFileError
from subscribers.rules.address import normal_form
from subscribers.rules.cells import bare_cell
from subscribers.rules.preferences import (
    read_hour,
    read_pace,
    read_paused_until,
    read_time_zone,
    read_weekday,
)
from subscribers.rules.profile import NAME_LENGTH, attribute_name, clean_name, read_tags
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
_ABOUT_STANDING = ("email", "tags", "standing", "suppressed")
_OWN_NAMES = frozenset({*_ABOUT_STANDING, *_PROFILE})
_PLAIN: Mapping[str, Callable[[str], Any]] = {"first_name": str, "last_name": str}


class ImportRow(NamedTuple):
    """A person as a file tells of them; every value is checked. A tuple: there are millions."""

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


def attributes_in(columns: Sequence[str]) -> list[str]:
    """Name the columns that become attributes, in their order."""
    return [column for column in columns if column not in _OWN_NAMES]


def row_reader(columns: Sequence[str]) -> Callable[[Sequence[str]], ImportRow]:
    """Make what reads the rows of one file; empty cells say nothing.

    What it makes raises:
        SubscriberError: a cell that cannot be what its column says.
    """
    width = len(columns)
    email, tags, standing, suppressed = map(_place(columns), _ABOUT_STANDING)
    carefully = [(name, place, _PROFILE[name]) for name, place in _places(columns, _PROFILE)]
    quickly = [(name, place, _PLAIN.get(name, read)) for name, place, read in carefully]
    others = [(name, place) for place, name in enumerate(columns) if name not in _OWN_NAMES]

    def read(cells: Sequence[str]) -> ImportRow:
        is_plain = _is_plain("".join(cells))
        bare = [cell.strip() for cell in cells] if is_plain else _checked_cells(cells)
        if len(bare) != width:
            bare = _fitted(bare, width)
        bare.append("")  # what a column that is not there says
        said = bare[standing]
        return ImportRow(
            normal_form(bare[email]),
            {n: read(bare[p]) for n, p, read in (quickly if is_plain else carefully) if bare[p]},
            read_tags(bare[tags]),
            {name: bare[place] for name, place in others if bare[place]},
            bool(bare[suppressed] or (said and said.lower() != Standing.CONFIRMED)),
        )

    return read


def _place(columns: Sequence[str]) -> Callable[[str], int]:
    return lambda name: columns.index(name) if name in columns else len(columns)


def _places(columns: Sequence[str], names: Iterable[str]) -> list[tuple[str, int]]:
    return [(name, columns.index(name)) for name in names if name in columns]


def _fitted(cells: Sequence[str], width: int) -> list[str]:
    if any(cells[width:]):
        why = f"the row has {len(cells)} cells, the header has {width}"
        raise InvalidTextError("row", cells[0], why)
    return [*cells[:width], *[""] * (width - len(cells))]


def _is_plain(row: str) -> bool:
    """Tell whether no character and no cell of a row is to be looked at twice, as in nearly all.

    Printable text without apostrophes and double spaces, short as a whole: nothing of it can be
    a protected formula, a broken character or a cell too long, and a name is a name already.
    """
    return (
        len(row) <= NAME_LENGTH
        and row.isprintable()
        and "'" not in row
        and "  " not in row
        and "\ufffd" not in row
    )


def _checked_cells(cells: Sequence[str]) -> list[str]:
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
