"""How long does an import of a million people take, and for how long does it keep others waiting?

Run by `make bench`; the table goes to docs/performance.md. IMPORT_ROWS chooses how many. Nothing is
asserted about time: that everybody is in, is.
"""

from __future__ import annotations

import os
import random
import resource
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from campaigns.site import Site
from delivery.memory import MemorySender
from scheduler import Parts
from steadypost.memory import settle_memory
from steadypost.people_import import import_people
from storage.database import Database
from subscribers.importing import check_rows, read_csv
from subscribers.mailing_lists import ensure_list
from subscribers.unfinished import ImportOrder
from templates.rendering import PersonRenderer
from tests.crowd import NOW
from tests.sending_stage import Clock

ROWS = int(os.environ.get("IMPORT_ROWS", "1000000"))


class Stopwatch:
    """Notes the longest time from taking the write lock until a portion is committed."""

    def __init__(self, database: Database) -> None:
        self.longest, self._began = 0.0, 0.0
        event.listen(database.engine, "begin", self._begin)  # after BEGIN IMMEDIATE

    def _begin(self, _connection: Any) -> None:
        self._began = time.perf_counter()

    def has_checked(self, rows: int) -> None:
        """Nobody waits while a file is checked."""

    def goes_on(self, rows_done: int, rows: int) -> None:
        """It does not."""

    def has_written(self, rows_done: int, rows: int) -> None:
        self.longest = max(self.longest, time.perf_counter() - self._began)


def write_people(path: Path, rows: int) -> None:
    """Write addresses in no order at all, as time and marriages leave them."""
    chance = random.Random(7)  # noqa: S311  (the same file each time)
    with path.open("w") as file:
        file.write("email,first_name,last_name,city\n")
        for number in range(rows):
            name, domain = chance.getrandbits(40), chance.randrange(300)
            file.write(f"p{name:x}.{number}@mail{domain}.example,Anna,Weber,Ulm\n")


@pytest.mark.slow
def test_what_an_import_costs(
    database: Database, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_people(tmp_path / "people.csv", ROWS)
    parts = Parts(database, site, MemorySender(), PersonRenderer(), Clock(NOW))
    with database.transaction() as session:
        ensure_list(session, "weekly", title="Weekly", now=NOW)
    parsed = read_csv(tmp_path / "people.csv")
    order = ImportOrder("people.csv", parsed.spreadsheet.digest(), "weekly", "paper", site.keys)

    began = time.process_time()
    check_rows(parsed)
    checking = time.process_time() - began
    settle_memory()  # as the command does
    stopwatch, began, at = Stopwatch(database), time.process_time(), time.perf_counter()
    report = import_people(parts, parsed, order, onlooker=stopwatch)
    cpu, wall = time.process_time() - began, time.perf_counter() - at

    assert report.added == ROWS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{ROWS:,} rows, {database.engine.dialect.name}, load {os.getloadavg()[0]:.1f}: "
            f"{ROWS / cpu:,.0f} a second of our CPU, {ROWS / wall:,.0f} by the clock, "
            f"checking alone {ROWS / checking:,.0f} of CPU; longest portion "
            f"{stopwatch.longest * 1000:,.0f} ms; peak {peak} MB"
        )
