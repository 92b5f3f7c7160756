"""A process that is killed at any point repeats nothing, loses nothing, and hides nothing.

Real processes, SIGKILL, real SMTP to a server nobody here wrote. What that server took is the
truth; the database is held against it after a restart.
"""

from __future__ import annotations

import asyncio
import email
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, update

from delivery.models import Delivery
from delivery.rules.states import Kind, State
from tests.cli_stage import Terminal

LAUNCHER = Path(__file__).parents[1] / "crashing.py"
POINTS = tuple(
    f"{when} {what}"
    for what in ("commit", "journal", "write", "reply")
    for when in ("before", "after")
)
CONNECTIONS = 2
READERS = ("ada", "ben", "cleo", "dan")
CONSENT = ("--confirmed", "--consent", "paper form")
MOST_CALLS = 400  # of one point in one run; there are far fewer


@dataclass
class Box:
    """What the relay took: the one record that counts."""

    taken: list[tuple[str, str]] = field(default_factory=list)  # recipient, Message-ID

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content)
        self.taken.append((envelope.rcpt_tos[0], message["Message-ID"]))
        await asyncio.sleep(0)
        return "250 2.0.0 taken"

    def copies(self, recipient: str) -> int:
        return Counter(to for to, _ in self.taken)[recipient]


@pytest.fixture
def box(unused_port: int) -> Iterator[tuple[Box, int]]:
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=unused_port)
    controller.start()
    yield box, unused_port
    controller.stop()


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Site:
    """A site with readers whose first email is due, and one who is asked to confirm."""

    terminal: Terminal
    box: Box

    def tick(self, crash_at: str = "") -> int:
        """Tick in a process of its own; give its exit status."""
        command = [sys.executable, str(LAUNCHER), "--site", str(self.terminal.folder), "tick"]
        environment = {**os.environ, "STEADYPOST_CRASH_AT": crash_at}
        done = subprocess.run(command, env=environment, capture_output=True, timeout=100)
        return done.returncode

    def rows(self) -> list[Delivery]:
        with self.terminal.parts() as parts, parts.database.reading() as session:
            return list(session.scalars(select(Delivery)))

    def hurry(self) -> None:
        """Let what waits for another try be due."""
        with self.terminal.parts() as parts, parts.database.transaction() as session:
            waiting = update(Delivery).where(Delivery.state == State.QUEUED)
            session.execute(waiting.values(due_at=parts.clock()))


@pytest.fixture
def site(stored: Terminal, box: tuple[Box, int]) -> Site:
    (relay, port), terminal = box, stored
    terminal.set("relay", 'host = "127.0.0.1"')
    terminal.set("relay", f"port = {port}")
    terminal.set("relay", 'security = "none"')
    terminal.set("relay", f"connections = {CONNECTIONS}")
    for name in READERS:
        terminal.do("subscribers", "add", f"{name}@example.org", *CONSENT)
    terminal.do("subscribers", "add", "eve@example.org")  # she is asked
    return Site(terminal, relay)


def check(site: Site) -> int:
    """Hold the database against what the relay took; tell how many are uncertain."""
    uncertain = 0
    for row in site.rows():
        recipient = next(to for to in _recipients(site, row))
        copies = site.box.copies(recipient)
        if row.kind is Kind.STEP:
            assert copies <= 1, f"{recipient} got the same mail {copies} times"
            assert row.state in (State.SENT, State.UNCERTAIN), f"{recipient}: {row.state}"
            assert copies == 1 or row.state is State.UNCERTAIN, f"{recipient} got nothing"
            uncertain += row.state is State.UNCERTAIN
        else:
            assert row.state is State.SENT
            assert copies >= 1, "who waits for a link must get one"
    assert len(site.rows()) == len(READERS) + 1
    assert uncertain <= CONNECTIONS
    return uncertain


def _recipients(site: Site, row: Delivery) -> Iterator[str]:
    from subscribers.store import addresses_of

    with site.terminal.parts() as parts, parts.database.reading() as session:
        yield from addresses_of(session, [row.subscriber_id or 0]).values()


def crash_and_go_on(site: Site, point: str, number: int) -> tuple[bool, int]:
    """Kill a tick at a point and start anew; tell whether it got there, and what is uncertain."""
    status = site.tick(f"{point}:{number}")
    assert status in (-signal.SIGKILL, 0)
    site.terminal.do("tick")  # at once: the journal's lock shows that the other is dead
    site.hurry()
    site.terminal.do("tick")
    return status == -signal.SIGKILL, check(site)


ON_SQLITE = pytest.mark.parametrize("stored", ["sqlite"], indirect=True)


@ON_SQLITE
@pytest.mark.parametrize("number", [7])
@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_at_a_point_repeats_and_loses_nothing(
    site: Site, point: str, number: int
) -> None:
    was_killed, _ = crash_and_go_on(site, point, number)

    assert was_killed


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("stored", ["postgresql"], indirect=True)
@pytest.mark.parametrize("number", [1, 4, 7, 12])
@pytest.mark.parametrize("point", POINTS)
def test_beside_a_server_that_goes_on_a_killed_process_repeats_and_loses_nothing(
    site: Site, point: str, number: int
) -> None:
    crash_and_go_on(site, point, number)


@ON_SQLITE
def test_a_process_that_is_not_killed_sends_everything(site: Site) -> None:
    assert site.tick() == 0

    assert check(site) == 0
    assert len(site.box.taken) == len(READERS) + 1


@pytest.mark.slow
@pytest.mark.timeout(0)
@ON_SQLITE
@pytest.mark.parametrize("point", POINTS)
def test_every_call_of_a_point_may_be_the_last(
    site: Site, point: str, founded_site: Path, tmp_path: Path
) -> None:
    """The n-th call for every n, until the process comes through."""
    import shutil

    fresh = tmp_path / "fresh"
    shutil.copytree(site.terminal.folder, fresh)
    uncertain = list[int]()
    for number in range(1, MOST_CALLS):
        site.box.taken.clear()
        folder = tmp_path / f"life-{number}"
        shutil.copytree(fresh, folder)
        was_killed, doubtful = crash_and_go_on(Site(Terminal(folder), site.box), point, number)
        shutil.rmtree(folder)
        if not was_killed:
            break
        uncertain.append(doubtful)
    print(f"{point}: killed at each of {len(uncertain)} calls; uncertain {sum(uncertain)}")  # noqa: T201
    assert uncertain
