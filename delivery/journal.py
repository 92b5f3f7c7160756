"""The journal of hand-overs: notes each final dot before it is written, and its answer after.

One set of files for each worker, in a folder beside the database, locked for the worker's life.
Nothing is synced: what is written survives the process (kill -9) and not the machine, and that is
what it is for. After a crash it tells which of the marked hand-overs never began. It is also the
witness against a database that is older than what it says: a restored back-up.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from delivery.errors import WitnessError
from delivery.rules.journal import (
    Answer,
    Dot,
    Entry,
    Evidence,
    Heading,
    Reading,
    gather_evidence,
    read_lines,
    write_line,
)
from delivery.sender import Handover, Outcome

LOG = logging.getLogger("steadypost.delivery")
SEGMENT_BYTES = 4 * 1024 * 1024  # about 30,000 hand-overs
_LATEST = 2  # files that surely hold all that was in hand: hundreds at most
MOST_BYTES = 256 * 1024 * 1024  # of a folder; the oldest goes first
_SUFFIX = ".journal"
_LONGEST_HEADING = 1024
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Clock = Callable[[], datetime]


def boot_id() -> str:
    """Name this start of the machine; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""


class Journal:
    """The journal of one worker. Its first file is locked until `close`, or until it dies."""

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        site: str,
        person: Callable[[str], str],
        clock: Clock,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.name = name
        self._folder, self._site, self._person, self._clock = folder, site, person, clock
        self._most, self._size, self._segment = segment_bytes, 0, 0
        self._is_torn = False
        self._lock = Lock()
        self._first = self._file = self._begin()
        fcntl.flock(self._first, fcntl.LOCK_EX)  # others hold it for a glance only
        self._append(self._heading())

    def note_dot(self, handover: Handover) -> None:
        """Note that the final dot may be written from now on.

        Raises:
            WitnessError: it cannot be noted; then the dot must not be written.
        """
        if not handover.once_key:
            return
        person = self._person(handover.recipient)
        number, attempt = handover.delivery_id, handover.attempt
        self._append(Dot(number, attempt, person, handover.once_key, self._clock()))

    def note_answer(self, handover: Handover, outcome: Outcome) -> None:
        """Note what became of it. Should that fail, it counts as uncertain at worst."""
        if not handover.once_key:
            return
        try:
            self._append(Answer(handover.delivery_id, handover.attempt, outcome))
        except WitnessError as error:
            LOG.error("%s; delivery=%d", error, handover.delivery_id)

    def evidence(self) -> Evidence:
        """Tell what this journal proves so far."""
        with self._lock:
            return _latest_evidence(self._folder, self.name)

    def close(self) -> None:
        """Let go of the files; they stay as a witness."""
        with self._lock:
            for file in {self._first, self._file}:
                with suppress(OSError):
                    os.close(file)

    def _begin(self) -> int:
        path = _segment(self._folder, self.name, self._segment)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.open(path, flags, 0o600)

    def _append(self, entry: Entry) -> None:
        line = write_line(entry)
        with self._lock:
            try:
                self._turn_page()
                self._write(b"\n" + line if self._is_torn else line)
            except OSError as error:
                place = str(_segment(self._folder, self.name, self._segment))
                raise WitnessError(place, (error.strerror or str(error)).lower()) from error

    def _write(self, line: bytes) -> None:
        """Write whole lines; what a full disk tore is closed before the next one."""
        written = os.write(self._file, line)
        self._size += written
        self._is_torn = written < len(line)
        if self._is_torn:
            raise OSError(0, "no room for a whole line")

    def _turn_page(self) -> None:
        """Begin a new file when this one is full; the first one stays open, for its lock."""
        if self._size < self._most:
            return
        self._segment += 1
        old, self._file, self._size, self._is_torn = self._file, self._begin(), 0, False
        if old != self._first:
            os.close(old)
        self._write(write_line(self._heading()))

    def _heading(self) -> Heading:
        return Heading(self._site, boot_id(), os.fstat(self._file).st_ino, self._clock())


@dataclass(frozen=True)
class JournalFolder:
    """The journals of the workers that ran here. `person` makes a fingerprint of an address."""

    path: Path
    person: Callable[[str], str]
    clock: Clock
    segment_bytes: int = SEGMENT_BYTES
    most_bytes: int = MOST_BYTES

    def begin(self, site: str) -> Journal:
        """Begin a journal for a new worker, and make room for it.

        Raises:
            WitnessError: the folder cannot be written.
        """
        name = f"{self.clock():%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room()
            return Journal(
                self.path,
                name,
                site=site,
                person=self.person,
                clock=self.clock,
                segment_bytes=self.segment_bytes,
            )
        except OSError as error:
            raise WitnessError(str(self.path), (error.strerror or str(error)).lower()) from error

    def evidence_of(self, name: str) -> Evidence | None:
        """Tell what a worker's journal proves; None while the worker may live, or when unknown.

        The lock is what proves that a worker is dead: one that only stands still keeps it, and
        may yet write its dot.
        """
        if not name or not self.is_abandoned(name):
            return None
        return _latest_evidence(self.path, name)

    def is_abandoned(self, name: str) -> bool:
        """Tell whether the worker of a journal has ended for certain.

        A copy of a journal is locked by nobody, and proves nothing.
        """
        try:
            file = os.open(_segment(self.path, name, 0), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return _is_original(file)
        except OSError:
            return False
        finally:
            os.close(file)

    def files(self) -> list[Path]:
        """List all files, the oldest first."""
        return [path for name in self.names() for path in _segments(self.path, name)]

    def names(self) -> list[str]:
        """Name the journals that lie here, the oldest first."""
        first_files = self.path.glob(f"*.0{_SUFFIX}")
        return sorted(path.name.removesuffix(f".0{_SUFFIX}") for path in first_files)

    def _make_room(self) -> None:
        """Remove the oldest files of workers that have ended, beyond the bound."""
        names = self.names()
        sizes = {name: sum(p.stat().st_size for p in _segments(self.path, name)) for name in names}
        left = sum(sizes.values())
        for name in names[:-1]:  # the newest stays as a witness, however big
            if left <= self.most_bytes:
                return
            if self.is_abandoned(name):
                for path in _segments(self.path, name):
                    path.unlink(missing_ok=True)
                left -= sizes[name]


def _is_original(file: int) -> bool:
    entries = read_lines(os.read(file, _LONGEST_HEADING)).entries
    if not entries or not isinstance(entries[0], Heading):
        return False
    return entries[0].inode == os.fstat(file).st_ino


def _segment(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}.{number}{_SUFFIX}"


def _segments(folder: Path, name: str) -> list[Path]:
    found = folder.glob(f"{name}.*{_SUFFIX}")
    return sorted(found, key=lambda path: int(path.name.split(".")[-2]))


def read_file(path: Path) -> Reading:
    """Read one file; what is damaged in it is named in the log and left out."""
    reading = read_lines(path.read_bytes())
    for line in reading.damaged:
        LOG.error("journal is damaged and not trusted: %s line %d", path, line)
    return reading


def _latest_evidence(folder: Path, name: str) -> Evidence:
    files = _segments(folder, name)[-_LATEST:]
    return gather_evidence(map(read_file, files), boot=boot_id())


class Scribe:
    """The witness of a process: writes into the journal of the worker it is just now."""

    def __init__(self, folder: JournalFolder) -> None:
        self.folder = folder
        self._journal: Journal | None = None

    def begin(self, site: str) -> str:
        """Begin a journal for a new worker; give its name, which belongs into the worker's row.

        Raises:
            WitnessError: the folder cannot be written.
        """
        fresh = self.folder.begin(site)
        self.end()
        self._journal = fresh
        return fresh.name

    def end(self) -> None:
        """Close the journal: the worker does nothing more."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def note_dot(self, handover: Handover) -> None:
        """Note that the final dot may be written from now on.

        Without a worker nothing is noted: such mail is none of the outbox.

        Raises:
            WitnessError: it cannot be noted; then the dot must not be written.
        """
        if self._journal is not None:
            self._journal.note_dot(handover)

    def note_answer(self, handover: Handover, outcome: Outcome) -> None:
        """Note what became of it."""
        if self._journal is not None:
            self._journal.note_answer(handover, outcome)

    def evidence(self) -> Evidence:
        """Tell what the journal of this very worker proves so far."""
        return self._journal.evidence() if self._journal is not None else Evidence()
