"""A stage for tests of the whole service: its site, its processes, and Postfix's `smtp-sink`."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from socket import create_connection
from typing import Any

import httpx

from steadypost.demo.mailbox import free_port

PROGRAM = Path(sys.executable).with_name("steadypost")
SINK = Path("/usr/sbin/smtp-sink")
SOON = 180.0  # seconds
PEOPLE = 200


@dataclass(frozen=True)
class Received:
    """One message as the sink dumped it."""

    envelope_sender: str
    recipient: str
    message: EmailMessage

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())


class Sink:
    """A running `smtp-sink` that dumps each message into a file of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.port = folder, free_port()
        user = ["-u", "root"] if os.geteuid() == 0 else []
        command = [str(SINK), *user, "-d", "mail.", f"127.0.0.1:{self.port}", "100"]
        self._process = subprocess.Popen(command, cwd=folder)
        wait_until(self._answers)

    def _answers(self) -> bool:
        with suppress(OSError), create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def mails(self) -> list[Received]:
        """List what arrived whole, in no order."""
        return [mail for path in self.folder.glob("mail.*") if (mail := _read(path))]

    def mails_to(self, address: str) -> list[Received]:
        return [mail for mail in self.mails() if mail.recipient == address]

    def wait_for(self, address: str, *, containing: str) -> Received:
        wait_until(lambda: any(containing in mail.text for mail in self.mails_to(address)))
        return next(mail for mail in self.mails_to(address) if containing in mail.text)


def _read(path: Path) -> Received | None:
    """Read one dump: the sink's own lines, its Received header, then the message as it came."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:  # the sink takes back what did not come whole
        return None
    envelope = dict(re.findall(rb"^X-(Mail|Rcpt)-Args: <([^>]*)>", raw, re.MULTILINE))
    message = message_from_bytes(raw, policy=policy.default)
    if not raw.endswith(b"\n") or not message.is_multipart() or message.defects:
        return None  # still being written, or its sender died
    return Received(envelope[b"Mail"].decode(), envelope[b"Rcpt"].decode(), message)


def wait_until(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")


@dataclass
class Place:
    """An empty folder in which somebody sets up and runs Steadypost."""

    folder: Path
    sink: Sink
    pages: str  # where they are

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run one command, which must succeed."""
        done = subprocess.run(
            [str(PROGRAM), *args], cwd=self.folder, capture_output=True, text=True, timeout=SOON
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def init(self) -> None:
        """Set the site up, and let it look twice a second."""
        self.run(
            *("init", "--name", "Riverside Clinic", "--postal-address", "12 Mill Lane, Riverside"),
            *("--time-zone", "Europe/Berlin", "--from-address", "hello@riverside.example"),
            *("--relay", f"127.0.0.1:{self.sink.port}", "--public-url", self.pages),
        )
        path = self.folder / "steadypost.toml"
        changes = {
            "tick_seconds = 5.0": "tick_seconds = 0.5",
            "lease_seconds = 60.0": "lease_seconds = 5",
            'send_window = "07:00-21:00"': 'send_window = "00:00-24:00"',  # tests run at any hour
        }
        text = path.read_text()
        for before, after in changes.items():
            assert before in text
            text = text.replace(f"# {before}", after)
        path.write_text(text)

    def serve(self, *options: str) -> Service:
        return Service(self, *options)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status", "--json", "--no-relay").stdout)
        return found

    def count(self, *states: str) -> int:
        """Count deliveries in some states."""
        uri = f"file:{self.folder / 'steadypost.db'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            marks = ", ".join("?" * len(states))
            asked = f"SELECT count(*) FROM deliveries WHERE state IN ({marks})"  # noqa: S608
            return int(database.execute(asked, states).fetchone()[0])


class Service:
    """`steadypost serve` as a process of its own."""

    def __init__(self, place: Place, *options: str) -> None:
        self.log = place.folder / f"service-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            command = [str(PROGRAM), "serve", *options]
            self._process = subprocess.Popen(command, cwd=place.folder, stderr=log, stdout=log)

    def wait_for_pages(self, url: str) -> None:
        def answers() -> bool:
            assert self._process.poll() is None, self.log.read_text()
            with suppress(httpx.TransportError):
                return httpx.get(f"{url}/healthz").status_code == 200
            return False

        wait_until(answers)

    def end(self, number: signal.Signals) -> int:
        """Send a signal; give the exit code."""
        self._process.send_signal(number)
        return self._process.wait(SOON)

    def clean_up(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(SOON)


def import_people(place: Place) -> set[str]:
    people = {f"person{number}@example.org" for number in range(PEOPLE)}
    (place.folder / "people.csv").write_text("email\n" + "\n".join(sorted(people)) + "\n")
    place.run("subscribers", "import", "people.csv", "--consent", "the clinic's old newsletter")
    return people
