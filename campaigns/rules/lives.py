"""Let a clock run ahead for one person: what is sent when, if nobody changes anything.

The clock jumps to whatever is next, and each move is decided as the scheduler decides it. Every
email is taken to be accepted in the moment it is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from campaigns.rules.broadcasts import USUAL_GRACE, IssuePlan
from campaigns.rules.conditions import Traits
from campaigns.rules.due_dates import Days, Wish, find_slot, local_day, next_permitted
from campaigns.rules.moves import Move, SendStep, SkipStep, Stop, WaitUntil, Why
from campaigns.rules.series import InFlight, Moment, Rhythm, SeriesPlan, objection_to
from campaigns.rules.shared_days import Plan, Way, plan_person

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Sent:
    """One email that leaves: a step, or a broadcast."""

    at: datetime
    series: SeriesPlan | None = None
    step_id: int = 0
    why: Why | None = None  # None: it was queued before
    broadcast_id: int = 0
    was_put_off: bool = False  # it was due before, on a day that was full


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
        # For when each was planned, and how late it may be: a queued one has the usual grace.
        self._planned = {key: (due, USUAL_GRACE) for key, due in self._on_their_way.items()}
        self._put_off_since: datetime | None = None
        self._days_with_mail = set[date]()
        self._is_over = False

    @property
    def clock(self) -> datetime | None:
        """Give the next moment at which something may happen; None: nothing will."""
        return None if self._is_over else self._clock

    @property
    def in_line_since(self) -> tuple[datetime, datetime]:
        """Give since when what goes now is due, and since when it is queued."""
        due = [due_at for _, due_at in self._queued()] + list(self._on_their_way.values())
        return min([*due, self._clock]), self._put_off_since or self._clock

    def until(self, end: datetime) -> Iterator[Sent]:
        """Let the clock run; give what is sent on the way, its end included."""
        while not self._is_over and self._clock <= end:
            yield from self.turn()

    def turn(self) -> list[Sent]:
        """Do what the clock asks for now, and move it; tell what is sent."""
        sent = list(self._hand_over_queued())
        plan = self._decide()
        steps = [
            self._send(key, move.step_id, move.why)
            for key, move in plan.steps.items()
            if isinstance(move, SendStep)
        ]
        self._move_on(plan, has_changed=bool(steps))
        self._put_off_since = None if sent else self._put_off_since
        return sent + steps

    def put_off(self, at: datetime) -> None:
        """Let what would go now be queued and wait: nothing more may go before that moment."""
        plan = self._decide()
        self._put_off_since = self._put_off_since or self._clock
        for key, move in plan.steps.items():
            if isinstance(move, SendStep):
                self._keep_waiting(self._ways[key], move.step_id, self._clock)
        for way, due_at in list(self._queued()):
            if due_at <= self._clock and way.progress.in_flight is not None:
                until = self._opening_after(at, self._busy)
                self._keep_waiting(way, way.progress.in_flight.step_id, until)
        for key in [key for key, due_at in self._on_their_way.items() if due_at <= self._clock]:
            self._put_off_issue(key, at)
        self._move_on(plan, has_changed=True)

    def _put_off_issue(self, key: int, at: datetime) -> None:
        """Let a broadcast wait; what would be too late then is held, and staff decides."""
        taken = (self._busy - self._own_days(self._on_their_way[key])) | self._days_with_mail
        until, (first, grace) = self._opening_after(at, taken), self._planned[key]
        if until > first + grace:
            del self._on_their_way[key]
        else:
            self._on_their_way[key] = until

    def split(self) -> Life:
        """Give another one that has come the same way, and may go on otherwise."""
        other = copy(self)
        other._busy, other._ways = set(self._busy), dict(self._ways)
        other._days_with_mail = set(self._days_with_mail)
        other._planned = dict(self._planned)
        other._coming, other._on_their_way = dict(self._coming), dict(self._on_their_way)
        return other

    def _own_days(self, due_at: datetime) -> set[date]:
        """Name the days a queued broadcast has taken for itself."""
        zone = self._rhythm.zone
        return {local_day(due_at, zone), local_day(max(due_at, self._moment.now), zone)}

    def _opening_after(self, at: datetime, taken: Set[date]) -> datetime:
        """Find when mail may go after a full day; the clinic may have closed for good."""
        slot = next_permitted(at, Days(self._rhythm.zone, self._moment.calendar, taken))
        return slot.at if slot else at + _ONE_DAY

    def _keep_waiting(self, way: Way, step_id: int, until: datetime) -> None:
        progress = replace(way.progress, in_flight=InFlight(step_id, until))
        self._ways[way.enrolment_id] = replace(way, progress=progress)

    def _move_on(self, plan: Plan, *, has_changed: bool) -> None:
        """Move the clock to what comes next; where something changed, look again at once."""
        if any([self._queue_issues(plan), self._leave_out(plan.steps), has_changed]):
            return
        upcoming = list(self._upcoming(plan))
        self._is_over = not upcoming
        self._clock = min(upcoming, default=self._clock)

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
            grace = self._coming.pop(key).grace
            move = plan.issues.get(key)
            if move is not None and move.paused_until is None and not move.is_late:
                self._on_their_way[key], self._planned[key] = move.at, (move.at, grace)
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
        """Send what is queued and due; on a day on which something went, it waits for the next."""
        for way, due_at in list(self._queued()):
            flight = way.progress.in_flight
            if flight is None or due_at > self._clock:
                continue
            if self._has_mail_today:
                hour = way.series.send_hour if self._rhythm.hour is None else self._rhythm.hour
                self._keep_waiting(way, flight.step_id, self._tomorrow_at(hour))
            else:
                yield self._send(way.enrolment_id, flight.step_id, None)
        for key in [key for key, due_at in self._on_their_way.items() if due_at <= self._clock]:
            if self._has_mail_today:
                planned = self._planned[key][0].astimezone(self._rhythm.zone)
                self._on_their_way[key] = self._tomorrow_at(planned.hour)
                continue
            del self._on_their_way[key]
            self._note_mail()
            late = self._put_off_since is not None
            yield Sent(self._clock, broadcast_id=key, was_put_off=late)

    @property
    def _has_mail_today(self) -> bool:
        return local_day(self._clock, self._rhythm.zone) in self._days_with_mail

    def _tomorrow_at(self, hour: int) -> datetime:
        """Find the first moment for what lost its day, as the mark does."""
        tomorrow = local_day(self._clock, self._rhythm.zone) + _ONE_DAY
        slot = find_slot(Wish(tomorrow, hour), Days(self._rhythm.zone, self._moment.calendar))
        return slot.at if slot else self._clock + _ONE_DAY

    def _note_mail(self) -> None:
        today = local_day(self._clock, self._rhythm.zone)
        self._busy.add(today)
        self._days_with_mail.add(today)

    def _send(self, enrolment_id: int, step_id: int, why: Why | None) -> Sent:
        way = self._ways[enrolment_id]
        self._note_mail()
        had = way.progress.had | {step_id}
        progress = replace(way.progress, had=had, last_sent_at=self._clock, in_flight=None)
        self._ways[enrolment_id] = replace(way, progress=progress)
        late = why is None and self._put_off_since is not None
        return Sent(self._clock, way.series, step_id, why, was_put_off=late)


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
