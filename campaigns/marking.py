"""Mark a group of letters, after a last look: what is marked may be handed over.

All in the caller's transaction. The persons are locked first, as every deed on a person does,
so an unsubscribe, a suppression or another worker is either seen here or finds the mark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Update,
    bindparam,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from campaigns.drafting import Draft
from campaigns.errors import PointerMovedError
from campaigns.mailed_days import DayWish, give_days_back, take_days
from campaigns.models import Enrolment, Series, Step
from campaigns.rules.broadcasts import check_pause
from campaigns.rules.due_dates import local_day
from campaigns.rules.guards import (
    Cancel,
    Consent,
    Go,
    Hold,
    NotNow,
    Pointer,
    PutBack,
    StepNow,
    Verdict,
    after_a_taken_day,
    before_marking,
    check_consent,
    since_writing,
)
from campaigns.rules.standing import SeriesStatus
from campaigns.store import look_again_after
from campaigns.traits import Asking, objections_to
from delivery import outbox
from delivery.domain_lines import PLACE, Wish, take_places
from delivery.outbox import Mark, WorkerIdentity
from delivery.rules.domain_pace import NO_LIMITS, DomainLimits
from storage.arrays import given_rows, given_values, many, rows_of, run
from storage.base import RowId
from subscribers.models import Subscriber, Subscription
from subscribers.suppression import suppressed_among

_enrolments = cast(Table, Enrolment.__table__)
_subscribers = cast(Table, Subscriber.__table__)
_subscriptions = cast(Table, Subscription.__table__)


@dataclass(frozen=True)
class Marked:
    """What came of marking a group."""

    ours: Sequence[Draft]  # to be handed over once the transaction is committed
    turned_down: Mapping[int, NotNow]  # by delivery id


def mark_group(
    session: Session,
    worker: WorkerIdentity,
    drafts: Sequence[Draft],
    *,
    now: datetime,
    limits: DomainLimits = NO_LIMITS,
) -> Marked:
    """Look once more, mark what may go, and set aside the rest with its reason.

    Raises:
        WorkerFencedError: the worker was given up for dead; nothing may be sent.
    """
    facts = _read_facts(session, drafts)
    verdicts: dict[int, Verdict] = {
        draft.claim.id: facts.verdict_on(draft, now=now) for draft in drafts
    }
    if limits:
        verdicts |= _keep_pace(session, _willing(drafts, verdicts), limits, now=now)
    verdicts |= dict(_take_days(session, _willing(drafts, verdicts), now=now))
    willing = _willing(drafts, verdicts)
    marked = outbox.mark_sending(session, worker, [_mark(draft) for draft in willing], now=now)
    ours = [draft for draft in willing if draft.claim.id in marked]
    _give_back(session, [draft for draft in willing if draft.claim.id not in marked])
    _move_pointers(session, ours, now=now)
    turned_down = {key: found for key, found in verdicts.items() if not isinstance(found, Go)}
    set_aside(session, worker, turned_down, now=now)
    return Marked(ours, turned_down)


def set_aside(
    session: Session, worker: WorkerIdentity, verdicts: Mapping[int, NotNow], *, now: datetime
) -> None:
    """Write down why claimed deliveries do not go now: cancelled, held, or queued for later."""
    alike: defaultdict[NotNow, list[int]] = defaultdict(list)
    for delivery_id, verdict in verdicts.items():
        alike[verdict].append(delivery_id)
    for verdict, ids in alike.items():
        match verdict:
            case Cancel(reason):
                outbox.cancel_deliveries(session, ids, reason, now=now)
                look_again_after(session, ids, now=now)
            case Hold(reason):
                outbox.hold(session, ids, reason)
            case PutBack(until, reason):
                outbox.release_claims(session, worker, ids, now=now, due_at=until, reason=reason)


class PersonRow(NamedTuple):
    """A person as they are in the marking transaction."""

    email: str
    paused_until: date | None


class StepRow(NamedTuple):
    """A step and its series as an editor has left them."""

    status: SeriesStatus
    published: bool
    revision_id: int | None
    condition: str
    exit_rule: str


@dataclass(frozen=True)
class _Facts:
    """How things stand in the marking transaction."""

    persons: Mapping[int, PersonRow]  # those who still exist
    suppressed: Collection[str]
    consents: Mapping[int, Consent]  # by subscription id
    pointers: Mapping[int, Pointer]  # by enrolment id
    steps: Mapping[int, StepRow]  # by step id
    objections: Mapping[int, str]  # by delivery id: what a condition or an exit rule forbids

    def verdict_on(self, draft: Draft, *, now: datetime) -> Verdict:
        """Decide about one letter from everything but the person's day."""
        person, step = draft.person, draft.step
        found = self.persons.get(person.id)
        if found is None or found.email != person.email:
            return Cancel("the person or their address is gone")
        if person.email in self.suppressed:
            return Cancel("the address is suppressed")
        verdict = check_consent(self.consents.get(draft.membership.id), draft.needs)
        if draft.issue is not None and isinstance(verdict, Go):
            return check_pause(found.paused_until, draft.issue.plan.days.zone, now=now)
        if step is None or not isinstance(verdict, Go):
            return verdict
        verdict = before_marking(self.pointers.get(step.enrolment_id), step.plan, now=now)
        if not isinstance(verdict, Go):
            return verdict
        objection = self.objections.get(draft.claim.id, "")
        is_now = _step_now(self.steps.get(step.plan.step_id), found, objection)
        return since_writing(is_now, step.plan, revision_id=step.revision_id, now=now)


def _step_now(step: StepRow | None, person: PersonRow, objection: str) -> StepNow | None:
    if step is None:
        return None
    return StepNow(step.status, step.published, step.revision_id, person.paused_until, objection)


def _read_facts(session: Session, drafts: Sequence[Draft]) -> _Facts:
    persons = _lock_persons(session, [draft.person.id for draft in drafts])
    steps = _read_steps(session, {d.step.plan.step_id for d in drafts if d.step})
    return _Facts(
        persons=persons,
        suppressed=suppressed_among(session, [person.email for person in persons.values()]),
        consents=_read_consents(session, [draft.membership.id for draft in drafts]),
        pointers=_lock_pointers(session, [d.step.enrolment_id for d in drafts if d.step]),
        steps=steps,
        objections=objections_to(session, _asking(drafts, steps)),
    )


def _asking(drafts: Sequence[Draft], steps: Mapping[int, StepRow]) -> Iterator[Asking]:
    """Gather what steps and series ask now; what asks nothing costs nothing."""
    for draft in drafts:
        part, row = draft.step, steps.get(draft.step.plan.step_id if draft.step else 0)
        if part is not None and row is not None and (row.condition or row.exit_rule):
            yield Asking(
                draft.claim.id, draft.person.id, row.condition, row.exit_rule, part.enrolled_at
            )


@cache
def _persons(dialect: str) -> Select[Any]:
    columns = (_subscribers.c.id, _subscribers.c.email, _subscribers.c.paused_until)
    wanted = select(*columns).where(_subscribers.c.id.in_(given_values(dialect, "ids", RowId)))
    return wanted.order_by(_subscribers.c.id).with_for_update(key_share=True)


def _lock_persons(session: Session, ids: Sequence[int]) -> dict[int, PersonRow]:
    return {row[0]: PersonRow(*row[1:]) for row in rows_of(session, _persons, ids=many(ids))}


@cache
def _steps(dialect: str) -> Select[Any]:
    columns: Sequence[Any] = (
        *(Step.id, Series.status, Step.published, Step.revision_id),
        *(Step.condition, Series.exit_rule),
    )
    wanted = select(*columns).join(Series, Series.id == Step.series_id)
    return wanted.where(Step.id.in_(given_values(dialect, "ids", RowId)))


def _read_steps(session: Session, ids: Collection[int]) -> dict[int, StepRow]:
    """Read without a lock: who edits in this very moment comes after the mark."""
    return {row[0]: StepRow(*row[1:]) for row in rows_of(session, _steps, ids=many(ids))}


@cache
def _consents(dialect: str) -> Select[Any]:
    columns = (_subscriptions.c.id, _subscriptions.c.standing, _subscriptions.c.asking)
    return select(*columns).where(_subscriptions.c.id.in_(given_values(dialect, "ids", RowId)))


def _read_consents(session: Session, ids: Sequence[int]) -> dict[int, Consent]:
    return {row[0]: Consent(*row[1:]) for row in rows_of(session, _consents, ids=many(ids))}


@cache
def _pointers(dialect: str) -> Select[Any]:
    names = ("id", "status", "last_step_id", "last_sent_at")
    wanted = select(*(_enrolments.c[name] for name in names))
    mine = wanted.where(_enrolments.c.id.in_(given_values(dialect, "ids", RowId)))
    return mine.order_by(_enrolments.c.id).with_for_update()


def _lock_pointers(session: Session, ids: Sequence[int]) -> dict[int, Pointer]:
    return {row[0]: Pointer(*row[1:]) for row in rows_of(session, _pointers, ids=many(ids))}


def _willing(drafts: Sequence[Draft], verdicts: Mapping[int, Verdict]) -> list[Draft]:
    return [draft for draft in drafts if isinstance(verdicts[draft.claim.id], Go)]


def _mark(draft: Draft) -> Mark:
    part, claim = draft.step or draft.issue, draft.claim
    if part is None:
        return Mark(claim.id, claim.attempt)
    return Mark(claim.id, claim.attempt, part.revision_id, part.context)


def _keep_pace(
    session: Session, drafts: Sequence[Draft], limits: DomainLimits, *, now: datetime
) -> dict[int, Verdict]:
    """Put back what is over the limit of its receiving domain, to its place in the line."""
    wishes = [
        Wish(
            draft.claim.id,
            draft.handover.recipient.rpartition("@")[2].lower(),
            place=draft.claim.due_at if draft.claim.reason.startswith(PLACE) else None,
            must_go=draft.day_plan is None,
        )
        for draft in drafts
    ]
    waits = take_places(session, limits, wishes, now=now)
    return {wait.delivery_id: PutBack(wait.until, wait.reason) for wait in waits}


def _take_days(
    session: Session, drafts: Sequence[Draft], *, now: datetime
) -> Iterator[tuple[int, Verdict]]:
    """Take each reader's day; whose day is taken goes on another one.

    A repeated attempt gives up the day of the one before, which is not today's perhaps.
    """
    plans = {draft.claim.id: draft.day_plan for draft in drafts}
    _give_back(session, [draft for draft in drafts if draft.claim.attempt > 1])
    wishes = [
        DayWish(draft.person.id, local_day(now, draft.day_plan.days.zone), draft.claim.id)
        for draft in drafts
        if draft.day_plan
    ]
    taken = take_days(session, wishes)
    for delivery_id, plan in plans.items():
        if plan is not None and delivery_id not in taken:
            yield delivery_id, after_a_taken_day(plan, now=now)


def _give_back(session: Session, drafts: Sequence[Draft]) -> None:
    give_days_back(session, {draft.claim.id: draft.person.id for draft in drafts if draft.day_plan})


# The verdict before let only a repeated last step into a finished series; for the others this is
# the second lock on the door.
_MAY_MOVE: ColumnElement[bool] = _enrolments.c.status.in_(
    [literal_column("'active'"), literal_column("'finished'")]
)


@cache
def _move(dialect: str) -> Update:
    given = given_rows(dialect, "moves", {"id": RowId, "step": RowId})
    moved = update(_enrolments).where(_enrolments.c.id == given.c.id, _MAY_MOVE)
    at = bindparam("at", type_=_enrolments.c.last_sent_at.type)
    return moved.values(last_step_id=given.c.step, last_sent_at=at)


def _move_pointers(session: Session, drafts: Sequence[Draft], *, now: datetime) -> None:
    """Let the enrolments stand at the steps that are marked, all of them or none."""
    steps = [draft.step for draft in drafts if draft.step]
    if not steps:
        return
    moves = many({"id": step.enrolment_id, "step": step.plan.step_id} for step in steps)
    if run(session, _move, moves=moves, at=now).rowcount != len(steps):
        raise PointerMovedError([step.enrolment_id for step in steps])
