"""Does a claim, a look round and a quiet tick cost the same for a million people?

Run by `make bench`; the table goes to docs/performance.md. SIZES="10000 100000 1000000" and
STORES="sqlite postgresql" choose what is measured. Nothing is asserted about time: that a claim
takes what it should, and that a quiet tick does nothing, is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import text

from campaigns.queueing import queue_due_steps
from campaigns.site import Site
from delivery import outbox
from delivery.memory import MemorySender
from scheduler import Parts, employed, run_tick
from steadypost.migrating import migrate
from storage.database import Database, open_database
from templates.rendering import PersonRenderer
from tests.benchmarks.pages_read import pages_read
from tests.crowd import NOW, gather_crowd, queue_everybody
from tests.sending_stage import Clock

SIZES = [int(size) for size in os.environ.get("SIZES", "10000 100000 1000000").split()]
STORES = os.environ.get("STORES", "sqlite postgresql").split()
BATCH = 500
ROUNDS = 9


def milliseconds(parts: Parts, deed: Callable[[], object]) -> float:
    """Give the median: of CPU with SQLite, for the machine is shared; else by the clock."""
    clock = time.process_time if parts.database.is_sqlite else time.perf_counter
    times = []
    for _ in range(ROUNDS):
        began = clock()
        deed()
        times.append((clock() - began) * 1000)
    if pages := pages_read(parts.database, deed):
        print(f"\n{deed.__name__}: {pages:,} pages")  # noqa: T201
    return median(times)


@pytest.fixture
def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Open a database of one of the stores, with nobody in it."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgresql_database")
        return
    database = open_database(f"sqlite:///{tmp_path}/crowd.db")
    migrate(database)
    yield database
    database.close()


def measure_quiet_ticks(parts: Parts) -> tuple[float, float]:
    """Give the milliseconds of a quiet tick, and of its steps before sending alone."""
    with employed(parts) as worker:

        def tick() -> None:
            report = run_tick(parts, worker, now=NOW)
            assert (report.failures, sum(step.done for step in report.steps)) == ({}, 0)

        tick()
        planning = milliseconds(
            parts, lambda: run_tick(parts, worker, now=NOW, keep_going=lambda: False)
        )
        return milliseconds(parts, tick), planning


def measure_looks(parts: Parts) -> float:
    """Give the milliseconds of looking at 500 enrolments."""

    def look() -> None:
        with parts.database.transaction() as session:
            later = NOW + timedelta(hours=3)
            assert queue_due_steps(session, site=parts.site, now=later, limit=BATCH).is_full

    return milliseconds(parts, look)


def measure_claims(parts: Parts) -> float:
    """Give the milliseconds of claiming 500 of as many due deliveries as there are people."""
    with employed(parts) as worker:

        def claim() -> None:
            with parts.database.transaction() as session:
                found = outbox.claim_batch(session, worker, now=NOW, limit=BATCH)
            assert len(found) == BATCH

        return milliseconds(parts, claim)


@pytest.mark.slow
@pytest.mark.parametrize("people", SIZES)
@pytest.mark.parametrize("crowded", STORES, indirect=True)
def test_what_a_tick_costs_at_size(
    crowded: Database, site: Site, people: int, capsys: pytest.CaptureFixture[str]
) -> None:
    gather_crowd(crowded, site, people=people)
    parts = Parts(crowded, site, MemorySender(), PersonRenderer(), Clock(NOW))

    quiet, planning = measure_quiet_ticks(parts)
    looks = measure_looks(parts)
    with crowded.transaction() as session:
        session.execute(text("DELETE FROM deliveries WHERE state = 'queued'"))
    queue_everybody(crowded, people=people)
    claims = measure_claims(parts)

    store = "SQLite (CPU)" if crowded.is_sqlite else "PostgreSQL"
    load = "?"
    with suppress(OSError):
        load = f"{os.getloadavg()[0]:.1f}"
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{store}, {people:,} people: quiet tick {quiet:.1f} ms (without sending "
            f"{planning:.1f}), look at {BATCH} {looks:.0f} ms, claim {BATCH} {claims:.1f} ms; "
            f"load {load}"
        )
