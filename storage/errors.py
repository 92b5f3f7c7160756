"""What can go wrong with the database itself."""

from __future__ import annotations

from datetime import datetime

from storage.advice import NO_ANSWER, advice_on


class StorageError(Exception):
    """Anything wrong with the database, before any domain is involved."""


class NaiveMomentError(StorageError, ValueError):
    """A moment without a time zone was about to be stored."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        super().__init__(f"moment has no time zone: {moment.isoformat()}; pass an aware datetime")


class UnsupportedDatabaseError(StorageError, ValueError):
    """The URL names a database this product does not run on."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"cannot use database {url!r}; use sqlite:///path/to/file.db "
            "or postgresql://user@host/name"
        )


class UnknownSchemaError(StorageError):
    """The database has a schema version this program does not know."""

    def __init__(self, found: str | None, known: str) -> None:
        self.found, self.known = found, known
        super().__init__(
            f"database has schema version {found or 'none'}, this program knows {known}; "
            "run 'steadypost migrate', or install the version of Steadypost that wrote it"
        )


class DatabaseUnavailableError(StorageError):
    """The database cannot be reached, is locked, is full, or refuses to write."""

    def __init__(self, url: str, cause: str) -> None:
        self.url, self.cause = url, cause
        cause = cause.strip().partition("\n")[0]
        super().__init__(
            f"{NO_ANSWER}: {url}: {cause}; nothing was sent or changed{advice_on(cause)}"
        )


class RowsRefusedError(StorageError):
    """Rows were not inserted: one of their keys is taken already, or points at nothing."""

    def __init__(self, table: str, cause: str) -> None:
        self.table, self.cause = table, cause
        cause = cause.strip().partition("\n")[0]
        super().__init__(f"rows were refused by table {table!r}: {cause}; insert them one by one")
