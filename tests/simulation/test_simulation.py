"""Never twice, never lost: the service under seeded trouble, held against the relay's record."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.conftest import MakeWorld
from tests.simulation.invariants import violations
from tests.simulation.world import Abandoned

FIRST = int(os.environ.get("SEED", "1"))
SEEDS = int(os.environ.get("SEEDS", "1" if "SEED" in os.environ else "8"))
# Each of these broke a promise once.
KEPT = {
    8: "a step moved before one that was cancelled in a retry was cancelled every day, for ever",
    32: "the last step of a series could not be sent again once it had been in doubt",
}
_SHOWN = (
    "crash", "stall", "outage", "refused", "unknown_commit", "database_down", "relay_down",
    "refusal", "resets after the dot", "deed", "unsubscribe", "come back", "suppress", "erase",
    "edit", "choose", "fenced", "ticks", "sent", "deliveries uncertain",
)  # fmt: skip


@pytest.mark.timeout(0)
def test_nothing_goes_twice_and_nothing_is_lost(make_world: MakeWorld) -> None:
    began, totals, broken = time.monotonic(), Counter[str](), list[str]()

    for seed in range(FIRST, FIRST + SEEDS):
        broken += play(make_world, seed, totals)

    show(totals, took=time.monotonic() - began)
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
        print(f"{again}: {what}", flush=True)  # noqa: T201  (at once: others may follow for hours)
    return [f"{again}: {what}" for what in found]


def show(totals: Counter[str], *, took: float) -> None:
    """Print what happened in all the seeds together."""
    lines = [f"{totals[name]:12,} {name.replace('_', ' ')}" for name in _SHOWN]
    print(f"\n{SEEDS:,} seeds from {FIRST} in {took:,.0f} s", *lines, sep="\n")  # noqa: T201
