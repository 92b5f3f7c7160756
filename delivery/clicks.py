"""What people opened: one row for each link of each mail, and what that proves."""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from delivery.interventions import confirm_arrival
from delivery.models import Click

CLICKED: Final = "a link in it was opened"
_clicks = cast(Table, Click.__table__)


def record_click(session: Session, delivery_id: int, link_number: int, *, now: datetime) -> None:
    """Note the first click on a link; who opens a link has the mail, so it counts as sent.

    Programs that look at links before people do are not told apart from people: that one of
    them has the mail proves the same.
    """
    values = {"delivery_id": delivery_id, "link_number": link_number, "at": now}
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert(_clicks) if is_postgresql else sqlite.insert(_clicks)
    session.execute(insert.on_conflict_do_nothing().values(values))
    confirm_arrival(session, [delivery_id], CLICKED, now=now)


def clicks_on(session: Session, delivery_id: int) -> dict[int, datetime]:
    """Tell when each link of a mail was first opened, by its number."""
    wanted = select(_clicks.c.link_number, _clicks.c.at).where(_clicks.c.delivery_id == delivery_id)
    return {row.link_number: row.at for row in session.execute(wanted)}
