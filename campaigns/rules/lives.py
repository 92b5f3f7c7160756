"""Let a clock run ahead for one person: what is sent when, if nobody changes anything.

The clock jumps to whatever is next, and each move is decided as the scheduler decides it. Every
email is taken to be accepted in the moment it is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.rules.broadcasts import IssuePlan
from campaigns.rules.conditions import Traits
from campaigns.rules.due_dates import local_day
from campaigns.rules.moves import Move, SendStep, SkipStep, Stop, WaitUntil, Why
from campaigns.rules.series import Moment, Rhythm, SeriesPlan, objection_to
from campaigns.rules.shared_days import Plan, Way, plan_person


@dataclass(frozen=True)
class Sent:
    """One email that leaves: a step, or a broadcast."""

    at: datetime
    series: SeriesPlan | None = None
    step_id: int = 0
    why: Why | None = None  # None: it was queued before
    broadcast_id: int = 0


class Life:
    """One person, and the clock."""

    def __init__(
        self,
        ways: Iterable[Way],
        *,
        rhythm: Rhythm,
        moment: Moment,
        issues: Iterable[IssuePlan] = (),
        queued_issues: Mapping[int, datetime] | None = None,
    ) -> None:
        self._rhythm, self._moment, self._clock = rhythm, moment, moment.now
        self._busy = set(moment.busy_days)
        self._ways = {way.enrolment_id: _without_withdrawn(way, moment.traits) for way in ways}
        self._coming = {issue.id: issue for issue in issues}
        self._on_their_way = dict(queued_issues or {})  # when due, by broadcast

    def until(self, end: datetime) -> Iterator[Sent]:
        """Let the clock run; give what is sent on the way, its end included."""
        while self._clock <= end:
            yield from self._hand_over_queued()
            plan = self._decide()
            sends = [(key, move) for key, move in plan.steps.items() if isinstance(move, SendStep)]
            for key, move in sends:
                yield self._send(key, move.step_id, move.why)
            # Look again at once: what follows them counts from now.
            if any([self._queue_issues(plan), self._leave_out(plan.steps), sends]):
                continue
            upcoming = list(self._upcoming(plan))
            if not upcoming:
                return
            self._clock = min(upcoming)

    def _decide(self) -> Plan:
        moment = replace(self._moment, now=self._clock, busy_days=self._busy)
        ways, issues = list(self._ways.values()), list(self._coming.values())
        return plan_person(ways, issues, rhythm=self._rhythm, moment=moment)

    def _upcoming(self, plan: Plan) -> Iterator[datetime]:
        yield from (move.at for move in plan.steps.values() if isinstance(move, WaitUntil))
        yield from (due_at for _, due_at in self._queued())
        yield from self._on_their_way.values()
        yield from (issue.begins_at for issue in self._coming.values())

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

    def _leave_out(self, moves: Mapping[int, Move]) -> bool:
        """Leave out what a condition or an exit rule forbids; tell whether there was any."""
        left_out = {key: move for key, move in moves.items() if isinstance(move, SkipStep | Stop)}
        for key, move in left_out.items():
            if isinstance(move, Stop):
                del self._ways[key]
                continue
            way = self._ways[key]
            skipped = way.progress.skipped | {move.step_id}
            self._ways[key] = replace(way, progress=replace(way.progress, skipped=skipped))
        return bool(left_out)

    def _queued(self) -> Iterator[tuple[Way, datetime]]:
        for way in self._ways.values():
            flight = way.progress.in_flight
            if flight is not None and flight.due_at is not None:
                yield way, flight.due_at

    def _hand_over_queued(self) -> Iterator[Sent]:
        for way, due_at in list(self._queued()):
            flight = way.progress.in_flight
            if flight is not None and due_at <= self._clock:
                yield self._send(way.enrolment_id, flight.step_id, None)
        for key in [key for key, due_at in self._on_their_way.items() if due_at <= self._clock]:
            del self._on_their_way[key]
            self._busy.add(local_day(self._clock, self._rhythm.zone))
            yield Sent(self._clock, broadcast_id=key)

    def _send(self, enrolment_id: int, step_id: int, why: Why | None) -> Sent:
        way = self._ways[enrolment_id]
        self._busy.add(local_day(self._clock, self._rhythm.zone))
        had = way.progress.had | {step_id}
        progress = replace(way.progress, had=had, last_sent_at=self._clock, in_flight=None)
        self._ways[enrolment_id] = replace(way, progress=progress)
        return Sent(self._clock, way.series, step_id, why)


def _without_withdrawn(way: Way, traits: Traits) -> Way:
    """Leave out what is queued of a step that may not go any more: it will be cancelled."""
    flight = way.progress.in_flight
    if flight is None or flight.due_at is None or _may_go(flight.step_id, way, traits):
        return way
    had = way.progress.had - {flight.step_id}
    return replace(way, progress=replace(way.progress, had=had, in_flight=None))


def _may_go(step_id: int, way: Way, traits: Traits) -> bool:
    steps = [step for step in way.series.all_steps if step.id == step_id and step.is_published]
    since = way.progress.enrolled_at
    return any(
        not objection_to(step.condition, way.series.exit_rule, traits=traits, since=since)
        for step in steps
    )
