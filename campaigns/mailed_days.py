"""The room for one marketing email on each local day of each person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple, cast

from sqlalchemy import Date, Table, and_, delete, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeEngine

from campaigns.models import MailedDay
from storage.arrays import given_rows, many, run
from storage.base import RowId

_mailed_days = cast(Table, MailedDay.__table__)

_WISH: Mapping[str, TypeEngine[Any]] = {
    "subscriber_id": RowId,
    "day": Date(),
    "delivery_id": RowId,
}


class DayWish(NamedTuple):
    """A delivery that wants to go to a person on a day."""

    subscriber_id: int
    day: date  # local to the person
    delivery_id: int


def take_days(session: Session, wishes: Collection[DayWish]) -> set[int]:
    """Take the days that are free; give the ids of the deliveries that have theirs.

    The primary key decides, also between two workers that ask in the same moment. Rows go in
    by the order of persons, so that these two do not wait for each other in a circle.
    """
    if not wishes:
        return set()
    rows = many({**wish._asdict(), "day": wish.day.isoformat()} for wish in sorted(wishes))
    return set(run(session, _take, wishes=rows).scalars())


@cache
def _take(dialect: str) -> ReturningInsert[Any]:
    given = given_rows(dialect, "wishes", _WISH)
    # The condition says nothing: without one, SQLite takes ON CONFLICT for part of a join.
    rows = select(given).where(true()).order_by(given.c.subscriber_id, given.c.day)
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(_mailed_days).from_select(list(_WISH), rows)
    return statement.on_conflict_do_nothing().returning(_mailed_days.c.delivery_id)


def give_days_back(session: Session, subscriber_of: Mapping[int, int]) -> None:
    """Free what these deliveries took, given with their persons: they did not go on that day."""
    if not subscriber_of:
        return
    # The person is named too, because the key begins with them.
    of_theirs = [
        and_(_mailed_days.c.subscriber_id == person, _mailed_days.c.delivery_id == delivery)
        for delivery, person in subscriber_of.items()
    ]
    session.execute(delete(_mailed_days).where(or_(*of_theirs)))
