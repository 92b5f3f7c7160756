"""A database that is wiped and used again, so that a seed costs no new compilation."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from campaigns import dispatch, revisions
from campaigns.site import Site
from storage.database import Database, open_database
from tests.simulation.world import World

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def memory_folder() -> Iterator[Path]:
    """Find a place in memory, where a commit waits for no disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def wiped(sqlite_template: Path, memory_folder: Path) -> Iterator[Callable[[], Database]]:
    """Give a fresh database each time it is called: always the same file and engine."""
    path = memory_folder / "steadypost.db"
    database = open_database(f"sqlite:///{path}")

    def wipe() -> Database:
        database.engine.dispose()
        for leftover in memory_folder.glob("steadypost.db-*"):
            leftover.unlink()
        shutil.copy(sqlite_template, path)
        return database

    yield wipe
    database.close()


@pytest.fixture
def make_world(
    wiped: Callable[[], Database], site: Site, monkeypatch: pytest.MonkeyPatch
) -> MakeWorld:
    """Make the world of a seed."""
    monkeypatch.setattr(revisions, "read_theme", lru_cache(revisions.read_theme))
    logging.disable(logging.CRITICAL)  # most of what is logged here was done on purpose

    def make(seed: int, **values: Any) -> World:
        world = World(seed, wiped(), site, **values)
        waiting = dispatch.send_queued.__kwdefaults__
        assert waiting is not None
        monkeypatch.setitem(waiting, "pause", lambda seconds: world.wait(seconds))
        return world

    yield make
    logging.disable(logging.NOTSET)
