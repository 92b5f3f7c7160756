"""What sending a group costs the database does not grow with the group."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import event

from campaigns.site import Site
from delivery.memory import MemorySender
from delivery.models import Delivery
from delivery.outbox import record_outcomes
from delivery.recording import Result
from delivery.rules.states import Policy, State
from delivery.sender import Accepted, Deferred
from storage.database import Database
from tests.sending_stage import Clock, Stage

TAKEN = Accepted("250 2.0.0 queued as 7F", "relay.example")


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> Stage:
    return Stage(database, site, Clock(now))


def queue_first_steps(stage: Stage, names: list[str]) -> list[int]:
    list_id = stage.add_list()
    series, steps = stage.add_series(list_id)
    readers = [stage.add_reader(name, list_id) for name in names]
    return [stage.queue_step(reader, stage.enrol(reader, series), steps[0]) for reader in readers]


def count_statements(database: Database, deed: Callable[[], object]) -> int:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        deed()
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return len(statements)


@pytest.mark.parametrize("size", [1, 40])
def test_a_group_costs_as_many_statements_as_one_letter(stage: Stage, size: int) -> None:
    ids = queue_first_steps(stage, [f"reader{number}" for number in range(size)])
    stage.sender = MemorySender(connections=64)

    count = count_statements(stage.database, stage.send)

    assert set(stage.states()) == set(ids)
    assert set(stage.states().values()) == {State.SENT}
    # Six to clear its hands, claim and read facts; seven to look once more, three to mark and to
    # move the pointers, three to record. PostgreSQL locks rows before, in the order of their ids.
    assert count <= (32 if stage.database.is_sqlite else 36)


def test_an_acceptance_writes_the_same_alone_and_beside_a_refusal(stage: Stage) -> None:
    """The quick way for what the relay took, and the rule for everything else, agree."""
    ada, ben, cleo = queue_first_steps(stage, ["ada", "ben", "cleo"])
    stage.sender = MemorySender(connections=64)
    stage.send()
    stage.change(Delivery, ada, state=State.SENDING, reply="", relay="", done_at=None)
    stage.change(Delivery, ben, state=State.UNCERTAIN, reply="", relay="", done_at=None)
    stage.change(Delivery, cleo, state=State.SENDING, done_at=None)

    results = [Result(key, 1, TAKEN, Policy.AT_MOST_ONCE) for key in (ada, ben)]
    later = Deferred("451 4.3.0 later", "relay.example", 451, "4.3.0", "rcpt")
    results.append(Result(cleo, 1, later, Policy.AT_MOST_ONCE))
    with stage.database.transaction() as session:
        recorded = record_outcomes(session, stage.worker, results, now=stage.clock.now)

    assert [one.delivery_id for one in recorded] == [ada, ben, cleo]
    one, other = stage.delivery(ada), stage.delivery(ben)
    for name in ("state", "reason", "owner", "done_at", "relay", "reply", "doubt_count"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.state is State.SENT
    assert stage.delivery(cleo).state is State.QUEUED


def test_an_acceptance_of_an_earlier_attempt_changes_nothing(stage: Stage) -> None:
    [ada] = queue_first_steps(stage, ["ada"])
    stage.sender = MemorySender(connections=64)
    stage.send()
    stage.change(Delivery, ada, state=State.SENDING, attempt=2, done_at=None)

    with stage.database.transaction() as session:
        results = [Result(ada, 1, TAKEN, Policy.AT_MOST_ONCE)]
        recorded = record_outcomes(session, stage.worker, results, now=stage.clock.now)

    assert recorded == []
    assert stage.delivery(ada).state is State.SENDING
