"""Import people from a CSV file: none when a row is bad, and never against their will.

The file is read twice. The first time every row is checked and nothing is written; the second
time the rows go in, portion by portion, and after a crash from where it broke off.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from storage.bulk import give_room
from storage.signing import KeyRing
from subscribers.batches import Fate, ImportTarget, import_batch
from subscribers.errors import InvalidTextError, SubscriberError, shown
from subscribers.mailing_lists import get_list
from subscribers.rules.portions import MOST
from subscribers.rules.rows import ImportRow, read_header, row_reader
from subscribers.spreadsheets import Record, Spreadsheet, open_spreadsheet

TELL_EVERY = 5000  # rows


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
        """Read and check row by row, each for itself."""
        for _, row in self._read():
            yield row

    def repetitions(self, among: Collection[int]) -> Iterator[BadRow]:
        """Find the rows whose address, in whatever spelling, an earlier row has.

        `among` are the hashes of the addresses in question.
        """
        first_lines: dict[str, int] = {}
        for record, row in self._read():
            if isinstance(row, ImportRow) and hash(row.email) in among:
                first = first_lines.setdefault(row.email, record.line)
                if first != record.line:
                    yield _bad(record, f"the same address as in line {first}")

    def portions(
        self, checked: CheckedRows, *, after: int = 0, size: Callable[[], int] = lambda: MOST
    ) -> Iterator[FilePortion]:
        """Read the good rows of a checked file, some thousand at a time: as many as `size` says.

        `after` is the number of rows, good and bad, that were done before.
        """
        bad_lines, read = {bad.line for bad in checked.bad}, row_reader(self.columns)
        records = islice(self._records(), after, None)
        while True:
            rows, people = 0, list[ImportRow]()
            for line, cells, _ in islice(records, size()):
                rows += 1
                if line not in bad_lines:
                    people.append(read(cells))
            if not rows:
                return
            after += rows
            yield FilePortion(after, people)

    def _read(self) -> Iterator[tuple[Record, ImportRow | BadRow]]:
        read = row_reader(self.columns)
        for record in self._records():
            yield record, _try(read, record)

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
    seen = _Seen()
    read = 0
    for read, row in enumerate(parsed.rows(), start=1):
        if isinstance(row, ImportRow):
            seen.note(row.email)
        else:
            bad.append(row)
        if read % TELL_EVERY == 0:
            tell(read)
    tell(read)
    if again := seen.more_than_once():
        bad = sorted([*bad, *parsed.repetitions(again)], key=lambda row: row.line)
    return CheckedRows(read, tuple(bad))


@dataclass(frozen=True)
class _Seen:
    """Notices addresses that come again, at 8 bytes each: a file may hold ten million."""

    _heaps: tuple[array[int], ...] = field(
        default_factory=lambda: tuple(array("q") for _ in range(64))
    )

    def note(self, address: str) -> None:
        hashed = hash(address)
        self._heaps[hashed & 63].append(hashed)

    def more_than_once(self) -> set[int]:
        """Give the hashes that came again; others may have one of them too, if hardly ever."""
        crowded = [heap for heap in self._heaps if len(set(heap)) < len(heap)]
        return {one for heap in crowded for one, times in Counter(heap).items() if times > 1}


def _try(read: Callable[[Sequence[str]], ImportRow], record: Record) -> ImportRow | BadRow:
    if record.problem:
        return _bad(record, record.problem)
    try:
        return read(record.cells)
    except SubscriberError as error:
        return _bad(record, str(error))


def _bad(record: Record, reason: str) -> BadRow:
    return BadRow(record.line, reason, shown(", ".join(record.cells)) if record.cells else "")
