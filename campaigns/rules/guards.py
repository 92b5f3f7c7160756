"""Decide, at the last moment, whether a planned step may still go.

Two looks: once before it is written, with what an editor or the person may have changed since it
was queued, and once more inside the transaction that marks it, where another worker or the
person may have been faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from campaigns.rules.due_dates import Days, Wish, find_slot, local_day, next_permitted
from campaigns.rules.standing import EnrolmentStatus, SeriesStatus
from subscribers.rules.standing import Standing

_ONE_DAY = timedelta(days=1)
_LOOK_AGAIN = timedelta(hours=1)  # at a paused series: nobody tells us when it goes on
_LONGEST_PAUSE = timedelta(minutes=15)
_FOR_A_STEP = frozenset({EnrolmentStatus.ACTIVE})
# The last step ends the series as soon as it is in doubt; then it may turn out not to have gone.
_FOR_A_RETRY = _FOR_A_STEP | {EnrolmentStatus.FINISHED}
_SOON = timedelta(minutes=1)  # the facts moved under us; the next look uses the new ones


@dataclass(frozen=True)
class Go:
    """Nothing speaks against it."""


@dataclass(frozen=True)
class Cancel:
    """It must never go."""

    reason: str


@dataclass(frozen=True)
class PutBack:
    """It may go later."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class Hold:
    """Staff must look at it first."""

    reason: str


NotNow = Cancel | PutBack | Hold
Verdict = Go | NotNow


class Pointer(NamedTuple):
    """How far an enrolment has come."""

    status: EnrolmentStatus
    last_step_id: int | None
    last_sent_at: datetime | None


class Consent(NamedTuple):
    """How a person stands with a list, and by which of their askings."""

    standing: Standing
    asking: int | None = None  # None: does not matter


@dataclass(frozen=True)
class DayPlan:
    """How another day is found for an email whose day is taken."""

    hour: int  # local
    days: Days


class MarkPlan(NamedTuple):
    """What the marking of a step relies on."""

    step_id: int
    planned_on: int | None  # the enrolment's last step when the message was written
    wait_days: int
    hour: int  # local; for another try on another day
    days: Days
    free_until: datetime | None = None  # until then the clinic's window does not count
    is_asked_for: bool = False  # by the person: their own pause and the wait do not count


class SeriesView(NamedTuple):
    """What an editor may have changed since the step was queued."""

    status: SeriesStatus
    published: bool  # the step
    position: int
    last_position: int | None  # of the last step the person had
    objection: str = ""  # a condition of the step, or the series' exit rule, forbids it


class StepNow(NamedTuple):
    """What an editor or the person may have changed since the step was written."""

    status: SeriesStatus
    published: bool
    revision_id: int | None
    paused_until: date | None  # the person's own pause
    objection: str = ""  # a condition of the step, or the series' exit rule, forbids it


def before_writing(
    series: SeriesView, plan: MarkPlan, *, paused_until: date | None, now: datetime
) -> Verdict:
    """Decide before a step is written: by series, person and clinic as they are now."""
    if not series.published:
        return Cancel("the step was taken out of the series")
    if series.last_position is not None and series.position < series.last_position:
        return Cancel("a later step of the series has already gone")
    if series.objection:
        return Cancel(series.objection)
    if series.status is SeriesStatus.PAUSED:
        return PutBack(now + _LOOK_AGAIN, "the series is paused")
    if plan.is_asked_for:
        paused_until = None
    if paused_until is not None and local_day(now, plan.days.zone) < paused_until:
        return PutBack(slot_on(paused_until, plan, now=now), "the person paused the mail")
    return _inside_window(plan, now=now)


def since_writing(
    found: StepNow | None, plan: MarkPlan, *, revision_id: int | None, now: datetime
) -> Verdict:
    """Decide in the marking transaction whether a step is still as it was when it was written.

    Letters are written ahead, so between the two an editor or the person may have acted.
    """
    if found is None or not found.published:
        return Cancel("the step was taken out of the series")
    if found.objection:
        return Cancel(found.objection)
    if found.status is SeriesStatus.PAUSED:
        return PutBack(now + _LOOK_AGAIN, "the series is paused")
    until = None if plan.is_asked_for else found.paused_until
    if until is not None and local_day(now, plan.days.zone) < until:
        return PutBack(slot_on(until, plan, now=now), "the person paused the mail")
    if found.revision_id != revision_id:
        return PutBack(now, "its text was published anew while it waited to go")
    return Go()


def check_consent(found: Consent | None, needed: Consent) -> Verdict:
    """Decide in the marking transaction whether the person still wants this kind of mail."""
    if found is None:
        return Cancel("the subscription is gone")
    if found.standing is not needed.standing:
        return Cancel(f"the person is {found.standing}")
    if needed.asking is not None and found.asking != needed.asking:
        return Cancel("they asked again; the newer mail has the link that works")
    return Go()


def before_marking(pointer: Pointer | None, plan: MarkPlan, *, now: datetime) -> Verdict:
    """Repeat the rule of the wait on the enrolment as it stands in the marking transaction.

    Local dates are compared and not hours: after a late send the next slot is legally closer
    than 7 times 24 hours. A retry of the same step was let through once and only moves
    later, so it is not measured against itself.
    """
    is_again = pointer is not None and pointer.last_step_id == plan.step_id
    if pointer is None or pointer.status not in (_FOR_A_RETRY if is_again else _FOR_A_STEP):
        return Cancel(f"the enrolment has ended: {pointer.status if pointer else 'erased'}")
    if is_again:
        return Go()
    if pointer.last_step_id != plan.planned_on:
        return PutBack(now + _SOON, "another email of the series went meanwhile")
    if pointer.last_sent_at is None:
        return Go()
    wait_days = 1 if plan.is_asked_for else plan.wait_days
    earliest = local_day(pointer.last_sent_at, plan.days.zone) + wait_days * _ONE_DAY
    if local_day(now, plan.days.zone) < earliest:
        until = slot_on(earliest, plan, now=now)
        return PutBack(until, f"the wait of {wait_days} days is not over")
    return Go()


def after_a_taken_day(plan: MarkPlan | DayPlan, *, now: datetime) -> PutBack:
    """Decide for an email whose reader has had another marketing email today."""
    tomorrow = local_day(now, plan.days.zone) + _ONE_DAY
    return PutBack(slot_on(tomorrow, plan, now=now), "another email went to this person today")


def relay_pause(attempt: int) -> timedelta:
    """Choose how long to leave a relay alone that cannot be used: 1, 2, 4, 8, then 15 minutes."""
    return min(timedelta(minutes=2 ** min(attempt - 1, 4)), _LONGEST_PAUSE)


def slot_on(day: date, plan: MarkPlan | DayPlan, *, now: datetime) -> datetime:
    """Find the first permitted moment at the person's hour, from this day on."""
    slot = find_slot(Wish(earliest=day, hour=plan.hour), plan.days)
    return slot.at if slot else now + _ONE_DAY  # closed for good: staff may change that


def _inside_window(plan: MarkPlan, *, now: datetime) -> Verdict:
    if plan.free_until is not None and now <= plan.free_until:
        return Go()
    slot = next_permitted(now, plan.days)
    if slot is not None and slot.at <= now:
        return Go()
    return PutBack(slot.at if slot else now + _ONE_DAY, "outside the clinic's send window")
