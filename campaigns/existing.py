"""People who were there before: take them into a new series, or up again into one that grew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, aliased

from campaigns.joining import find_newcomers, is_membership, may_be_mailed
from campaigns.models import Enrolment, Series, SkippedStep
from campaigns.rules.existing import (
    HEARS_OF_NEW,
    Existing,
    ExistingPlan,
    days_inside_quota,
    staggered_starts,
    takes_up_again,
)
from campaigns.rules.standing import EnrolmentStatus
from campaigns.store import change_enrolments, load_plans
from delivery.models import Delivery
from delivery.rules.states import State
from subscribers.models import Subscriber
from subscribers.store import insert_new, slices


def place_existing(
    session: Session, series: Series, plan: ExistingPlan, *, daily_limit: int = 0, now: datetime
) -> int:
    """Do with the people on the list of a new series what was chosen; tell how many begin.

    Staggered, no more begin a day than the site may send; over more days than asked, if need be.
    """
    if plan.existing is Existing.NEWCOMERS:
        series.newcomers_since = now
        return 0
    there = find_newcomers(session, Series.id == series.id)
    if plan.existing is Existing.EVERYBODY or not there:
        return len(there)  # the next tick takes them in
    days = days_inside_quota(len(there), days=plan.days, daily_limit=daily_limit)
    starts = staggered_starts(len(there), days=days, now=now)
    rows = [
        {
            "subscriber_id": one.subscriber_id,
            "series_id": series.id,
            "origin": one.origin,
            "enrolled_at": now,
            "starts_at": start,
            "look_at": start,
        }
        for one, start in zip(there, starts, strict=True)
    ]
    session.execute(insert_new(session, Enrolment), rows)
    return len(rows)


def take_up_finished(session: Session, series: Series, *, now: datetime) -> int:
    """Let people go on who finished the series lately, where a step was appended since.

    Tells how many. What they get counts from the last email they accepted, as always.
    """
    if not series.sends_new_to_finished:
        return 0
    ended = _lately_finished(session, series, now=now)
    reached, plan = reached_on(session, ended), load_plans(session)[series.id]
    back = [
        enrolment_id
        for enrolment_id, ended_at in ended.items()
        if takes_up_again(plan, reached[enrolment_id], ended_at=ended_at, now=now)
    ]
    values = {"status": EnrolmentStatus.ACTIVE, "ended_at": None, "reason": "", "look_at": now}
    is_finished = Enrolment.status == EnrolmentStatus.FINISHED
    return sum(
        change_enrolments(session, Enrolment.id.in_(some), is_finished, **values)
        for some in slices(back)
    )


def _lately_finished(session: Session, series: Series, *, now: datetime) -> dict[int, datetime]:
    """Find who finished lately, or asked to hear of new ones; not those who asked not to.

    To whom asked, it is as if they had finished now.
    """
    columns = (Enrolment.id, Enrolment.ended_at, Enrolment.hears_of_new)
    wanted = select(*columns).where(
        Enrolment.series_id == series.id,
        Enrolment.status == EnrolmentStatus.FINISHED,
        *may_go_on(),
        or_(Enrolment.hears_of_new.is_(True), Enrolment.ended_at >= now - HEARS_OF_NEW),
    )
    found = session.execute(wanted.order_by(Enrolment.id))
    return {row.id: now if row.hears_of_new else row.ended_at for row in found}


def may_go_on() -> tuple[ColumnElement[bool], ...]:
    """Leave out who may not be mailed, began the series anew, or wants no more of it."""
    later = aliased(Enrolment)
    begun_anew = exists().where(
        later.subscriber_id == Enrolment.subscriber_id,
        later.series_id == Enrolment.series_id,
        later.round > Enrolment.round,
    )
    is_on_list = exists().where(
        Series.id == Enrolment.series_id,
        Subscriber.id == Enrolment.subscriber_id,
        is_membership(),
        may_be_mailed(),
    )
    wants_more = Enrolment.hears_of_new.is_not(False)
    return wants_more, ~begun_anew, is_on_list.correlate(Enrolment)


def reached_on(session: Session, enrolments: Iterable[int]) -> defaultdict[int, set[int]]:
    """Name what was had or left out on some ways; the pointer speaks for what was tidied away."""
    reached: defaultdict[int, set[int]] = defaultdict(set)
    for some in slices(list(enrolments)):
        for enrolment_id, step_id in _reached_among(session, some):
            if step_id is not None:
                reached[enrolment_id].add(step_id)
    return reached


def _reached_among(session: Session, some: Sequence[int]) -> Iterator[tuple[Any, int | None]]:
    is_had = Delivery.state != State.CANCELLED
    had = select(Delivery.enrolment_id, Delivery.step_id)
    skipped = select(SkippedStep.enrolment_id, SkippedStep.step_id)
    pointers = select(Enrolment.id, Enrolment.last_step_id)
    for wanted in (
        had.where(Delivery.enrolment_id.in_(some), is_had),
        skipped.where(SkippedStep.enrolment_id.in_(some)),
        pointers.where(Enrolment.id.in_(some)),
    ):
        for row in session.execute(wanted):
            yield row[0], row[1]
