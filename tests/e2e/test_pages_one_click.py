"""One-click unsubscribing as mail providers do it: raw requests to the real server."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from delivery.rules.states import State
from storage.database import Database
from subscribers.consent import address_digest
from subscribers.rules.standing import ConsentKind, Standing
from subscribers.store import consent_records_of
from tests.sending_stage import Clock
from tests.web_stage import ADA, WebStage, serving

URLENCODED = b"List-Unsubscribe=One-Click"
MULTIPART = (
    b"--sep\r\n"
    b'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
    b"One-Click\r\n"
    b"--sep--\r\n"
)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> WebStage:
    """Let Ada have had the first email, and let the second one be queued."""
    stage = WebStage(database, site, Clock(now))
    stage.join()
    stage.tick()
    stage.clock.move(days=9, hours=2)
    assert stage.queue() == 1
    return stage


@pytest.fixture
def address(stage: WebStage) -> Iterator[str]:
    with serving(stage) as address:
        yield address


def ask(address: str, head: str, body: bytes = b"") -> tuple[int, dict[str, str]]:
    """Send one raw request; give status and headers."""
    parts = urlsplit(address)
    request = f"{head}\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode() + body
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as link:
        link.sendall(request)
        with link.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            lines = iter(answer.readline, b"\r\n")
            pairs = [line.decode("latin-1").strip().partition(": ") for line in lines]
    return status, {name.lower(): value for name, _, value in pairs}


def click(address: str, path: str, kind: str, body: bytes) -> tuple[int, dict[str, str]]:
    head = f"POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
    return ask(address, head, body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", URLENCODED),
        ("multipart/form-data; boundary=sep", MULTIPART),
    ],
    ids=["urlencoded", "multipart"],
)
def test_fifty_clicks_at_once_unsubscribe_once(
    stage: WebStage, address: str, kind: str, body: bytes
) -> None:
    path = stage.leave_path()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: click(address, path, kind, body), range(50)))

    assert Counter(status for status, _ in answers) == {200: 50}
    assert not any("set-cookie" in headers or "location" in headers for _, headers in answers)
    assert stage.subscription().standing is Standing.UNSUBSCRIBED
    assert stage.enrolment(1).status is EnrolmentStatus.LEFT
    assert State.QUEUED not in stage.states().values()
    with stage.database.reading() as session:
        records = consent_records_of(session, address_digest(stage.site.keys, ADA))
    assert [record.kind for record in records].count(ConsentKind.UNSUBSCRIBED) == 1


def test_a_body_in_chunks_of_unknown_length_unsubscribes(stage: WebStage, address: str) -> None:
    kind = "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked"
    body = b"10\r\nList-Unsubscribe\r\na\r\n=One-Click\r\n0\r\n\r\n"

    status, _ = ask(address, f"POST {stage.leave_path()} HTTP/1.1\r\n{kind}", body)

    assert status == 200
    assert stage.subscription().standing is Standing.UNSUBSCRIBED


def test_scanners_may_open_the_link_as_they_like(stage: WebStage, address: str) -> None:
    before, path = stage.rows(), stage.leave_path()

    answers = [ask(address, f"{method} {path} HTTP/1.1") for method in ("GET", "HEAD", "OPTIONS")]

    assert [status for status, _ in answers] == [200, 200, 204]
    assert not any("set-cookie" in headers for _, headers in answers)
    assert stage.rows() == before
