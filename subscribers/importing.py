"""Import people from a CSV file: all of them or none, and never against their will."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from storage.signing import KeyRing
from subscribers.batches import Fate, ImportTarget, import_batch
from subscribers.errors import InvalidTextError, SubscriberError, shown
from subscribers.mailing_lists import get_list
from subscribers.rules.rows import ImportRow, read_header, read_row
from subscribers.spreadsheets import Record, Spreadsheet, open_spreadsheet

BATCH_SIZE = 5000


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
        for record in islice(self.spreadsheet.records(), 1, None):
            row = _read(self.columns, record)
            if isinstance(row, ImportRow):
                first = first_lines.setdefault(row.email, record.line)
                if first != record.line:
                    row = _bad(record, f"the same address as in line {first}")
            yield row


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


def _keep_quiet(_rows_read: int) -> None:
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
    tell: Callable[[int], object] = _keep_quiet,
) -> ImportReport:
    """Add the people of a file to a list, confirmed by the consent that staff name.

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
    with session.begin_nested() as savepoint:
        report = _import(session, parsed, target=target, skip_bad=skip_bad, tell=tell)
        if not report.imported:
            savepoint.rollback()
    session.expire_all()  # what was written went past the session's objects
    return report


def _import(
    session: Session,
    parsed: ParsedImport,
    *,
    target: ImportTarget,
    skip_bad: bool,
    tell: Callable[[int], object],
) -> ImportReport:
    fates: Counter[Fate] = Counter()
    bad: list[BadRow] = []
    read = 0
    for batch in _batches(parsed.rows()):
        read += len(batch)
        bad += [row for row in batch if isinstance(row, BadRow)]
        if skip_bad or not bad:  # else only the other bad rows are still of interest
            people = [row for row in batch if isinstance(row, ImportRow)]
            fates += import_batch(session, people, target=target)
        tell(read)
    if bad and not skip_bad:
        return ImportReport(read, bad=tuple(bad), imported=False)
    return _report(read, fates, bad)


def _report(read: int, fates: Counter[Fate], bad: list[BadRow]) -> ImportReport:
    return ImportReport(
        rows=read,
        added=fates[Fate.ADDED],
        filled=fates[Fate.FILLED],
        unchanged=fates[Fate.UNCHANGED],
        kept=fates[Fate.KEPT],
        left_out=fates[Fate.LEFT_OUT],
        bad=tuple(bad),
    )


def _read(columns: tuple[str, ...], record: Record) -> ImportRow | BadRow:
    if record.problem:
        return _bad(record, record.problem)
    try:
        return read_row(columns, record.cells)
    except SubscriberError as error:
        return _bad(record, str(error))


def _bad(record: Record, reason: str) -> BadRow:
    return BadRow(record.line, reason, shown(", ".join(record.cells)) if record.cells else "")


def _batches(rows: Iterator[ImportRow | BadRow]) -> Iterator[list[ImportRow | BadRow]]:
    while batch := list(islice(rows, BATCH_SIZE)):
        yield batch
