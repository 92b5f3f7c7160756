"""Write and ask for thousands of rows at once, past what SQLAlchemy does for each single one."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    ColumnElement,
    Dialect,
    String,
    Table,
    any_,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.expression import literal
from sqlalchemy.types import TypeEngine

from storage.errors import RowsRefusedError

ROOM_KIB = 32_768  # indexes of random keys are written all over: what does not fit is read again


def insert_rows(
    session: Session,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    shared: Mapping[str, Any] | None = None,
) -> None:
    """Insert plain tuples; `shared` holds the columns in which all rows have the same value.

    One prepared statement on SQLite, COPY on PostgreSQL. No default of a column is filled in.

    Raises:
        RowsRefusedError: a key is taken, or points at nothing. PostgreSQL has inserted none then,
            and the transaction can go on; on SQLite roll it back (a savepoint, which copies every
            page once more, would cost as much as the rows; who looks first is alone there).
    """
    (tail,) = _as_stored(session, table, list(shared or {}), [tuple((shared or {}).values())])
    tail = [_as_text(value) for value in tail]
    ready = ((*row, *tail) for row in _as_stored(session, table, columns, rows))
    names = [*columns, *(shared or {})]
    insert = _insert if session.get_bind().dialect.name == "sqlite" else _copy
    refusals = session.get_bind().dialect.dbapi.IntegrityError  # type: ignore[union-attr]
    try:
        insert(session, table.name, names, ready)
    except (IntegrityError, refusals) as error:
        raise RowsRefusedError(table.name, str(error)) from error


def reserve_ids(session: Session, table: Table, count: int) -> range | list[int]:
    """Give ids that no other row has or will get; for those who insert rows that point at rows."""
    if session.get_bind().dialect.name == "sqlite":  # whose one writer we are until the commit
        last = select(func.coalesce(func.max(text("seq")), 0)).select_from(text("sqlite_sequence"))
        found = session.scalar(last.where(text("name = :name")), {"name": table.name}) or 0
        return range(found + 1, found + 1 + count)
    wanted = "SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"
    return list(session.scalars(text(wanted), {"name": table.name, "count": count}))


def is_among(
    session: Session, column: InstrumentedAttribute[Any], values: Collection[Any]
) -> ColumnElement[bool]:
    """Make the condition that a column has one of many values, as one parameter whatever its size.

    The values are texts or whole numbers.
    """
    if session.get_bind().dialect.name == "sqlite":
        given = func.json_each(json.dumps(list(values))).table_valued("value")
        return column.in_(select(given.c.value))
    kind = String() if column.type.python_type is str else column.type
    return column == any_(literal(list(values), ARRAY(kind)))


def give_room(session: Session) -> None:
    """Let this connection keep more of the file in memory, to write each page fewer times."""
    if session.get_bind().dialect.name == "sqlite":
        session.connection().exec_driver_sql(f"PRAGMA cache_size = -{ROOM_KIB}")


def _insert(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    holes = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({holes})"  # noqa: S608
    driver: Any = session.connection().connection.driver_connection
    driver.executemany(statement, rows)


def _copy(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with session.begin_nested():
        driver: Any = session.connection().connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)


def _as_text(value: Any) -> Any:
    """Write a value once that all rows share: a moment costs as much as the rest of its row."""
    return value.isoformat() if isinstance(value, datetime) else value


def _as_stored(
    session: Session, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterable[Sequence[Any]]:
    """Turn values into what the driver takes, touching only the columns that need it."""
    dialect = session.get_bind().dialect
    writers = {
        place: write
        for place, name in enumerate(columns)
        if (write := _writer(table.c[name].type.dialect_impl(dialect), dialect)) is not None
    }
    return _written(rows, writers) if writers else rows


def _writer(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """Give what turns a value of this kind into what the driver takes, if it must be."""
    if isinstance(kind, JSON):
        return _as_json
    return kind.bind_processor(dialect)


def _as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()  # a tenth of what the standard library takes


def _written(
    rows: Iterable[Sequence[Any]], writers: Mapping[int, Callable[[Any], Any]]
) -> Iterator[Sequence[Any]]:
    for row in rows:
        changed = list(row)
        for place, write in writers.items():
            if changed[place] is not None:
                changed[place] = write(changed[place])
        yield changed
