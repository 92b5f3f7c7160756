"""Further processes that send beside the first: started, watched, started again, asked to stop.

Each is a worker of its own with its own claims, so none needs to know of the others. They end with
the process that started them: their standard input ends when it does, however it died.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from steadypost.settings.leaving import Relay
    from steadypost.settings.sections import Settings

AnyRelay = TypeVar("AnyRelay", bound="Relay")
LOG = logging.getLogger("steadypost.crew")
_LOOK_SECONDS = 0.5
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds before one that ended is started again
_LIVED_WELL = 120.0  # seconds after which an end counts as the first


def shares(connections: int, processes: int) -> list[int]:
    """Share the connections to the relay out among processes; each needs one at least."""
    least, more = divmod(max(connections, processes), processes)
    return [least + (number < more) for number in range(processes)]


def share_of(settings: Settings, number: int, processes: int) -> Settings:
    """Take the share of one process, counted from 1, in what the relay takes at once."""

    def own(relay: AnyRelay) -> AnyRelay:
        connections = shares(relay.connections, processes)[number - 1]
        rate = relay.messages_per_second / processes
        return replace(relay, connections=connections, messages_per_second=rate)

    relays = {name: own(relay) for name, relay in settings.relays.items()}
    return replace(settings, relay=own(settings.relay), relays=relays)


def member_command(folder: Path, number: int, processes: int) -> list[str]:
    """Name the command that a further process runs."""
    start = "from steadypost.cli import main; main()"
    call = ["--site", str(folder), "send-along", "--number", str(number), "--of", str(processes)]
    return [sys.executable, "-c", start, *call]


@dataclass
class _Member:
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = _FIRST_WAIT
    again_at: float = 0.0

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE)  # noqa: S603
        self.started = monotonic()

    def look(self) -> None:
        """Start it again, later each time, when it has ended though nobody asked."""
        now = monotonic()
        if self.process is None:
            if now >= self.again_at:
                self.start()
        elif (code := self.process.poll()) is not None:
            if now - self.started > _LIVED_WELL:
                self.wait = _FIRST_WAIT
            LOG.error("a sending process ended with %d; a new one in %.0f s", code, self.wait)
            self.wait_for_end()
            self.again_at, self.wait = now + self.wait, min(self.wait * 2, _LONGEST_WAIT)

    def ask_to_stop(self) -> None:
        if (process := self.process) is not None:  # another thread may just be starting one
            with suppress(ProcessLookupError):
                process.terminate()

    def wait_for_end(self) -> None:
        if self.process is not None:
            with self.process:  # closes its input
                self.process.wait()
            self.process = None


class Crew:
    """The further processes of one service."""

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._members = [_Member(command) for command in commands]
        self._stopping = Event()
        self._watch = Thread(target=self._look_after, name="crew", daemon=True)

    def start(self) -> None:
        """Start them all, and watch over them."""
        if self._members:
            LOG.info("%d further processes send", len(self._members))
        self._watch.start()

    def ask_to_stop(self) -> None:
        """Ask all to finish what they have in hand; return at once."""
        self._stopping.set()
        for member in self._members:
            member.ask_to_stop()

    def stop(self) -> None:
        """Ask all to finish, and wait until they have."""
        self._stopping.set()
        self._watch.join()
        self.ask_to_stop()  # also one that was being started just now
        for member in self._members:
            member.wait_for_end()

    def _look_after(self) -> None:
        while not self._stopping.is_set():
            for member in self._members:
                member.look()
            self._stopping.wait(_LOOK_SECONDS)
