"""A disk that is full, fails or loses what was not synced: nothing leaves unmarked, or twice."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from delivery.models import Delivery
from delivery.rules.states import State
from storage.database import open_database
from tests.cli_stage import Terminal
from tests.power_cut import SyncedFiles

PROGRAM = Path(sys.executable).with_name("steadypost")
STRACE = shutil.which("strace")
CONSENT = ("--confirmed", "--consent", "paper form")
READERS = ("ada", "ben", "cleo")


def _may_trace() -> bool:
    if STRACE is None:
        return False
    tried = subprocess.run([STRACE, "-e", "trace=none", "true"], capture_output=True)
    return tried.returncode == 0


needs_strace = pytest.mark.skipif(
    not _may_trace(), reason="NO strace, or ptrace is not permitted: disk faults were NOT injected"
)


def tick_with(terminal: Terminal, *injections: str) -> int:
    """Tick in a process whose system calls fail as said; give its exit status."""
    assert STRACE is not None
    options = [part for one in injections for part in ("-e", f"inject={one}")]
    trace = [
        STRACE,
        "-f",
        "-qq",
        "-o",
        os.devnull,
        "-e",
        "trace=fsync,fdatasync,pwrite64",
        *options,
    ]
    command = [*trace, str(PROGRAM), "--site", str(terminal.folder), "tick"]
    return subprocess.run(command, capture_output=True, timeout=100).returncode


@pytest.fixture
def site(terminal: Terminal) -> Terminal:
    for name in READERS:
        terminal.do("subscribers", "add", f"{name}@example.org", *CONSENT)
    return terminal


def recover(site: Terminal) -> None:
    """Do what an operator does: look, release, go on."""
    site.type("tick")
    site.type("release", "all")
    for _ in range(2):
        with site.parts() as parts, parts.database.transaction() as session:
            session.query(Delivery).filter(Delivery.state == State.QUEUED).update(
                {"due_at": parts.clock()}
            )
        site.type("tick")


def check(site: Terminal) -> None:
    copies = Counter(str(mail["To"]) for mail in site.mails())
    assert not copies or max(copies.values()) == 1
    with site.parts() as parts, parts.database.reading() as session:
        states = [row.state for row in session.query(Delivery)]
    assert len(states) == len(READERS)
    assert set(states) <= {State.SENT, State.UNCERTAIN}
    assert len(copies) + states.count(State.UNCERTAIN) >= len(READERS)


@needs_strace
@pytest.mark.parametrize(
    "injection",
    [
        "fsync,fdatasync:error=EIO:when=3",
        "fsync,fdatasync:error=EIO:when=9",
        "fsync,fdatasync:error=EIO:when=3+",
        "pwrite64:error=ENOSPC:when=9+",
        "pwrite64:error=ENOSPC:when=40+",
    ],
)
def test_a_disk_that_fails_repeats_and_loses_nothing(site: Terminal, injection: str) -> None:
    tick_with(site, injection)

    recover(site)

    check(site)


@needs_strace
def test_where_nothing_can_be_synced_nothing_leaves(site: Terminal) -> None:
    status = tick_with(site, "fsync,fdatasync:error=EIO:when=1+")

    assert status != 0
    assert site.mails() == []


@needs_strace
@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    "fault", ["fsync,fdatasync:error=EIO", "pwrite64:error=ENOSPC", "pwrite64:error=EIO"]
)
def test_every_call_to_the_disk_may_fail(site: Terminal, tmp_path: Path, fault: str) -> None:
    for number in range(1, 60, 3):
        folder = tmp_path / f"life-{number}"
        shutil.copytree(site.folder, folder)
        one = Terminal(folder)
        tick_with(one, f"{fault}:when={number}")
        recover(one)
        one.type("resume", "--yes")  # the folder is a copy
        recover(one)
        check(one)
        shutil.rmtree(folder)


# A power cut: what was not synced is lost. Each file is kept as it was at its last sync.


def test_a_power_cut_takes_no_committed_mark(tmp_path: Path) -> None:
    """Only what was synced survives; every transaction that was reported as committed is in it."""
    apsw = pytest.importorskip("apsw", reason="NO apsw: power cuts were NOT simulated")
    kept = _cut_after_each_commit(apsw, tmp_path, synchronous="FULL")

    assert kept == [True] * len(kept)


def test_the_power_cut_is_a_real_one(tmp_path: Path) -> None:
    """The same cuts with `synchronous=NORMAL` lose what was committed: the test can fail."""
    apsw = pytest.importorskip("apsw", reason="NO apsw: power cuts were NOT simulated")
    kept = _cut_after_each_commit(apsw, tmp_path, synchronous="NORMAL")

    assert not all(kept)


def test_the_product_asks_for_full_syncs(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/site.db")
    with closing(database), database.transaction() as session:
        answer = session.connection().exec_driver_sql("PRAGMA synchronous").scalar()

    assert answer == 2  # FULL


def _cut_after_each_commit(apsw: object, tmp_path: Path, *, synchronous: str) -> list[bool]:
    folder = tmp_path / "disk"
    folder.mkdir()
    files = SyncedFiles(apsw, f"cut-{synchronous}")
    connection = files.open(folder / "site.db")
    for pragma in ("journal_mode=WAL", f"synchronous={synchronous}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE marks (id INTEGER PRIMARY KEY, text TEXT)")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = []
    for number in range(1, 60):
        connection.execute("INSERT INTO marks VALUES (?, ?)", (number, "x" * (37 * number % 3000)))
        kept.append(_survives(files.after_a_power_cut(tmp_path / f"cut-{number}"), number))
    connection.close()
    return kept


def _survives(database: Path, number: int) -> bool:
    with closing(sqlite3.connect(database)) as found:
        assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return bool(found.execute("SELECT count(*) FROM marks").fetchone()[0] == number)
