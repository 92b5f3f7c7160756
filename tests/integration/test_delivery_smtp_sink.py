"""What Postfix's own test server received is what messages.md asks for, byte for byte."""

from __future__ import annotations

import email
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from delivery.message import Letter, compose, message_id
from delivery.rules.envelope import envelope_sender, read_envelope_sender
from delivery.sender import Accepted, Handover
from storage.signing import KeyRing, new_public_id

SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MESSAGES = 60
ONCE = (
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Reply-To",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
)


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink and the folder it writes into."""

    port: int
    folder: Path

    def files(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.iterdir())]


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    if SINK is None:
        pytest.skip("no smtp-sink (it comes with Postfix): the wire was NOT checked against it")
    folder = tmp_path / "dump"
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_root = ["-u", "root"] if os.geteuid() == 0 else []
    command = [SINK, *as_root, "-d", f"{folder}/m.", f"127.0.0.1:{port}", "100"]
    process = subprocess.Popen(command)
    try:
        wait_for(port)
        yield Sink(port, folder)
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("smtp-sink did not start")


def letter(number: int, public_id: str, keys: KeyRing) -> Letter:
    return Letter(
        from_name='Mill, "Riverside" Clinic',
        from_address="hello@riverside.example",
        to_address=f"p{number}@example.org",
        to_name="Zoë 💆‍♀️",
        subject=f"Part {number} of 60: für Köln " + "and everybody there " * 8,
        text=f".a dot\n..two dots\nFrom here {number}\n\nhttps://post.riverside.example/u/x\n",
        html=f"<p>.é {number}</p>\n" + "<td>.</td>\n" * 400,
        message_id=message_id(keys, public_id, "riverside.example"),
        date=datetime(2026, 3, 2, 8, 0, number % 60, tzinfo=UTC),
        reply_to="desk@riverside.example",
        list_id=("Your weekly series", "weekly.riverside.example"),
        unsubscribe_url=f"https://post.riverside.example/u/{public_id * 4}",
        unsubscribe_mailto=f"leave@riverside.example?subject={public_id * 2}",
        one_click=True,
    )


def parts_of(dump: bytes) -> tuple[str, bytes]:
    """Split a dump file into the sink's notes about the envelope and the message itself."""
    notes, _, rest = dump.decode().partition("Received: ")
    _received, message = re.split(r"\n(?=\S)", rest, maxsplit=1)
    return notes, message.removesuffix("\n").encode()


def test_what_arrives_is_what_was_meant(sender_to: Any, sink: Sink, keys: KeyRing) -> None:
    ids = [new_public_id() for _ in range(MESSAGES)]
    sent = {
        f"p{n}@example.org": compose(letter(n, public_id, keys)) for n, public_id in enumerate(ids)
    }
    bounce = "bounces@riverside.example"
    handovers = [
        Handover(n, envelope_sender(keys, ids[n], bounce_address=bounce), recipient, message)
        for n, (recipient, message) in enumerate(sent.items())
    ]
    sender = sender_to(sink, connections=6)

    outcomes = [one for n in range(0, MESSAGES, 6) for one in sender.send(handovers[n : n + 6])]
    sender.close()

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    received = [parts_of(dump) for dump in sink.files()]
    assert len(received) == MESSAGES
    envelopes = {}
    for notes, raw in received:
        recipient = assert_envelope(notes, keys, ids)
        assert raw == sent[recipient].replace(b"\r\n", b"\n")
        envelopes[recipient] = assert_conforming(raw, recipient)
    assert len(envelopes) == len(set(envelopes.values())) == MESSAGES


def assert_envelope(notes: str, keys: KeyRing, ids: list[str]) -> str:
    """Rows 18 and 25: one recipient, a signed bounce address that fits, a real EHLO name."""
    (recipient,) = re.findall(r"X-Rcpt-Args: <([^>]+)>", notes)
    (bounces_to,) = re.findall(r"X-Mail-Args: <([^>]+)>", notes)
    number = int(recipient[1:].partition("@")[0])
    assert len(bounces_to.partition("@")[0]) <= 64
    assert read_envelope_sender(keys, bounces_to) == ids[number]
    assert "X-Helo-Args: post.riverside.example" in notes
    return str(recipient)


def assert_conforming(raw: bytes, recipient: str) -> str:
    """Rows 1-8, 10, 13, 15, 16, 18 on the bytes as received; gives the Message-ID."""
    headers, _, body = raw.partition(b"\n\n")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\n"))) <= 998
    assert max(map(len, body.split(b"\n"))) <= 76
    message = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert all(len(message.get_all(name, [])) == 1 for name in ONCE)
    assert "Return-Path" not in message
    assert [address.addr_spec for address in message["To"].addresses] == [recipient]
    assert [address.display_name for address in message["From"].addresses] == [
        'Mill, "Riverside" Clinic'
    ]
    assert message["Subject"].endswith("and everybody there ")
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    for line in headers.split(b"\n"):
        if line.startswith((b"List-", b"Message-ID", b"Feedback-ID", b" <mailto:")):
            assert b"=?" not in line
    https, mailto = re.fullmatch(r"<(https:[^>]+)>,\s<(mailto:[^>]+)>", unfolded(headers)).groups()  # type: ignore[union-attr]
    assert " " not in https + mailto
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().startswith(".a dot\n..two dots\nFrom here ")
    boundary = message.get_boundary()
    assert boundary is not None
    assert raw.count(boundary.encode()) == 4  # one announcement, three delimiters
    return str(message["Message-ID"])


def unfolded(headers: bytes) -> str:
    plain = headers.decode().replace("\n ", " ")
    return re.findall(r"^List-Unsubscribe: (.+)$", plain, re.MULTILINE)[0]
