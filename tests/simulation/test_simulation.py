"""Never twice, never lost: the service under seeded trouble, held against the relay's record."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.conftest import MakeWorld
from tests.simulation.counting import TOTALS
from tests.simulation.invariants import violations
from tests.simulation.world import Abandoned

FIRST = int(os.environ.get("SEED", "1"))
SEEDS = int(os.environ.get("SEEDS", "1" if "SEED" in os.environ else "60"))
BLOCK = max(1, min(20, SEEDS // 4))  # enough blocks for a few processes, few enough to collect
# Each of these broke a promise once.
KEPT = {
    8: "a step moved before one that was cancelled in a retry was cancelled every day, for ever",
    32: "the last step of a series could not be sent again once it had been in doubt",
}


def blocks(count: int) -> list[range]:
    """Cut the seeds into blocks, so that several processes share them."""
    last = FIRST + count
    return [range(first, min(first + BLOCK, last)) for first in range(FIRST, last, BLOCK)]


def named(seeds: range) -> str:
    return f"{seeds[0]}-{seeds[-1]}"


@pytest.mark.timeout(0)
@pytest.mark.parametrize("seeds", blocks(SEEDS), ids=named)
def test_nothing_goes_twice_and_nothing_is_lost(
    make_world: MakeWorld, seeds: range, record_property: Callable[[str, object], None]
) -> None:
    totals, broken = Counter[str](seeds=len(seeds)), list[str]()

    for seed in seeds:
        broken += play(make_world, seed, totals)

    record_property(TOTALS, dict(totals))  # the summary adds them up
    assert broken == []


@pytest.mark.timeout(0)
@pytest.mark.parametrize("seeds", blocks(SEEDS // 20 or 1), ids=named)
def test_the_same_holds_on_postgresql(
    make_world_on_postgresql: MakeWorld,
    seeds: range,
    record_property: Callable[[str, object], None],
) -> None:
    totals, broken = Counter[str](seeds=len(seeds)), list[str]()

    for seed in seeds:
        broken += play(make_world_on_postgresql, seed, totals)

    record_property(TOTALS, dict(totals))
    assert broken == []


@pytest.mark.parametrize("seed", sorted(KEPT))
def test_a_promise_that_was_broken_once_is_kept(make_world: MakeWorld, seed: int) -> None:
    assert play(make_world, seed, Counter()) == []


def test_a_seed_tells_the_same_story_wherever_it_is_told() -> None:
    told = "from tests.simulation.story import tell; print(tell(33))"
    stories = {
        subprocess.run(
            [sys.executable, "-c", told],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for salt in ("1", "2")
    }

    assert len(stories) == 1
    assert "part-1" in stories.pop()


def play(make_world: MakeWorld, seed: int, totals: Counter[str]) -> list[str]:
    """Play one seed; say what was broken and how to see it again."""
    world = make_world(seed)
    try:
        world.play()
        found = violations(world)
    except Abandoned as error:
        found = [str(error)]
    totals += world.totals
    again = f"seed={seed} (again: SEED={seed} pytest tests/simulation -k nothing_goes_twice)"
    for what in found:
        # At once, whatever process this is: others may follow for hours.
        print(f"{again}: {what}", file=sys.__stderr__, flush=True)
    return [f"{again}: {what}" for what in found]
