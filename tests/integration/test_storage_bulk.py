"""Thousands of rows go in by one statement, and thousands of values are asked for by one."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from storage.bulk import insert_rows, is_among, reserve_ids
from storage.database import Database
from storage.errors import RowsRefusedError
from subscribers.models import Subscriber, SubscriberTag
from subscribers.rules.standing import Pace
from subscribers.store import table_of
from tests.conftest import Cast

PEOPLE = table_of(Subscriber)
TAGS = table_of(SubscriberTag)
COLUMNS = ("id", "public_id", "email", "pace", "attributes", "hour")


def test_rows_come_back_as_they_went_in(database: Database, cast: Cast, now: datetime) -> None:
    tricky = {"quote": 'a\t"b"\\\n', "dash": "ü–\\N"}
    with database.transaction() as session:
        (first, second) = reserve_ids(session, PEOPLE, 2)
        rows = [
            (first, "a" * 26, "fay@example.org", Pace.MONTH, tricky, None),
            (second, "b" * 26, "gus@example.org", Pace.AS_WRITTEN, {}, 7),
        ]
        same = {"first_name": "", "last_name": "\\.", "created_at": now, "changed_at": now}
        insert_rows(session, PEOPLE, COLUMNS, rows, shared=same)

    with database.reading() as session:
        fay, gus = session.get_one(Subscriber, first), session.get_one(Subscriber, second)
    assert (fay.pace, fay.attributes, fay.hour, fay.created_at) == (Pace.MONTH, tricky, None, now)
    assert (gus.pace, gus.attributes, gus.hour, gus.last_name) == (Pace.AS_WRITTEN, {}, 7, "\\.")


def test_reserved_ids_are_nobody_elses(database: Database, cast: Cast, now: datetime) -> None:
    with database.transaction() as session:
        ids = list(reserve_ids(session, PEOPLE, 3))
        same = {"first_name": "", "last_name": "", "created_at": now, "changed_at": now}
        rows = [(one, str(one), f"p{one}@example.org", Pace.MONTH, {}, None) for one in ids]
        insert_rows(session, PEOPLE, COLUMNS, rows, shared=same)
        late = Subscriber(email="late@example.org", created_at=now, changed_at=now)
        session.add(late)
        session.flush()

        assert late.id not in ids
        assert len({*ids, late.id, cast.ada.subscriber_id}) == 5
        assert not {*ids} & {*reserve_ids(session, PEOPLE, 3)}


def test_no_rows_are_no_trouble(database: Database) -> None:
    with database.transaction() as session:
        insert_rows(session, TAGS, ("subscriber_id", "tag"), [])


def test_a_key_that_is_taken_is_told(database: Database, cast: Cast) -> None:
    rows = [(cast.ada.subscriber_id, "vip")] * 2

    with (
        pytest.raises(
            RowsRefusedError,
            match=r"(?i)^rows were refused by table 'subscriber_tags': .*unique.*; insert them one",
        ),
        database.transaction() as session,
    ):
        insert_rows(session, TAGS, ("subscriber_id", "tag"), rows)


def test_a_refusal_on_postgresql_leaves_the_rest_of_the_transaction(
    postgresql_database: Database, now: datetime
) -> None:
    with postgresql_database.transaction() as session:
        ada = Subscriber(email="ada@example.org", created_at=now, changed_at=now)
        session.add(ada)
        session.flush()
        with pytest.raises(RowsRefusedError):
            insert_rows(session, TAGS, ("subscriber_id", "tag"), [(ada.id, "a"), (ada.id, "a")])
        insert_rows(session, TAGS, ("subscriber_id", "tag"), [(ada.id, "b")])

    with postgresql_database.reading() as session:
        assert session.scalars(select(SubscriberTag.tag)).all() == ["b"]


def test_many_values_are_one_parameter(database: Database, cast: Cast) -> None:
    addresses = ["ada@example.org", 'q"uote@example.org', *map(str, range(40_000))]
    with database.reading() as session:
        asked = select(Subscriber.id).where(is_among(session, Subscriber.email, addresses))
        again = select(Subscriber.email).where(is_among(session, Subscriber.id, range(100_000)))

        assert session.scalars(asked).all() == [cast.ada.subscriber_id]
        assert len(session.scalars(again).all()) == 5
