"""Tell a person where they are in a series: part n of m, and when the next one comes."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.facts import load_person, moves_of
from campaigns.models import Enrolment, Series
from campaigns.rules.moves import Move, SendStep, SkipStep, WaitUntil
from campaigns.rules.series import SeriesPlan, parts_of
from campaigns.rules.shared_days import Way
from campaigns.rules.standing import EnrolmentStatus
from campaigns.sentences import day_in_words
from campaigns.site import Site
from campaigns.store import load_plans
from delivery.models import Delivery
from delivery.rules.states import State
from subscribers.models import Subscription

_GONE = (State.SENT, State.UNCERTAIN)  # what is in doubt counts as had


@dataclass(frozen=True)
class Whereabouts:
    """Where one person is in one series, in their own time."""

    title: str
    status: EnrolmentStatus
    part: int  # the last one they had, as emails count it; 0: none yet
    parts: int
    next_at: datetime | None = None  # on the reader's clock; None: nothing comes, or not known
    is_on_its_way: bool = False  # the next one leaves in these minutes
    series_id: int = 0
    may_hear_of_new: bool = False  # they have finished, and can say whether they want more
    hears_of_new: bool | None = None  # what they said

    @property
    def in_words(self) -> str:
        """Say it in one line, like `Part 3 of 6, next Wednesday 4 March 2026, 09:00`."""
        if self.status is EnrolmentStatus.FINISHED:
            if self.part < self.parts:  # the others were added later
                return f"Finished with part {self.part} of {self.parts}"
            return f"All {self.parts} parts have been sent"
        begin = f"Part {self.part} of {self.parts}" if self.part else f"{self.parts} parts"
        if self.status is not EnrolmentStatus.ACTIVE:
            return f"{begin}, ended"
        if self.is_on_its_way:
            return f"{begin}, the next is on its way"
        if self.next_at is None:
            return f"{begin}, the next has no date yet"
        return f"{begin}, next {day_in_words(self.next_at.date())}, {self.next_at:%H:%M}"


def standing_of(
    session: Session, subscription: Subscription, *, site: Site, now: datetime
) -> list[Whereabouts]:
    """Tell where a person is in each series of a list, the foremost first.

    Who has confirmed a moment ago is shown as the next tick will enrol them.
    """
    of_list = select(Series).where(Series.list_id == subscription.list_id)
    person = load_person(session, subscription.subscriber_id, site=site, now=now)
    moves = moves_of(person, site=site, now=now) if person else {}
    ways = {way.series.id: way for way in person.ways} if person else {}
    found = []
    for series in session.scalars(of_list.order_by(Series.priority, Series.id)):
        if person is not None and (way := ways.get(series.id)) is not None:
            found.append(_on_a_way(series, way, moves[way.enrolment_id], person.rhythm.zone))
        elif (ended := _newest(session, series, subscription)) is not None:
            had = _had(session, ended)
            found.append(_after_it(series, ended, load_plans(session)[series.id], had))
    return found


def part_reached(series: SeriesPlan, had: Set[int]) -> int:
    """Tell the furthest part somebody had, as emails count them; 0 before the first."""
    places = [place for place, step in enumerate(parts_of(series), start=1) if step in had]
    return max(places, default=0)


def _on_a_way(series: Series, way: Way, move: Move, zone: ZoneInfo) -> Whereabouts:
    flight, had = way.progress.in_flight, way.progress.reached
    if flight is not None:
        had -= {flight.step_id}
    is_moving = flight is not None and flight.due_at is not None
    return Whereabouts(
        title=series.title,
        status=EnrolmentStatus.ACTIVE,
        part=part_reached(way.series, had),
        parts=len(parts_of(way.series)),
        next_at=move.at.astimezone(zone) if isinstance(move, WaitUntil) else None,
        is_on_its_way=is_moving or isinstance(move, SendStep | SkipStep),
        series_id=series.id,
    )


def _newest(session: Session, series: Series, subscription: Subscription) -> Enrolment | None:
    of_person = (
        Enrolment.series_id == series.id,
        Enrolment.subscriber_id == subscription.subscriber_id,
    )
    newest = select(Enrolment).where(*of_person).order_by(Enrolment.round.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def _had(session: Session, enrolment: Enrolment) -> set[int]:
    """Name the steps somebody had; the pointer speaks for what was tidied away."""
    mine = (Delivery.enrolment_id == enrolment.id, Delivery.state.in_(_GONE))
    had = set(session.scalars(select(Delivery.step_id).where(*mine)))
    return {step for step in had | {enrolment.last_step_id} if step is not None}


def _after_it(series: Series, enrolment: Enrolment, plan: SeriesPlan, had: Set[int]) -> Whereabouts:
    parts = len(parts_of(plan))
    is_finished = enrolment.status is EnrolmentStatus.FINISHED
    # Who finished before a step was appended has had all up to there, and no more.
    part = part_reached(plan, had) or (parts if is_finished else 0)
    return Whereabouts(
        series.title,
        enrolment.status,
        part,
        parts,
        series_id=series.id,
        may_hear_of_new=is_finished and series.sends_new_to_finished,
        hears_of_new=enrolment.hears_of_new,
    )
