"""A world for each seed."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from campaigns import dispatch, revisions
from campaigns.site import Site
from delivery import journal
from storage.database import Database, open_database
from tests.conftest import empty_postgresql
from tests.simulation.places import journals_of, wiped_databases
from tests.simulation.world import SMALL_BATCH, World

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def wiped(sqlite_template: Path) -> Iterator[Callable[[], Database]]:
    """Give a fresh database each time it is called."""
    with wiped_databases(sqlite_template) as wipe:
        yield wipe


@pytest.fixture
def make_world(
    wiped: Callable[[], Database], site: Site, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeWorld]:
    """Make the world of a seed, on SQLite."""
    with _worlds(wiped, journals_of, site, monkeypatch) as make:
        yield make


@pytest.fixture
def make_world_on_postgresql(
    postgresql_url: str, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[MakeWorld]:
    """Make the world of a seed, on PostgreSQL."""
    database = open_database(postgresql_url)

    def wipe() -> Database:
        empty_postgresql(postgresql_url)
        shutil.rmtree(tmp_path / "journals", ignore_errors=True)
        return database

    with _worlds(wipe, lambda _: tmp_path / "journals", site, monkeypatch) as make:
        yield make
    database.close()
    empty_postgresql(postgresql_url)


@contextmanager
def _worlds(
    wipe: Callable[[], Database],
    journals: Callable[[Database], Path],
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeWorld]:
    monkeypatch.setattr(revisions, "read_theme", lru_cache(revisions.read_theme))
    monkeypatch.setattr(dispatch, "BATCH", SMALL_BATCH)
    waiting = dispatch.send_queued.__kwdefaults__
    assert waiting is not None
    logging.disable(logging.CRITICAL)  # most of what is logged here was done on purpose

    def make(seed: int, **values: Any) -> World:
        database = wipe()
        world = World(seed, database, site, journals=journals(database), **values)
        monkeypatch.setattr(journal, "boot_id", world.machine.boot)
        monkeypatch.setitem(waiting, "pause", world.wait)
        return world

    yield make
    logging.disable(logging.NOTSET)
