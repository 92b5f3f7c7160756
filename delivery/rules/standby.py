"""Which of several relays gets a message: by order, then by share; and when to ask one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIRST_REST = 30.0  # seconds before a relay that could not be used is tried again
LONGEST_REST = 900.0


@dataclass(frozen=True)
class Outage:
    """How often in a row a relay could not be used, and when it is asked again."""

    failures: int = 0
    again_at: float = float("-inf")  # seconds, by the stopwatch


WELL = Outage()


@dataclass(frozen=True)
class Place:
    """What the choice goes by."""

    order: int  # 1 is the first choice
    share: int  # among those of the same order
    outage: Outage = WELL


def failed_again(outage: Outage, *, now: float) -> Outage:
    """Let a relay rest that could not be used: 30 seconds, 1, 2, 4, 8, then 15 minutes."""
    rest = min(FIRST_REST * 2.0 ** min(outage.failures, 10), LONGEST_REST)
    return Outage(outage.failures + 1, now + rest)


def in_charge(places: Mapping[int, Place], *, now: float) -> list[int]:
    """Name the relays that get the mail: those that are well, of the first order that has any.

    When none is well, the one whose rest is over or ends first is as good as any.
    """
    well = [number for number, place in places.items() if not place.outage.failures]
    if well:
        best = min(places[number].order for number in well)
        return [number for number in well if places[number].order == best]
    return [min(places, key=lambda number: _turn(places[number], now))] if places else []


def to_probe(places: Mapping[int, Place], *, now: float) -> list[int]:
    """Name those that would be preferred, were they well, and whose rest is over: one mail each."""
    charged = in_charge(places, now=now)
    best = min((places[number].order for number in charged), default=0)
    return [
        number
        for number, place in places.items()
        if number not in charged and place.order <= best and place.outage.again_at <= now
    ]


def deal(count: int, shares: Mapping[int, int], gone: Mapping[int, int]) -> list[int]:
    """Name the relay of each message, so that over time each gets its share.

    `gone` tells how many each has got so far. The next is always who lies furthest behind.
    """
    so_far = {number: gone.get(number, 0) for number in shares}
    chosen = []
    for _ in range(count):
        behind = min(shares, key=lambda number: (so_far[number] + 1) / shares[number])
        so_far[behind] += 1
        chosen.append(behind)
    return chosen


def hand_out(
    count: int, places: Mapping[int, Place], gone: Mapping[int, int], *, now: float
) -> Sequence[int]:
    """Name the relay of each of some messages; none when there is no relay left."""
    charged = in_charge(places, now=now)
    if not charged:
        return []
    probes = to_probe(places, now=now)[:count]
    shares = {number: places[number].share for number in charged}
    return [*probes, *deal(count - len(probes), shares, gone)]


def _turn(place: Place, now: float) -> tuple[float, int]:
    return max(place.outage.again_at, now), place.order
