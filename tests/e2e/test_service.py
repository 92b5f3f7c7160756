"""The service against a receiving server nobody here wrote: Postfix's `smtp-sink`."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from socket import create_connection
from typing import Any

import httpx
import pytest

from steadypost.demo.mailbox import free_port

PROGRAM = Path(sys.executable).with_name("steadypost")
SINK = Path("/usr/sbin/smtp-sink")
SOON = 60.0  # seconds
PEOPLE = 200

pytestmark = pytest.mark.skipif(
    not SINK.exists(),
    reason=f"NO {SINK}: the service was NOT tested against a foreign server; run .ci/prepare",
)


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


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    sink, port = Sink(tmp_path / "sink"), free_port()
    (tmp_path / "site").mkdir()
    found = Place(tmp_path / "site", sink, f"http://127.0.0.1:{port}")
    found.init()
    yield found
    sink.end()


@pytest.fixture
def serve(place: Place) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start(*options: str) -> Service:
        started.append(place.serve(*options))
        return started[-1]

    yield start
    for service in started:
        service.clean_up()


def sign_up(pages: str, email: str) -> None:
    with httpx.Client(base_url=pages, headers={"sec-fetch-site": "same-origin"}) as browser:
        form = browser.get("/signup/weekly").text
        seal = re.search(r'name="seal" value="([^"]+)"', form)
        assert seal is not None
        time.sleep(2.1)  # a form that is sent back at once is a robot's
        wish = {"email": email, "first_name": "Ada", "consent": "yes", "seal": seal[1]}
        wish |= {"weekday": "2", "hour": "10", "time_zone": "Europe/Berlin"}
        assert browser.post("/signup/weekly", data=wish, follow_redirects=True).status_code == 200


def confirm(mail: Received) -> None:
    link = re.search(r"https?://\S+/confirm/\S+", mail.text)
    assert link is not None
    assert httpx.get(link[0]).status_code == 200  # looking confirms nothing
    origin = {"sec-fetch-site": "same-origin"}
    answer = httpx.post(link[0], headers=origin, follow_redirects=True)
    assert answer.status_code == 200


def test_a_sign_up_gets_its_confirmation_and_its_first_email(
    place: Place, serve: Callable[[], Service]
) -> None:
    service = serve()
    service.wait_for_pages(place.pages)

    sign_up(place.pages, "ada@example.org")
    asking = place.sink.wait_for("ada@example.org", containing="/confirm/")
    confirm(asking)
    first = place.sink.wait_for("ada@example.org", containing="Part 1 of 6")

    assert asking.message["List-Unsubscribe-Post"] is None
    assert first.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/u/" in first.message["List-Unsubscribe"]
    assert first.message["Message-ID"] != asking.message["Message-ID"]
    assert first.envelope_sender.startswith("bounces+")
    wait_until(lambda: place.count("sent") == 2)
    assert service.end(signal.SIGTERM) == 0, service.log.read_text()
    assert "stopped" in service.log.read_text()
    assert [worker["alive"] for worker in place.status()["workers"]] == [False]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_stopped_while_sending_leaves_nothing_in_doubt(
    place: Place, serve: Callable[[], Service], number: signal.Signals
) -> None:
    import_people(place)
    service = serve()
    wait_until(lambda: place.count("sent") > 10)

    code = service.end(number)

    assert code == 0, service.log.read_text()
    sent = place.count("sent")
    assert place.count("claimed", "sending", "uncertain") == 0
    assert len(place.sink.mails()) == sent < PEOPLE


def test_a_service_that_is_killed_while_sending_sends_nothing_twice_and_loses_nothing(
    place: Place, serve: Callable[[], Service]
) -> None:
    everybody = import_people(place)
    killed = serve()
    wait_until(lambda: len(list(place.sink.folder.glob("mail.*"))) > 30)
    killed.end(signal.SIGKILL)
    at_the_kill = len(place.sink.mails())

    again = serve()
    wait_until(lambda: place.count("sent", "uncertain") == PEOPLE)
    assert again.end(signal.SIGTERM) == 0, again.log.read_text()

    arrived = [mail.recipient for mail in place.sink.mails()]
    uncertain = {row["email"] for row in place.status()["uncertain"]}
    assert at_the_kill < PEOPLE, "it was killed too late to show anything"
    assert len(arrived) == len(set(arrived)), "somebody got it twice"
    assert everybody - set(arrived) <= uncertain, "somebody was lost and is not listed"
    assert len(uncertain) <= 4  # one for each connection, at most


def test_several_processes_share_the_work_and_stop_together(
    place: Place, serve: Callable[..., Service]
) -> None:
    everybody = import_people(place)

    service = serve("--scheduler-only", "--workers", "3")
    wait_until(lambda: len(place.status()["workers"]) == 3 and place.count("sent") == PEOPLE)
    code = service.end(signal.SIGTERM)

    assert code == 0, service.log.read_text()
    arrived = [mail.recipient for mail in place.sink.mails()]
    assert sorted(arrived) == sorted(everybody), "somebody got it twice, or not at all"
    workers = place.status()["workers"]
    assert [worker["alive"] for worker in workers] == [False] * 3


def test_processes_end_with_the_one_that_started_them_and_nobody_gets_it_twice(
    place: Place, serve: Callable[..., Service]
) -> None:
    everybody = import_people(place)
    killed = serve("--scheduler-only", "--workers", "2")
    wait_until(lambda: len(list(place.sink.folder.glob("mail.*"))) > 30)

    killed.end(signal.SIGKILL)

    further = max(worker["process_id"] for worker in place.status()["workers"])
    wait_until(lambda: not Path(f"/proc/{further}").exists())
    again = serve("--scheduler-only")
    wait_until(lambda: place.count("sent", "uncertain") == PEOPLE)
    assert again.end(signal.SIGTERM) == 0, again.log.read_text()
    arrived = [mail.recipient for mail in place.sink.mails()]
    uncertain = {row["email"] for row in place.status()["uncertain"]}
    assert len(arrived) == len(set(arrived)), "somebody got it twice"
    assert everybody - set(arrived) <= uncertain, "somebody was lost and is not listed"


def import_people(place: Place) -> set[str]:
    people = {f"person{number}@example.org" for number in range(PEOPLE)}
    (place.folder / "people.csv").write_text("email\n" + "\n".join(sorted(people)) + "\n")
    place.run("subscribers", "import", "people.csv", "--consent", "the clinic's old newsletter")
    return people
