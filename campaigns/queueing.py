"""Queue what is due: confirmations, notices, and the next step of everybody whose slot has come.

How it stays true without being told: `look_at` says when to look at an enrolment again, and
everything else is derived from the rows at that moment. Whoever changes what a due date depends on
(preferences, a series, its pause) calls `store.look_again` in the same transaction; a change that
nobody announced is noticed within a day (`rules.looks.LONGEST`).
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, String, bindparam, cast, exists, literal, literal_column, select
from sqlalchemy.orm import Session

from campaigns.enrolment import end_ways_of
from campaigns.facts import PersonFacts, load_people, moves_of
from campaigns.joining import is_suppressed
from campaigns.models import Enrolment
from campaigns.portions import Portion
from campaigns.rules.looks import look_after, look_within_a_day
from campaigns.rules.moves import Finished, SendStep, SkipStep, Stop
from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from campaigns.skips import Skip, skip_steps
from campaigns.stopping import stop_ways
from campaigns.store import due_enrolments, end_enrolments, look_again, save_looks
from delivery.interventions import USEFUL_FOR
from delivery.models import Delivery
from delivery.outbox import NewDelivery, queue_again, queue_deliveries
from delivery.rules.states import Kind
from subscribers.models import Subscriber, Subscription
from subscribers.rules.standing import Standing
from subscribers.store import slices

CONFIRMATION = "confirmation"  # the documents of the two service mails
NOTICE = "already-subscribed"
_MOST_ANSWERS = 5_000  # the next tick takes the rest


def queue_due_steps(session: Session, *, site: Site, now: datetime, limit: int = 500) -> Portion:
    """Look at the enrolments that want it, and queue the steps that are due; tell how many.

    All series of a person are decided together, because they share the person's days.
    """
    due = due_enrolments(session, now=now, limit=limit)
    wanted = {one.enrolment_id for one in due}
    # Who may not be mailed is not among the people: `_end_strays` looks why.
    looks = {key: look_within_a_day(key, now=now) for key in wanted}
    strays = set(wanted)
    due_steps = _DueSteps()
    finished, left_out = [], _LeftOut()
    for person in load_people(session, {one.subscriber_id for one in due}, site=site, now=now):
        for enrolment_id, move in moves_of(person, site=site, now=now).items():
            if enrolment_id not in wanted:
                continue
            strays.discard(enrolment_id)
            looks[enrolment_id] = look_after(move, now=now, enrolment_id=enrolment_id)
            if isinstance(move, SendStep):
                due_steps.add(person, enrolment_id, move, now=now)
            if isinstance(move, Finished):
                finished.append(enrolment_id)
            if isinstance(move, SkipStep | Stop):
                left_out.add(person, enrolment_id, move, now=now)
    save_looks(session, looks)
    end_enrolments(session, finished, EnrolmentStatus.FINISHED, now=now)
    left_out.settle(session, now=now)
    _end_strays(session, strays, now=now)
    return Portion(due_steps.queue(session, now=now), is_full=len(due) == limit)


def _end_strays(session: Session, enrolment_ids: Set[int], *, now: datetime) -> None:
    """End ways whose people may not be mailed and whom no tick has noticed: somebody went round us.

    The person is not locked here. Should they come back in this very moment, they are taken in
    again as anybody who comes back.
    """
    for some in slices(sorted(enrolment_ids)):
        end_ways_of(session, Enrolment.id.in_(some), now=now)


def has_confirmations(session: Session, *, now: datetime) -> bool:
    """Tell whether `queue_confirmations` would find anything to do."""
    return bool(_askings(session, now, limit=1) or _notices(session, now))


def queue_confirmations(session: Session, *, site: Site, now: datetime) -> int:
    """Queue the mail that asks to confirm, and the one that says "you are in already".

    One for each asking, as long as its link would work. Tells how many were queued.
    """
    wanted = [*_askings(session, now, limit=_MOST_ANSWERS), *_notices(session, now)]
    return queue_deliveries(session, wanted)


def step_key(enrolment_id: int, step_id: int) -> str:
    """Make the once key of a step: one delivery for ever, whatever happens around it."""
    return f"enrolment:{enrolment_id}/step:{step_id}"


class _DueSteps:
    """The steps to queue of one round: those that are new, and those that were cancelled once."""

    def __init__(self) -> None:
        self._new: list[NewDelivery] = []
        self._again: dict[bool, list[int]] = {True: [], False: []}  # deliveries; awaited or not

    def add(self, person: PersonFacts, enrolment_id: int, move: SendStep, *, now: datetime) -> None:
        cancelled = person.cancelled.get((enrolment_id, move.step_id))
        if cancelled is not None:
            self._again[move.is_awaited].append(cancelled)
            return
        self._new.append(
            NewDelivery(
                once_key=step_key(enrolment_id, move.step_id),
                kind=Kind.STEP,
                due_at=now,
                created_at=now,
                subscriber_id=person.subscriber_id,
                enrolment_id=enrolment_id,
                step_id=move.step_id,
                is_awaited=move.is_awaited,
            )
        )

    def queue(self, session: Session, *, now: datetime) -> int:
        again = sum(
            queue_again(session, ids, due_at=now, is_awaited=is_awaited)
            for is_awaited, ids in self._again.items()
            if ids
        )
        return queue_deliveries(session, self._new) + again


class _LeftOut:
    """What conditions and exit rules left out in one round."""

    def __init__(self) -> None:
        self._people = set[int]()
        self._skips: list[Skip] = []
        self._stops: dict[int, str] = {}  # reason by enrolment

    def add(
        self, person: PersonFacts, enrolment_id: int, move: SkipStep | Stop, *, now: datetime
    ) -> None:
        self._people.add(person.subscriber_id)
        if isinstance(move, Stop):
            self._stops[enrolment_id] = move.reason
        else:
            self._skips.append(Skip(enrolment_id, move.step_id, now, move.reason))

    def settle(self, session: Session, *, now: datetime) -> None:
        """Write it down; the person's other series may take the days that became free."""
        skip_steps(session, self._skips)
        stop_ways(session, self._stops, now=now)
        for subscriber_id in sorted(self._people):
            look_again(session, subscriber_id=subscriber_id, now=now)


# Both made once, for every tick asks.
_ONCE_KEY = (
    literal("confirm:subscription:")
    + cast(Subscription.id, String)
    + "/asking:"
    + cast(Subscription.asking, String)
)
_ASKINGS = (
    select(Subscription.id, Subscription.subscriber_id, _ONCE_KEY.label("once_key"))
    .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    .where(
        Subscription.standing == literal_column("'unconfirmed'"),  # as its index is written
        Subscription.requested_at > bindparam("since"),
        ~is_suppressed(),
        ~exists().where(Delivery.once_key == _ONCE_KEY),
    )
    .order_by(Subscription.requested_at)
    .limit(bindparam("most", type_=Integer))
)
_HAS_HAD_IT = exists().where(
    Delivery.subscriber_id == Subscription.subscriber_id,
    Delivery.subscription_id == Subscription.id,
    Delivery.kind == Kind.NOTICE,
    Delivery.created_at >= Subscription.notice_wanted_at,
)
_NOTICES = (
    select(Subscription.id, Subscription.subscriber_id, Subscription.notice_wanted_at)
    .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    .where(
        Subscription.standing == Standing.CONFIRMED,
        Subscription.notice_wanted_at > bindparam("since"),
        ~is_suppressed(),
        ~_HAS_HAD_IT,
    )
    .limit(bindparam("most", type_=Integer))
)


def _askings(session: Session, now: datetime, *, limit: int) -> list[NewDelivery]:
    wanted = {"since": now - USEFUL_FOR[Kind.CONFIRMATION], "most": limit}
    return [
        _answer(row, Kind.CONFIRMATION, once_key=row.once_key, document=CONFIRMATION, now=now)
        for row in session.execute(_ASKINGS, wanted)
    ]


def _notices(session: Session, now: datetime) -> list[NewDelivery]:
    wanted = {"since": now - USEFUL_FOR[Kind.NOTICE], "most": _MOST_ANSWERS}
    return [
        _answer(row, Kind.NOTICE, once_key=_notice_key(row), document=NOTICE, now=now)
        for row in session.execute(_NOTICES, wanted)
    ]


def _notice_key(row: Any) -> str:
    return f"notice:subscription:{row.id}/at:{row.notice_wanted_at:%Y-%m-%dT%H:%M:%S}"


def _answer(row: Any, kind: Kind, *, once_key: str, document: str, now: datetime) -> NewDelivery:
    return NewDelivery(
        once_key=once_key,
        kind=kind,
        due_at=now,
        created_at=now,
        subscriber_id=row.subscriber_id,
        subscription_id=row.id,
        document=document,
    )
