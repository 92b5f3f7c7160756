"""Open a database and make one transaction: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session as Session  # what a transaction gives; web names it too

from storage.errors import UnsupportedDatabaseError

BUSY_TIMEOUT = timedelta(seconds=30)


@dataclass(frozen=True)
class Database:
    """An open database. Every access is one transaction, committed at the end or rolled back."""

    engine: Engine

    @property
    def is_sqlite(self) -> bool:
        """Tell whether this is the embedded store (one writer at a time, one machine)."""
        return self.engine.dialect.name == "sqlite"

    @property
    def safe_url(self) -> str:
        """Name the database for people: without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @cached_property
    def _read_only(self) -> Engine:
        return self.engine.execution_options(steadypost_read_only=True)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a writing transaction: commit when the block ends, roll back when it raises."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a reading transaction that never waits for a writer and is never committed."""
        with Session(self._read_only, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def open_database(url: str, *, busy_timeout: timedelta = BUSY_TIMEOUT) -> Database:
    """Open the database behind a URL (`sqlite:///file.db`, `postgresql://user@host/name`).

    `busy_timeout` is how long to wait while another process writes to an SQLite file. Errors do
    not show the values of a statement: they hold people's addresses, and end in logs.

    Raises:
        UnsupportedDatabaseError: the URL is malformed or names another kind of database.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        return Database(_open_sqlite(address, busy_timeout))
    pool = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20}
    return Database(create_engine(address, hide_parameters=True, **pool))


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise UnsupportedDatabaseError(url) from error
    if address.drivername in ("sqlite", "sqlite+pysqlite"):
        return address
    if address.get_backend_name() == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    raise UnsupportedDatabaseError(address.render_as_string(hide_password=True))


def _open_sqlite(address: URL, busy_timeout: timedelta) -> Engine:
    # Each thread may have its connection: a flood of pages must not keep the scheduler from one.
    engine = create_engine(
        address,
        hide_parameters=True,
        max_overflow=-1,
        connect_args={"timeout": busy_timeout.total_seconds()},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Set the pragmas a promise rests on.

    `synchronous=FULL`: with NORMAL in WAL mode a power cut can undo a committed
    mark, and a lost mark is a mail sent twice.
    """
    connection.isolation_level = None  # the driver must not begin transactions on its own
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the beginning: a read that later writes could otherwise fail."""
    read_only = connection.get_execution_options().get("steadypost_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
