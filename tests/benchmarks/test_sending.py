"""How fast is the real path? As ratios to Postfix's `smtp-source`, interleaved in one run.

Run by `make bench`; the table goes to docs/performance.md. Nothing is asserted about speed: that
every message arrived once is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import Connection, create_engine, text

from delivery.dkim import new_ed25519_key, new_rsa_key
from storage.signing import new_public_id
from tests.benchmarks.posting_rig import (
    SINK,
    SOURCE,
    Clinic,
    Run,
    found,
    plan,
    send_all,
    smtp_sink,
    smtp_source,
)

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "5000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SIZE_BYTES = 30_000  # of one of our messages on the wire, and so of the yardstick's
SIGNED_BY: dict[str, Callable[[], str]] = {
    "nobody": str,
    "RSA-2048": new_rsa_key,
    "Ed25519": new_ed25519_key,
}
needs_postfix = pytest.mark.skipif(
    None in (SINK, SOURCE), reason="Postfix's smtp-sink and smtp-source are missing"
)


@pytest.mark.slow
@pytest.mark.timeout(0)
@needs_postfix
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("signed_by", sorted(SIGNED_BY))
def test_the_real_path_against_smtp_source(
    tmp_path: Path, capsys: pytest.CaptureFixture, signed_by: str, processes: int
) -> None:
    pem = SIGNED_BY[signed_by]()
    rounds: list[tuple[float, Run, Run]] = []
    with smtp_sink() as port:
        for _ in range(ROUNDS):
            home = new_home(tmp_path)
            clinic = Clinic(f"sqlite:///{home}/site.db", home, port, pem)
            rounds.append(measured(clinic, processes=processes))

    with capsys.disabled():
        print(line(f"SQLite, signed by {signed_by}, {processes} processes", rounds))  # noqa: T201


@pytest.mark.slow
@pytest.mark.timeout(0)
@needs_postfix
@pytest.mark.parametrize("processes", [1, 2])
def test_the_real_path_on_postgresql(
    tmp_path: Path, capsys: pytest.CaptureFixture, postgresql_url: str, processes: int
) -> None:
    from tests.conftest import empty_postgresql

    rounds: list[tuple[float, Run, Run]] = []
    with smtp_sink() as port, durable(postgresql_url):
        for _ in range(ROUNDS):
            empty_postgresql(postgresql_url)
            clinic = Clinic(postgresql_url, new_home(tmp_path), port)
            rounds.append(measured(clinic, processes=processes))
    empty_postgresql(postgresql_url)

    with capsys.disabled():
        print(line(f"PostgreSQL, signed by nobody, {processes} processes", rounds))  # noqa: T201


@contextmanager
def durable(postgresql_url: str) -> Iterator[None]:
    """Let the PostgreSQL of the tests, where nothing need be kept, keep everything for once."""
    engine = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    settings = "fsync", "synchronous_commit", "full_page_writes"
    with engine.connect() as connection:
        try:
            _set(connection, dict.fromkeys(settings, "on"))
            yield
        finally:
            _set(connection, dict.fromkeys(settings, "off"))
    engine.dispose()


def _set(connection: Connection, values: dict[str, str]) -> None:
    for name, value in values.items():
        connection.execute(text(f"ALTER SYSTEM SET {name} = {value}"))
    connection.execute(text("SELECT pg_reload_conf()"))


def new_home(folder: Path) -> Path:
    """Make a folder for one round: a journal belongs to one database."""
    home = folder / new_public_id()
    home.mkdir()
    return home


def measured(clinic: Clinic, *, processes: int) -> tuple[float, Run, Run]:
    """Measure the yardstick, then the planning and the sending of a clinic."""
    found(clinic, people=PEOPLE)
    planning = plan(clinic, people=PEOPLE)
    yardstick = smtp_source(clinic.port, count=2 * PEOPLE, size_bytes=SIZE_BYTES)
    return yardstick, planning, send_all(clinic, people=PEOPLE, processes=processes)


def line(what: str, rounds: list[tuple[float, Run, Run]]) -> str:
    """Write the medians for people, with the load of the machine beside them."""
    yardstick = median(one for one, _, _ in rounds)
    planning, sending = ([one[place] for one in rounds] for place in (1, 2))
    ratio = median(sent.per_second / source for source, _, sent in rounds)
    return (
        f"\n{what}: {PEOPLE} people, {len(rounds)} rounds, load {os.getloadavg()[0]:.1f}: "
        f"smtp-source {yardstick:,.0f}/s; sending "
        f"{median(one.per_second for one in sending):,.0f}/s, ratio {ratio:.2f}, client CPU "
        f"{median(one.microseconds for one in sending):,.0f} µs a message; planning "
        f"{median(one.per_second for one in planning):,.0f}/s, CPU "
        f"{median(one.microseconds for one in planning):,.0f} µs"
    )
