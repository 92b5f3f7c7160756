"""Decide what comes next on one person's way through one series, and when.

The next step is the first published one, in order, after the furthest one reached, that this
enrolment has not had. It is due at the first moment at which the wait since the last accepted
send, the person's weekday and hour, the clinic's calendar, the person's pause and the rule of one
email a day all allow it. Nothing about it is stored as truth: it is derived each time, so changed
waits, preferences and calendars count at once.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns.rules.calendar import ClinicCalendar, never_opens
from campaigns.rules.conditions import NOBODY, Condition, Traits
from campaigns.rules.due_dates import (
    SEARCH_DAYS,
    Days,
    Slot,
    Wish,
    find_slot,
    local_day,
    next_permitted,
)
from campaigns.rules.moves import (
    AwaitDelivery,
    Block,
    Blocked,
    Cause,
    Finished,
    Move,
    SendStep,
    SeriesPaused,
    SkipStep,
    Stop,
    WaitUntil,
    Why,
)
from campaigns.rules.standing import FirstStep, Origin, SeriesStatus
from subscribers.rules.standing import Pace

AT_ONCE_FOR = timedelta(hours=1)  # so long after the click the window and closed days do not count
PUNCTUAL = timedelta(hours=1)  # so long after its slot an email is not called late
_LEAST_WAIT = {Pace.AS_WRITTEN: 1, Pace.TWO_WEEKS: 14, Pace.MONTH: 28}
_ONE_DAY = timedelta(days=1)
EXIT = "the series' exit rule is true of them"
CONDITION = "its condition is not true of them"


@dataclass(frozen=True)
class StepPlan:
    """One step as far as time is concerned."""

    id: int
    wait_days: int
    is_published: bool = True
    condition: Condition | None = None  # when it is false the step is left out


@dataclass(frozen=True)
class SeriesPlan:
    """A series as far as time is concerned; the unpublished steps keep their places in it."""

    id: int
    steps: tuple[StepPlan, ...]  # in order
    send_hour: int
    first_step: FirstStep = FirstStep.AT_ONCE
    priority: int = 100  # lower goes first on a shared day
    status: SeriesStatus = SeriesStatus.ACTIVE
    resumed_at: datetime | None = None  # end of the last pause: slots up to then have lapsed
    exit_rule: Condition | None = None  # whoever it is true of has arrived: their way ends
    closing: StepPlan | None = None  # the completion email; no part, and after all of them

    @property
    def all_steps(self) -> tuple[StepPlan, ...]:
        """Give everything that can be sent of it."""
        return self.steps if self.closing is None else (*self.steps, self.closing)


@dataclass(frozen=True)
class InFlight:
    """A step that was queued and is not through yet."""

    step_id: int
    due_at: datetime | None  # None: held, nobody knows until when


@dataclass(frozen=True)
class Progress:
    """How far one person has come in one series."""

    enrolled_at: datetime
    origin: Origin = Origin.CONFIRMATION
    confirmed_at: datetime | None = None
    had: frozenset[int] = frozenset()  # steps with a delivery that was not cancelled
    last_sent_at: datetime | None = None  # acceptance, not the due time
    in_flight: InFlight | None = None
    skipped: frozenset[int] = frozenset()  # left out for this person
    counts_from: datetime | None = None  # the slot of a skipped step that the wait counts from
    starts_at: datetime | None = None  # a staggered start: nothing before
    asked_at: datetime | None = None  # the person asked for the next one now

    @property
    def reached(self) -> frozenset[int]:
        """Name the steps that never come again: had, or left out."""
        return self.had | self.skipped

    @property
    def base(self) -> datetime:
        """Give the moment the next wait counts from."""
        base = self.last_sent_at or self.enrolled_at
        return base if self.counts_from is None else max(base, self.counts_from)

    @property
    def is_asking(self) -> bool:
        """Tell whether the person asked for the next one and has had none since."""
        asked, sent = self.asked_at, self.last_sent_at
        return asked is not None and (sent is None or sent < asked)


@dataclass(frozen=True)
class Rhythm:
    """When one person wants mail; None leaves it to the series and to the day they confirmed on."""

    zone: ZoneInfo
    weekday: int | None = None
    hour: int | None = None
    pace: Pace = Pace.AS_WRITTEN
    paused_until: date | None = None  # local; the first day they can be mailed again


@dataclass(frozen=True)
class Moment:
    """What is the same for every series of one person: the time, the clinic, the busy days."""

    now: datetime
    calendar: ClinicCalendar
    busy_days: Set[date] = frozenset()  # local days with another marketing email, sent or queued
    traits: Traits = NOBODY


def next_move(series: SeriesPlan, progress: Progress, *, rhythm: Rhythm, moment: Moment) -> Move:
    """Decide the next move of one enrolment."""
    since = progress.enrolled_at
    if reason := objection_to(None, series.exit_rule, traits=moment.traits, since=since):
        return Stop(reason)
    if progress.in_flight is not None:
        return AwaitDelivery(progress.in_flight.step_id)
    step = next_step(series, progress.reached)
    if step is None or (step is series.closing and not progress.had):  # all were left out
        return Finished() if progress.reached else Blocked(Block.NO_STEP)
    if series.status is SeriesStatus.PAUSED:
        return SeriesPaused(step.id)
    if never_opens(moment.calendar):
        return Blocked(Block.NEVER_OPEN, step.id)
    return _Case(series, progress, rhythm, moment, step).decide()


def objection_to(
    condition: Condition | None, exit_rule: Condition | None, *, traits: Traits, since: datetime
) -> str:
    """Say what forbids a step for a person at this moment; '' when nothing does."""
    if exit_rule is not None and exit_rule.holds(traits, since=since):
        return f"{EXIT}: {exit_rule}"
    if condition is not None and not condition.holds(traits, since=since):
        return f"{CONDITION}: {condition}"
    return ""


def next_step(series: SeriesPlan, had: Set[int]) -> StepPlan | None:
    """Find what follows the steps reached: the next part, then the completion email, then None."""
    part = next_part(series, had)
    if part is not None or not had:
        return part
    return None if series.closing is None or series.closing.id in had else series.closing


def next_part(series: SeriesPlan, had: Set[int]) -> StepPlan | None:
    """Find the first published step after the furthest one reached; None at the end."""
    places = [place for place, step in enumerate(series.steps) if step.id in had]
    ahead = series.steps[max(places) + 1 :] if places else series.steps
    return next((step for step in ahead if step.is_published), None)


def parts_of(series: SeriesPlan) -> list[int]:
    """Give the ids of the published steps in order: what readers count as part 1, 2, …"""
    return [step.id for step in series.steps if step.is_published]


def part_of(series: SeriesPlan, step_id: int) -> int:
    """Tell which part a step is; 0: it is not published, or closes the series."""
    parts = parts_of(series)
    return parts.index(step_id) + 1 if step_id in parts else 0


def wait_of(step: StepPlan, pace: Pace) -> int:
    """Give the days between the last accepted send and this step at the person's pace."""
    return max(step.wait_days, _LEAST_WAIT[pace])


@dataclass(frozen=True)
class _Case:
    """One step to be timed for one person."""

    series: SeriesPlan
    progress: Progress
    rhythm: Rhythm
    moment: Moment
    step: StepPlan

    def decide(self) -> Move:
        """Decide; the condition is asked only when the step would go."""
        move = self._timed()
        if isinstance(move, SendStep) and self._objection:
            return SkipStep(self.step.id, self._objection)
        return move

    def _timed(self) -> Move:
        if self.progress.is_asking:
            return self._decide_asked()
        if self._is_at_once:
            return self._decide_at_once()
        earliest, why = self._earliest_and_why()
        if (earliest - self._today).days > SEARCH_DAYS:
            return Blocked(Block.TOO_FAR, self.step.id)
        slot = self._slot_after_enrolment(earliest, why.weekday)
        if slot is None:
            return Blocked(Block.NEVER_OPEN, self.step.id)
        why = replace(why, passed_over=slot.passed_over)
        if slot.at > self.moment.now:
            return WaitUntil(self.step.id, slot.at, why)
        return self._go_as_soon_as_allowed(replace(why, missed=slot.at))

    def _decide_asked(self) -> Move:
        """Send now: the person sits there and looks for it. At most one a day all the same."""
        asked = self.progress.asked_at or self.moment.now
        is_fresh = self.moment.now <= asked + AT_ONCE_FOR
        if is_fresh and self._today not in self._days.taken:
            return SendStep(self.step.id, self.moment.now, Why(Cause.ASKED), is_awaited=True)
        return self._go_as_soon_as_allowed(Why(Cause.ASKED))

    def _decide_at_once(self) -> Move:
        """Send now when the click is fresh: the person sits there and looks for it."""
        why = Why(Cause.AT_ONCE)
        if self._floor is not None and self._floor > self.moment.now:
            return self._begin_later(self._floor)
        now, confirmed = self.moment.now, self.progress.confirmed_at
        is_fresh = confirmed is not None and now <= confirmed + AT_ONCE_FOR
        is_theirs = self.progress.origin is Origin.CONFIRMATION
        if is_fresh and is_theirs and self._today not in self.moment.busy_days:
            return SendStep(self.step.id, now, why, is_awaited=True)
        return self._go_as_soon_as_allowed(why)

    def _begin_later(self, at: datetime) -> Move:
        slot = next_permitted(at, self._days)
        if slot is None:
            return Blocked(Block.NEVER_OPEN, self.step.id)
        held = local_day(at, self.rhythm.zone)
        why = Why(Cause.AT_ONCE, held_until=held, passed_over=slot.passed_over)
        return WaitUntil(self.step.id, slot.at, why)

    def _go_as_soon_as_allowed(self, why: Why) -> Move:
        """Send now or at the next opening: at most one overdue email, and the spacing after it."""
        now = self.moment.now
        slot = next_permitted(now, self._days)
        if slot is None:
            return Blocked(Block.NEVER_OPEN, self.step.id)
        why = replace(why, passed_over=why.passed_over + slot.passed_over)
        if slot.at > now:
            return WaitUntil(self.step.id, slot.at, why)
        is_punctual = why.missed is not None and now <= why.missed + PUNCTUAL
        return SendStep(self.step.id, now, replace(why, missed=None) if is_punctual else why)

    def _earliest_and_why(self) -> tuple[date, Why]:
        wait, since = self._wait, local_day(self.progress.base, self.rhythm.zone)
        earliest = since + wait * _ONE_DAY
        paused_until = self.rhythm.paused_until
        is_pause_longer = paused_until is not None and paused_until > earliest
        held = self._held_until
        is_held_longer = held is not None and held > max(earliest, paused_until or earliest)
        why = Why(
            Cause.FIRST if self._is_first else Cause.SPACING,
            since=since,
            wait_days=wait,
            weekday=self._weekday,
            paused_until=paused_until if is_pause_longer and not is_held_longer else None,
            held_until=held if is_held_longer else None,
        )
        return why.held_until or why.paused_until or earliest, why

    def _slot_after_enrolment(self, earliest: date, weekday: int | None) -> Slot | None:
        """Find the slot. Those before the enrolment, the start or the series' pause have lapsed."""
        hour = self.series.send_hour if self.rhythm.hour is None else self.rhythm.hour
        begin = max(filter(None, (self.progress.base, self._floor)))
        slot = find_slot(Wish(earliest, hour, weekday), self._days)
        if slot is not None and slot.at <= begin:
            after = max(earliest, local_day(begin, self.rhythm.zone)) + _ONE_DAY
            return find_slot(Wish(after, hour, weekday), self._days)
        return slot

    @property
    def _days(self) -> Days:
        """Give the days there are; whoever asked for one gets it on another day than the last."""
        taken = self.moment.busy_days
        if self.progress.is_asking and self.progress.last_sent_at is not None:
            taken = {*taken, local_day(self.progress.last_sent_at, self.rhythm.zone)}
        return Days(self.rhythm.zone, self.moment.calendar, taken)

    @property
    def _objection(self) -> str:
        traits, since = self.moment.traits, self.progress.enrolled_at
        return objection_to(self.step.condition, None, traits=traits, since=since)

    @property
    def _floor(self) -> datetime | None:
        """Give the moment before which no slot counts: a staggered start, the end of a pause."""
        floors = (self.progress.starts_at, self.series.resumed_at)
        return max((floor for floor in floors if floor is not None), default=None)

    @property
    def _held_until(self) -> date | None:
        return None if self._floor is None else local_day(self._floor, self.rhythm.zone)

    @property
    def _today(self) -> date:
        return local_day(self.moment.now, self.rhythm.zone)

    @property
    def _is_first(self) -> bool:
        return not self.progress.had

    @property
    def _is_at_once(self) -> bool:
        """Tell whether the first step goes outside the slots; behind a pause it takes a slot."""
        paused_until = self.rhythm.paused_until
        return (
            self._is_first
            and self.series.first_step is FirstStep.AT_ONCE
            and self.step.wait_days == 0
            and (paused_until is None or paused_until <= local_day(self._begin, self.rhythm.zone))
        )

    @property
    def _begin(self) -> datetime:
        return max(self.progress.base, self.progress.starts_at or self.progress.base)

    @property
    def _wait(self) -> int:
        """Give the days to wait; a slower pace does not hold back the first step."""
        return self.step.wait_days if self._is_first else wait_of(self.step, self.rhythm.pace)

    @property
    def _weekday(self) -> int | None:
        """Give the weekday to keep, when the wait is a whole number of weeks.

        A first step without a wait is soon: it looks for a weekday only if one was chosen.
        """
        if self._wait % 7:
            return None
        if self.rhythm.weekday is not None or self._wait == 0:
            return self.rhythm.weekday
        confirmed = self.progress.confirmed_at or self.progress.enrolled_at
        return local_day(confirmed, self.rhythm.zone).weekday()
