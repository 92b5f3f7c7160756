"""A journal of hand-overs in real files: locks, kills, full disks, pages turned."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delivery import journal as journal_module
from delivery.errors import WitnessError
from delivery.journal import JournalFolder, Scribe, boot_id, read_file
from delivery.rules.journal import Dot
from delivery.sender import Accepted, Handover, RelayDown, Uncertain

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ACCEPTED = Accepted("250 2.0.0 queued as 4711", "relay:25")


def handover(number: int, attempt: int = 1) -> Handover:
    return Handover(
        number,
        "bounces@riverside.example",
        "ada@example.org",
        b"Hello\r\n",
        attempt=attempt,
        once_key=f"enrolment:{number}/step:1",
    )


def folder_at(path: Path, **bounds: int) -> JournalFolder:
    return JournalFolder(path, lambda address: address[:3], lambda: NOW, **bounds)


@pytest.fixture
def folder(tmp_path: Path) -> JournalFolder:
    return folder_at(tmp_path / "journal")


def test_an_ended_worker_leaves_evidence_of_every_hand_over(folder: JournalFolder) -> None:
    journal = folder.begin("site")
    journal.note_dot(handover(1))
    journal.note_answer(handover(1), ACCEPTED)
    journal.note_dot(handover(2))
    journal.close()

    evidence = folder.evidence_of(journal.name)

    assert evidence is not None
    assert evidence.outcome_of(1, 1) == ACCEPTED
    assert isinstance(evidence.outcome_of(2, 1), Uncertain)
    assert isinstance(evidence.outcome_of(3, 1), RelayDown)
    assert evidence.dots[2, 1].once_key == "enrolment:2/step:1"


def test_only_this_user_may_read_it(folder: JournalFolder) -> None:
    folder.begin("site").close()

    (file,) = folder.path.iterdir()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_addresses_are_not_in_it(folder: JournalFolder) -> None:
    journal = folder.begin("site")
    journal.note_dot(handover(1))
    journal.close()

    (file,) = folder.path.iterdir()

    assert b"example.org" not in file.read_bytes()


def test_a_living_worker_cannot_be_taken_over(folder: JournalFolder) -> None:
    journal = folder.begin("site")

    assert folder.evidence_of(journal.name) is None
    assert not folder.is_abandoned(journal.name)

    journal.close()


@pytest.mark.parametrize("name", ["", "20260302T080000-00000000"])
def test_an_unknown_journal_proves_nothing(folder: JournalFolder, name: str) -> None:
    assert folder.evidence_of(name) is None


def test_a_copied_journal_proves_nothing(folder: JournalFolder, tmp_path: Path) -> None:
    """Its worker may live at the place it was copied from."""
    journal = folder.begin("site")
    shutil.copytree(folder.path, tmp_path / "copy")

    assert folder_at(tmp_path / "copy").evidence_of(journal.name) is None

    journal.close()


def test_a_mail_outside_the_outbox_is_not_noted(folder: JournalFolder) -> None:
    journal = folder.begin("site")
    journal.note_dot(Handover(0, "", "ada@example.org", b"Test\r\n"))
    journal.note_answer(Handover(0, "", "ada@example.org", b"Test\r\n"), ACCEPTED)
    journal.close()

    assert journal.evidence().dots == {}
    assert journal.evidence().answers == {}


def test_a_full_file_is_followed_by_another(tmp_path: Path) -> None:
    folder = folder_at(tmp_path, segment_bytes=400)
    journal = folder.begin("site")
    for number in range(20):
        journal.note_dot(handover(number))
        journal.note_answer(handover(number), ACCEPTED)
    assert folder.evidence_of(journal.name) is None  # the lock holds over all of them
    journal.close()

    evidence = folder.evidence_of(journal.name)

    assert len(list(folder.path.iterdir())) > 3
    assert evidence is not None
    assert evidence.is_whole
    assert (19, 1) in evidence.answers
    assert (0, 1) not in evidence.dots  # long settled, and not read again
    entries = [entry for file in folder.files() for entry in read_file(file).entries]
    assert len([entry for entry in entries if isinstance(entry, Dot)]) == 20


def test_the_oldest_journals_go_when_there_are_too_many(tmp_path: Path) -> None:
    moments = iter(range(10))
    folder = JournalFolder(tmp_path, str, lambda: NOW.replace(second=next(moments)), most_bytes=300)
    living = folder.begin("site")
    for _ in range(4):
        folder.begin("site").close()

    names = folder.names()

    assert living.name in names
    assert len(names) == 4  # two more fit, and the newest is always kept
    living.close()


def test_damage_is_named_and_not_trusted(
    folder: JournalFolder, caplog: pytest.LogCaptureFixture
) -> None:
    journal = folder.begin("site")
    journal.note_dot(handover(1))
    journal.note_answer(handover(1), ACCEPTED)
    journal.close()
    (file,) = folder.path.iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], lines[1].replace(b"dot", b"dig"), lines[2]]))

    evidence = folder.evidence_of(journal.name)

    assert evidence is not None
    assert evidence.outcome_of(1, 1) == ACCEPTED
    assert isinstance(evidence.outcome_of(2, 1), Uncertain)  # no longer: "it never began"
    assert f"{journal.name}.0.journal line 2" in caplog.text


def test_a_full_disk_keeps_the_dot_back(folder: JournalFolder, monkeypatch: Any) -> None:
    journal = folder.begin("site")
    write = os.write

    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:10]))
    with pytest.raises(WitnessError, match="no room for a whole line"):
        journal.note_dot(handover(1))
    monkeypatch.setattr(os, "write", write)
    journal.note_dot(handover(2))
    journal.close()

    evidence = folder.evidence_of(journal.name)
    assert evidence is not None
    assert list(evidence.dots) == [(2, 1)]


def test_an_answer_that_cannot_be_noted_leaves_the_dot_in_doubt(
    folder: JournalFolder, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    journal = folder.begin("site")
    journal.note_dot(handover(1))

    def fail(_file: int, _line: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        journal.note_answer(handover(1), ACCEPTED)
    journal.close()

    evidence = folder.evidence_of(journal.name)
    assert evidence is not None
    assert isinstance(evidence.outcome_of(1, 1), Uncertain)
    assert "no space left on device" in caplog.text


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")

    with pytest.raises(WitnessError, match="journal: file exists; make room"):
        folder_at(tmp_path / "journal").begin("site")


def test_nothing_missing_counts_where_starts_of_the_machine_are_unknown(
    folder: JournalFolder, monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setattr(journal_module, "_BOOT_ID", tmp_path / "absent")
    journal = folder.begin("site")
    journal.close()

    evidence = folder.evidence_of(journal.name)

    assert boot_id() == ""
    assert evidence is not None
    assert not evidence.is_whole


def test_a_scribe_follows_its_process_from_worker_to_worker(folder: JournalFolder) -> None:
    scribe = Scribe(folder)
    scribe.note_dot(handover(1))  # no worker yet
    first = scribe.begin("site")
    scribe.note_dot(handover(2))
    second = scribe.begin("site")
    scribe.note_dot(handover(3))
    scribe.note_answer(handover(3), ACCEPTED)

    assert folder.is_abandoned(first)
    assert not folder.is_abandoned(second)
    assert list(scribe.evidence().dots) == [(3, 1)]
    scribe.end()
    assert folder.is_abandoned(second)
    assert scribe.evidence().dots == {}
    scribe.note_answer(handover(3), ACCEPTED)


def _work_until_killed(path: Path, told: Any) -> None:
    journal = folder_at(path).begin("site")
    for number in range(1_000_000):
        journal.note_dot(handover(number))
        told.send((journal.name, number))
        journal.note_answer(handover(number), ACCEPTED)


def test_what_was_noted_survives_kill_9(tmp_path: Path) -> None:
    hears, told = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_work_until_killed, args=(tmp_path, told), daemon=True)
    process.start()
    told.close()
    for _ in range(1000):
        name, _ = hears.recv()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    last = 0
    try:
        while True:
            _, last = hears.recv()
    except EOFError:
        pass

    evidence = folder_at(tmp_path).evidence_of(name)

    assert evidence is not None
    assert evidence.is_whole
    assert {number for number, _ in evidence.dots} >= set(range(last + 1))
    assert len(evidence.dots) - len(evidence.answers) <= 1
