"""Decide when a broadcast goes to one person, when it is too late for that, and what it may become.

A broadcast for one person is called an issue until it is a delivery. It goes at a moment, or at an
hour of the person's own day, on an open day without another marketing email; like the steps of a
series it chooses its day by priority, and who loses a day waits for the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from campaigns.rules.calendar import ClinicCalendar, never_opens
from campaigns.rules.due_dates import (
    Days,
    PassedOver,
    Slot,
    Wish,
    find_slot,
    local_day,
    next_permitted,
)
from campaigns.rules.guards import Cancel, Go, Hold, PutBack, Verdict
from campaigns.rules.series import Moment, Rhythm

USUAL_GRACE = timedelta(hours=24)
USUAL_PRIORITY = 200  # behind a series, whose people were promised their day
_FIRST_ZONE = timedelta(hours=14)  # the day begins on Kiritimati, at UTC+14
_ALL_ZONES = timedelta(hours=26)  # and ends 26 hours later, at UTC-12


class BroadcastStatus(StrEnum):
    """Where a broadcast stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    HELD = "held"
    CANCELLED = "cancelled"


# Every move there is, with the occasion for it.
MOVES: Mapping[BroadcastStatus, Mapping[BroadcastStatus, str]] = {
    BroadcastStatus.DRAFT: {
        BroadcastStatus.SCHEDULED: "somebody said when it goes",
        BroadcastStatus.CANCELLED: "somebody cancelled it",
    },
    BroadcastStatus.SCHEDULED: {
        BroadcastStatus.SENDING: "its moment has come",
        BroadcastStatus.HELD: "its moment passed by longer than its grace ago",
        BroadcastStatus.CANCELLED: "somebody cancelled it",
    },
    BroadcastStatus.SENDING: {
        BroadcastStatus.SENT: "every delivery has come to its end",
        BroadcastStatus.CANCELLED: "somebody cancelled it; what had not left stays here",
    },
    BroadcastStatus.HELD: {
        BroadcastStatus.SCHEDULED: "somebody wants it sent all the same",
        BroadcastStatus.CANCELLED: "somebody cancelled it",
    },
    BroadcastStatus.SENT: {
        BroadcastStatus.SENDING: "a delivery that was settled is to go again",
    },
    BroadcastStatus.CANCELLED: {},
}


@dataclass(frozen=True)
class IssuePlan:
    """A broadcast as far as time is concerned."""

    id: int
    begins_at: datetime  # nothing of it goes before
    priority: int = USUAL_PRIORITY  # lower goes first on a shared day
    day: date | None = None  # with `hour`: on this day of the reader, at this hour
    hour: int | None = None
    grace: timedelta = USUAL_GRACE
    released_at: datetime | None = None  # somebody said: all the same; lateness counts from here


@dataclass(frozen=True)
class IssueMove:
    """When an issue goes to one person, as things stand."""

    broadcast_id: int
    at: datetime
    passed_over: tuple[PassedOver, ...] = ()
    paused_until: date | None = None  # they paused over it: it does not go to them at all
    is_late: bool = False  # staff decide


def may_become(before: BroadcastStatus, after: BroadcastStatus) -> bool:
    """Tell whether a broadcast in one status may take the other."""
    return after in MOVES[before]


def begin_of(day: date, hour: int) -> datetime:
    """Give the first moment at which it is that hour of that day for anybody."""
    return datetime.combine(day, time(hour), UTC) - _FIRST_ZONE


def move_issue(plan: IssuePlan, rhythm: Rhythm, moment: Moment) -> IssueMove | None:
    """Decide when an issue goes to a person; None when the clinic's calendar never opens."""
    slot = _planned(plan, rhythm, calendar=moment.calendar, taken=moment.busy_days)
    days = Days(rhythm.zone, moment.calendar, moment.busy_days)
    is_late = slot is not None and _is_late(slot.at, plan, days, now=moment.now)
    if slot is not None and slot.at < moment.now and not is_late:
        slot = next_permitted(moment.now, days)
    if slot is None:
        return None
    pause = _pause_over(slot.at, rhythm)
    return IssueMove(plan.id, slot.at, slot.passed_over, pause, is_late)


def is_overdue(plan: IssuePlan, *, now: datetime) -> bool:
    """Tell whether a broadcast of which nothing is queued yet comes too late for everybody."""
    is_local = plan.hour is not None
    latest = plan.begins_at + (_ALL_ZONES if is_local else timedelta(0))
    return now > max(latest, plan.released_at or latest) + plan.grace


@dataclass(frozen=True)
class IssueView:
    """What a queued issue depends on, as it is now."""

    status: BroadcastStatus
    plan: IssuePlan
    slug: str
    due_at: datetime
    attempt: int
    mailed_days: Set[date] = frozenset()  # days on which the person had another marketing email


def before_issue(
    issue: IssueView, rhythm: Rhythm, *, calendar: ClinicCalendar, now: datetime
) -> Verdict:
    """Decide before an issue is written: by broadcast, person and clinic as they are now."""
    if issue.status is BroadcastStatus.CANCELLED:
        return Cancel("the broadcast was cancelled")
    if (verdict := check_pause(rhythm.paused_until, rhythm.zone, now=now)) != Go():
        return verdict
    slot = _planned(issue.plan, rhythm, calendar=calendar, taken=issue.mailed_days)
    if slot is None:
        return Hold("the clinic's calendar leaves no day or hour open; change it in the settings")
    # A first attempt comes from the queueing, which knew the days that others had chosen.
    planned = max(slot.at, issue.due_at) if issue.attempt == 1 else slot.at
    days = Days(rhythm.zone, calendar, issue.mailed_days)
    if _is_late(planned, issue.plan, days, now=now):
        return Hold(_too_late(issue))
    if slot.at > now:
        return PutBack(slot.at, "its hour has not come for this person")
    opening = next_permitted(now, Days(rhythm.zone, calendar))
    if opening is not None and opening.at > now:
        return PutBack(opening.at, "outside the clinic's send window")
    return Go()


def check_pause(paused_until: date | None, zone: ZoneInfo, *, now: datetime) -> Go | Cancel:
    """Decide, once more when it is marked, whether the person paused: news do not wait for them."""
    if paused_until is not None and local_day(now, zone) < paused_until:
        return Cancel(f"the person paused the mail until {paused_until}")
    return Go()


def _planned(
    plan: IssuePlan, rhythm: Rhythm, *, calendar: ClinicCalendar, taken: Set[date]
) -> Slot | None:
    """Find the first moment that fits, whatever time it is now."""
    if never_opens(calendar):
        return None
    days = Days(rhythm.zone, calendar, taken)
    if plan.day is not None and plan.hour is not None:
        slot = find_slot(Wish(plan.day, plan.hour), days)
        if slot is None or slot.at >= plan.begins_at:
            return slot
    return next_permitted(plan.begins_at, days)


def _is_late(planned: datetime, plan: IssuePlan, days: Days, *, now: datetime) -> bool:
    """Tell whether the grace is over; it begins anew where a release could first be followed."""
    since = planned
    if plan.released_at is not None and (first := next_permitted(plan.released_at, days)):
        since = max(planned, first.at)
    return now > since + plan.grace


def _pause_over(moment: datetime, rhythm: Rhythm) -> date | None:
    until = rhythm.paused_until
    return until if until is not None and local_day(moment, rhythm.zone) < until else None


def _too_late(issue: IssueView) -> str:
    hours = issue.plan.grace // timedelta(hours=1)
    return (
        f"more than {hours} hours late; 'steadypost broadcast send {issue.slug}' sends it all "
        "the same, then release this"
    )
