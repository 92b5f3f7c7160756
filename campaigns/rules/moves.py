"""The answers of the rules: what comes next for one enrolment, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from campaigns.rules.due_dates import PassedOver


class Cause(StrEnum):
    """What a moment is counted from."""

    AT_ONCE = "at once"  # the first step, right after the person confirmed or was added
    FIRST = "first slot"  # the first step, at the next slot after the enrolment
    SPACING = "spacing"  # a later step, counted from the last accepted send
    ASKED = "asked"  # the person asked for it now


@dataclass(frozen=True)
class Why:
    """Everything that decided a moment, for people to read."""

    cause: Cause
    since: date | None = None  # local day of the last accepted send, or of the enrolment
    wait_days: int = 0
    weekday: int | None = None  # kept because the wait is a whole number of weeks
    paused_until: date | None = None  # set when the person's pause was the longer wait
    held_until: date | None = None  # set when the series' pause or the start was the longer wait
    missed: datetime | None = None  # the slot that passed without a send
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True)
class SendStep:
    """The step goes now."""

    step_id: int
    at: datetime
    why: Why
    is_awaited: bool = False  # the person sits there and looks for it


@dataclass(frozen=True)
class WaitUntil:
    """The step has to wait until a moment that lies ahead."""

    step_id: int
    at: datetime
    why: Why


@dataclass(frozen=True)
class SkipStep:
    """The step is due and is left out; the wait does not start anew."""

    step_id: int
    reason: str


@dataclass(frozen=True)
class Stop:
    """The series' exit rule holds: the way ends before its end."""

    reason: str


@dataclass(frozen=True)
class AwaitDelivery:
    """A step is on its way; what follows counts from its acceptance."""

    step_id: int


@dataclass(frozen=True)
class SeriesPaused:
    """The series stands still; nobody in it moves."""

    step_id: int


@dataclass(frozen=True)
class Finished:
    """Every published step ahead has been had."""


class Block(StrEnum):
    """Why no moment can be found at all."""

    NEVER_OPEN = "never open"  # the clinic's calendar leaves no day or no hour
    NO_STEP = "no step"  # nothing is published
    TOO_FAR = "too far"  # more than ten years ahead


@dataclass(frozen=True)
class Blocked:
    """Nothing can be decided until somebody changes something."""

    block: Block
    step_id: int | None = None


Move = SendStep | WaitUntil | SkipStep | Stop | AwaitDelivery | SeriesPaused | Finished | Blocked
