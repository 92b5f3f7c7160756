"""Never twice, never lost: the service under seeded trouble, held against the relay's record."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.simulation.invariants import violations
from tests.simulation.world import World

SEEDS = int(os.environ.get("SEEDS", "15"))
FIRST = int(os.environ.get("SEED", "1"))


@pytest.mark.timeout(0)
def test_nothing_goes_twice_and_nothing_is_lost(make_world: Callable[..., World]) -> None:
    totals: Counter[str] = Counter()
    broken: list[str] = []
    began = time.monotonic()
    for seed in range(FIRST, FIRST + SEEDS):
        world = make_world(seed)
        try:
            world.play()
            found = violations(world)
        except Exception as error:
            found = [repr(error)]
            if SEEDS == 1:
                raise
        totals += world.totals
        broken += [f"seed={seed}: {what}" for what in found]
    print("\n", time.monotonic() - began)
    for name, count in sorted(totals.items()):
        print(f"{count:9,} {name}")

    assert broken == []
