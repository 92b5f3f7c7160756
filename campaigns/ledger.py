"""Read what sending must know about a batch of deliveries, in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, and_, exists, select
from sqlalchemy.orm import Session, aliased

from campaigns.models import Enrolment, Series, Step
from campaigns.rules.guards import Pointer, SeriesView
from campaigns.rules.series import Progress
from campaigns.rules.standing import FirstStep
from campaigns.traits import Asking, objections_to
from delivery.models import Delivery
from delivery.rules.states import State
from storage.arrays import given_values, many, rows_of
from storage.base import RowId
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.rules.standing import Pace, Standing


class Person(NamedTuple):
    """One reader, as far as an email depends on who they are."""

    id: int
    public_id: str
    email: str
    first_name: str
    last_name: str
    attributes: Mapping[str, Any]
    time_zone: str | None
    hour: int | None
    pace: Pace
    paused_until: date | None


class Membership(NamedTuple):
    """One reader's standing with the list a mail belongs to."""

    id: int
    public_id: str
    standing: Standing
    asking: int
    list_id: int
    list_slug: str
    list_title: str


class StepFacts(NamedTuple):
    """What one step for one reader depends on."""

    person: Person
    membership: Membership
    queued_at: datetime
    enrolment_id: int
    enrolled_at: datetime
    pointer: Pointer
    step_id: int
    wait_days: int
    revision_id: int | None
    series_id: int
    series_title: str
    send_hour: int
    starts_at_once: bool
    view: SeriesView
    part: int  # 0: not among the published ones
    parts: int
    asked_at: datetime | None = None  # the person wants it now


@dataclass(frozen=True)
class AnswerFacts:
    """What a confirmation or a notice for one reader depends on."""

    person: Person
    membership: Membership
    asking: int | None  # the one a confirmation was queued for


of_person = (  # as the fields of `Person` are
    Subscriber.id.label("person_id"),
    Subscriber.public_id.label("person_public_id"),
    Subscriber.email,
    Subscriber.first_name,
    Subscriber.last_name,
    Subscriber.attributes,
    Subscriber.time_zone,
    Subscriber.hour,
    Subscriber.pace,
    Subscriber.paused_until,
)
of_membership = (  # as the fields of `Membership` are
    Subscription.id.label("subscription_id"),
    Subscription.public_id.label("subscription_public_id"),
    Subscription.standing,
    Subscription.asking,
    MailingList.id.label("list_id"),
    MailingList.slug.label("list_slug"),
    MailingList.title.label("list_title"),
)
_MEMBERSHIP_AT = len(of_person)  # what is selected begins with both
_STEP_AT = _MEMBERSHIP_AT + len(of_membership)
_LAST_STEP = aliased(Step)
_LAST_DELIVERY = aliased(Delivery)
# A mark moves the pointer before anything goes; what was cancelled after that was never had.
_WAS_CANCELLED = exists().where(
    _LAST_DELIVERY.enrolment_id == Enrolment.id,
    _LAST_DELIVERY.step_id == Enrolment.last_step_id,
    _LAST_DELIVERY.state == State.CANCELLED,
)
_STEP = (
    Delivery.id.label("delivery_id"),
    Delivery.created_at.label("queued_at"),
    Enrolment.id.label("enrolment_id"),
    Enrolment.status.label("enrolment_status"),
    Enrolment.last_step_id,
    Enrolment.last_sent_at,
    Enrolment.enrolled_at,
    Enrolment.asked_at,
    Step.id.label("step_id"),
    Step.wait_days,
    Step.position,
    Step.published,
    Step.revision_id,
    Step.condition,
    _LAST_STEP.position.label("last_position"),
    Series.id.label("series_id"),
    Series.title.label("series_title"),
    Series.send_hour,
    Series.first_step,
    Series.status.label("series_status"),
    Series.exit_rule,
)


@cache
def _step_query(dialect: str) -> Select[Any]:
    query = (
        select(*of_person, *of_membership, *_STEP)
        .select_from(Delivery)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .join(Enrolment, Enrolment.id == Delivery.enrolment_id)
        .join(Step, Step.id == Delivery.step_id)
        .join(Series, Series.id == Step.series_id)
        .join(MailingList, MailingList.id == Series.list_id)
        .join(
            Subscription,
            and_(
                Subscription.subscriber_id == Subscriber.id,
                Subscription.list_id == MailingList.id,
            ),
        )
        .outerjoin(
            _LAST_STEP,
            and_(
                _LAST_STEP.id == Enrolment.last_step_id,
                ~_WAS_CANCELLED,
                ~_LAST_STEP.is_closing,  # parts appended behind it are ahead all the same
            ),
        )
    )
    return query.where(Delivery.id.in_(given_values(dialect, "ids", RowId)))


def load_steps(session: Session, delivery_ids: Collection[int]) -> dict[int, StepFacts]:
    """Read the facts of step deliveries by delivery id; what was erased is missing."""
    found = rows_of(session, _step_query, ids=many(delivery_ids))
    published = load_published(session, {row.series_id for row in found})
    objections = objections_to(session, map(_asking_of, found))
    return {
        row.delivery_id: _step_facts(
            row, published[row.series_id], objection=objections.get(row.delivery_id, "")
        )
        for row in found
    }


def load_answers(session: Session, delivery_ids: Collection[int]) -> dict[int, AnswerFacts]:
    """Read the facts of confirmations and notices by delivery id; what was erased is missing."""
    wanted = (
        select(*of_person, *of_membership, Delivery.id.label("delivery_id"), Delivery.once_key)
        .select_from(Delivery)
        .join(Subscription, Subscription.id == Delivery.subscription_id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .where(Delivery.id.in_(delivery_ids))
    )
    return {
        row.delivery_id: AnswerFacts(person_of(row), membership_of(row), _asking(row.once_key))
        for row in session.execute(wanted)
    }


def load_published(session: Session, series_ids: Collection[int]) -> Mapping[int, list[int]]:
    """Read the ids of the published steps of some series, in order."""
    wanted = (
        select(Step.series_id, Step.id)
        .where(Step.series_id.in_(series_ids), Step.published.is_(True), Step.is_closing.is_(False))
        .order_by(Step.series_id, Step.position)
    )
    steps: defaultdict[int, list[int]] = defaultdict(list)
    for row in session.execute(wanted):
        steps[row.series_id].append(row.id)
    return steps


def _asking(once_key: str) -> int | None:
    """Read the asking out of the once key of a confirmation (`confirm:…/asking:2`)."""
    _, _, number = once_key.partition("/asking:")
    return int(number) if number.isdecimal() else None


def _step_facts(row: Row[Any], published: Sequence[int], *, objection: str) -> StepFacts:
    # By place and not by name: of this there is one for each mail.
    return StepFacts(
        person_of(row),
        membership_of(row),
        row.queued_at,
        row.enrolment_id,
        row.enrolled_at,
        Pointer(row.enrolment_status, row.last_step_id, row.last_sent_at),
        row.step_id,
        row.wait_days,
        row.revision_id,
        row.series_id,
        row.series_title,
        row.send_hour,
        starts_at_once=row.first_step is FirstStep.AT_ONCE and row.wait_days == 0,
        view=SeriesView(
            row.series_status, row.published, row.position, row.last_position, objection
        ),
        part=published.index(row.step_id) + 1 if row.step_id in published else 0,
        parts=len(published),
        asked_at=row.asked_at if row.asked_at and _is_asking(row) else None,
    )


def _asking_of(row: Row[Any]) -> Asking:
    return Asking(row.delivery_id, row.person_id, row.condition, row.exit_rule, row.enrolled_at)


def _is_asking(row: Row[Any]) -> bool:
    return Progress(row.enrolled_at, last_sent_at=row.last_sent_at, asked_at=row.asked_at).is_asking


def person_of(row: Row[Any]) -> Person:
    """Read a reader from a row that begins with the columns `of_person`."""
    return Person._make(row[:_MEMBERSHIP_AT])


def membership_of(row: Row[Any]) -> Membership:
    """Read a standing from a row that has the columns `of_membership` next."""
    return Membership._make(row[_MEMBERSHIP_AT:_STEP_AT])
