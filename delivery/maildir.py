"""A sender that puts messages into a maildir as they would have left: to look at, or pass on."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from delivery.errors import WitnessError
from delivery.sender import (
    Accepted,
    AllAnswered,
    Handover,
    NoWitness,
    Outcome,
    RelayDown,
    Sending,
    Uncertain,
    Witness,
)


class MaildirSender:
    """Writes one file for each message, byte for byte, and believes only what is on the disk.

    Not by `mailbox.Maildir`: when the disk fails it leaves half a file and an open handle, and
    it never makes the *name* of a file durable.
    """

    connections = 1
    ahead = 1

    def __init__(
        self,
        folder: Path,
        *,
        witness: Witness = NoWitness(),  # noqa: B008 - it keeps nothing
    ) -> None:
        self._folder, self._witness = folder, witness
        self._relay = f"maildir:{folder}"
        self._host = socket.gethostname().replace("/", "_").replace(":", "_")

    def stopwatch(self) -> float:
        """Stand still: a file that is late by a stall is not late for anybody."""
        return 0.0

    def start(self, handovers: Sequence[Handover], *, since: float) -> Sending:
        """Write a group of messages."""
        return AllAnswered(self.send(handovers))

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Write a group of messages, one after the other."""
        return [self._write(handover) for handover in handovers]

    def close(self) -> None:
        """Leave everything as it is."""

    def _write(self, handover: Handover) -> Outcome:
        name = f"{handover.delivery_id}.{secrets.token_hex(8)}.{self._host}"
        draft, new = self._folder / "tmp" / name, self._folder / "new"
        try:
            for place in ("tmp", "new", "cur"):
                (self._folder / place).mkdir(parents=True, exist_ok=True)
            _write_durably(draft, handover.message)
        except OSError as error:
            return RelayDown(f"not written: {error.strerror}", self._relay)
        try:
            self._witness.note_dot(handover)  # the rename is what cannot be taken back
        except WitnessError as error:
            draft.unlink(missing_ok=True)
            return RelayDown(str(error), self._relay, needs_operator=True)
        outcome = self._publish(draft, new / name)
        if not isinstance(outcome, Uncertain):
            self._witness.note_answer(handover, outcome)
        return outcome

    def _publish(self, draft: Path, target: Path) -> Outcome:
        try:
            draft.rename(target)
        except OSError as error:
            return RelayDown(f"not written: {error.strerror}", self._relay)
        try:
            _sync(target.parent)
        except OSError as error:
            return Uncertain(f"written as {target.name}, not synced: {error.strerror}", self._relay)
        return Accepted(f"written as {target.name}", self._relay)


def _write_durably(path: Path, message: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Make the name of a new file survive a power cut, not only its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
