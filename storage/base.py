"""The declarative base, the naming convention, and the column types all tables share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Integer, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from storage.errors import NaiveMomentError

# SQLite gives an automatic rowid only to a column declared INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")
JsonObject = JSON().with_variant(JSONB, "postgresql")


class UTCDateTime(TypeDecorator[datetime]):
    """Keep a moment as aware UTC, and refuse a naive one.

    PostgreSQL has a type for this; SQLite stores text, which sorts as time only
    while every row is in the same zone.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Remember the last moment written: the rows of a batch share theirs."""
        write = super().bind_processor(dialect)
        if write is None:
            return None
        memo: tuple[Any, Any] = (None, None)

        def write_once(value: Any) -> Any:
            nonlocal memo
            known, written = memo  # read and replaced as one, for threads share it
            if known is not value:
                written = write(value)
                memo = (value, written)
            return written

        return write_once

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any aware moment into UTC; SQLite gets it without the zone.

        Raises:
            NaiveMomentError: the moment carries no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise NaiveMomentError(value)
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def state_column(states: type[StrEnum]) -> Enum:
    """Store a StrEnum by its value as plain text, so that adding a state needs no migration."""
    return Enum(states, native_enum=False, length=32, values_callable=_values)


def _values(states: Any) -> list[str]:
    return [state.value for state in states]


class Base(DeclarativeBase):
    """All tables of the product; constraint names follow one convention."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UTCDateTime}  # noqa: RUF012  (SQLAlchemy's own protocol)
