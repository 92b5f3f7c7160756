"""Which version do the tables have? The question a health check can ask cheaply."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session


def schema_version(session: Session) -> str | None:
    """Read the schema version the database is stamped with; None when it is not stamped.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database does not answer, or was never migrated.
    """
    version: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
    return version
