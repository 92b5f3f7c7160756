"""How fast mail may go to one receiving domain: everybody over the limit gets a place in its line.

What may go in one stretch of time (a minute, an hour, a day) is counted by cells, short pieces of
it, so that no stretch sees more than the limit, wherever it begins. A place in the line is a moment
at which there will be room; whoever comes with it goes, so nobody is looked at over and over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from delivery.rules.addresses import to_ascii_domain

OTHERS = "*"
_CELLS = {"minute": (60.0, 10), "hour": (3600.0, 60), "day": (86400.0, 60)}  # seconds, cells in it
_LIMIT = re.compile(r"\s*(\S+?)\s*=\s*([1-9][0-9]{0,6})\s*/\s*(minute|hour|day)\s*")
_JUST_LATE = 2  # cells: who is later has missed the place


@dataclass(frozen=True)
class Limit:
    """So many mails in one stretch of time."""

    count: int
    unit: str  # minute, hour, day

    @property
    def cell(self) -> float:
        """Give the seconds of one cell."""
        seconds, cells = _CELLS[self.unit]
        return seconds / cells

    @property
    def spacing(self) -> float:
        """Give the seconds between two places: a little more than needed, for some come late."""
        seconds, _ = _CELLS[self.unit]
        return (seconds + 1.5 * self.cell) / self.count

    def reach(self, now: float) -> range:
        """Name the cells that a stretch which ends now may touch."""
        last = math.floor(now / self.cell)
        return range(last - _CELLS[self.unit][1], last + 1)

    def __str__(self) -> str:
        """Give the limit as it is written in the settings."""
        return f"{self.count}/{self.unit}"


@dataclass(frozen=True)
class DomainLimits:
    """The limits by domain; several names may share one, and all others have one each."""

    named: Mapping[str, tuple[str, Limit]] = field(default_factory=lambda: MappingProxyType({}))
    others: Limit | None = None

    def __bool__(self) -> bool:
        """Tell whether there is any limit."""
        return bool(self.named) or self.others is not None

    def limit_of(self, domain: str) -> tuple[str, Limit] | None:
        """Give the name of a domain's line, and its limit; None: as fast as it goes."""
        if found := self.named.get(domain):
            return found
        return (domain, self.others) if self.others else None


NO_LIMITS = DomainLimits()


@dataclass(frozen=True)
class Line:
    """How it stands with one domain: where the line ends, and how many went of late, by cell."""

    free_at: float = 0.0  # seconds since 1970
    gone: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))


def read_limits(texts: Sequence[str]) -> DomainLimits:
    """Read `gmail.com=60/minute`, `outlook.com+hotmail.com=60/minute`, `*=300/minute`.

    Raises:
        ValueError: with the text that is none.
    """
    named: dict[str, tuple[str, Limit]] = {}
    others = None
    for text in texts:
        if (found := _LIMIT.fullmatch(text)) is None:
            raise ValueError(text)
        limit = Limit(int(found[2]), found[3])
        if found[1] == OTHERS:
            others = limit
            continue
        domains = [_domain(name, text) for name in found[1].split("+")]
        named |= dict.fromkeys(domains, (domains[0], limit))
    return DomainLimits(named, others)


def _domain(name: str, text: str) -> str:
    domain = to_ascii_domain(name.lower())
    if domain is None:
        raise ValueError(text)
    return domain


def take_place(
    line: Line, limit: Limit, *, now: float, place: float | None = None, must_go: bool = False
) -> tuple[float | None, Line]:
    """Decide about one mail: None, it goes now, or the moment of its place in the line.

    `place` is the one it was given before. Who comes just too late for it and finds no room waits
    until there is some, and who is very late goes to the end of the line. What must go does, and
    counts.
    """
    if must_go:
        return None, _gone(line, limit, now, free_at=max(line.free_at, now) + limit.spacing)
    room_at = _room_at(line, limit, now)
    has_place = place is not None and place <= now
    if has_place and room_at <= now:
        return None, _gone(line, limit, now, free_at=line.free_at)
    if has_place and place is not None and now - place <= _JUST_LATE * limit.cell:
        return room_at, line
    if max(line.free_at, room_at) <= now:
        return None, _gone(line, limit, now, free_at=now + limit.spacing)
    until = max(line.free_at, room_at)
    return until, Line(until + limit.spacing, line.gone)


def _room_at(line: Line, limit: Limit, now: float) -> float:
    """Find from when on a stretch may see one more, with what has gone; now, if it may."""
    reach = limit.reach(now)
    room, later = limit.count - sum(line.gone.get(cell, 0) for cell in reach), iter(reach)
    if room > 0:
        return now
    cell = reach[0]
    while room <= 0:
        cell = next(later)
        room += line.gone.get(cell, 0)
    return (cell + len(reach)) * limit.cell


def _gone(line: Line, limit: Limit, now: float, *, free_at: float) -> Line:
    reach = limit.reach(now)
    recent = {cell: count for cell, count in line.gone.items() if cell in reach}
    return Line(free_at, recent | {reach[-1]: recent.get(reach[-1], 0) + 1})
