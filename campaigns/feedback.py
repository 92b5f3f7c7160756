"""Let people's progress and standing follow what became of their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Select, Table, Update, and_, bindparam, select, update
from sqlalchemy.orm import Session

from campaigns.enrolment import SUPPRESSED
from campaigns.mailed_days import give_days_back
from campaigns.models import Enrolment
from campaigns.rules.aftermath import Aftermath, aftermath
from campaigns.rules.due_dates import local_day
from campaigns.rules.standing import EnrolmentStatus
from campaigns.rules.time_zones import zone_of
from campaigns.site import Site
from campaigns.store import IS_ACTIVE, change_enrolments, end_enrolments
from delivery import outbox
from delivery.outbox import Recorded
from delivery.rules.states import TERMINAL, Kind, State
from storage.arrays import given_rows, given_values, many, run
from storage.base import RowId
from subscribers.models import Subscriber
from subscribers.rules.standing import SuppressionReason
from subscribers.suppression import suppress_address

_enrolments = cast(Table, Enrolment.__table__)
_TAKES_A_DAY = frozenset({Kind.STEP, Kind.BROADCAST})
_THROUGH = TERMINAL - {State.SENT}
_LONGEST_NOTE = 500  # of a relay's reply, beside a suppression


def apply_outcomes(
    session: Session, recorded: Sequence[Recorded], *, site: Site, now: datetime
) -> None:
    """Draw the consequences of recorded outcomes, in the transaction that recorded them.

    A series' pointer stays where the mark put it: a retry is of the same step. Only the day
    of a mail that did not go is given back.
    """
    _note_acceptance(session, recorded, now=now)
    _look_again(session, recorded, now=now)
    _free_days(session, recorded, site=site, now=now)
    for delivery in recorded:
        match aftermath(delivery.state, delivery.reply_class):
            case Aftermath.SUPPRESS:
                _suppress(session, delivery, now=now)
            case Aftermath.HOLD:
                outbox.hold(session, [delivery.delivery_id], delivery.reason)
            case Aftermath.PARK if delivery.enrolment_id is not None:
                ids, reason = [delivery.enrolment_id], delivery.reason
                end_enrolments(session, ids, EnrolmentStatus.PARKED, now=now, reason=reason)


@cache
def _accept(dialect: str) -> Update:
    given = given_rows(dialect, "accepted", {"id": RowId, "step": RowId})
    stands_there = and_(_enrolments.c.id == given.c.id, _enrolments.c.last_step_id == given.c.step)
    at = bindparam("at", type_=_enrolments.c.last_sent_at.type)
    return update(_enrolments).where(stands_there).values(last_sent_at=at, look_at=at)


@cache
def _locking(dialect: str) -> Select[Any]:
    chosen = select(_enrolments.c.id).where(
        _enrolments.c.id.in_(given_values(dialect, "ids", RowId))
    )
    return chosen.order_by(_enrolments.c.id).with_for_update()


def _note_acceptance(session: Session, recorded: Sequence[Recorded], *, now: datetime) -> None:
    """Ask for the next step, and count its wait from the acceptance, not from the mark."""
    accepted = [
        {"id": delivery.enrolment_id, "step": delivery.step_id}
        for delivery in recorded
        if delivery.state is State.SENT and delivery.enrolment_id is not None
    ]
    if not accepted:
        return
    if session.get_bind().dialect.name != "sqlite":  # which locks rows one after the other
        run(session, _locking, ids=many(one["id"] for one in accepted))
    run(session, _accept, accepted=many(accepted), at=now)


def _look_again(session: Session, recorded: Sequence[Recorded], *, now: datetime) -> None:
    """Ask for the next step where this one is through in another way."""
    through = {
        delivery.enrolment_id
        for delivery in recorded
        if delivery.state in _THROUGH and delivery.enrolment_id is not None
    }
    if through:
        change_enrolments(session, IS_ACTIVE, Enrolment.id.in_(through), look_at=now)


def _free_days(
    session: Session, recorded: Sequence[Recorded], *, site: Site, now: datetime
) -> None:
    """Give back the day of what was refused, or is to be tried again on another day."""
    waiting = [d for d in recorded if d.state is State.QUEUED and d.kind in _TAKES_A_DAY]
    later = waiting and _on_another_day(session, waiting, site=site, now=now)
    refused = [d for d in recorded if d.state is State.REJECTED]
    give_days_back(
        session,
        {d.delivery_id: d.subscriber_id for d in [*refused, *later] if d.subscriber_id is not None},
    )


def _on_another_day(
    session: Session, waiting: Sequence[Recorded], *, site: Site, now: datetime
) -> list[Recorded]:
    ids = [delivery.subscriber_id for delivery in waiting]
    wanted = select(Subscriber.id, Subscriber.time_zone).where(Subscriber.id.in_(ids))
    zones = {row.id: zone_of(row.time_zone, site.zone) for row in session.execute(wanted)}
    return [
        delivery
        for delivery in waiting
        if (zone := zones.get(delivery.subscriber_id or 0)) is not None
        and local_day(delivery.due_at, zone) != local_day(now, zone)
    ]


def _suppress(session: Session, delivery: Recorded, *, now: datetime) -> None:
    """End everything for an address that does not exist."""
    person = session.get(Subscriber, delivery.subscriber_id) if delivery.subscriber_id else None
    if person is None:
        return
    note = delivery.reason[:_LONGEST_NOTE]
    suppress_address(session, person.email, SuppressionReason.HARD_BOUNCE, now=now, note=note)
    change_enrolments(
        session,
        IS_ACTIVE,
        Enrolment.subscriber_id == person.id,
        status=EnrolmentStatus.LEFT,
        reason=SUPPRESSED,
        ended_at=now,
    )
    outbox.cancel_for_subscriber(session, person.id, SUPPRESSED, now=now)
