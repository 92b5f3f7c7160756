"""The room for one marketing email on each local day of each person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

from sqlalchemy import Table, and_, delete, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campaigns.models import MailedDay

_mailed_days = cast(Table, MailedDay.__table__)


@dataclass(frozen=True, order=True)
class DayWish:
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
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(_mailed_days).on_conflict_do_nothing()
    rows = [vars(wish) for wish in sorted(wishes)]
    return set(session.scalars(statement.returning(_mailed_days.c.delivery_id), rows))


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
