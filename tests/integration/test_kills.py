"""SIGKILL again and again while mail goes out: no duplicate, no loss, few in doubt, all listed."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from delivery.models import Delivery
from delivery.rules.states import State
from steadypost.demo.mailbox import free_port
from subscribers.models import Subscriber
from tests.cli_stage import Terminal

PROGRAM = Path(sys.executable).with_name("steadypost")
CONNECTIONS = 4
GOES_ON_WITHIN = 60.0  # seconds after a restart
SEED = int(os.environ.get("KILL_SEED", "1"))


@dataclass
class Box:
    """What the relay took; it answers slowly enough that a kill finds something in flight."""

    answers_after: float
    taken: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.taken.append(envelope.rcpt_tos[0])
        await asyncio.sleep(self.answers_after)
        return "250 2.0.0 taken"


@pytest.fixture
def box() -> Iterator[tuple[Box, int]]:
    box, port = Box(0.01), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@pytest.fixture
def site(terminal: Terminal, box: tuple[Box, int]) -> Terminal:
    for line in (
        'host = "127.0.0.1"',
        f"port = {box[1]}",
        'security = "none"',
        f"connections = {CONNECTIONS}",
    ):
        terminal.set("relay", line)
    terminal.set("scheduler", "tick_seconds = 0.2")
    return terminal


def add_people(site: Terminal, count: int) -> None:
    file = site.folder / "people.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [["email"], *([f"reader-{number}@example.org"] for number in range(count))]
        )
    site.do("subscribers", "import", str(file), "--consent", "paper form")


def start(site: Terminal) -> subprocess.Popen[bytes]:
    command = [str(PROGRAM), "--site", str(site.folder), "serve", "--scheduler-only"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def wait_until(is_so: Any, *, within: float) -> float:
    """Wait until something is so; tell the seconds it took."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < within, "it did not come to that"
        time.sleep(0.01)
    return time.monotonic() - began


def states(site: Terminal) -> dict[str, State]:
    with site.parts() as parts, parts.database.reading() as session:
        rows = select(Subscriber.email, Delivery.state).join(
            Delivery, Delivery.subscriber_id == Subscriber.id
        )
        return {row.email: row.state for row in session.execute(rows)}


def kill_again_and_again(site: Terminal, box: Box, *, people: int, kills: int) -> list[float]:
    """Kill the service while it sends, start it anew, at last let it finish; give the waits."""
    dice = random.Random(SEED)  # noqa: S311
    waits = []
    for _ in range(kills):
        seen, portion = len(box.taken), dice.randrange(1, max(2, people // (kills + 2)))
        process = start(site)
        try:
            waits.append(wait_until(lambda n=seen: len(box.taken) > n, within=GOES_ON_WITHIN))
            wait_until(lambda n=seen + portion: len(box.taken) >= n, within=GOES_ON_WITHIN)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    last = start(site)
    try:
        is_through = {State.SENT, State.UNCERTAIN}
        within = GOES_ON_WITHIN + people / 20
        wait_until(
            lambda: len(found := states(site)) == people and set(found.values()) <= is_through,
            within=within,
        )
    finally:
        last.terminate()
        last.wait()
    return waits


def check(site: Terminal, box: Box, *, people: int, kills: int) -> None:
    """Hold what the database says against what the relay took."""
    copies, found = Counter(box.taken), states(site)
    uncertain = [email for email, state in found.items() if state is State.UNCERTAIN]
    listed = {row["email"] for row in site.do("uncertain", "list", "--json").json}

    assert [email for email, count in copies.items() if count > 1] == []
    assert [
        email for email, state in found.items() if state is State.SENT and not copies[email]
    ] == []
    assert len(found) == people
    assert len(uncertain) <= kills * CONNECTIONS
    assert listed == set(uncertain[:100]) or len(uncertain) > 100
    print(  # noqa: T201
        f"{kills} kills over {people} mails: {len(uncertain)} uncertain, "
        f"{sum(1 for email in uncertain if copies[email])} of them had arrived"
    )


@pytest.mark.timeout(400)
def test_ten_kills_while_mail_goes_out(site: Terminal, box: tuple[Box, int]) -> None:
    add_people(site, 200)

    waits = kill_again_and_again(site, box[0], people=200, kills=10)

    check(site, box[0], people=200, kills=10)
    assert max(waits) < GOES_ON_WITHIN


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_two_hundred_kills_over_ten_thousand_mails(site: Terminal, box: tuple[Box, int]) -> None:
    add_people(site, 10_000)

    waits = kill_again_and_again(site, box[0], people=10_000, kills=200)

    print(f"longest wait for the first mail after a restart: {max(waits):.1f} s")  # noqa: T201
    check(site, box[0], people=10_000, kills=200)
