"""Look back on what a person has finished: which parts they had, from when to when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.models import Enrolment, Series, Step
from campaigns.rules.standing import EnrolmentStatus
from delivery.models import Delivery
from delivery.rules.states import State
from subscribers.models import Subscriber, Subscription
from subscribers.rules.standing import Standing

_ARRIVED = (State.SENT, State.UNCERTAIN)


@dataclass(frozen=True)
class Completed:
    """One series somebody has come to the end of."""

    series_id: int
    enrolment_id: int
    title: str
    had: int  # parts
    parts: int  # those they had, and those that stand in the series now
    began_at: datetime  # the first part
    ended_at: datetime  # the last one
    may_hear_of_new: bool
    hears_of_new: bool | None

    @property
    def in_words(self) -> str:
        """Say how much of it they had."""
        if self.had < self.parts:
            return f"You have had {self.had} of its {self.parts} parts"
        return f"You have had all {self.had} parts" if self.had > 1 else "You have had its one part"


def completed_ways(session: Session, person: Subscriber) -> list[Completed]:
    """List the series a person has finished, the latest first; not one they have begun again.

    Those of lists they have left are among them: what they had stays theirs to read.
    """
    found = [
        one
        for enrolment in _newest(session, person)
        if enrolment.status is EnrolmentStatus.FINISHED
        and (one := _completed(session, enrolment)) is not None
    ]
    return sorted(found, key=lambda one: (one.ended_at, one.enrolment_id), reverse=True)


def lists_joined(session: Session, person: Subscriber) -> frozenset[int]:
    """Name the lists a person is on."""
    wanted = select(Subscription.list_id).where(
        Subscription.subscriber_id == person.id, Subscription.standing == Standing.CONFIRMED
    )
    return frozenset(session.scalars(wanted))


def _newest(session: Session, person: Subscriber) -> Iterator[Enrolment]:
    wanted = select(Enrolment).where(Enrolment.subscriber_id == person.id)
    newest = {one.series_id: one for one in session.scalars(wanted.order_by(Enrolment.round))}
    yield from newest.values()


def _completed(session: Session, enrolment: Enrolment) -> Completed | None:
    """Look one way back; None when no part of it is kept."""
    is_part = (Step.series_id == enrolment.series_id, Step.is_closing.is_(False))
    at = func.coalesce(Delivery.message_date, Delivery.due_at)
    arrived = select(Delivery.step_id, at.label("at")).join(Step, Step.id == Delivery.step_id)
    mine = (Delivery.enrolment_id == enrolment.id, Delivery.state.in_(_ARRIVED))
    had = {row.step_id: row.at for row in session.execute(arrived.where(*mine, *is_part))}
    if not had:
        return None
    standing = session.scalars(select(Step.id).where(*is_part, Step.published.is_(True)))
    series = session.get_one(Series, enrolment.series_id)
    return Completed(
        series_id=series.id,
        enrolment_id=enrolment.id,
        title=series.title,
        had=len(had),
        parts=len({*had, *standing}),
        began_at=min(had.values()),
        ended_at=max(had.values()),
        may_hear_of_new=series.sends_new_to_finished,
        hears_of_new=enrolment.hears_of_new,
    )
