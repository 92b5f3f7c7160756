"""Who gets what in the next days: the very rules that send, on a clock that runs ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.facts import PersonFacts, load_people
from campaigns.joining import find_joining
from campaigns.models import Enrolment
from campaigns.rules.due_dates import local_day
from campaigns.rules.moves import Move, SendStep, WaitUntil
from campaigns.rules.series import Moment, SeriesPlan, parts_of
from campaigns.rules.shared_days import Way, plan_moves
from campaigns.sentences import reasons_in_words
from campaigns.site import Site
from campaigns.store import IS_ACTIVE, load_labels


@dataclass(frozen=True)
class ForecastEntry:
    """One email that will go, if nothing changes."""

    at: datetime
    local: datetime  # on the reader's clock
    address: str
    series: str  # its name in URLs and commands
    step_key: str
    part: int  # which email of the series this is, as the email itself says
    why: str  # why then, in words


@dataclass(frozen=True)
class _Sent:
    """One email that leaves a person's virtual outbox."""

    at: datetime
    series: SeriesPlan
    step_id: int
    why: str


def forecast(session: Session, *, site: Site, now: datetime, days: int) -> list[ForecastEntry]:
    """List every step that goes within some days, in the order of time.

    It assumes that each is accepted in the moment it is due, and that nobody changes anything.
    What is held stays held, and with it what would come after.
    """
    until, labels = now + timedelta(days=days), load_labels(session)
    joining = find_joining(session)
    on_a_way = session.scalars(select(Enrolment.subscriber_id).where(IS_ACTIVE))
    everybody = {*on_a_way, *joining.subscriber_ids}
    people = load_people(session, everybody, site=site, now=now, joining=joining)
    entries = [
        ForecastEntry(
            at=sent.at,
            local=sent.at.astimezone(person.rhythm.zone),
            address=person.email,
            series=labels.series[sent.series.id],
            step_key=labels.steps[sent.step_id],
            part=parts_of(sent.series).index(sent.step_id) + 1,
            why=sent.why,
        )
        for person in people
        for sent in _Life(person, site, now=now).until(until)
    ]
    return sorted(entries, key=lambda entry: (entry.at, entry.address, entry.series))


class _Life:
    """One person, and a clock that jumps to whatever is next for them."""

    def __init__(self, person: PersonFacts, site: Site, *, now: datetime) -> None:
        self._rhythm, self._calendar, self._clock = person.rhythm, site.calendar, now
        self._busy = set(person.busy_days)
        self._ways = {way.enrolment_id: _without_withdrawn(way) for way in person.ways}

    def until(self, end: datetime) -> Iterator[_Sent]:
        """Let the clock run; give what is sent on the way."""
        while self._clock <= end:
            yield from self._hand_over_queued()
            moves = self._decide()
            sends = [(key, move) for key, move in moves.items() if isinstance(move, SendStep)]
            for key, move in sends:
                yield self._send(key, move.step_id, reasons_in_words(move.why, self._rhythm.zone))
            if sends:  # look again at once: what follows them counts from now
                continue
            upcoming = [move.at for move in moves.values() if isinstance(move, WaitUntil)]
            upcoming += [due_at for _, due_at in self._queued()]
            if not upcoming:
                return
            self._clock = min(upcoming)

    def _decide(self) -> dict[int, Move]:
        moment = Moment(self._clock, self._calendar, self._busy)
        return plan_moves(list(self._ways.values()), rhythm=self._rhythm, moment=moment)

    def _queued(self) -> Iterator[tuple[Way, datetime]]:
        for way in self._ways.values():
            flight = way.progress.in_flight
            if flight is not None and flight.due_at is not None:
                yield way, flight.due_at

    def _hand_over_queued(self) -> Iterator[_Sent]:
        for way, due_at in list(self._queued()):
            flight = way.progress.in_flight
            if flight is not None and due_at <= self._clock:
                yield self._send(way.enrolment_id, flight.step_id, "it is queued")

    def _send(self, enrolment_id: int, step_id: int, why: str) -> _Sent:
        way = self._ways[enrolment_id]
        self._busy.add(local_day(self._clock, self._rhythm.zone))
        had = way.progress.had | {step_id}
        progress = replace(way.progress, had=had, last_sent_at=self._clock, in_flight=None)
        self._ways[enrolment_id] = replace(way, progress=progress)
        return _Sent(self._clock, way.series, step_id, why)


def _without_withdrawn(way: Way) -> Way:
    """Leave out what is queued of a step that was taken out since: it will be cancelled."""
    flight = way.progress.in_flight
    if flight is None or flight.step_id in parts_of(way.series):
        return way
    had = way.progress.had - {flight.step_id}
    return replace(way, progress=replace(way.progress, had=had, in_flight=None))
