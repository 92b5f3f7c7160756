"""What a person asks of one series: skip the next, have it now, start again, leave it alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.facts import PersonFacts, load_person, moves_of
from campaigns.models import Enrolment
from campaigns.rules.moves import AwaitDelivery, Move, SeriesPaused
from campaigns.rules.shared_days import Way
from campaigns.rules.skipping import Fallen, next_to_skip
from campaigns.rules.standing import EnrolmentStatus, Origin, SeriesStatus
from campaigns.site import Site
from campaigns.skips import Skip, skip_steps
from campaigns.stopping import stop_ways
from campaigns.store import IS_ACTIVE, look_again
from delivery.models import Delivery
from delivery.outbox import cancel_deliveries
from delivery.rules.states import State
from subscribers.models import Subscriber
from subscribers.store import lock_subscriber

SKIPPED = "the person skipped it"
ASKED = "the person asked for it now"
STARTED_AGAIN = "they started again"
LEFT_ALONE = "they left this series alone"
_AGAIN_AFTER = timedelta(days=1)  # a first email is no more often than daily either
_TAKEN_BACK = frozenset({State.QUEUED, State.HELD})  # not in a worker's hands


def skip_next(
    session: Session, person: Subscriber, series_id: int, *, site: Site, now: datetime
) -> bool:
    """Leave out the next step; the one after it keeps its usual distance. False: none is coming."""
    found = _locked_way(session, person, series_id, site=site, now=now)
    if found is None:
        return False
    way, move = found
    fallen = next_to_skip(move, now=now)
    if isinstance(move, AwaitDelivery):
        fallen = _take_back(session, way, SKIPPED, now=now)
    if fallen is None:
        return False
    skip_steps(
        session, [Skip(way.enrolment_id, fallen.step_id, now, SKIPPED, counts_from=fallen.slot)]
    )
    look_again(session, subscriber_id=person.id, now=now)
    return True


def ask_for_next(
    session: Session, person: Subscriber, series_id: int, *, site: Site, now: datetime
) -> bool:
    """Send the next step now, or tomorrow when one came today. False: nothing can come."""
    found = _locked_way(session, person, series_id, site=site, now=now)
    if found is None:
        return False
    way, move = found
    if isinstance(move, AwaitDelivery) and _take_back(session, way, ASKED, now=now) is None:
        return False
    if isinstance(move, SeriesPaused) or way.series.status is SeriesStatus.PAUSED:
        return False
    session.get_one(Enrolment, way.enrolment_id).asked_at = now
    session.flush()
    look_again(session, subscriber_id=person.id, now=now)
    return True


def start_again(session: Session, person: Subscriber, series_id: int, *, now: datetime) -> bool:
    """Begin a series anew, from its first step; the way so far ends. False: not so soon."""
    _lock(session, person)
    newest = _newest(session, person, series_id)
    if newest is None or newest.status is EnrolmentStatus.LEFT:
        return False
    if now - newest.enrolled_at < _AGAIN_AFTER:
        return False
    stop_ways(session, {newest.id: STARTED_AGAIN}, now=now)
    session.add(
        Enrolment(
            subscriber_id=person.id,
            series_id=series_id,
            round=newest.round + 1,
            origin=Origin.CONFIRMATION,
            enrolled_at=now,
            look_at=now,
        )
    )
    session.flush()
    look_again(session, subscriber_id=person.id, now=now)
    return True


def leave_series(session: Session, person: Subscriber, series_id: int, *, now: datetime) -> bool:
    """End one person's way through one series; their subscription stays. False: they are not in."""
    _lock(session, person)
    newest = _newest(session, person, series_id)
    if newest is None or newest.status is not EnrolmentStatus.ACTIVE:
        return False
    stop_ways(session, {newest.id: LEFT_ALONE}, now=now)
    look_again(session, subscriber_id=person.id, now=now)
    return True


def hear_of_new(
    session: Session, person: Subscriber, series_id: int, *, wants: bool, now: datetime
) -> bool:
    """Note whether somebody who finished a series wants what is appended. False: they have not."""
    _lock(session, person)
    newest = _newest(session, person, series_id)
    if newest is None or newest.status is not EnrolmentStatus.FINISHED:
        return False
    newest.hears_of_new = wants
    session.flush()
    return True


def _lock(session: Session, person: Subscriber) -> None:
    lock_subscriber(session, Subscriber.id == person.id)


def _locked_way(
    session: Session, person: Subscriber, series_id: int, *, site: Site, now: datetime
) -> tuple[Way, Move] | None:
    """Lock a person and their way through a series, and decide its next move."""
    _lock(session, person)
    theirs = (Enrolment.subscriber_id == person.id, Enrolment.series_id == series_id)
    session.execute(select(Enrolment.id).where(*theirs, IS_ACTIVE).with_for_update()).all()
    facts: PersonFacts | None = load_person(session, person.id, site=site, now=now)
    ways = [way for way in facts.ways if way.series.id == series_id] if facts else []
    if facts is None or not ways or ways[0].enrolment_id < 0:  # the next tick takes them in
        return None
    return ways[0], moves_of(facts, site=site, now=now)[ways[0].enrolment_id]


def _take_back(session: Session, way: Way, reason: str, *, now: datetime) -> Fallen | None:
    """Take back what is queued; None when a worker has it in hand already."""
    flight = way.progress.in_flight
    if flight is None:
        return None
    wanted = select(Delivery).where(
        Delivery.enrolment_id == way.enrolment_id, Delivery.step_id == flight.step_id
    )
    delivery = session.scalars(wanted.with_for_update()).one()
    if delivery.state not in _TAKEN_BACK:
        return None
    cancel_deliveries(session, [delivery.id], reason, now=now)
    session.expire(delivery)
    return Fallen(flight.step_id, max(now, flight.due_at or now))


def _newest(session: Session, person: Subscriber, series_id: int) -> Enrolment | None:
    wanted = select(Enrolment).where(
        Enrolment.subscriber_id == person.id, Enrolment.series_id == series_id
    )
    newest = wanted.order_by(Enrolment.round.desc()).limit(1).with_for_update()
    return session.scalars(newest).one_or_none()
