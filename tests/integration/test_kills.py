"""SIGKILL again and again while mail goes out: no duplicate, no loss, few in doubt, all listed.

Series are sent at most once: what is in doubt is listed. Confirmations are sent at least once:
nothing is in doubt, and a few come twice. `KILLS` chooses how many the slow tests have.
"""

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
from sqlalchemy import func, select, update

from delivery.models import Delivery
from delivery.rules.states import State
from steadypost.demo.mailbox import free_port
from subscribers.models import Subscriber
from subscribers.signup import SignUp, request_subscription
from tests.cli_stage import Terminal

PROGRAM = Path(sys.executable).with_name("steadypost")
CONNECTIONS = 4
GOES_ON_WITHIN = 60.0  # seconds after a restart
SEED = int(os.environ.get("KILL_SEED", "1"))
KILLS = int(os.environ.get("KILLS", "200"))
PEOPLE_A_KILL = 50


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
def site(stored: Terminal, box: tuple[Box, int]) -> Terminal:
    terminal = stored
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


def ask_people(site: Terminal, count: int) -> None:
    """Let so many sign up by the form; each is owed a confirmation."""
    with site.parts() as parts, parts.database.transaction() as session:
        for number in range(count):
            who = SignUp(f"reader-{number}@example.org", "weekly")
            request_subscription(session, who, keys=parts.site.keys, now=parts.clock())


def start(site: Terminal) -> subprocess.Popen[bytes]:
    command = [str(PROGRAM), "--site", str(site.folder), "serve", "--scheduler-only"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def wait_until(is_so: Any, *, within: float, every: float = 0.01) -> float:
    """Wait until something is so; tell the seconds it took."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < within, "it did not come to that"
        time.sleep(every)
    return time.monotonic() - began


def states(site: Terminal) -> dict[str, State]:
    with site.parts() as parts, parts.database.reading() as session:
        rows = select(Subscriber.email, Delivery.state).join(
            Delivery, Delivery.subscriber_id == Subscriber.id
        )
        return {row.email: row.state for row in session.execute(rows)}


def wait_for_the_end(site: Terminal, *, people: int) -> None:
    """Wait until each mail has gone, or is in doubt for good."""
    is_through = Delivery.state.in_([State.SENT, State.UNCERTAIN])
    with site.parts() as parts:

        def are_through() -> bool:
            with parts.database.transaction() as session:
                waiting = update(Delivery).where(Delivery.state == State.QUEUED)
                session.execute(waiting.values(due_at=parts.clock()))  # nobody waits for a retry
                through = session.scalar(select(func.count()).where(is_through))
            return through == people

        wait_until(are_through, within=GOES_ON_WITHIN + people / 20, every=0.5)


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
        wait_for_the_end(site, people=people)
    finally:
        last.terminate()
        last.wait()
    return waits


def check_at_most_once(site: Terminal, box: Box, *, people: int, kills: int) -> str:
    """Hold what the database says against what the relay took."""
    copies, found = Counter(box.taken), states(site)
    uncertain = [email for email, state in found.items() if state is State.UNCERTAIN]
    sent = [email for email, state in found.items() if state is State.SENT]
    listed = {row["email"] for row in site.do("uncertain", "list", "--json").json}

    assert [email for email, count in copies.items() if count > 1] == []
    assert [email for email in sent if not copies[email]] == []
    assert len(found) == people
    assert len(uncertain) <= kills * CONNECTIONS
    assert listed == set(uncertain) or len(uncertain) > len(listed) >= 100
    arrived = sum(1 for email in uncertain if copies[email])
    return f"{len(uncertain)} uncertain, {arrived} of them had arrived; none twice, none lost"


def check_at_least_once(site: Terminal, box: Box, *, people: int, kills: int) -> str:
    """Everybody has it; a few have it twice; nothing is in doubt."""
    copies, found = Counter(box.taken), states(site)
    again = sum(copies.values()) - len(copies)

    assert len(copies) == len(found) == people
    assert set(found.values()) == {State.SENT}
    assert again <= kills * CONNECTIONS
    return f"{again} came once more, none lost"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("stored", ["sqlite"], indirect=True)
def test_ten_kills_while_mail_goes_out(site: Terminal, box: tuple[Box, int]) -> None:
    add_people(site, 200)

    waits = kill_again_and_again(site, box[0], people=200, kills=10)

    check_at_most_once(site, box[0], people=200, kills=10)
    assert max(waits) < GOES_ON_WITHIN


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    ("add", "check"), [(add_people, check_at_most_once), (ask_people, check_at_least_once)]
)
def test_many_kills_while_many_mails_go_out(
    site: Terminal, box: tuple[Box, int], add: Any, check: Any
) -> None:
    people = KILLS * PEOPLE_A_KILL
    add(site, people)

    waits = kill_again_and_again(site, box[0], people=people, kills=KILLS)

    found = check(site, box[0], people=people, kills=KILLS)
    print(  # noqa: T201
        f"\n{KILLS} kills over {people} mails: {found}; "
        f"at most {max(waits):.1f} s from a restart to the first mail"
    )
