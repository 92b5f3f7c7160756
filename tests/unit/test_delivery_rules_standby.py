"""The first choice gets the mail while it is well; equals share it; nobody is asked in vain."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as some

from delivery.rules.standby import (
    FIRST_REST,
    LONGEST_REST,
    WELL,
    Outage,
    Place,
    deal,
    failed_again,
    hand_out,
    in_charge,
    to_probe,
)

NOW = 1000.0
RESTING = Outage(1, NOW + 1)
RESTED = Outage(1, NOW - 1)
OUTAGES = some.sampled_from([WELL, RESTING, RESTED])
PLACES = some.dictionaries(
    some.integers(0, 5), some.builds(Place, some.integers(1, 3), some.integers(1, 9), OUTAGES)
)


def test_the_first_choice_gets_everything_while_it_is_well() -> None:
    places = {0: Place(1, 1), 1: Place(2, 1)}

    assert hand_out(5, places, {}, now=NOW) == [0] * 5


def test_the_next_takes_over_and_the_first_gets_one_mail_when_it_has_rested() -> None:
    assert hand_out(3, {0: Place(1, 1, RESTING), 1: Place(2, 1)}, {}, now=NOW) == [1, 1, 1]
    assert hand_out(3, {0: Place(1, 1, RESTED), 1: Place(2, 1)}, {}, now=NOW) == [0, 1, 1]


def test_who_is_not_needed_is_not_asked() -> None:
    assert to_probe({0: Place(1, 1), 1: Place(2, 1, RESTED)}, now=NOW) == []


def test_when_all_are_down_the_one_whose_rest_is_over_is_asked() -> None:
    both = {0: Place(1, 1, RESTING), 1: Place(2, 1, RESTED)}

    assert hand_out(2, both, {}, now=NOW) == [1, 1]
    assert hand_out(2, {0: Place(1, 1, RESTING)}, {}, now=NOW) == [0, 0]
    assert hand_out(2, {}, {}, now=NOW) == []


@given(PLACES, some.integers(0, 40))
def test_every_message_gets_a_relay_and_never_a_resting_one_beside_one_that_is_well(
    places: dict[int, Place], count: int
) -> None:
    chosen = hand_out(count, places, {}, now=NOW)

    assert len(chosen) == (count if places else 0)
    if any(place.outage is WELL for place in places.values()):
        assert all(places[one].outage is not RESTING for one in chosen)
        best = min(place.order for place in places.values() if place.outage is WELL)
        assert all(places[one].order <= best for one in chosen)
        got = Counter(one for one in chosen if places[one].outage is RESTED)
        assert set(got.values()) <= {1}
    assert set(in_charge(places, now=NOW)) <= set(places)


@given(
    some.dictionaries(some.integers(0, 5), some.integers(1, 9), min_size=1),
    some.lists(some.integers(1, 20), max_size=20),
)
def test_over_time_each_gets_its_share(shares: dict[int, int], groups: list[int]) -> None:
    gone: Counter[int] = Counter()
    for count in groups:
        gone.update(deal(count, shares, gone))

    total, weight = sum(groups), sum(shares.values())
    for number, share in shares.items():
        assert abs(gone[number] - total * share / weight) <= len(shares)


def test_the_rest_doubles_up_to_a_quarter_of_an_hour() -> None:
    outage, rests = WELL, []
    for _ in range(12):
        outage = failed_again(outage, now=NOW)
        rests.append(outage.again_at - NOW)

    assert rests[:6] == [FIRST_REST * 2**n for n in range(5)] + [LONGEST_REST]
    assert set(rests[6:]) == {LONGEST_REST}
