"""Who gets what in the next days: the very rules that send, on a clock that runs ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.facts import PersonFacts, load_people
from campaigns.issues import find_readers
from campaigns.joining import Joining, find_joining
from campaigns.models import Enrolment
from campaigns.rules.due_dates import local_day
from campaigns.rules.moves import SendStep, WaitUntil
from campaigns.rules.series import Moment, SeriesPlan, parts_of
from campaigns.rules.shared_days import Plan, Way, plan_person
from campaigns.sentences import reasons_in_words
from campaigns.site import Site
from campaigns.store import IS_ACTIVE, Labels, load_labels


@dataclass(frozen=True)
class ForecastEntry:
    """One email that will go, if nothing changes."""

    at: datetime
    local: datetime  # on the reader's clock
    address: str
    series: str  # its name in URLs and commands; empty: it is a broadcast
    step_key: str
    part: int  # which email of the series this is, as the email itself says
    why: str  # why then, in words
    broadcast: str = ""  # its name in commands

    @property
    def what(self) -> str:
        """Name the email as people type it."""
        return f"broadcast {self.broadcast}" if self.broadcast else f"{self.series}/{self.step_key}"


@dataclass(frozen=True)
class _Sent:
    """One email that leaves a person's virtual outbox: a step, or a broadcast."""

    at: datetime
    why: str
    series: SeriesPlan | None = None
    step_id: int = 0
    broadcast_id: int = 0


def forecast(session: Session, *, site: Site, now: datetime, days: int) -> list[ForecastEntry]:
    """List every step and broadcast that goes within some days, in the order of time.

    It assumes that each is accepted in the moment it is due, and that nobody changes anything.
    What is held stays held, and with it what would come after.
    """
    until, labels = now + timedelta(days=days), load_labels(session)
    joining = find_joining(session)
    everybody = _everybody(session, joining, site=site, now=now)
    people = load_people(session, everybody, site=site, now=now, joining=joining)
    entries = [
        _entry(sent, person, labels)
        for person in people
        for sent in _Life(person, site, now=now).until(until)
    ]
    return sorted(entries, key=lambda entry: (entry.at, entry.address, entry.series))


def _everybody(session: Session, joining: Joining, *, site: Site, now: datetime) -> set[int]:
    """Name everybody who may have something coming."""
    on_a_way = session.scalars(select(Enrolment.subscriber_id).where(IS_ACTIVE))
    return {*on_a_way, *joining.subscriber_ids, *find_readers(session, site=site, now=now)}


def _entry(sent: _Sent, person: PersonFacts, labels: Labels) -> ForecastEntry:
    series = sent.series
    return ForecastEntry(
        at=sent.at,
        local=sent.at.astimezone(person.rhythm.zone),
        address=person.email,
        series=labels.series[series.id] if series else "",
        step_key=labels.steps[sent.step_id] if series else "",
        part=parts_of(series).index(sent.step_id) + 1 if series else 0,
        why=sent.why,
        broadcast=labels.broadcasts.get(sent.broadcast_id, ""),
    )


class _Life:
    """One person, and a clock that jumps to whatever is next for them."""

    def __init__(self, person: PersonFacts, site: Site, *, now: datetime) -> None:
        self._rhythm, self._calendar, self._clock = person.rhythm, site.calendar, now
        self._busy = set(person.busy_days)
        self._ways = {way.enrolment_id: _without_withdrawn(way) for way in person.ways}
        self._coming = {issue.id: issue for issue in person.issues}
        self._on_their_way = {one.broadcast_id: one.due_at for one in person.queued_issues}

    def until(self, end: datetime) -> Iterator[_Sent]:
        """Let the clock run; give what is sent on the way."""
        while self._clock <= end:
            yield from self._hand_over_queued()
            plan = self._decide()
            sends = [(key, move) for key, move in plan.steps.items() if isinstance(move, SendStep)]
            for key, move in sends:
                yield self._send(key, move.step_id, reasons_in_words(move.why, self._rhythm.zone))
            # Look again at once: what follows them counts from now.
            if self._queue_issues(plan) or sends:
                continue
            upcoming = [move.at for move in plan.steps.values() if isinstance(move, WaitUntil)]
            upcoming += [due_at for _, due_at in self._queued()]
            upcoming += self._on_their_way.values()
            upcoming += [issue.begins_at for issue in self._coming.values()]
            if not upcoming:
                return
            self._clock = min(upcoming)

    def _decide(self) -> Plan:
        moment = Moment(self._clock, self._calendar, self._busy)
        ways, issues = list(self._ways.values()), list(self._coming.values())
        return plan_person(ways, issues, rhythm=self._rhythm, moment=moment)

    def _queue_issues(self, plan: Plan) -> bool:
        """Queue the broadcasts that have begun, as a tick does: from then on they keep their day.

        Those a person paused over, and those that come too late, are not sent.
        """
        begun = [key for key, issue in self._coming.items() if issue.begins_at <= self._clock]
        for key in begun:
            del self._coming[key]
            move = plan.issues.get(key)
            if move is not None and move.paused_until is None and not move.is_late:
                self._on_their_way[key] = move.at
                self._busy.add(local_day(move.at, self._rhythm.zone))
        return bool(begun)

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
        for key in [key for key, due_at in self._on_their_way.items() if due_at <= self._clock]:
            del self._on_their_way[key]
            self._busy.add(local_day(self._clock, self._rhythm.zone))
            yield _Sent(self._clock, "it is their turn of the broadcast", broadcast_id=key)

    def _send(self, enrolment_id: int, step_id: int, why: str) -> _Sent:
        way = self._ways[enrolment_id]
        self._busy.add(local_day(self._clock, self._rhythm.zone))
        had = way.progress.had | {step_id}
        progress = replace(way.progress, had=had, last_sent_at=self._clock, in_flight=None)
        self._ways[enrolment_id] = replace(way, progress=progress)
        return _Sent(self._clock, why, way.series, step_id)


def _without_withdrawn(way: Way) -> Way:
    """Leave out what is queued of a step that was taken out since: it will be cancelled."""
    flight = way.progress.in_flight
    if flight is None or flight.step_id in parts_of(way.series):
        return way
    had = way.progress.had - {flight.step_id}
    return replace(way, progress=replace(way.progress, had=had, in_flight=None))
