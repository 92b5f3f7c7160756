"""How large does a database get? The bytes of each table for one person and for one email.

Run by `make bench`; the table goes to docs/how-to/scale-out.md. SIZE_PEOPLE chooses how many.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from campaigns.publishing import import_series
from campaigns.series_folder import read_series_folder
from campaigns.site import Site
from delivery.memory import MemorySender
from delivery.sender import Handover, Outcome
from scheduler import Parts, employed, run_tick
from steadypost.cli.import_progress import ImportProgress
from steadypost.people_import import import_people
from storage.database import Database
from subscribers.importing import read_csv
from subscribers.unfinished import ImportOrder
from templates.compiler.renderer import CompiledRenderer
from templates.theme import BUILTIN
from tests.benchmarks.table_sizes import show_sizes
from tests.benchmarks.test_importing import write_people
from tests.crowd import NOW
from tests.sending_stage import Clock

PEOPLE = int(os.environ.get("SIZE_PEOPLE", "20000"))


class Nowhere(MemorySender):
    """Accepts everything and keeps nothing, ten at a time and a hundred ahead."""

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        outcomes = super().send(handovers)
        self.handovers.clear()
        self.accepted.clear()
        return outcomes


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_how_large_a_database_gets(
    database: Database, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_people(tmp_path / "people.csv", PEOPLE)
    parts = Parts(database, site, Nowhere(connections=100), CompiledRenderer(), Clock(NOW))
    _import_everybody(parts, tmp_path / "people.csv")
    people = show_sizes(database, people=PEOPLE)
    with employed(parts) as worker:
        went = [run_tick(parts, worker, now=NOW).sent]
        while sum(went) < PEOPLE and any(went[-3:]):
            went.append(run_tick(parts, worker, now=NOW).sent)

    assert sum(went) == PEOPLE
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{database.engine.dialect.name}, {PEOPLE:,} people, bytes for each, with indexes"
            f"\n  imported: {people}"
            f"\n  with one email sent: {show_sizes(database, people=PEOPLE)}"
        )


def _import_everybody(parts: Parts, file: Path) -> None:
    folder = read_series_folder(BUILTIN.parent / "series" / "massage-benefits")
    with parts.database.transaction() as session:
        import_series(session, folder, site=parts.site, renderer=parts.renderer, now=NOW)
    parsed = read_csv(file)
    order = ImportOrder(
        "people.csv", parsed.spreadsheet.digest(), "weekly", "paper", parts.site.keys
    )
    import_people(parts, parsed, order, onlooker=ImportProgress(lambda _: None))
