"""Every query about series and enrolments that is not the hot path of sending (`ledger.py`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from campaigns.errors import UnknownSeriesError
from campaigns.models import Broadcast, Enrolment, Series, Step
from campaigns.rules.conditions import condition_or_none
from campaigns.rules.series import SeriesPlan, StepPlan
from campaigns.rules.standing import EnrolmentStatus
from delivery.models import Delivery
from subscribers.store import slices

# As a literal: only then is the partial index used whatever the kind of plan.
IS_ACTIVE: ColumnElement[bool] = Enrolment.status == literal_column("'active'")
# The same for who has confirmed by a click and had nothing yet: they wait for the first email.
IS_WAITED_FOR: ColumnElement[bool] = and_(
    IS_ACTIVE,
    Enrolment.origin == literal_column("'confirmation'"),
    Enrolment.last_sent_at.is_(None),
)
_enrolments = cast(Table, Enrolment.__table__)


@dataclass(frozen=True)
class Due:
    """An enrolment that wants to be looked at."""

    enrolment_id: int
    subscriber_id: int


@dataclass(frozen=True)
class Labels:
    """The names people know series, steps and broadcasts by, by id."""

    series: Mapping[int, str]
    steps: Mapping[int, str]
    broadcasts: Mapping[int, str]


_ALL_SERIES = select(Series).order_by(Series.priority, Series.id)
_HAS_DUE = select(exists().where(IS_ACTIVE, Enrolment.look_at <= bindparam("now")))


def find_series(session: Session, slug: str) -> Series:
    """Find a series by its name.

    Raises:
        UnknownSeriesError: there is none; the error names those there are.
    """
    found = session.scalars(select(Series).where(Series.slug == slug)).one_or_none()
    if found is None:
        raise UnknownSeriesError(slug, [series.slug for series in all_series(session)])
    return found


def all_series(session: Session) -> list[Series]:
    """List the series in their order of priority."""
    return list(session.scalars(_ALL_SERIES))


def steps_of(session: Session, series_id: int) -> list[Step]:
    """List the steps of a series in order, the unpublished ones too; not its completion email."""
    wanted = select(Step).where(Step.series_id == series_id, Step.is_closing.is_(False))
    return list(session.scalars(wanted.order_by(Step.position, Step.id)))


def closing_of(session: Session, series_id: int) -> Step | None:
    """Find the completion email of a series, an unpublished one too; None: it never had one."""
    wanted = select(Step).where(Step.series_id == series_id, Step.is_closing.is_(True))
    return session.scalars(wanted).one_or_none()


def load_plans(session: Session) -> dict[int, SeriesPlan]:
    """Read every series as far as time is concerned, by id."""
    steps: defaultdict[int, list[StepPlan]] = defaultdict(list)
    closing: dict[int, StepPlan] = {}
    columns = (Step.series_id, Step.id, Step.wait_days, Step.published, Step.revision_id)
    wanted = select(*columns, Step.condition, Step.is_closing).order_by(Step.position, Step.id)
    for row in session.execute(wanted):
        is_ready, condition = (
            row.published and row.revision_id is not None,
            condition_or_none(row.condition),
        )
        step = StepPlan(row.id, row.wait_days, is_ready, condition)
        if not row.is_closing:
            steps[row.series_id].append(step)
        elif is_ready:
            closing[row.series_id] = step
    return {
        series.id: SeriesPlan(
            id=series.id,
            steps=tuple(steps[series.id]),
            send_hour=series.send_hour,
            first_step=series.first_step,
            priority=series.priority,
            status=series.status,
            resumed_at=series.resumed_at,
            exit_rule=condition_or_none(series.exit_rule),
            closing=closing.get(series.id),
        )
        for series in all_series(session)
    }


def load_labels(session: Session) -> Labels:
    """Read the names of all series, steps and broadcasts."""
    columns = ((Series.id, Series.slug), (Step.id, Step.key), (Broadcast.id, Broadcast.slug))
    return Labels(*({row[0]: row[1] for row in session.execute(select(*two))} for two in columns))


def name_steps(session: Session, step_ids: Iterable[int]) -> dict[int, str]:
    """Name steps as people type them, `series/step`, by id."""
    named = select(Step.id, Series.slug, Step.key).join(Series, Series.id == Step.series_id)
    return {
        row.id: f"{row.slug}/{row.key}"
        for some in slices(sorted(set(step_ids)))
        for row in session.execute(named.where(Step.id.in_(some)))
    }


def enrolments_of(session: Session, subscriber_id: int) -> list[Enrolment]:
    """List a person's ways through series, the ended ones too, the oldest first."""
    wanted = select(Enrolment).where(Enrolment.subscriber_id == subscriber_id)
    return list(session.scalars(wanted.order_by(Enrolment.id)))


def count_enrolments(session: Session) -> dict[int, dict[EnrolmentStatus, int]]:
    """Count the enrolments of every series by status, by series id."""
    counted = select(Enrolment.series_id, Enrolment.status, func.count()).group_by(
        Enrolment.series_id, Enrolment.status
    )
    counts: defaultdict[int, dict[EnrolmentStatus, int]] = defaultdict(
        lambda: dict.fromkeys(EnrolmentStatus, 0)
    )
    for series_id, status, count in session.execute(counted):
        counts[series_id][status] = count
    return counts


def due_enrolments(session: Session, *, now: datetime, limit: int) -> list[Due]:
    """Lock the enrolments to look at now: who has just confirmed, then the longest waiting.

    The lock lets a person who leaves in the same moment wait until what is queued here can be
    seen, and so be cancelled. What another process looks at is passed over.
    """
    first = _due(session, IS_WAITED_FOR, now=now, limit=limit)
    taken = Enrolment.id.not_in([one.enrolment_id for one in first])
    return first + _due(session, IS_ACTIVE, taken, now=now, limit=limit - len(first))


def has_due_enrolments(session: Session, *, now: datetime) -> bool:
    """Tell whether any enrolment wants to be looked at."""
    return bool(session.scalar(_HAS_DUE, {"now": now}))


def _due(
    session: Session, *conditions: ColumnElement[bool], now: datetime, limit: int
) -> list[Due]:
    if limit <= 0:
        return []
    wanted = (
        select(Enrolment.id, Enrolment.subscriber_id)
        .where(*conditions, Enrolment.look_at <= now)
        .order_by(Enrolment.look_at, Enrolment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [Due(row.id, row.subscriber_id) for row in session.execute(wanted)]


def soonest_looks(session: Session, *, limit: int) -> list[tuple[int, datetime]]:
    """List the people whose ways are looked at soonest, with the moment of the look."""
    columns = select(Enrolment.subscriber_id, Enrolment.look_at).where(IS_ACTIVE)
    wanted = columns.order_by(Enrolment.look_at, Enrolment.id).limit(limit)
    return [(row.subscriber_id, row.look_at) for row in session.execute(wanted)]


def count_active(session: Session) -> int:
    """Count the ways people are on."""
    return session.scalar(select(func.count()).select_from(Enrolment).where(IS_ACTIVE)) or 0


def next_look(session: Session) -> datetime | None:
    """Tell when the next active enrolment wants to be looked at; None when there is none."""
    return session.scalar(select(func.min(Enrolment.look_at)).where(IS_ACTIVE))


_SAVE_LOOK = (
    update(_enrolments)
    .where(_enrolments.c.id == bindparam("enrolment_id"))
    .values(look_at=bindparam("at"))
)


def save_looks(session: Session, looks: Mapping[int, datetime]) -> None:
    """Write down when to look at each enrolment again."""
    if looks:
        values = [{"enrolment_id": key, "at": looks[key]} for key in sorted(looks)]
        session.execute(_SAVE_LOOK, values)


def look_again(
    session: Session,
    *,
    now: datetime,
    subscriber_id: int | None = None,
    series_id: int | None = None,
) -> int:
    """Let the next tick decide anew for one person, one series, or everybody.

    Call it in the transaction that changes what a due date depends on: a person's preferences,
    a series' steps, its pause. Whoever forgets to call it is found out within a day, for no
    enrolment goes unlooked at for longer; nothing goes wrong, it only comes later than it could.
    """
    conditions: list[ColumnElement[bool]] = [IS_ACTIVE, Enrolment.look_at > now]
    if subscriber_id is not None:
        conditions.append(Enrolment.subscriber_id == subscriber_id)
    if series_id is not None:
        conditions.append(Enrolment.series_id == series_id)
    return change_enrolments(session, *conditions, look_at=now)


def look_again_at_people(session: Session, subscriber_ids: Sequence[int], *, now: datetime) -> None:
    """Let the next tick decide anew for many people."""
    for some in slices(subscriber_ids):
        of_them = Enrolment.subscriber_id.in_(some)
        change_enrolments(session, IS_ACTIVE, of_them, Enrolment.look_at > now, look_at=now)


def look_again_around(session: Session, series_id: int, *, now: datetime) -> int:
    """Let the next tick decide anew for everybody in a series, with all their other series.

    They share their days: what one series gives up or takes moves the others.
    """
    inside = select(Enrolment.subscriber_id).where(IS_ACTIVE, Enrolment.series_id == series_id)
    is_theirs = Enrolment.subscriber_id.in_(inside)
    return change_enrolments(session, IS_ACTIVE, is_theirs, Enrolment.look_at > now, look_at=now)


def look_again_after(session: Session, delivery_ids: Collection[int], *, now: datetime) -> int:
    """Let the next tick decide anew where a delivery was cancelled: something else may be due."""
    theirs = select(Delivery.enrolment_id).where(Delivery.id.in_(delivery_ids))
    return change_enrolments(session, IS_ACTIVE, Enrolment.id.in_(theirs), look_at=now)


def end_enrolments(
    session: Session,
    enrolment_ids: Collection[int],
    status: EnrolmentStatus,
    *,
    now: datetime,
    reason: str = "",
) -> int:
    """End these enrolments, where they are still active."""
    return change_enrolments(
        session,
        IS_ACTIVE,
        Enrolment.id.in_(enrolment_ids),
        status=status,
        reason=reason,
        ended_at=now,
    )


def change_enrolments(session: Session, *conditions: ColumnElement[bool], **values: Any) -> int:
    """Change every enrolment that meets the conditions; tell how many there were.

    They are locked in the order of their ids, so that two processes never wait for each other
    in a circle. The order must not look like the table's: SQLite would read all of it.
    """
    chosen = select(Enrolment.id).where(*conditions).order_by(Enrolment.id + 0)
    ids = chosen.with_for_update().cte("chosen")
    statement = update(_enrolments).where(_enrolments.c.id.in_(select(ids.c.id))).values(**values)
    # Counted by what comes back: SQLite's driver has no count for an UPDATE that begins with WITH.
    return len(session.execute(statement.returning(_enrolments.c.id)).all())
