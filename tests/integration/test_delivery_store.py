"""Pages and `status` get true answers about deliveries."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from delivery.models import Delivery
from delivery.outbox import NewDelivery, queue_deliveries
from delivery.rules.states import Kind, State
from delivery.store import (
    count_due,
    count_in_hand,
    counts_by_state,
    deliveries_of_enrolments,
    deliveries_of_subscriber,
    deliveries_of_subscription,
    find_by_once_key,
    find_by_public_id,
    last_accepted_at,
    list_uncertain,
    oldest_due_at,
)
from storage.database import Database


@pytest.fixture
def ada(database: Database, cast: Any, now: datetime) -> int:
    """Six deliveries: four of Ada in different states, two of Ben waiting."""
    ada, ben = cast.ada, cast.ben
    new = NewDelivery("1", Kind.STEP, now, now, ada.subscriber_id, enrolment_id=1)
    rows = [
        new,
        replace(new, once_key="2", due_at=now + timedelta(days=7)),
        replace(new, once_key="3", enrolment_id=2),
        replace(new, once_key="4", enrolment_id=2),
        replace(
            new,
            once_key="5",
            kind=Kind.CONFIRMATION,
            subscriber_id=ben.subscriber_id,
            subscription_id=ben.id,
            enrolment_id=None,
            due_at=now - timedelta(hours=1),
        ),
        replace(new, once_key="6", kind=Kind.NOTICE, subscription_id=ben.id, enrolment_id=None),
    ]
    with database.transaction() as session:
        queue_deliveries(session, rows)
        _put(session, "1", State.SENT, done_at=now)
        _put(session, "3", State.UNCERTAIN)
        _put(session, "4", State.CLAIMED)
    return int(ada.subscriber_id)


def _put(session: Any, once_key: str, state: State, **values: Any) -> None:
    rows = update(Delivery).where(Delivery.once_key == once_key)
    session.execute(rows.values(state=state, **values))


def test_every_state_is_counted_also_the_empty_ones(database: Database, ada: int) -> None:
    with database.reading() as session:
        counts = counts_by_state(session)

    assert list(counts) == list(State)
    assert {state: count for state, count in counts.items() if count} == {
        State.QUEUED: 3,
        State.CLAIMED: 1,
        State.SENT: 1,
        State.UNCERTAIN: 1,
    }


def test_how_far_sending_is_behind_can_be_told(database: Database, ada: int, now: datetime) -> None:
    with database.reading() as session:
        assert count_due(session, now=now) == 2
        assert count_in_hand(session) == 1
        assert oldest_due_at(session) == now - timedelta(hours=1)
        assert last_accepted_at(session) == now
        assert last_accepted_at(session, ada) == now
        assert last_accepted_at(session, ada + 1) is None


def test_an_empty_outbox_has_nothing_to_tell(database: Database, now: datetime) -> None:
    with database.reading() as session:
        assert count_due(session, now=now) == count_in_hand(session) == 0
        assert oldest_due_at(session) is None
        assert last_accepted_at(session) is None


def test_what_is_in_doubt_is_listed_a_page_at_a_time(database: Database, ada: int) -> None:
    with database.reading() as session:
        (doubtful,) = list_uncertain(session)

        assert doubtful.once_key == "3"
        assert list_uncertain(session, after_id=doubtful.id) == []


def test_the_deliveries_of_one_person_or_enrolment_are_found(
    database: Database, ada: int, cast: Any
) -> None:
    with database.reading() as session:
        of_ada = [one.once_key for one in deliveries_of_subscriber(session, ada, limit=4)]
        of_enrolments = deliveries_of_enrolments(session, [1, 2, 9])
        (confirmation,) = deliveries_of_subscription(session, cast.ben.id, kind=Kind.CONFIRMATION)

    assert of_ada == ["6", "4", "3", "2"]
    assert {key: [one.once_key for one in found] for key, found in of_enrolments.items()} == {
        1: ["1", "2"],
        2: ["3", "4"],
        9: [],
    }
    assert confirmation.once_key == "5"


def test_a_delivery_is_found_by_what_names_it(database: Database, ada: int) -> None:
    with database.reading() as session:
        by_key = find_by_once_key(session, "3")
        assert by_key is not None

        assert find_by_public_id(session, by_key.public_id) is by_key
        assert find_by_public_id(session, "x" * 26) is None
        assert find_by_once_key(session, "none") is None
