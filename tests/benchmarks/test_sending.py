"""How fast is the real path? As ratios to Postfix's `smtp-source`, interleaved in one run.

Run by `make bench`; the table goes to docs/performance.md. Nothing is asserted about speed: that
every message arrived once is.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from campaigns.models import Series
from campaigns.publishing import import_series
from campaigns.series_folder import read_series_folder
from campaigns.site import ClinicCalendar, SenderIdentity, Site
from delivery.smtp import RelaySettings, SmtpSender
from delivery.store import counts_by_state
from scheduler import Parts, employed, run_tick
from steadypost.demo.mailbox import free_port
from steadypost.migrating import migrate
from storage.database import open_database
from storage.signing import KeyRing, new_public_id
from subscribers.models import Subscriber, Subscription
from subscribers.rules.standing import Standing
from templates.compiler.renderer import CompiledRenderer
from templates.email import Renderer
from templates.theme import BUILTIN

POSTFIX = f"{os.environ.get('PATH', '')}:/usr/sbin"
SINK, SOURCE = (shutil.which(name, path=POSTFIX) for name in ("smtp-sink", "smtp-source"))
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PEOPLE = int(os.environ.get("BENCH_PEOPLE", "1000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


@dataclass(frozen=True)
class Run:
    """One measured send."""

    messages_per_second: float
    client_microseconds: float  # CPU per message


@contextmanager
def smtp_sink() -> Iterator[int]:
    port = free_port()
    as_root = ["-u", "root"] if os.geteuid() == 0 else []
    process = subprocess.Popen([str(SINK), *as_root, f"127.0.0.1:{port}", "200"])
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("smtp-sink did not start")


def clinic(folder: Path, port: int, renderer: Renderer) -> Parts:
    """Found a clinic whose people are all due for their first email."""
    database = open_database(f"sqlite:///{folder}/{new_public_id()}.db")
    migrate(database)
    site = Site(
        public_url="https://post.riverside.example",
        zone=ZoneInfo("Europe/Berlin"),
        identity=SenderIdentity(
            from_name="Riverside Clinic",
            from_address="hello@riverside.example",
            reply_to="",
            bounce_address="bounces@riverside.example",
            unsubscribe_address="leave@riverside.example",
            mail_domain="riverside.example",
        ),
        calendar=ClinicCalendar(),
        keys=KeyRing.from_text("5a" * 32),
        clinic={"name": "Riverside Clinic", "postal_address": "12 Mill Lane, Riverside"},
    )
    sender = SmtpSender(
        RelaySettings("127.0.0.1", port, "none", helo_name="bench.example", connections=10)
    )
    parts = Parts(database, site, sender, renderer, clock=lambda: NOW)
    _fill(parts)
    return parts


def _fill(parts: Parts) -> None:
    series = read_series_folder(BUILTIN.parent / "series" / "massage-benefits")
    with parts.database.transaction() as session:
        import_series(session, series, site=parts.site, renderer=parts.renderer, now=NOW)
        list_id = session.query(Series).one().list_id
        people = [
            {
                "id": number,
                "public_id": new_public_id(),
                "email": f"person{number}@clients.example",
                "first_name": f"Name{number}",
                "created_at": NOW,
                "changed_at": NOW,
            }
            for number in range(1, PEOPLE + 1)
        ]
        session.execute(insert(Subscriber), people)
        session.execute(
            insert(Subscription),
            [
                {
                    "public_id": new_public_id(),
                    "subscriber_id": person["id"],
                    "list_id": list_id,
                    "standing": Standing.CONFIRMED,
                    "requested_at": NOW,
                    "confirmed_at": NOW,
                }
                for person in people
            ],
        )


def send_all(folder: Path, port: int, renderer: Renderer) -> Run:
    """Enrol, queue and send everybody, everything durable; measure from the first to the last."""
    parts = clinic(folder, port, renderer)
    began, cpu = time.perf_counter(), _cpu_seconds()
    with employed(parts) as worker:
        sent = 0
        while sent < PEOPLE:  # a test that never ends is a failure too
            sent += run_tick(parts, worker, now=NOW).sent
    elapsed, used = time.perf_counter() - began, _cpu_seconds() - cpu
    with parts.database.reading() as session:
        counts = counts_by_state(session)
    parts.sender.close()
    parts.database.close()
    assert {state.value: count for state, count in counts.items() if count} == {"sent": PEOPLE}
    return Run(PEOPLE / elapsed, used / PEOPLE * 1e6)


def smtp_source(port: int, *, size_bytes: int) -> float:
    """Give messages per second of the yardstick: one canned body, no rendering, no database."""
    command = [str(SOURCE), "-s", "10", "-d", "-m", str(5 * PEOPLE), "-l", str(size_bytes)]
    began = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True)
    return 5 * PEOPLE / (time.perf_counter() - began)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@pytest.mark.slow
@pytest.mark.skipif(
    None in (SINK, SOURCE), reason="Postfix's smtp-sink and smtp-source are missing"
)
def test_the_real_path_against_smtp_source(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    yardstick, ours = [], []
    with smtp_sink() as port:
        for _ in range(ROUNDS):
            yardstick.append(smtp_source(port, size_bytes=16_000))
            ours.append(send_all(tmp_path, port, CompiledRenderer()))

    rate = median(run.messages_per_second for run in ours)
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{PEOPLE} people, {ROUNDS} rounds, medians: smtp-source {median(yardstick):,.0f}/s; "
            f"steadypost {rate:,.0f}/s, ratio {rate / median(yardstick):.3f}; client CPU "
            f"{median(run.client_microseconds for run in ours):,.0f} µs a message"
        )
