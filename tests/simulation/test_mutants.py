"""The checks can fail: take a guard out of the service, and the simulation notices.

Most guards stand in pairs, so that one of them may fail. Then the pair must be noticed, and each
alone must not be: the other holds.
"""

from __future__ import annotations

import pytest

from tests.simulation import mutants
from tests.simulation.conftest import MakeWorld
from tests.simulation.faults import Rates
from tests.simulation.invariants import violations
from tests.simulation.world import Abandoned

pytestmark = pytest.mark.slow  # `make simulate` runs it

STANDSTILLS = Rates(stall=0.08, crash=0.01, refusal=0.03, reset=0.02, unknown_commit=0.005)
PEOPLE = Rates(deed=0.1, stall=0.02)
REFUSALS = Rates(refusal=0.15, deed=0.05, stall=0.02)
RESETS = Rates(reset=0.1, deed=0.05, stall=0.01)
CRASHES = Rates(crash=0.04, deed=0.02)
POWER_CUTS = Rates(outage=0.02, crash=0.01)
JUMPS = Rates(jump=0.4, deed=0.02)
MOST_SEEDS = 60

NOTICED = [
    (("no_compare_and_set", "no_fence"), STANDSTILLS, 6),
    (("no_pointer_guard", "no_due_rule"), STANDSTILLS, 1),
    (("no_day_guard",), STANDSTILLS, 8),
    (("no_day_guard", "no_busy_days"), STANDSTILLS, 2),
    (("no_suppression_check",), PEOPLE, 1),
    (("no_consent_check",), PEOPLE, 1),
    (("no_consent_check", "no_cancelling"), PEOPLE, 1),
    (("retry_in_doubt",), STANDSTILLS, 5),
    (("reset_is_a_refusal",), RESETS, 1),
    (("no_deadline",), STANDSTILLS, 6),
    (("no_soon_enough",), STANDSTILLS, 1),
    (("no_second_last_step",), RESETS, 1),
    (("no_forgetting",), REFUSALS, 1),
    (("no_journal",), CRASHES, 7),
    (("no_dots",), CRASHES, 7),
    (("no_power_cuts",), POWER_CUTS, 18),
    (("no_holds",), JUMPS, 8),
    (("no_brake",), CRASHES, 8),
    (("no_quota",), CRASHES, 1),
    (("any_relay_will_do",), RESETS, 1),
    (("no_issue_key", "no_place_in_audience"), PEOPLE, 1),
    (("no_round_in_key",), PEOPLE, 3),
    (("no_conditions", "no_objections"), PEOPLE, 7),
]
HELD_BY_ANOTHER = [
    ("no_compare_and_set", STANDSTILLS),  # the fence
    ("no_fence", STANDSTILLS),  # the compare-and-set
    ("no_pointer_guard", STANDSTILLS),  # the plan: one step in flight, and the wait counted
    ("no_due_rule", STANDSTILLS),  # the guard on the pointer
    ("no_busy_days", STANDSTILLS),  # the key of the mailed days
    ("no_issue_key", PEOPLE),  # the place reached in the audience
    ("no_place_in_audience", PEOPLE),  # the once key
    ("no_cancelling", PEOPLE),  # the look at the subscription in the mark
]


@pytest.mark.parametrize(
    ("names", "rates", "first"), NOTICED, ids=["+".join(names) for names, _, _ in NOTICED]
)
def test_a_missing_guard_is_noticed(
    make_world: MakeWorld,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    rates: Rates,
    first: int,
) -> None:
    """`first` is the seed that noticed it when this was written, so it is usually quick."""
    for name in names:
        getattr(mutants, name)(monkeypatch)

    seeds = range(first, first + MOST_SEEDS)
    noticed = next((seed for seed in seeds if is_broken(make_world, seed, rates)), None)

    assert noticed is not None


@pytest.mark.parametrize(("name", "rates"), HELD_BY_ANOTHER, ids=[n for n, _ in HELD_BY_ANOTHER])
def test_what_one_guard_lets_through_another_holds(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, name: str, rates: Rates
) -> None:
    getattr(mutants, name)(monkeypatch)

    assert not any(is_broken(make_world, seed, rates) for seed in (6,))


def is_broken(make_world: MakeWorld, seed: int, rates: Rates) -> bool:
    world = make_world(seed, rates=rates, least_workers=2)
    try:
        world.play()
    except Abandoned:
        return True
    return bool(violations(world))
