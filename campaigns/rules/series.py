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
    WaitUntil,
    Why,
)
from campaigns.rules.standing import FirstStep, Origin, SeriesStatus
from subscribers.rules.standing import Pace

AT_ONCE_FOR = timedelta(hours=1)  # so long after the click the window and closed days do not count
PUNCTUAL = timedelta(hours=1)  # so long after its slot an email is not called late
_LEAST_WAIT = {Pace.AS_WRITTEN: 1, Pace.TWO_WEEKS: 14, Pace.MONTH: 28}
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class StepPlan:
    """One step as far as time is concerned."""

    id: int
    wait_days: int
    is_published: bool = True


@dataclass(frozen=True)
class SeriesPlan:
    """A series as far as time is concerned; the unpublished steps keep their places in it."""

    id: int
    steps: tuple[StepPlan, ...]  # in order
    send_hour: int
    first_step: FirstStep = FirstStep.AT_ONCE
    priority: int = 100  # lower goes first on a shared day
    status: SeriesStatus = SeriesStatus.ACTIVE


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


def next_move(series: SeriesPlan, progress: Progress, *, rhythm: Rhythm, moment: Moment) -> Move:
    """Decide the next move of one enrolment."""
    if progress.in_flight is not None:
        return AwaitDelivery(progress.in_flight.step_id)
    step = next_step(series, progress.had)
    if step is None:
        return Finished() if progress.had else Blocked(Block.NO_STEP)
    if series.status is SeriesStatus.PAUSED:
        return SeriesPaused(step.id)
    if never_opens(moment.calendar):
        return Blocked(Block.NEVER_OPEN, step.id)
    return _Case(series, progress, rhythm, moment, step).decide()


def next_step(series: SeriesPlan, had: Set[int]) -> StepPlan | None:
    """Find the first published step after the furthest one reached; None at the end."""
    places = [place for place, step in enumerate(series.steps) if step.id in had]
    ahead = series.steps[max(places) + 1 :] if places else series.steps
    return next((step for step in ahead if step.is_published), None)


def parts_of(series: SeriesPlan) -> list[int]:
    """Give the ids of the published steps in order: what readers count as part 1, 2, …"""
    return [step.id for step in series.steps if step.is_published]


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

    def _decide_at_once(self) -> Move:
        """Send now when the click is fresh: the person sits there and looks for it."""
        why = Why(Cause.AT_ONCE)
        now, confirmed = self.moment.now, self.progress.confirmed_at
        is_fresh = confirmed is not None and now <= confirmed + AT_ONCE_FOR
        is_theirs = self.progress.origin is Origin.CONFIRMATION
        if is_fresh and is_theirs and self._today not in self.moment.busy_days:
            return SendStep(self.step.id, now, why)
        return self._go_as_soon_as_allowed(why)

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
        wait, since = self._wait, local_day(self._base, self.rhythm.zone)
        earliest = since + wait * _ONE_DAY
        paused_until = self.rhythm.paused_until
        is_pause_longer = paused_until is not None and paused_until > earliest
        why = Why(
            Cause.FIRST if self._is_first else Cause.SPACING,
            since=since,
            wait_days=wait,
            weekday=self._weekday,
            paused_until=paused_until if is_pause_longer else None,
        )
        return why.paused_until or earliest, why

    def _slot_after_enrolment(self, earliest: date, weekday: int | None) -> Slot | None:
        """Find the slot; the first step's hour may have passed already on the day of enrolment."""
        hour = self.series.send_hour if self.rhythm.hour is None else self.rhythm.hour
        slot = find_slot(Wish(earliest, hour, weekday), self._days)
        if slot is not None and slot.at <= self._base:
            return find_slot(Wish(earliest + _ONE_DAY, hour, weekday), self._days)
        return slot

    @property
    def _days(self) -> Days:
        return Days(self.rhythm.zone, self.moment.calendar, self.moment.busy_days)

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
            and (paused_until is None or paused_until <= local_day(self._base, self.rhythm.zone))
        )

    @property
    def _base(self) -> datetime:
        return self.progress.last_sent_at or self.progress.enrolled_at

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
