"""Import people from a CSV file: none when a row is bad, and never against their will.

The file is read twice. The first time every row is checked and nothing is written; the second
time the rows go in, portion by portion, and after a crash from where it broke off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from storage.bulk import give_room
from storage.signing import KeyRing
from subscribers.batches import Fate, ImportTarget, import_batch
from subscribers.errors import InvalidTextError, SubscriberError, shown
from subscribers.mailing_lists import get_list
from subscribers.rules.rows import ImportRow, read_header, read_row
from subscribers.spreadsheets import Record, Spreadsheet, open_spreadsheet

PORTION_SIZE = 5000  # written in one transaction, during which nobody else writes to SQLite


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be imported, and why."""

    line: int
    reason: str
    text: str  # the beginning of the row, quoted; empty if it could not be cut into cells


@dataclass(frozen=True)
class ParsedImport:
    """A file whose encoding, separator and columns are understood; its rows are read in a stream.

    Columns that are not ours become attributes under the names in `columns`.
    """

    spreadsheet: Spreadsheet
    columns: tuple[str, ...]

    def rows(self) -> Iterator[ImportRow | BadRow]:
        """Read and check row by row; an address is good only once, in whatever spelling."""
        first_lines: dict[str, int] = {}
        for record in self._records():
            row = _read(self.columns, record)
            if isinstance(row, ImportRow):
                first = first_lines.setdefault(row.email, record.line)
                if first != record.line:
                    row = _bad(record, f"the same address as in line {first}")
            yield row

    def portions(self, checked: CheckedRows, *, after: int = 0) -> Iterator[FilePortion]:
        """Read the good rows of a checked file, some thousand at a time.

        `after` is the number of rows, good and bad, that were done before.
        """
        bad_lines = {bad.line for bad in checked.bad}
        records = islice(self._records(), after, None)
        while some := list(islice(records, PORTION_SIZE)):
            good = [record for record in some if record.line not in bad_lines]
            after += len(some)
            yield FilePortion(after, [read_row(self.columns, record.cells) for record in good])

    def _records(self) -> Iterator[Record]:
        return islice(self.spreadsheet.records(), 1, None)


@dataclass(frozen=True)
class CheckedRows:
    """How many rows a file has, and those of them that cannot be imported."""

    rows: int
    bad: tuple[BadRow, ...]

    def report(self, fates: Mapping[str, int] | None = None) -> ImportReport:
        """Say what became of the rows; without fates, that nothing was imported."""
        return ImportReport(self.rows, **(fates or {}), bad=self.bad, imported=fates is not None)


@dataclass(frozen=True)
class FilePortion:
    """Some of the rows of a file, written in one transaction."""

    rows_done: int  # of the whole file, with this portion
    people: list[ImportRow]


@dataclass(frozen=True)
class ImportReport:
    """What became of every row. The counts add up to `rows`, unless nothing was imported."""

    rows: int
    added: int = 0  # to the list; known people too, if they were not on it
    filled: int = 0  # were on the list, and the file knew more
    unchanged: int = 0
    kept: int = 0  # kept as they are: unsubscribed or suppressed
    left_out: int = 0  # the file itself says they did not confirm, or are suppressed
    bad: tuple[BadRow, ...] = ()
    imported: bool = True  # False: there were bad rows, so nothing was written


def read_csv(source: Path | str | bytes, *, name: str | None = None) -> ParsedImport:
    """Understand a CSV file from a path, or from its bytes under a name.

    Raises:
        UnreadableFileError: it cannot be read, or its header makes no sense.
    """
    path_or_bytes = Path(source) if isinstance(source, str) else source
    known_as = name or (path_or_bytes.name if isinstance(path_or_bytes, Path) else "file.csv")
    spreadsheet = open_spreadsheet(path_or_bytes, name=known_as)
    header = next(spreadsheet.records())
    return ParsedImport(spreadsheet, read_header(header.cells, file_name=known_as))


def keep_quiet(_rows_read: int) -> None:
    """Tell nobody."""


def import_subscribers(
    session: Session,
    parsed: ParsedImport,
    *,
    list_slug: str,
    consent_source: str,
    keys: KeyRing,
    now: datetime,
    skip_bad: bool = False,
    tell: Callable[[int], object] = keep_quiet,
) -> ImportReport:
    """Add the people of a file to a list in one transaction, confirmed by consent staff name.

    Of known people only what is empty is filled in. `tell` hears the number of rows
    read so far.

    Raises:
        UnknownListError: there is no such list.
        InvalidTextError: no consent is named.
        UnreadableFileError: the file breaks off in a way no row can be blamed for.
    """
    if not consent_source.strip():
        raise InvalidTextError("consent", consent_source, "say when and how these people said yes")
    target = ImportTarget(get_list(session, list_slug), consent_source, keys, now)
    checked = check_rows(parsed, tell=tell)
    if checked.bad and not skip_bad:
        return checked.report()
    give_room(session)
    fates: Counter[Fate] = Counter()
    for portion in parsed.portions(checked):
        fates += import_batch(session, portion.people, target=target)
    session.expire_all()  # what was written went past the session's objects
    return checked.report({fate.value: count for fate, count in fates.items()})


def check_rows(parsed: ParsedImport, *, tell: Callable[[int], object] = keep_quiet) -> CheckedRows:
    """Read a whole file and find the rows that cannot be imported; nothing is written.

    `tell` hears the number of rows read so far.

    Raises:
        UnreadableFileError: the file breaks off in a way no row can be blamed for.
    """
    bad: list[BadRow] = []
    read = 0
    for read, row in enumerate(parsed.rows(), start=1):
        if isinstance(row, BadRow):
            bad.append(row)
        if read % PORTION_SIZE == 0:
            tell(read)
    tell(read)
    return CheckedRows(read, tuple(bad))


def _read(columns: tuple[str, ...], record: Record) -> ImportRow | BadRow:
    if record.problem:
        return _bad(record, record.problem)
    try:
        return read_row(columns, record.cells)
    except SubscriberError as error:
        return _bad(record, str(error))


def _bad(record: Record, reason: str) -> BadRow:
    return BadRow(record.line, reason, shown(", ".join(record.cells)) if record.cells else "")
