"""A sender that puts messages into a maildir as they would have left: to look at, or pass on."""

from __future__ import annotations

import mailbox
import os
from collections.abc import Sequence
from pathlib import Path

from delivery.sender import Accepted, Handover, Outcome, RelayDown, Uncertain


class MaildirSender:
    """Writes one file for each message, byte for byte, and believes only what is on the disk."""

    connections = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._relay = f"maildir:{folder}"

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Write a group of messages, one after the other."""
        return [self._write(handover) for handover in handovers]

    def close(self) -> None:
        """Leave everything as it is."""

    def _write(self, handover: Handover) -> Outcome:
        try:
            key = self._box().add(handover.message)  # written, synced, then moved to `new`
        except OSError as error:
            return RelayDown(f"not written: {error.strerror}", self._relay)
        try:
            _sync_folder(self._folder / "new")
        except OSError as error:
            return Uncertain(f"written as {key}, not synced: {error.strerror}", self._relay)
        return Accepted(f"written as {key}", self._relay)

    def _box(self) -> mailbox.Maildir:
        """Open the maildir; made anew should somebody have cleared it away."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        return mailbox.Maildir(self._folder, create=True)


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file survive a power cut, not only its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
