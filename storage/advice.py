"""Say in words what a database driver reports, and what an operator can do about it."""

from __future__ import annotations

from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
)

DISK_FAILED = "i/o error"  # in what SQLite says when reading, writing or syncing failed
NO_ANSWER = "database does not answer"
_GAVE_WAY = frozenset({"40001", "40P01"})
_ADVICE = (
    ("locked", "another process is writing to it; try again in a moment"),
    ("full", "make room on the disk, then try again"),
    (DISK_FAILED, "make room on the disk, or repair it, then try again"),
    ("readonly", "let this user write to the file and its folder"),
    ("unable to open", "check that the folder exists and this user may write to it"),
    ("no such table", "run 'steadypost migrate'"),
    ("not a database", "check [database] url in steadypost.toml"),
    ("malformed", "restore it from the back-up"),
    ("refused", "check that it runs, and [database] url in steadypost.toml"),
    ("password", "check the user and its password in ~/.pgpass"),
)


def describe_failure(error: BaseException) -> str:
    """Describe a failure of the database itself in one line; '' when it is something else.

    Never the statement or its values: they hold people's addresses.
    """
    if not isinstance(error, DBAPIError):
        return ""
    first = _first(error)
    is_fault = isinstance(first, IntegrityError | ProgrammingError)
    if is_fault or not isinstance(first, DatabaseError | InterfaceError):
        return ""
    cause = str(first.orig).strip().partition("\n")[0]
    return f"{NO_ANSWER}: {cause}{advice_on(cause)}"


def gave_way(error: BaseException) -> bool:
    """Tell whether a transaction was rolled back for another one's sake, and may be done again.

    PostgreSQL says so by its code: serialization_failure or deadlock_detected.
    """
    if not isinstance(error, DBAPIError):
        return False
    return getattr(_first(error).orig, "sqlstate", None) in _GAVE_WAY


def advice_on(cause: str) -> str:
    """Say what can be done about a driver's words, to be put behind them; '' when unknown."""
    return next((f"; {advice}" for word, advice in _ADVICE if word in cause.lower()), "")


def _first(error: DBAPIError) -> DBAPIError:
    """Find the first failure of the database: rolling back after it may have failed as well."""
    earlier = error.__cause__ or error.__context__
    while earlier is not None and not isinstance(earlier, DBAPIError):
        earlier = earlier.__cause__ or earlier.__context__
    return error if earlier is None else _first(earlier)
