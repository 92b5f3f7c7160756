"""How fast a relay is given mail: one turn after the other, and slower while it asks for less."""

from __future__ import annotations

from dataclasses import dataclass

SLOWEST = 1 / 16  # of the usual speed
DOUBLES_IN = 300.0  # seconds without complaint after which a relay gets twice as much again
ONE_COMPLAINT = 10.0  # seconds: a relay that closes ten connections at once complained once
LONGEST_SPACING = 60.0  # seconds; a complaint makes it no longer: what is marked must go soon


@dataclass(frozen=True)
class Ease:
    """How far a relay is spared: the part of the usual speed it was left with, and since when."""

    part: float = 1.0
    since: float = float("-inf")  # seconds, by the stopwatch


def part_at(ease: Ease, *, now: float) -> float:
    """Tell which part of the usual speed a relay gets: it doubles with time, up to all of it."""
    if ease.part >= 1:
        return 1.0
    doublings = max(now - ease.since, 0.0) / DOUBLES_IN
    return 1.0 if doublings > 64 else min(1.0, ease.part * 2.0**doublings)


def spared(ease: Ease, *, now: float) -> Ease:
    """Halve the speed after a complaint, "too much" or "closing", but once for one occasion."""
    if now - ease.since < ONE_COMPLAINT:
        return ease
    return Ease(max(SLOWEST, part_at(ease, now=now) / 2), now)


def lanes_at(ease: Ease, *, connections: int, now: float) -> int:
    """Tell how many connections may be used."""
    return max(1, int(connections * part_at(ease, now=now)))


def spacing_at(ease: Ease, *, per_second: float, now: float) -> float:
    """Tell how many seconds lie between two messages at least; 0 where no rate is set."""
    if not per_second:
        return 0.0
    usual = 1 / per_second
    return max(usual, min(usual / part_at(ease, now=now), LONGEST_SPACING))


def take_turn(free_at: float, *, now: float, spacing: float) -> tuple[float, float]:
    """Give the moment of the next turn, and from when on the one after it is free.

    This is a token bucket of one: whoever comes while nobody waits goes at once, and what was not
    used is not saved up. So a second never sees more messages than the rate, wherever it begins.
    """
    turn = max(free_at, now)
    return turn, turn + spacing
