"""What the world knows about people and series: written by those who act, never read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from campaigns.series_folder import SeriesFolder
from subscribers.rules.standing import Pace, Standing

Value = TypeVar("Value")


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
    has_paused: bool = False

    def standing_at(self, sequence: int) -> Standing | None:
        return [standing for at, standing in self.standing if at <= sequence][-1]

    def is_suppressed_at(self, sequence: int) -> bool:
        return [is_so for at, is_so in self.suppressed if at <= sequence][-1]

    @property
    def is_gone(self) -> bool:
        return self.standing[-1][1] is None


@dataclass
class Book:
    """Everything that was done, by people and by staff."""

    members: dict[str, Member] = field(default_factory=dict)
    series: dict[str, Timeline[SeriesFolder]] = field(default_factory=dict)
    touched: set[tuple[str, str]] = field(default_factory=set)  # steps that were moved or removed
    sent_again: dict[int, int] = field(default_factory=dict)  # by staff, per delivery
    taken_as_sent: set[int] = field(default_factory=set)  # by staff: deliveries
