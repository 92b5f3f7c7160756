"""Bring a database to the schema this program knows, or refuse it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from storage.database import Database
from storage.errors import DatabaseUnavailableError, UnknownSchemaError

_SCRIPTS = Path(__file__).parent / "migrations"


def known_version() -> str:
    """Name the schema version this program was written for."""
    head = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    assert head is not None, "the program ships at least one migration"  # noqa: S101
    return head


def found_version(database: Database) -> str | None:
    """Name the schema version the database has; None while it is empty.

    Raises:
        DatabaseUnavailableError: the database cannot be opened.
    """
    try:
        with database.reading() as session:  # which never waits for somebody who writes
            return MigrationContext.configure(session.connection()).get_current_revision()
    except OperationalError as error:
        raise DatabaseUnavailableError(database.safe_url, str(error.orig)) from error


def migrate(database: Database) -> bool:
    """Bring the database to the known version, in one transaction; tell whether it changed.

    Raises:
        UnknownSchemaError: the database was written by a newer program.
        DatabaseUnavailableError: the database cannot be opened or written.
    """
    if _is_up_to_date(database):
        return False
    try:
        with database.engine.begin() as connection:
            _upgrade(connection)
    except DBAPIError as error:
        if _is_up_to_date(database):
            return False  # another process that began in the same moment was faster
        if not isinstance(error, OperationalError):
            raise
        raise DatabaseUnavailableError(database.safe_url, str(error.orig)) from error
    return True


def check_version(database: Database) -> None:
    """Refuse to work on a schema this program does not know.

    Raises:
        UnknownSchemaError: the version found is not the known one.
    """
    found = found_version(database)
    if found != known_version():
        raise UnknownSchemaError(found, known_version())


def _is_up_to_date(database: Database) -> bool:
    found = found_version(database)
    versions = {script.revision for script in ScriptDirectory(str(_SCRIPTS)).walk_revisions()}
    if found is not None and found not in versions:
        raise UnknownSchemaError(found, known_version())
    return found == known_version()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
