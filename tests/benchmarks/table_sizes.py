"""How many bytes the tables of a database take, each with its indexes."""

from __future__ import annotations

from sqlalchemy import text

from storage.base import Base
from storage.database import Database

_IN_SQLITE = """SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name)
GROUP BY tbl_name"""
_IN_POSTGRESQL = """SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""


def bytes_by_table(database: Database) -> dict[str, int]:
    """Give the bytes of our tables, the largest first; what is being written is written first."""
    asked = text(_IN_SQLITE if database.is_sqlite else _IN_POSTGRESQL)
    with database.reading() as session:
        sizes = {name: int(size) for name, size in session.execute(asked)}
    ours = {name: sizes[name] for name in Base.metadata.tables}
    return dict(sorted(ours.items(), key=lambda item: -item[1]))


def show_sizes(database: Database, *, people: int) -> str:
    """Say the bytes of each table for one person; what is too small to matter is left out."""
    each = {name: size / people for name, size in bytes_by_table(database).items()}
    return ", ".join(f"{name} {size:,.0f}" for name, size in each.items() if size >= 5)
