"""Where a world is played: one database file in memory, wiped for every seed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.database import Database, open_database


@contextmanager
def memory_folder() -> Iterator[Path]:
    """Find a place in memory, where a commit waits for no disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def journals_of(database: Database) -> Path:
    """Give the folder of the journals that belong to a database file."""
    return Path(str(database.engine.url.database)).with_name("journals")


@contextmanager
def wiped_databases(template: Path) -> Iterator[Callable[[], Database]]:
    """Give a fresh database at each call: the same engine, which compiles a statement once."""
    with memory_folder() as folder:
        path = folder / "steadypost.db"
        database = open_database(f"sqlite:///{path}")

        def wipe() -> Database:
            database.engine.dispose()
            for leftover in folder.glob("steadypost.db-*"):
                leftover.unlink()
            shutil.rmtree(journals_of(database), ignore_errors=True)
            shutil.copy(template, path)
            return database

        yield wipe
        database.close()
