"""Copy the SQLite database while the service runs, whole and consistent."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from steadypost.errors import BackupError
from storage.database import Database


def back_up(database: Database, target: Path) -> int:
    """Copy the database to a new file that only this user may read; give its size in bytes.

    The copy is made beside the target and renamed when it is whole and on the disk, so a
    half copy is never taken for a back-up.

    Raises:
        BackupError: it is no SQLite database, the file exists, or the copy cannot be written.
    """
    source = database.engine.url.database
    if not database.is_sqlite or source is None:
        raise BackupError(target, "this site uses PostgreSQL; copy it with pg_dump")
    if not Path(source).exists():
        raise BackupError(target, f"there is no database {source} yet; start the service first")
    if target.exists():
        raise BackupError(target, "the file exists; choose another name")
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        _copy(source, unfinished)
        unfinished.rename(target)
    except (OSError, sqlite3.Error) as error:
        unfinished.unlink(missing_ok=True)
        raise BackupError(target, f"{error}; choose a place with room you may write to") from error
    return target.stat().st_size


def _copy(source: str, unfinished: Path) -> None:
    with (
        closing(sqlite3.connect(source)) as original,
        closing(sqlite3.connect(unfinished)) as copy,
    ):
        original.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without companions
        (verdict,) = copy.execute("PRAGMA quick_check").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")
