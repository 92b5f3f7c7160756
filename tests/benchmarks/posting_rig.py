"""A rig for benchmarks of sending: a clinic with many people, and worker processes that send.

What is measured is the real path: `run_tick` as the service calls it, everything durable.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select

from campaigns.models import Series
from campaigns.publishing import import_series
from campaigns.series_folder import SeriesFolder, read_series_folder
from campaigns.site import ClinicCalendar, SenderIdentity, Site
from delivery.dkim import DkimSigner, read_dkim_keys
from delivery.journal import JournalFolder, Scribe
from delivery.models import Delivery
from delivery.smtp import RelaySettings, SmtpSender
from delivery.store import counts_by_state
from scheduler import Parts, employed, run_tick
from steadypost.demo.mailbox import free_port
from steadypost.memory import settle_memory
from steadypost.migrating import migrate
from storage.database import Session, open_database
from storage.signing import KeyRing, new_public_id
from subscribers.models import Subscriber, Subscription
from subscribers.rules.standing import Standing
from templates.compiler.renderer import CompiledRenderer
from templates.theme import BUILTIN

POSTFIX = f"{os.environ.get('PATH', '')}:/usr/sbin"
SINK, SOURCE = (shutil.which(name, path=POSTFIX) for name in ("smtp-sink", "smtp-source"))
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KEYS = KeyRing.from_text("5a" * 32)
PATIENCE = 300  # seconds
WARM = 20  # emails sent before the measuring
PARAGRAPH = "A slow walk after supper, ten minutes of it, and an early night. " * 4


@dataclass(frozen=True)
class Clinic:
    """Where a benchmark's clinic lives, and where its mail goes."""

    url: str
    folder: Path
    port: int
    pem: str = ""  # the keys that sign its mail


@dataclass(frozen=True)
class Run:
    """One measured deed, for each message of it."""

    count: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    @property
    def microseconds(self) -> float:
        return self.cpu_seconds / self.count * 1e6


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


def smtp_source(port: int, *, count: int, size_bytes: int) -> float:
    """Give messages per second of the yardstick: one canned body, no rendering, no database."""
    command = [str(SOURCE), "-s", "10", "-d", "-m", str(count), "-l", str(size_bytes)]
    began = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True)
    return count / (time.perf_counter() - began)


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


@contextmanager
def opened(clinic: Clinic) -> Iterator[Parts]:
    """Open the parts of a clinic, with a journal of hand-overs as the service has it."""
    journals = JournalFolder(
        clinic.folder / "journal",
        lambda address: KEYS.digest("journal", address),
        lambda: NOW,
    )
    scribe = Scribe(journals)
    relay = RelaySettings("127.0.0.1", clinic.port, "none", helo_name="bench.example")
    parts = Parts(
        database=open_database(clinic.url),
        site=_site(clinic.pem),
        sender=SmtpSender(relay, witness=scribe),
        renderer=CompiledRenderer(),
        clock=lambda: NOW,
        scribe=scribe,
    )
    try:
        yield parts
    finally:
        parts.sender.close()
        parts.database.close()


def _site(pem: str) -> Site:
    keys = read_dkim_keys(pem, place="memory", selector="post") if pem else ()
    return Site(
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
        keys=KEYS,
        signer=DkimSigner("riverside.example", keys) if keys else None,
        clinic={"name": "Riverside Clinic", "postal_address": "12 Mill Lane, Riverside"},
    )


def found(clinic: Clinic, *, people: int) -> None:
    """Found a clinic whose people are all due for their first email."""
    with opened(clinic) as parts:
        migrate(parts.database)
        series = _long_series()
        with parts.database.transaction() as session:
            import_series(session, series, site=parts.site, renderer=parts.renderer, now=NOW)
            _add_people(session, session.query(Series).one().list_id, count=people)


def _long_series() -> SeriesFolder:
    """Take the shipped series, each email made about 30 KB long on the wire."""
    series = read_series_folder(BUILTIN.parent / "series" / "massage-benefits")
    more = "\n\n" + "\n\n".join([PARAGRAPH] * 18)
    longer = [replace(step, document=step.document + more) for step in series.steps]
    return replace(series, steps=tuple(longer))


def _add_people(session: Session, list_id: int, *, count: int) -> None:
    numbers = range(1, count + 1)
    people = [
        {
            "public_id": new_public_id(),
            "email": f"person{number}@clients.example",
            "first_name": f"Name{number}",
            "created_at": NOW,
            "changed_at": NOW,
        }
        for number in numbers
    ]
    session.execute(insert(Subscriber), people)
    subscriptions = [
        {
            "public_id": new_public_id(),
            "subscriber_id": key,
            "list_id": list_id,
            "standing": Standing.CONFIRMED,
            "requested_at": NOW,
            "confirmed_at": NOW,
        }
        for key in session.scalars(select(Subscriber.id))
    ]
    session.execute(insert(Subscription), subscriptions)


def plan(clinic: Clinic, *, people: int) -> Run:
    """Let everybody be enrolled and their first email be queued; nothing is sent yet."""
    with opened(clinic) as parts, employed(parts) as worker:
        began, cpu = time.perf_counter(), _cpu_seconds()
        while run_tick(parts, worker, now=NOW, portion=0).is_full:
            pass
        assert _queued(parts) == people
        return Run(people, time.perf_counter() - began, _cpu_seconds() - cpu)


def _queued(parts: Parts) -> int:
    with parts.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Delivery)) or 0


def send_all(clinic: Clinic, *, people: int, processes: int) -> Run:
    """Send what is queued from some worker processes; measure from their common start.

    Each has sent a few before: the first email of a text compiles it, once for everybody.
    """
    context: Any = multiprocessing.get_context("spawn")
    barrier, said = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=_work, args=(clinic, barrier, said)) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    told = [said.get(timeout=PATIENCE) for _ in workers]
    for worker in workers:
        worker.join(PATIENCE)
    with opened(clinic) as parts, parts.database.reading() as session:
        counts = counts_by_state(session)
    assert {state.value: count for state, count in counts.items() if count} == {"sent": people}
    began, ended = min(one[0] for one in told), max(one[1] for one in told)
    return Run(sum(one[3] for one in told), ended - began, sum(one[2] for one in told))


def _work(clinic: Clinic, barrier: Any, said: Any) -> None:
    """Send until nothing is left, in a process of its own; tell when, and the CPU it took."""
    settle_memory()  # as the service does
    with opened(clinic) as parts, employed(parts) as worker:
        run_tick(parts, worker, now=NOW, only_sends=True, portion=WARM)
        barrier.wait(PATIENCE)
        began, cpu, count = time.perf_counter(), _cpu_seconds(), 0
        while sent := run_tick(parts, worker, now=NOW, only_sends=True).sent:
            count += sent
        said.put((began, time.perf_counter(), _cpu_seconds() - cpu, count))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
