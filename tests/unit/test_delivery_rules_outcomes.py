"""Each outcome of a hand-over leads where it must, from every state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.rules.outcomes import (
    MOST_DOUBTS,
    Situation,
    Verdict,
    in_doubt,
    is_greylisting,
    judge,
)
from delivery.rules.replies import ReplyClass
from delivery.rules.states import Policy, State, may_move
from delivery.sender import Accepted, Deferred, Outcome, Refused, RelayDown, Uncertain

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SENDING = Situation(State.SENDING, Policy.AT_MOST_ONCE, NOW - timedelta(hours=1))
ACCEPTED = Accepted("250 ok", "relay")
DEFERRED = Deferred("450 4.2.0 greylisted", "relay", 450, "4.2.0", "rcpt")
HARD = Refused("550 5.1.1 unknown", "relay", 550, "5.1.1", "rcpt")
FULL = Refused("552 5.2.2 full", "relay", 552, "5.2.2", "rcpt")
DOWN = RelayDown("no connection", "relay")
UNCERTAIN = Uncertain("link lost", "relay")
OUTCOMES: list[Outcome] = [ACCEPTED, DEFERRED, HARD, FULL, DOWN, UNCERTAIN]


def decided(outcome: Outcome, situation: Situation, now: datetime = NOW) -> Verdict:
    verdict = judge(outcome, situation, now=now)
    assert verdict is not None
    return verdict


def test_accepted_is_sent() -> None:
    assert decided(ACCEPTED, SENDING).state is State.SENT


def test_refused_for_good_is_rejected_with_the_class_and_the_relays_words() -> None:
    verdict = decided(HARD, SENDING)

    assert (verdict.state, verdict.reply_class) == (State.REJECTED, ReplyClass.HARD)
    assert verdict.reason == "hard: 550 5.1.1 unknown"


@pytest.mark.parametrize("outcome", [DEFERRED, FULL])
def test_refused_for_now_is_queued_and_remembers_since_when(outcome: Outcome) -> None:
    first = decided(outcome, SENDING)
    later = NOW + timedelta(minutes=5)
    second = decided(outcome, replace(SENDING, deferred_since=first.deferred_since), later)

    assert (first.state, first.due_at, first.deferred_since) == (State.QUEUED, later, NOW)
    assert second.due_at == later + timedelta(minutes=10)
    assert second.deferred_since == NOW


def test_refused_for_now_for_five_days_is_given_up_with_the_last_words() -> None:
    since = NOW - timedelta(days=5)

    verdict = decided(FULL, replace(SENDING, deferred_since=since))

    assert (verdict.state, verdict.reply_class) == (State.REJECTED, ReplyClass.FULL)
    assert verdict.reason == "gave up after 5 days of refusals; the last: 552 5.2.2 full"


def test_a_relay_that_is_down_costs_only_a_minute() -> None:
    verdict = decided(DOWN, SENDING)

    assert (verdict.state, verdict.due_at) == (State.QUEUED, NOW + timedelta(minutes=1))
    assert verdict.deferred_since is None


def test_a_not_now_to_everybody_counts_against_nobody() -> None:
    long_ago = replace(SENDING, deferred_since=NOW - timedelta(days=6), is_relay_wide=True)

    verdict = decided(Deferred("451 later", "relay", 451), long_ago)

    assert (verdict.state, verdict.deferred_since) == (State.QUEUED, NOW)
    assert verdict.reason == "the relay says 'not now' to everybody: 451 later"


def test_a_not_now_to_everybody_that_comes_too_late_changes_nothing() -> None:
    settled = replace(SENDING, state=State.SENT, is_relay_wide=True)

    assert judge(Deferred("451 later", "relay", 451), settled, now=NOW) is None


@pytest.mark.parametrize(
    ("seen", "never_went"),
    [
        ({}, True),
        ({"deferred_since": NOW}, False),
        ({"doubt_count": 1}, False),
    ],
)
def test_without_a_relay_the_date_is_kept_only_by_what_a_relay_has_seen(
    seen: dict[str, Any], never_went: bool
) -> None:
    assert decided(DOWN, replace(SENDING, **seen)).never_went is never_went


def test_when_to_try_a_relay_again_can_be_chosen() -> None:
    later = NOW + timedelta(minutes=8)

    verdict = judge(DOWN, SENDING, now=NOW, due_at=later)

    assert verdict is not None
    assert verdict.due_at == later


def test_a_lost_answer_leaves_the_delivery_in_doubt() -> None:
    verdict = decided(UNCERTAIN, SENDING)

    assert (verdict.state, verdict.doubt_count) == (State.UNCERTAIN, 1)
    assert "may or may not have gone" in verdict.reason


@pytest.mark.parametrize("outcome", [ACCEPTED, HARD])
def test_an_answer_for_what_is_neither_under_way_nor_in_doubt_changes_nothing(
    outcome: Outcome,
) -> None:
    assert judge(outcome, replace(SENDING, state=State.CANCELLED), now=NOW) is None


def test_a_relay_that_wants_a_message_later_on_purpose_is_known_for_it() -> None:
    full = Deferred("452 4.2.2 mailbox full", "relay", 452, "4.2.2", "rcpt")

    assert is_greylisting(DEFERRED)
    assert not is_greylisting(full)


def test_what_people_wait_for_is_sent_again_in_doubt_a_few_times() -> None:
    waited_for = replace(SENDING, policy=Policy.AT_LEAST_ONCE)

    again = in_doubt(waited_for, now=NOW)
    last = in_doubt(replace(waited_for, doubt_count=MOST_DOUBTS), now=NOW)

    assert (again.state, again.doubt_count) == (State.QUEUED, 1)
    assert again.due_at == NOW + timedelta(minutes=5)
    assert (last.state, last.doubt_count) == (State.UNCERTAIN, MOST_DOUBTS + 1)


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        (ACCEPTED, State.SENT),
        (HARD, State.REJECTED),
        (DEFERRED, State.QUEUED),
        (DOWN, State.QUEUED),
        (UNCERTAIN, None),
    ],
)
def test_a_late_answer_settles_a_doubt(outcome: Outcome, after: State | None) -> None:
    verdict = judge(outcome, replace(SENDING, state=State.UNCERTAIN), now=NOW)

    assert (verdict.state if verdict else None) is after


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_an_acceptance_counts_for_what_is_queued_again(outcome: Outcome) -> None:
    verdict = judge(outcome, replace(SENDING, state=State.QUEUED), now=NOW)

    assert (verdict.state if verdict else None) is (State.SENT if outcome is ACCEPTED else None)


situations = st.builds(
    Situation,
    state=st.sampled_from(State),
    policy=st.sampled_from(Policy),
    due_at=st.just(NOW),
    deferred_since=st.none() | st.datetimes(timezones=st.just(UTC)),
    doubt_count=st.integers(0, 9),
)


@given(st.sampled_from(OUTCOMES), situations)
def test_every_verdict_is_a_move_that_exists(outcome: Outcome, situation: Situation) -> None:
    verdict = judge(outcome, situation, now=NOW)

    if verdict is not None:
        assert may_move(situation.state, verdict.state)
        assert verdict.doubt_count >= situation.doubt_count


@given(st.sampled_from(OUTCOMES), situations)
def test_rather_never_than_twice_holds_by_itself(outcome: Outcome, situation: Situation) -> None:
    verdict = judge(outcome, replace(situation, policy=Policy.AT_MOST_ONCE), now=NOW)

    if isinstance(outcome, Uncertain):
        assert verdict is None or verdict.state is State.UNCERTAIN
