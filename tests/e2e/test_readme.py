"""Every command in the README and the how-tos works as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from steadypost.demo.mailbox import Mailbox, MailboxServer, free_port

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("steadypost")
PAGES_PORT = free_port()


@dataclass
class Desk:
    """A terminal in a folder, with a relay that takes mail."""

    folder: Path
    mailbox: Mailbox
    relay_port: int

    @property
    def answers(self) -> str:
        """Answer the six questions of `steadypost init`."""
        return "\n".join(
            [
                "Riverside Clinic",
                "12 Mill Lane, Riverside",
                "Europe/Berlin",
                "hello@riverside.example",
                f"127.0.0.1:{self.relay_port}",
                f"http://127.0.0.1:{PAGES_PORT}",
                "",
            ]
        )

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run one command line as a person would."""
        return subprocess.run(
            [str(PROGRAM), *shlex.split(line)[1:]],
            cwd=self.folder,
            input=self.answers if " init" in line else "",
            capture_output=True,
            text=True,
            timeout=280,
            env=self.environment,
        )

    @property
    def environment(self) -> dict[str, str]:
        """Open no browser, and listen where nobody else does."""
        return os.environ | {
            "BROWSER": "true",
            "STEADYPOST_WEB__PORT": str(PAGES_PORT),
            "STEADYPOST_CALENDAR__SEND_WINDOW": "00:00-24:00",  # this test runs at any hour
        }

    def serve(self) -> None:
        """Start the service, see that its pages answer, and stop it politely."""
        with subprocess.Popen(
            [str(PROGRAM), "serve"],
            cwd=self.folder,
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
        ) as service:
            assert wait_for_page(f"http://127.0.0.1:{PAGES_PORT}/signup/weekly")
            wait_until(lambda: self.mailbox.of("ada@example.org"))
            service.send_signal(signal.SIGTERM)
            _, log = service.communicate(timeout=120)
        assert service.returncode == 0, log


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    mailbox, port = Mailbox(lambda: datetime.now(UTC)), free_port()
    server = MailboxServer(mailbox, port=port)
    server.start()
    yield Desk(tmp_path, mailbox, port)
    server.stop()


def wait_for_page(url: str) -> bool:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            with urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, ConnectionError):
            time.sleep(0.1)
    return False


def wait_until(happened: Callable[[], object]) -> None:
    until = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.05)


def commands_in(path: Path) -> list[str]:
    """List the shell lines of a document, without their comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.timeout(600)  # it plays a whole series on a virtual clock too
def test_the_readme_can_be_followed_from_top_to_bottom(desk: Desk) -> None:
    done = []
    for line in commands_in(ROOT / "README.md"):
        if line.startswith("cd "):
            desk.folder = desk.folder / line.removeprefix("cd ")
            desk.run("steadypost subscribers add ada@example.org --first-name Ada")
        elif line == "steadypost serve":
            desk.serve()
        elif line.startswith("steadypost "):
            ran = desk.run(line)
            assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
        else:
            continue
        done.append(line)

    assert len(done) >= 9
    assert [mail.recipient for mail in desk.mailbox.all()] == ["ada@example.org", "you@example.org"]


def test_every_command_the_docs_name_exists() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
    named = {
        line.split()[1]
        for path in documents
        for line in re.findall(r"\bsteadypost [a-z][a-z-]+", path.read_text())
    }
    listed = subprocess.run([str(PROGRAM), "--help"], capture_output=True, text=True).stdout

    known = set(re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE))
    assert named - known - {"demo"} <= {"unit", "service"}, named - known
