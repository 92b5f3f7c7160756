"""Facts about the whole site, by name: its random id, when its clock was last seen."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from delivery.models import SiteFact
from storage.signing import new_public_id

SITE = "site"  # the name of the fact with the site's random id
_facts = cast(Table, SiteFact.__table__)


def read_fact(session: Session, name: str) -> dict[str, Any] | None:
    """Read a fact; None when nobody wrote it yet."""
    found = session.get(SiteFact, name, populate_existing=True)
    return found.value if found else None


def write_fact(session: Session, name: str, value: dict[str, Any]) -> None:
    """Write a fact over what it was."""
    new = _insert(session).values(name=name, value=value)
    session.execute(new.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def write_first(session: Session, name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Write a fact unless there is one; give what counts."""
    new = _insert(session).values(name=name, value=value)
    session.execute(new.on_conflict_do_nothing(index_elements=["name"]))
    return read_fact(session, name) or value


def site_id(session: Session) -> str:
    """Give the site's random id; the first one who asks makes it."""
    return str(write_first(session, SITE, {"id": new_public_id()})["id"])


def _insert(session: Session) -> Any:
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return dialect.insert(_facts)
