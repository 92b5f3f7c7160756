"""Compare what people get before and after an edit: earlier, later, never, newly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Effect(StrEnum):
    """What an edit does to one email for one person."""

    NEWLY = "newly"  # they get it, and would not have
    EARLIER = "earlier"
    LATER = "later"
    NEVER = "never"  # they would have got it, and do not


@dataclass(frozen=True)
class Planned:
    """When one person gets one email of one series."""

    series: str
    step_key: str
    at: datetime


@dataclass(frozen=True)
class Moved:
    """One email that an edit moves for one person; None where it does not go."""

    series: str
    step_key: str
    effect: Effect
    before: datetime | None
    after: datetime | None


def compare(before: Iterable[Planned], after: Iterable[Planned]) -> list[Moved]:
    """List what moves for one person, in the order of time."""
    old, new = _by_step(before), _by_step(after)
    moved = [_moved(key, old.get(key), new.get(key)) for key in {**old, **new}]
    return sorted(filter(None, moved), key=lambda one: (one.after or one.before, one.step_key))


def _by_step(planned: Iterable[Planned]) -> Mapping[tuple[str, str], datetime]:
    return {(one.series, one.step_key): one.at for one in planned}


def _moved(key: tuple[str, str], old: datetime | None, new: datetime | None) -> Moved | None:
    if old == new:
        return None
    if old is None or new is None:
        return Moved(*key, Effect.NEWLY if old is None else Effect.NEVER, old, new)
    return Moved(*key, Effect.EARLIER if new < old else Effect.LATER, old, new)
