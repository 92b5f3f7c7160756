"""Read a CSV file as a spreadsheet program wrote it: its encoding, its separator, its records."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TextIO

from subscribers.errors import UnreadableFileError
from subscribers.rules.rows import CELL_LENGTH, COLUMN_COUNT, has_email_column

SEPARATORS = ",;\t"
LINE_LENGTH = 2 * COLUMN_COUNT * CELL_LENGTH  # no permitted record needs a longer line
CHUNK_BYTES = 1 << 20

FileState = tuple[int, ...]


class Record(NamedTuple):
    """One row of the file; it may span several lines. A tuple: there are millions."""

    line: int  # the first of them, counted from 1
    cells: tuple[str, ...]
    problem: str = ""  # why it could not be read, if it could not


@dataclass(frozen=True)
class Spreadsheet:
    """A CSV file whose ways are known; it is read anew, in a stream, each time."""

    source: Path | bytes
    name: str
    encoding: str
    separator: str

    def records(self) -> Iterator[Record]:
        """Read the rows, the header first, without those that are empty."""
        with _text(self.source, self.encoding) as text:
            yield from _records(_lines(text, self.name), self.separator)

    def digest(self) -> str:
        """Make the fingerprint by which the same file is known again."""
        with _binary(self.source) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def refuse_change(self, since: FileState) -> None:
        """Stop whoever goes on reading a file that is no longer what it was.

        Raises:
            UnreadableFileError: somebody wrote to it, replaced it or took it away.
        """
        try:
            is_same = self.state() == since
        except OSError:
            is_same = False
        if not is_same:
            why = "it was changed while it was read; leave it alone, and run the command again"
            raise UnreadableFileError(self.name, why)

    def state(self) -> FileState:
        """Tell what changes when somebody writes to the file."""
        if isinstance(self.source, bytes):
            return ()
        found = self.source.stat()
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def open_spreadsheet(source: Path | bytes, *, name: str) -> Spreadsheet:
    """Find out how a file is written.

    Raises:
        UnreadableFileError: it cannot be opened, or it is empty.
    """
    try:
        with _binary(source) as stream:
            encoding = guess_encoding(iter(lambda: stream.read(CHUNK_BYTES), b""))
        tries = [Spreadsheet(source, name, encoding, separator) for separator in SEPARATORS]
        headers = {each: next(each.records(), None) for each in tries}
    except OSError as error:
        raise UnreadableFileError(name, f"{error.strerror}; check the path") from error
    if not any(headers.values()):
        raise UnreadableFileError(name, "it is empty; its first line must name the columns")
    return max(tries, key=lambda each: _likelihood(headers[each]))


def guess_encoding(chunks: Iterator[bytes]) -> str:
    """Name the encoding of a file: UTF-8, UTF-16, else Windows-1252.

    A file that is UTF-8 but for a few damaged bytes stays UTF-8: read as Windows-1252
    all of its other names would be spoilt, and nobody would be told.
    """
    first = next(chunks, b"")
    encoding = _by_first_bytes(first)
    if encoding:
        return encoding
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    damaged = foreign = 0
    for chunk in chain([first], chunks, [b""]):
        text = decoder.decode(chunk, final=not chunk)
        replaced = text.count("\ufffd") - chunk.count(b"\xef\xbf\xbd")
        damaged += replaced
        foreign += len(text) - len(text.encode("ascii", "ignore")) - replaced
    return "utf-8" if damaged <= foreign else "windows-1252"


def _by_first_bytes(chunk: bytes) -> str:
    if chunk.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = chunk[:1000]
    if sample[1::2].count(0) > len(sample) // 4:
        return "utf-16-le"
    if sample[0::2].count(0) > len(sample) // 4:
        return "utf-16-be"
    return ""


def _likelihood(header: Record | None) -> tuple[bool, int]:
    cells = header.cells if header else ()
    return has_email_column(cells), len(cells)


def _records(lines: Iterable[str], separator: str) -> Iterator[Record]:
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(line, (), _problem(str(error), last_line=reader.line_num))
            continue
        if "".join(cells).strip():
            yield Record(line, tuple(cells))


def _problem(said: str, *, last_line: int) -> str:
    if "field limit" in said or "unexpected end" in said:
        return f"a quote is opened and not closed before line {last_line}"
    if "expected after" in said:
        return "there is text after a closing quote"
    return said


def _lines(text: TextIO, name: str) -> Iterator[str]:
    for number, line in enumerate(iter(partial(text.readline, LINE_LENGTH), ""), start=1):
        if len(line) == LINE_LENGTH:
            raise UnreadableFileError(name, f"line {number} is too long; is this a CSV file?")
        yield line


@contextmanager
def _binary(source: Path | bytes) -> Iterator[io.BytesIO | io.BufferedReader]:
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
        yield stream


@contextmanager
def _text(source: Path | bytes, encoding: str) -> Iterator[TextIO]:
    with (
        _binary(source) as stream,
        io.TextIOWrapper(stream, encoding, errors="replace", newline="") as text,
    ):
        yield text
