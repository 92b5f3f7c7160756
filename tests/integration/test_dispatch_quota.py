"""The day's quota and the limits of receiving domains, kept by all workers together."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select

from campaigns.explain import why
from campaigns.quota import QuotaStatus, read_quota
from campaigns.site import Site
from delivery.domain_lines import PLACE, forget_lines, has_forgotten_lines
from delivery.memory import MemorySender
from delivery.models import Delivery, DomainLine
from delivery.outbox import claim_batch
from delivery.rules.domain_pace import read_limits
from delivery.rules.quota import Quota
from delivery.rules.states import State
from delivery.sender import Deferred, RelayDown, Uncertain
from storage.database import Database
from subscribers.models import Subscription
from subscribers.rules.standing import Standing
from tests.sending_stage import Clock, Stage
from tests.series_stage import PlainRenderer

PLAIN = PlainRenderer()
MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # a Monday, 9:00 in Berlin


def stage_with(database: Database, site: Site, **pace: Any) -> Stage:
    stage = Stage(database, replace(site, **pace), Clock(MORNING))
    stage.sender = MemorySender(connections=4)
    return stage


def queue(stage: Stage, *emails: str) -> list[int]:
    """Queue the first step of a series for some people."""
    list_id = stage.add_list()
    series, steps = stage.add_series(list_id)
    readers = [stage.add_reader(email, list_id, email=email) for email in emails]
    return [stage.queue_step(one, stage.enrol(one, series), steps[0]) for one in readers]


def people(count: int, domain: str = "riverside.example") -> list[str]:
    return [f"person{number}@{domain}" for number in range(count)]


def ask(stage: Stage) -> int:
    """Let somebody ask for a list; their confirmation is queued."""
    reader = stage.add_reader("zoe", stage.add_list("news"))
    stage.change(Subscription, reader.id, standing=Standing.UNCONFIRMED)
    return stage.queue_confirmation(reader)


def states(stage: Stage) -> Counter[State]:
    return Counter(stage.states().values())


def sent_to(stage: Stage) -> Counter[str]:
    return Counter(one.recipient.rpartition("@")[2] for one in stage.sender.accepted)


def test_no_more_than_the_quota_goes_on_one_day_of_the_clinic(
    database: Database, site: Site
) -> None:
    stage = stage_with(database, site, quota=Quota(daily_limit=5))
    queue(stage, *people(12))

    counts = []
    for _ in range(3):
        counts.append(stage.send(renderer=PLAIN).sent + stage.send(renderer=PLAIN).sent)
        stage.clock.move(days=1)

    assert counts == [5, 5, 2]
    assert states(stage) == {State.SENT: 12}


def test_a_warm_up_plan_opens_day_by_day(database: Database, site: Site) -> None:
    plan = Quota(warm_up_from=date(2026, 11, 23), warm_up=(1, 2, 4))
    stage = stage_with(database, site, quota=plan)
    queue(stage, *people(12))

    counts = []
    for _ in range(4):
        counts.append(stage.send(renderer=PLAIN).sent)
        stage.clock.move(days=1)

    assert counts == [1, 2, 4, 5]


def test_the_quota_keeps_what_waits_in_the_queue_untouched(database: Database, site: Site) -> None:
    stage = stage_with(database, site, quota=Quota(daily_limit=2))
    queued = queue(stage, *people(5))

    stage.send(renderer=PLAIN)
    stage.send(renderer=PLAIN)

    waiting = [stage.delivery(one) for one in queued[2:]]
    assert {(one.state, one.attempt, one.due_at) for one in waiting} == {(State.QUEUED, 0, MORNING)}


def test_a_confirmation_goes_although_the_day_is_used_and_counts(
    database: Database, site: Site
) -> None:
    stage = stage_with(database, site, quota=Quota(daily_limit=2))
    queued = queue(stage, *people(4))
    stage.send(renderer=PLAIN)
    confirmation = ask(stage)

    assert stage.send(renderer=PLAIN).sent == 1
    assert stage.delivery(confirmation).state is State.SENT
    with database.reading() as session:
        found = read_quota(session, site=stage.site, now=stage.clock.now)
    assert found is not None
    assert (found.used, found.limit, found.waiting) == (3, 2, 2)
    assert stage.delivery(queued[3]).state is State.QUEUED


def test_what_somebody_waits_for_is_taken_first_and_leaves_less_for_the_others(
    database: Database, site: Site
) -> None:
    stage = stage_with(database, site, quota=Quota(daily_limit=2))
    queue(stage, *people(4))
    confirmation = ask(stage)

    assert stage.send(renderer=PLAIN).sent == 2
    assert stage.delivery(confirmation).state is State.SENT
    assert states(stage) == {State.SENT: 2, State.QUEUED: 3}


@pytest.mark.parametrize(
    ("answer", "uses"),
    [
        (Deferred("451 later", "relay", 451, "", "rcpt"), 0),
        (RelayDown("no connection", "relay"), 0),
        (Uncertain("link lost", "relay"), 1),
    ],
)
def test_only_what_went_or_may_have_gone_uses_the_quota(
    database: Database, site: Site, answer: Any, uses: int
) -> None:
    stage = stage_with(database, site, quota=Quota(daily_limit=3))
    queue(stage, *people(1))
    stage.sender.answer_next(answer)

    stage.send(renderer=PLAIN)

    with database.reading() as session:
        found = read_quota(session, site=stage.site, now=stage.clock.now)
    assert found == QuotaStatus(3, uses, 0, None)


def test_two_workers_that_claim_at_once_keep_the_quota_together(
    database: Database, site: Site
) -> None:
    stage = stage_with(database, site, quota=Quota(daily_limit=60))
    queue(stage, *people(150))
    today = stage.site.quota.today(MORNING, site.zone)
    workers = [stage.hire() for _ in range(4)]
    start, claimed = threading.Barrier(4), []

    def work(number: int) -> None:
        start.wait(10)
        for _ in range(12):
            with database.transaction() as session:
                claimed.extend(
                    claim_batch(session, workers[number], now=MORNING, limit=7, today=today)
                )

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len({one.id for one in claimed}) == len(claimed) == 60


def test_why_and_the_quota_tell_what_waits_until_when(database: Database, site: Site) -> None:
    stage = stage_with(database, site, quota=Quota(daily_limit=2))
    queue(stage, *people(4))
    stage.send(renderer=PLAIN)

    with database.reading() as session:
        found = read_quota(session, site=stage.site, now=stage.clock.now)
        told = why(session, "person3@riverside.example", site=stage.site, now=stage.clock.now)

    assert found is not None
    assert (found.used, found.waiting) == (2, 2)
    assert any("waits: today's 2 are used; tomorrow 07:00" in line for line in told), told


def test_without_a_quota_there_is_nothing_to_tell(database: Database, site: Site) -> None:
    stage = stage_with(database, site)

    with database.reading() as session:
        assert read_quota(session, site=stage.site, now=MORNING) is None


def test_a_domain_over_its_limit_waits_and_the_others_go_on(database: Database, site: Site) -> None:
    limits = read_limits(["gmail.example=6/minute"])
    stage = stage_with(database, site, domain_limits=limits)
    emails = [*people(14, "gmail.example"), *people(6)]
    queued = queue(stage, *emails)

    report = stage.send(renderer=PLAIN)

    assert (report.sent, report.put_back) == (7, 13)
    assert sent_to(stage) == {"gmail.example": 1, "riverside.example": 6}
    waiting = [stage.delivery(one) for one in queued[1:14]]
    assert {one.reason for one in waiting} == {f"{PLACE}gmail.example gets 6 mails a minute"}
    gaps = [later.due_at - one.due_at for one, later in pairwise(waiting)]
    assert set(gaps) == {timedelta(seconds=11.5)}


def test_each_mail_over_the_limit_is_looked_at_once_more_and_no_minute_sees_too_many(
    database: Database, site: Site
) -> None:
    limits = read_limits(["gmail.example=6/minute"])
    stage = stage_with(database, site, domain_limits=limits)
    queued = queue(stage, *people(20, "gmail.example"))
    went: list[datetime] = []

    for _ in range(60):
        went += [stage.clock.now] * stage.send(renderer=PLAIN).sent
        stage.clock.move(seconds=5)

    assert len(went) == 20
    minute = timedelta(minutes=1)
    assert max(sum(one <= other < one + minute for other in went) for one in went) <= 6
    assert {stage.delivery(one).attempt for one in queued} <= {1, 2, 3}
    assert {stage.delivery(one).reason for one in queued} == {""}


def test_two_workers_keep_the_limit_of_a_domain_together(database: Database, site: Site) -> None:
    limits = read_limits(["*=6/hour"])
    stage = stage_with(database, site, domain_limits=limits)
    queue(stage, *people(30, "gmail.example"))
    workers, senders = [stage.hire(), stage.hire()], [MemorySender(), MemorySender()]

    threads = [
        threading.Thread(
            target=stage.send,
            kwargs={"worker": worker, "sender": sender, "renderer": PLAIN, "limit": 15},
        )
        for worker, sender in zip(workers, senders, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sum(len(sender.accepted) for sender in senders) == 1
    assert states(stage) == {State.SENT: 1, State.QUEUED: 29}
    with database.reading() as session:
        places = session.scalars(
            select(Delivery.due_at).where(Delivery.state == State.QUEUED)
        ).all()
    assert len(set(places)) == 29


def test_a_confirmation_does_not_wait_in_the_line(database: Database, site: Site) -> None:
    stage = stage_with(database, site, domain_limits=read_limits(["*=1/day"]))
    domain = "example.org"
    queue(stage, *people(3, domain))
    stage.send(renderer=PLAIN)
    confirmation = ask(stage)

    assert stage.send(renderer=PLAIN).sent == 1
    assert stage.delivery(confirmation).state is State.SENT


def test_domains_without_mail_for_days_are_forgotten(database: Database, site: Site) -> None:
    stage = stage_with(database, site, domain_limits=read_limits(["*=60/minute"]))
    queue(stage, *people(2))
    stage.send(renderer=PLAIN)

    with database.transaction() as session:
        assert not has_forgotten_lines(session, now=MORNING + timedelta(days=1))
        assert has_forgotten_lines(session, now=MORNING + timedelta(days=3))
        assert forget_lines(session, now=MORNING + timedelta(days=3)) == 1
        assert session.scalar(select(func.count()).select_from(DomainLine)) == 0
