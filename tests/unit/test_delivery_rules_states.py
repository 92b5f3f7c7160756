"""What a delivery may become, and what it may not."""

from __future__ import annotations

import itertools

import pytest

from delivery.rules.states import (
    MOVES,
    POLICY_OF_KIND,
    TERMINAL,
    Kind,
    Policy,
    State,
    may_move,
    origins_of,
)


def test_every_state_has_its_moves_and_every_move_its_occasion() -> None:
    assert set(MOVES) == set(State)
    assert all(why for moves in MOVES.values() for why in moves.values())


def test_nothing_is_handed_over_that_was_not_claimed_and_marked() -> None:
    assert origins_of(State.SENDING) == {State.CLAIMED}
    assert origins_of(State.CLAIMED) == {State.QUEUED}


@pytest.mark.parametrize("over", [State.SENT, State.EXPIRED])
def test_what_is_over_stays_so(over: State) -> None:
    assert MOVES[over] == {}


def test_what_is_marked_cannot_be_cancelled_or_held_any_more() -> None:
    assert not may_move(State.SENDING, State.CANCELLED)
    assert not may_move(State.SENDING, State.HELD)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.HELD, State.QUEUED),
        (State.CANCELLED, State.QUEUED),
        (State.UNCERTAIN, State.QUEUED),
        (State.UNCERTAIN, State.SENT),
        (State.REJECTED, State.HELD),
    ],
)
def test_staff_and_people_can_bring_a_delivery_back(before: State, after: State) -> None:
    assert may_move(before, after)


def test_every_state_can_be_reached_from_the_queue() -> None:
    reached = {State.QUEUED}
    for _ in State:
        reached |= set(itertools.chain.from_iterable(MOVES[state] for state in reached))

    assert reached == set(State)


def test_only_open_states_lead_on_by_themselves() -> None:
    assert set(State) - TERMINAL == {State.QUEUED, State.CLAIMED, State.SENDING, State.HELD}


def test_what_people_asked_for_is_rather_sent_twice_than_never() -> None:
    assert set(POLICY_OF_KIND) == set(Kind)
    assert {kind for kind, policy in POLICY_OF_KIND.items() if policy is Policy.AT_LEAST_ONCE} == {
        Kind.CONFIRMATION,
        Kind.NOTICE,
    }
