"""The blast brake: how many emails of series may be queued today before somebody is asked.

A wrong wait, a clock set wrong or an import nobody announced would otherwise write to everybody
at once, and mail cannot be called back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

LOOKS_BACK = timedelta(days=14)
ALLOWED_FOR = timedelta(days=7)  # first emails may be due on any weekday


@dataclass(frozen=True)
class Brake:
    """How far above the usual a day may be."""

    floor: int = 100  # so many a day never need asking
    multiple: float = 5.0  # of the busiest of the last 14 days


@dataclass(frozen=True)
class Volume:
    """What was queued on one day, and what staff allowed beyond the usual."""

    queued: int = 0
    allowed: int = 0


def room_today(brake: Brake, volumes: Mapping[date, Volume], *, today: date) -> int:
    """Tell how many more may be queued today; never less than 0."""
    return max(0, most_today(brake, volumes, today=today) - _on(volumes, today).queued)


def most_today(brake: Brake, volumes: Mapping[date, Volume], *, today: date) -> int:
    """Tell how many may be queued in all of today."""
    busiest = max(
        (volume.queued for day, volume in volumes.items() if today - LOOKS_BACK <= day < today),
        default=0,
    )
    allowed = sum(
        volume.allowed for day, volume in volumes.items() if today - ALLOWED_FOR < day <= today
    )
    return max(brake.floor, int(brake.multiple * busiest)) + allowed


def _on(volumes: Mapping[date, Volume], day: date) -> Volume:
    return volumes.get(day, Volume())
