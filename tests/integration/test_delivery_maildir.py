"""A maildir keeps each message byte for byte, and believes only what is on the disk."""

from __future__ import annotations

import errno
import mailbox
import os
import shutil
from pathlib import Path

import pytest

from delivery.maildir import MaildirSender
from delivery.sender import Accepted, Handover, RelayDown, Sender, Uncertain

MESSAGE = "From: hello@riverside.example\r\nSubject: Hi\r\n\r\n.dot\r\nFrom é\r\n".encode()
HANDOVER = Handover(1, "bounces@riverside.example", "ada@example.org", MESSAGE)


def test_each_message_is_a_file_of_its_own_with_nothing_added(tmp_path: Path) -> None:
    sender: Sender = MaildirSender(tmp_path / "post" / "box")

    outcomes = sender.send([HANDOVER, HANDOVER])
    sender.close()

    files = list((tmp_path / "post" / "box" / "new").iterdir())
    assert [path.read_bytes() for path in files] == [MESSAGE, MESSAGE]
    assert sorted(outcome.reply for outcome in outcomes) == sorted(
        f"written as {path.name}" for path in files
    )
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert sender.connections == 1


def test_other_programs_can_read_it(tmp_path: Path) -> None:
    MaildirSender(tmp_path / "box").send([HANDOVER])

    (message,) = mailbox.Maildir(tmp_path / "box", create=False)

    assert message["Subject"] == "Hi"


def test_a_folder_that_was_cleared_away_is_made_anew(tmp_path: Path) -> None:
    sender = MaildirSender(tmp_path / "box")
    sender.send([HANDOVER])
    shutil.rmtree(tmp_path / "box")

    (outcome,) = sender.send([HANDOVER])

    assert isinstance(outcome, Accepted)
    assert len(list(tmp_path.glob("box/new/*"))) == 1


def test_what_cannot_be_written_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "box").write_text("in the way")

    (outcome,) = MaildirSender(tmp_path / "box").send([HANDOVER])

    assert outcome == RelayDown("not written: Not a directory", f"maildir:{tmp_path / 'box'}")


def test_what_is_written_but_not_synced_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):  # noqa: PTH112
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", full_disk)

    (outcome,) = MaildirSender(tmp_path / "box").send([HANDOVER])

    assert isinstance(outcome, Uncertain)
    assert outcome.reply.endswith("not synced: Input/output error")


def test_a_disk_that_fails_while_writing_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)

    (outcome,) = MaildirSender(tmp_path / "box").send([HANDOVER])

    assert outcome.reply == "not written: No space left on device"
    assert [path for path in (tmp_path / "box").rglob("*") if path.is_file()] == []
