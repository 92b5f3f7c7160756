"""The outbox gives each delivery to one worker, and believes only what was recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from delivery.errors import WorkerFencedError
from delivery.models import Delivery, Worker
from delivery.outbox import (
    ClaimedDelivery,
    Mark,
    NewDelivery,
    Recorded,
    Result,
    WorkerIdentity,
    beat,
    cancel_deliveries,
    cancel_for_enrolments,
    cancel_for_subscriber,
    claim_batch,
    confirm_arrival,
    expire_old,
    hold,
    mark_sending,
    queue_again,
    queue_deliveries,
    reap_dead_workers,
    record_outcomes,
    register_worker,
    release_claims,
    release_held,
    retire_worker,
    send_again,
)
from delivery.rules.replies import ReplyClass
from delivery.rules.states import Kind, Policy, State
from delivery.sender import Accepted, Deferred, Outcome, Refused, RelayDown, Uncertain
from storage.database import Database
from subscribers.models import Subscriber

ACCEPTED = Accepted("250 2.0.0 queued as 7F", "relay.example")
DEFERRED = Deferred("451 4.3.0 later", "relay.example", 451, "4.3.0", "rcpt")
REFUSED = Refused("550 5.1.1 no such user", "relay.example", 550, "5.1.1", "rcpt")
UNCERTAIN = Uncertain("no answer to the final dot", "relay.example")
RELAY_DOWN = RelayDown("connection refused", "relay.example")
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=60)


class Desk:
    """An outbox at work: short words for the long calls of these tests."""

    def __init__(self, database: Database, cast: Any, now: datetime) -> None:
        self.database, self.cast, self.now = database, cast, now
        self.ada = cast.ada.subscriber_id

    def new(self, key: str = "1", kind: Kind = Kind.STEP, **changes: Any) -> NewDelivery:
        return replace(NewDelivery(key, kind, self.now, self.now, self.ada), **changes)

    def queue(self, *rows: NewDelivery) -> int:
        with self.database.transaction() as session:
            return queue_deliveries(session, rows or [self.new()])

    def worker(self, now: datetime | None = None) -> WorkerIdentity:
        with self.database.transaction() as session:
            return register_worker(session, host="here", process_id=1, now=now or self.now)

    def claim(
        self, worker: WorkerIdentity, *, now: datetime | None = None, limit: int = 100
    ) -> list[ClaimedDelivery]:
        with self.database.transaction() as session:
            return claim_batch(session, worker, now=now or self.now, limit=limit)

    def mark(self, worker: WorkerIdentity, *claims: ClaimedDelivery) -> set[int]:
        marks = [Mark(claim.id, claim.attempt) for claim in claims]
        with self.database.transaction() as session:
            return mark_sending(session, worker, marks, now=self.now)

    def record(
        self,
        worker: WorkerIdentity,
        claim: ClaimedDelivery,
        outcome: Outcome,
        *,
        now: datetime | None = None,
        policy: Policy = Policy.AT_MOST_ONCE,
        due_at: datetime | None = None,
    ) -> list[Recorded]:
        result = Result(claim.id, claim.attempt, outcome, policy, due_at)
        with self.database.transaction() as session:
            return record_outcomes(session, worker, [result], now=now or self.now)

    def begun(self, kind: Kind = Kind.STEP) -> tuple[WorkerIdentity, ClaimedDelivery]:
        """Bring one delivery as far as the mark."""
        self.queue(self.new(kind=kind))
        worker = self.worker()
        (claim,) = self.claim(worker)
        assert self.mark(worker, claim) == {claim.id}
        return worker, claim

    def row(self, delivery_id: int = 1) -> Delivery:
        with self.database.reading() as session:
            return session.get_one(Delivery, delivery_id)

    def one_in_each_state(self) -> None:
        """Place one delivery of Ada in each state, in the order of the states."""
        self.queue(*[self.new(state) for state in State])
        with self.database.transaction() as session:
            session.execute(update(Delivery).values(state=Delivery.once_key))


@pytest.fixture
def desk(database: Database, cast: Any, now: datetime) -> Desk:
    return Desk(database, cast, now)


# Queue


def test_a_once_key_is_queued_once_however_often_it_is_planned(desk: Desk) -> None:
    assert desk.queue(desk.new("a"), desk.new("b")) == 2
    assert desk.queue(desk.new("b"), desk.new("c")) == 1
    assert desk.queue(desk.new("a"), desk.new("a")) == 0


def test_queueing_nothing_is_nothing(database: Database) -> None:
    with database.transaction() as session:
        assert queue_deliveries(session, []) == 0


def test_a_queued_delivery_has_an_id_of_its_own_for_the_public(desk: Desk) -> None:
    desk.queue(desk.new("a"), desk.new("b"))

    first, second = desk.row(1).public_id, desk.row(2).public_id

    assert len(first) == len(second) == 26
    assert first != second


# Claim


def test_a_delivery_is_claimed_by_one_worker_only(desk: Desk) -> None:
    desk.queue()

    assert len(desk.claim(desk.worker())) == 1
    assert desk.claim(desk.worker()) == []


def test_what_somebody_waits_for_is_claimed_before_what_was_due_earlier(desk: Desk) -> None:
    early = desk.now - timedelta(days=1)
    desk.queue(
        desk.new("step", due_at=early),
        desk.new("confirmation", Kind.CONFIRMATION),
        desk.new("notice", Kind.NOTICE, due_at=desk.now - MINUTE),
        desk.new("broadcast", Kind.BROADCAST, due_at=early - MINUTE),
    )

    claims = desk.claim(desk.worker())

    assert [claim.kind for claim in claims] == [
        Kind.NOTICE,
        Kind.CONFIRMATION,
        Kind.BROADCAST,
        Kind.STEP,
    ]


def test_a_step_somebody_asked_for_goes_before_a_newsletter_that_was_due_earlier(
    desk: Desk,
) -> None:
    early = desk.now - timedelta(days=1)
    desk.queue(
        *(desk.new(f"news {n}", Kind.BROADCAST, due_at=early) for n in range(3)),
        desk.new("first step", is_awaited=True),
        desk.new("confirmation", Kind.CONFIRMATION),
    )
    worker = desk.worker()

    claimed = [claim.once_key for claim in desk.claim(worker, limit=3)]

    assert claimed == ["confirmation", "first step", "news 0"]
    assert len(desk.claim(worker)) == 2


def test_a_claim_takes_no_more_than_its_limit_and_nothing_before_its_time(desk: Desk) -> None:
    desk.queue(
        desk.new("a"),
        desk.new("b", Kind.CONFIRMATION),
        desk.new("c", due_at=desk.now + timedelta(seconds=1)),
    )
    worker = desk.worker()

    assert len(desk.claim(worker, limit=1)) == 1
    assert len(desk.claim(worker, limit=5)) == 1
    assert desk.claim(worker, limit=0) == []


def test_every_claim_counts_an_attempt_and_gives_aware_moments(desk: Desk) -> None:
    desk.queue()
    worker = desk.worker()
    (first,) = desk.claim(worker)
    with desk.database.transaction() as session:
        release_claims(session, worker, [first.id], now=desk.now)

    (second,) = desk.claim(worker)

    assert (first.attempt, second.attempt) == (1, 2)
    assert second.due_at == desk.now


def test_the_date_is_made_by_the_claim_that_leads_to_a_handover_and_then_kept(desk: Desk) -> None:
    desk.queue()
    worker = desk.worker()
    (first,) = desk.claim(worker)
    with desk.database.transaction() as session:
        release_claims(session, worker, None, now=desk.now)
    tomorrow, later = desk.now + timedelta(days=1), desk.now + timedelta(days=2)

    (second,) = desk.claim(worker, now=tomorrow)
    desk.mark(worker, second)
    desk.record(worker, second, DEFERRED)
    (third,) = desk.claim(worker, now=later)

    assert first.message_date == desk.now
    assert second.message_date == third.message_date == tomorrow


AWAITED = {"sqlite": "is_awaited = 1", "postgresql": "is_awaited "}  # as each store says it


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("index", "condition"),
    [
        ("ix_deliveries_due", ""),
        ("ix_deliveries_urgent", "AND kind IN ('confirmation', 'notice')"),
        ("ix_deliveries_awaited", "AND {awaited}"),
    ],
)
def test_a_claim_reads_only_the_partial_index_of_what_is_queued(
    request: pytest.FixtureRequest, now: datetime, store: str, index: str, condition: str
) -> None:
    database: Database = request.getfixturevalue(f"{store}_database")
    only = condition.format(awaited=AWAITED[store])
    explain = "EXPLAIN QUERY PLAN" if store == "sqlite" else "EXPLAIN"
    with database.transaction() as session:
        if store == "postgresql":  # which of two empty indexes it takes is chance
            ada = Subscriber(email="ada@example.org", created_at=now, changed_at=now)
            session.add(ada)
            session.flush()
            due = now - timedelta(days=2)
            news = [NewDelivery(f"n{n}", Kind.BROADCAST, due, due, ada.id) for n in range(2_000)]
            queue_deliveries(session, news)
            session.execute(text("ANALYZE deliveries"))
            session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(
            text(
                f"{explain} SELECT id FROM deliveries WHERE state = 'queued' {only} "  # noqa: S608
                "AND due_at <= '2026-03-02' ORDER BY due_at, id LIMIT 500"
            )
        ).all()

    assert index in str(plan)
    assert "TEMP B-TREE" not in str(plan)
    assert "Sort" not in str(plan)


def test_the_claim_says_queued_as_a_literal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import event

    said: list[str] = []
    desk.queue()
    worker = desk.worker()
    event.listen(
        desk.database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: said.append(statement),
    )

    desk.claim(worker)

    claims = [statement for statement in said if "WITH due" in statement]
    assert len(claims) == 3
    assert all(statement.count("state = 'queued'") == 2 for statement in claims)
    assert "kind IN ('confirmation', 'notice')" in claims[0]
    assert AWAITED[desk.database.engine.dialect.name] in claims[1]


# Mark


def test_only_what_was_claimed_and_not_taken_away_since_may_be_sent(desk: Desk) -> None:
    desk.queue(desk.new("a"), desk.new("b"), desk.new("c"))
    worker = desk.worker()
    first, second, third = desk.claim(worker)
    with desk.database.transaction() as session:
        cancel_deliveries(session, [second.id], "left", now=desk.now)

    assert desk.mark(worker, first, second, third._replace(attempt=7)) == {first.id}
    assert [desk.row(n).state for n in (1, 2, 3)] == [
        State.SENDING,
        State.CANCELLED,
        State.CLAIMED,
    ]


def test_a_mark_works_once(desk: Desk) -> None:
    worker, claim = desk.begun()

    assert desk.mark(worker, claim) == set()


def test_nobody_marks_what_another_claimed(desk: Desk) -> None:
    desk.queue()
    (claim,) = desk.claim(desk.worker())

    assert desk.mark(desk.worker(), claim) == set()


def test_a_mark_keeps_what_the_mail_was_made_from(desk: Desk) -> None:
    desk.queue()
    worker = desk.worker()
    (claim,) = desk.claim(worker)
    facts = {"first_name": "Ada", "links": {"view": "https://x"}}

    with desk.database.transaction() as session:
        mark_sending(session, worker, [Mark(claim.id, 1, 7, facts)], now=desk.now)

    row = desk.row()
    assert (row.revision_id, row.context, row.sending_at) == (7, facts, desk.now)


def test_marking_nothing_shows_that_the_worker_lives(desk: Desk) -> None:
    worker = desk.worker(desk.now - MINUTE)

    with desk.database.transaction() as session:
        assert mark_sending(session, worker, [], now=desk.now) == set()

    with desk.database.reading() as session:
        assert session.get_one(Worker, worker.id).heartbeat_at == desk.now


# Record


@pytest.mark.parametrize(
    ("outcome", "state", "reply_class"),
    [
        (ACCEPTED, State.SENT, None),
        (DEFERRED, State.QUEUED, ReplyClass.TRANSIENT),
        (REFUSED, State.REJECTED, ReplyClass.HARD),
        (UNCERTAIN, State.UNCERTAIN, None),
        (RELAY_DOWN, State.QUEUED, None),
    ],
)
def test_an_outcome_becomes_a_state_once(
    desk: Desk, outcome: Outcome, state: State, reply_class: ReplyClass | None
) -> None:
    worker, claim = desk.begun()

    (recorded,) = desk.record(worker, claim, outcome)
    again = desk.record(worker, claim, outcome)

    assert (recorded.state, recorded.reply_class) == (state, reply_class)
    assert (recorded.delivery_id, recorded.subscriber_id) == (claim.id, desk.ada)
    assert recorded.outcome == outcome
    assert again == []
    row = desk.row()
    assert (row.state, row.reply, row.relay) == (state, outcome.reply, "relay.example")
    assert row.owner is None
    assert (row.done_at is None) == (state is State.QUEUED)


def test_a_result_given_twice_in_one_call_counts_once(desk: Desk) -> None:
    worker, claim = desk.begun()
    results = [
        Result(claim.id, claim.attempt, outcome, Policy.AT_MOST_ONCE)
        for outcome in (ACCEPTED, REFUSED)
    ]

    with desk.database.transaction() as session:
        recorded = record_outcomes(session, worker, results, now=desk.now)

    assert [one.state for one in recorded] == [State.SENT]
    assert desk.row().state is State.SENT


def test_a_result_of_an_earlier_attempt_or_of_nothing_changes_nothing(desk: Desk) -> None:
    worker, claim = desk.begun()

    assert desk.record(worker, claim._replace(attempt=0), ACCEPTED) == []
    assert desk.record(worker, claim._replace(id=77), ACCEPTED) == []
    assert desk.row().state is State.SENDING


def test_refused_for_now_comes_back_later_and_later_and_is_given_up_after_five_days(
    desk: Desk,
) -> None:
    desk.queue()
    now, worker = desk.now, desk.worker()
    delays = []
    for _ in range(200):
        (claim,) = desk.claim(worker, now=now)
        with desk.database.transaction() as session:
            mark_sending(session, worker, [Mark(claim.id, claim.attempt)], now=now)
        (recorded,) = desk.record(worker, claim, DEFERRED, now=now)
        if recorded.state is not State.QUEUED:
            break
        delays.append((recorded.due_at - now).total_seconds())
        now = recorded.due_at

    assert delays[:5] == [300, 600, 1200, 2400, 4000]
    assert now - desk.now >= timedelta(days=5)
    row = desk.row()
    assert row.state is State.REJECTED
    assert row.reason == "gave up after 5 days of refusals; the last: 451 4.3.0 later"


def test_a_relay_that_was_down_for_weeks_uses_up_nobodys_time(desk: Desk) -> None:
    desk.queue()
    worker = desk.worker()
    weeks_later = desk.now + timedelta(weeks=3)
    (claim,) = desk.claim(worker)
    desk.mark(worker, claim)
    (down,) = desk.record(worker, claim, RELAY_DOWN, due_at=weeks_later)
    (claim,) = desk.claim(worker, now=weeks_later)
    desk.mark(worker, claim)

    (recorded,) = desk.record(worker, claim, DEFERRED, now=weeks_later)

    assert down.due_at == weeks_later
    assert recorded.state is State.QUEUED
    assert recorded.due_at == weeks_later + timedelta(minutes=5)


def test_a_confirmation_in_doubt_is_sent_again_but_not_for_ever(desk: Desk) -> None:
    desk.queue(desk.new(kind=Kind.CONFIRMATION))
    now, states = desk.now, []
    while not states or states[-1] is State.QUEUED:
        worker = desk.worker(now)
        (claim,) = desk.claim(worker, now=now)
        desk.mark(worker, claim)
        (recorded,) = desk.record(worker, claim, UNCERTAIN, now=now, policy=Policy.AT_LEAST_ONCE)
        states.append(recorded.state)
        now = recorded.due_at

    assert states == [State.QUEUED] * 3 + [State.UNCERTAIN]
    assert desk.row().doubt_count == 4
    assert claim.doubt_count == 3
    assert claim.message_date == desk.now


def test_a_full_mailbox_is_tried_again(desk: Desk) -> None:
    worker, claim = desk.begun()
    full = Refused("552 5.2.2 mailbox full", "relay.example", 552, "5.2.2", "rcpt")

    (recorded,) = desk.record(worker, claim, full)

    assert (recorded.state, recorded.reply_class) == (State.QUEUED, ReplyClass.FULL)


# Workers


def test_a_dead_workers_claims_go_back_and_its_marks_are_in_doubt(desk: Desk) -> None:
    desk.queue(
        desk.new("a"),
        desk.new("b"),
        desk.new("c", Kind.CONFIRMATION),
        desk.new("d", due_at=desk.now + timedelta(days=1)),
    )
    worker = desk.worker()
    claims = desk.claim(worker)
    desk.mark(worker, *[claim for claim in claims if claim.id != 1])
    alive = desk.worker(desk.now + LEASE)

    with desk.database.transaction() as session:
        reaped = reap_dead_workers(session, now=desk.now + LEASE + MINUTE, lease=LEASE)
    with desk.database.transaction() as session:
        again = reap_dead_workers(session, now=desk.now + LEASE + MINUTE, lease=LEASE)

    assert (reaped.claimed_back, reaped.uncertain, reaped.queued_again) == (1, 1, 1)
    assert (again.claimed_back, again.uncertain, again.queued_again) == (0, 0, 0)
    assert [desk.row(n).state for n in (1, 2, 3)] == [
        State.QUEUED,
        State.UNCERTAIN,
        State.QUEUED,
    ]
    assert desk.row(2).reason.startswith("the link or the worker was lost after the final dot")
    assert desk.row(3).doubt_count == 1
    with desk.database.transaction() as session:
        beat(session, alive, now=desk.now + LEASE)


def test_a_worker_given_up_for_dead_is_refused_everything_but_the_truth(desk: Desk) -> None:
    desk.queue(desk.new("a"), desk.new("b"))
    worker = desk.worker()
    first, second = desk.claim(worker)
    desk.mark(worker, first)
    with desk.database.transaction() as session:
        reap_dead_workers(session, now=desk.now + 2 * LEASE, lease=LEASE)

    with pytest.raises(WorkerFencedError, match="given up for dead: 1; send nothing more"):
        desk.mark(worker, second)
    with pytest.raises(WorkerFencedError):
        desk.claim(worker)
    with pytest.raises(WorkerFencedError), desk.database.transaction() as session:
        beat(session, worker, now=desk.now)
    (recorded,) = desk.record(worker, first, ACCEPTED)
    assert recorded.state is State.SENT


def test_a_late_acceptance_spares_the_repetition(desk: Desk) -> None:
    worker, claim = desk.begun(Kind.CONFIRMATION)
    with desk.database.transaction() as session:
        reap_dead_workers(session, now=desk.now + 2 * LEASE, lease=LEASE)
    assert desk.row().state is State.QUEUED

    desk.record(worker, claim, ACCEPTED, policy=Policy.AT_LEAST_ONCE)

    assert desk.row().state is State.SENT
    assert desk.claim(desk.worker(), now=desk.now + timedelta(days=1)) == []


def test_a_late_refusal_settles_the_doubt(desk: Desk) -> None:
    worker, claim = desk.begun()
    desk.record(worker, claim, UNCERTAIN)

    (recorded,) = desk.record(worker, claim, REFUSED)

    assert recorded.state is State.REJECTED


def test_a_worker_that_retires_gives_its_claims_back_and_is_gone(desk: Desk) -> None:
    desk.queue()
    worker = desk.worker()
    desk.claim(worker)

    with desk.database.transaction() as session:
        assert retire_worker(session, worker, now=desk.now) == 1

    assert desk.row().state is State.QUEUED
    with pytest.raises(WorkerFencedError):
        desk.claim(worker)


def test_a_worker_that_beats_in_time_is_left_alone(desk: Desk) -> None:
    worker, _ = desk.begun()
    with desk.database.transaction() as session:
        beat(session, worker, now=desk.now + LEASE)

    with desk.database.transaction() as session:
        reap_dead_workers(session, now=desk.now + LEASE + MINUTE, lease=LEASE)

    assert desk.row().state is State.SENDING


def test_released_claims_are_due_when_wished(desk: Desk) -> None:
    desk.queue(desk.new("a"), desk.new("b"))
    worker = desk.worker()
    first, _ = desk.claim(worker)
    later = desk.now + timedelta(hours=1)

    with desk.database.transaction() as session:
        released = release_claims(session, worker, [first.id], now=desk.now, due_at=later)
        others = release_claims(session, WorkerIdentity(99, 1), None, now=desk.now)

    assert (released, others) == (1, 0)
    assert (desk.row(1).state, desk.row(1).due_at) == (State.QUEUED, later)
    assert desk.row(2).state is State.CLAIMED


# Interventions


def test_a_person_who_left_has_nothing_coming_that_is_not_marked(desk: Desk) -> None:
    desk.one_in_each_state()

    with desk.database.transaction() as session:
        count = cancel_for_subscriber(session, desk.ada, "unsubscribed", now=desk.now)

    open_ones = {State.QUEUED, State.CLAIMED, State.HELD}
    assert count == len(open_ones)
    for number, before in enumerate(State, 1):
        row, was_open = desk.row(number), before in open_ones
        assert row.state is (State.CANCELLED if was_open else before)
        assert row.reason == ("unsubscribed" if was_open else "")


def test_only_the_wanted_kinds_are_cancelled(desk: Desk) -> None:
    desk.queue(desk.new("a"), desk.new("b", Kind.CONFIRMATION))

    with desk.database.transaction() as session:
        cancel_for_subscriber(session, desk.ada, "left", kinds={Kind.STEP}, now=desk.now)

    assert [desk.row(n).state for n in (1, 2)] == [State.CANCELLED, State.QUEUED]


def test_what_one_enrolment_has_coming_is_cancelled_alone(desk: Desk) -> None:
    desk.queue(desk.new("a", enrolment_id=1), desk.new("b", enrolment_id=2))

    with desk.database.transaction() as session:
        assert cancel_for_enrolments(session, [2], "left the series", now=desk.now) == 1

    assert [desk.row(n).state for n in (1, 2)] == [State.QUEUED, State.CANCELLED]


def test_what_was_cancelled_is_queued_again_for_who_asks_again(desk: Desk) -> None:
    desk.queue()
    with desk.database.transaction() as session:
        cancel_deliveries(session, [1], "left", now=desk.now)
    later = desk.now + timedelta(days=3)

    with desk.database.transaction() as session:
        assert queue_again(session, [1], due_at=later, is_awaited=True) == 1
        assert queue_again(session, [1], due_at=later, is_awaited=True) == 0

    row = desk.row()
    assert row.is_awaited
    assert (row.state, row.due_at, row.reason, row.done_at) == (State.QUEUED, later, "", None)


def test_what_certainly_never_went_gets_a_new_date_when_it_is_let_go(desk: Desk) -> None:
    worker, claim = desk.begun()
    policy = Refused("550 5.7.1 blocked", "relay.example", 550, "5.7.1", "mail")
    desk.record(worker, claim, policy)
    with desk.database.transaction() as session:
        assert hold(session, [claim.id], "relay refuses our mail") == 1
        assert release_held(session, [claim.id]) == 1
        assert release_held(session, [claim.id]) == 0
    later = desk.now + timedelta(days=2)

    (again,) = desk.claim(desk.worker(later), now=later)

    assert again.message_date == later


def test_what_is_in_doubt_keeps_its_date_when_staff_send_it_again(desk: Desk) -> None:
    worker, claim = desk.begun()
    desk.record(worker, claim, UNCERTAIN)
    later = desk.now + timedelta(days=2)

    with desk.database.transaction() as session:
        assert send_again(session, [claim.id], now=later) == 1
    (again,) = desk.claim(desk.worker(later), now=later)

    assert (again.message_date, again.doubt_count) == (claim.message_date, 1)


def test_what_is_under_way_or_over_cannot_be_held(desk: Desk) -> None:
    desk.one_in_each_state()

    with desk.database.transaction() as session:
        count = hold(session, range(1, len(State) + 1), "look at it")

    held = {before for number, before in enumerate(State, 1) if desk.row(number).reason}
    assert held == {State.QUEUED, State.CLAIMED, State.REJECTED}
    assert count == len(held)


def test_evidence_turns_doubt_into_sent(desk: Desk) -> None:
    worker, claim = desk.begun()
    desk.record(worker, claim, UNCERTAIN)

    with desk.database.transaction() as session:
        assert confirm_arrival(session, [claim.id], "a link in it was used", now=desk.now) == 1
        assert confirm_arrival(session, [claim.id], "again", now=desk.now) == 0

    assert (desk.row().state, desk.row().reason) == (State.SENT, "a link in it was used")


def test_confirmations_that_waited_a_week_expire_and_steps_do_not(desk: Desk) -> None:
    desk.queue(desk.new("a", Kind.CONFIRMATION), desk.new("b"), desk.new("c", Kind.NOTICE))
    with desk.database.transaction() as session:
        hold(session, [3], "brake")
    late = desk.now + timedelta(days=7, seconds=1)

    with desk.database.transaction() as session:
        assert expire_old(session, now=desk.now + timedelta(days=7)) == 0
        assert expire_old(session, now=late) == 2

    assert [desk.row(n).state for n in (1, 2, 3)] == [State.EXPIRED, State.QUEUED, State.EXPIRED]
    assert desk.row(1).reason == "not sent within 7 days; its links work no longer"
