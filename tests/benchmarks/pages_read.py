"""How many pages PostgreSQL looks at for a deed: the same on a loaded machine as on a quiet one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event

from storage.database import Database

_PLANNED = ("SELECT", "WITH", "UPDATE", "INSERT", "DELETE")


class _PageCounter:
    """Has each statement explained, in a savepoint that is rolled back, before it runs."""

    def __init__(self) -> None:
        self.pages, self._is_explaining = 0, False

    def __call__(
        self, connection: Connection, _cursor: Any, statement: str, values: Any, _: Any, many: bool
    ) -> None:
        if self._is_explaining or many or not statement.lstrip().startswith(_PLANNED):
            return
        self._is_explaining = True
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        with connection.begin_nested() as attempt:
            (found,) = connection.exec_driver_sql(explain, values).scalar_one()
            attempt.rollback()
        self._is_explaining = False
        self.pages += found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"]


def pages_read(database: Database, deed: Callable[[], object]) -> int | None:
    """Count the pages a deed looks at; None for SQLite, which does not tell."""
    if database.is_sqlite:
        return None
    counter = _PageCounter()
    event.listen(database.engine, "before_cursor_execute", counter)
    try:
        deed()
    finally:
        event.remove(database.engine, "before_cursor_execute", counter)
    return counter.pages
