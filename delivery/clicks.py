"""What people opened: one row for each link of each mail, and what that proves."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table, exists, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from delivery.interventions import confirm_arrival
from delivery.models import Click
from delivery.rows import IS_SET_ASIDE, deliveries, move_all
from delivery.rules.states import State

CLICKED: Final = "a link in it was opened"
_clicks = cast(Table, Click.__table__)
_OPENED_IN_DOUBT = (
    IS_SET_ASIDE,
    deliveries.c.state == literal_column("'uncertain'"),
    exists().where(_clicks.c.delivery_id == deliveries.c.id),
)
_HAS_OPENED_IN_DOUBT = select(exists().where(*_OPENED_IN_DOUBT))


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


def has_opened_in_doubt(session: Session) -> bool:
    """Tell whether `settle_opened` would find anything to do."""
    return bool(session.scalar(_HAS_OPENED_IN_DOUBT))


def settle_opened(session: Session, *, now: datetime) -> int:
    """Take as sent what is in doubt although a link in it was opened.

    A click may come first, while the delivery is still in hand, and the doubt afterwards.
    """
    return move_all(session, *_OPENED_IN_DOUBT, state=State.SENT, reason=CLICKED, done_at=now)


def count_clicks(session: Session, revision_ids: Collection[int]) -> dict[int, dict[int, int]]:
    """Count for each link of each revision, by its number, the people who opened it."""
    found: dict[int, dict[int, int]] = {each: {} for each in revision_ids}
    wanted = (
        select(deliveries.c.revision_id, _clicks.c.link_number, func.count())
        .join(deliveries, deliveries.c.id == _clicks.c.delivery_id)
        .where(deliveries.c.revision_id.in_(revision_ids))
        .group_by(deliveries.c.revision_id, _clicks.c.link_number)
    )
    for revision_id, link_number, people in session.execute(wanted):
        found[revision_id][link_number] = people
    return found


def count_sent(session: Session, revision_ids: Collection[int]) -> dict[int, int]:
    """Count the mails of each revision that were sent."""
    wanted = (
        select(deliveries.c.revision_id, func.count())
        .where(deliveries.c.revision_id.in_(revision_ids), deliveries.c.state == State.SENT)
        .group_by(deliveries.c.revision_id)
    )
    return dict.fromkeys(revision_ids, 0) | {row[0]: row[1] for row in session.execute(wanted)}


def clicks_on(session: Session, delivery_id: int) -> dict[int, datetime]:
    """Tell when each link of a mail was first opened, by its number."""
    wanted = select(_clicks.c.link_number, _clicks.c.at).where(_clicks.c.delivery_id == delivery_id)
    return {row.link_number: row.at for row in session.execute(wanted)}
