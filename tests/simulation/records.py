"""What the world knows about people and series: written by those who act, never read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from campaigns.series_folder import SeriesFolder
from subscribers.rules.standing import Pace, Standing

Value = TypeVar("Value")
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Timeline(Generic[Value]):
    """A value over time."""

    changes: list[tuple[datetime, Value]] = field(default_factory=list)

    def note(self, at: datetime, value: Value) -> None:
        self.changes.append((at, value))

    @property
    def last(self) -> Value:
        return self.changes[-1][1]

    def during(self, begin: datetime, end: datetime) -> list[Value]:
        """List the values that held at any moment between two, both included."""
        found = [value for at, value in self.changes if at <= begin][-1:]
        return found + [value for at, value in self.changes if begin < at <= end]


@dataclass
class Member:
    """One person as the pages know them; deeds are numbered like commits."""

    address: str
    zone: Timeline[str | None] = field(default_factory=Timeline)
    pace: Timeline[Pace] = field(default_factory=Timeline)
    standing: list[tuple[int, Standing | None]] = field(default_factory=list)  # None: erased
    suppressed: list[tuple[int, bool]] = field(default_factory=lambda: [(0, False)])
    rounds: dict[str, int] = field(default_factory=dict)  # how often each series was begun anew
    left: set[str] = field(default_factory=set)  # series the person wants no more of
    asked: Timeline[str] = field(default_factory=Timeline)  # series of which the next came at once
    is_vip: Timeline[bool] = field(default_factory=lambda: Timeline([(_EVER, False)]))
    booked: list[tuple[int, bool]] = field(default_factory=lambda: [(0, False)])

    def standing_at(self, sequence: int) -> Standing | None:
        return [standing for at, standing in self.standing if at <= sequence][-1]

    def is_suppressed_at(self, sequence: int) -> bool:
        return [is_so for at, is_so in self.suppressed if at <= sequence][-1]

    def has_booked_at(self, sequence: int) -> bool:
        return [is_so for at, is_so in self.booked if at <= sequence][-1]

    def was_confirmed_since(self, sequence: int) -> bool:
        since = [standing for at, standing in self.standing if at > sequence]
        was = [standing for at, standing in self.standing if at <= sequence][-1:]
        return bool(was) and all(standing is Standing.CONFIRMED for standing in was + since)

    @property
    def is_gone(self) -> bool:
        return self.standing[-1][1] is None


@dataclass
class Issue:
    """One broadcast as staff wrote it."""

    begins_at: datetime
    grace: timedelta
    is_for_all: bool
    sequence: int  # of the commit that scheduled it
    released_at: list[datetime] = field(default_factory=list)
    cancelled: int | None = None  # sequence number of the commit


@dataclass
class Book:
    """Everything that was done, by people and by staff."""

    members: dict[str, Member] = field(default_factory=dict)
    series: dict[str, Timeline[SeriesFolder]] = field(default_factory=dict)
    touched: set[tuple[str, str]] = field(default_factory=set)  # steps that were moved or removed
    sent_again: dict[int, int] = field(default_factory=dict)  # by staff, per delivery
    taken_as_sent: set[int] = field(default_factory=set)  # by staff: deliveries
    allowed: list[tuple[datetime, int]] = field(default_factory=list)  # beyond the brake, by staff
    exits: set[str] = field(default_factory=set)  # series that end for who has booked
    issues: dict[str, Issue] = field(default_factory=dict)  # broadcasts by name
