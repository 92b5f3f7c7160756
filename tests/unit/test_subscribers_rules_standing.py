"""Standings, suppression reasons, and what follows when somebody asks, confirms or returns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.rules.asking import (
    ASKING_GAP,
    LINK_LIFE,
    MONTH,
    NOTICE_GAP,
    UNDO_PERIOD,
    Answer,
    Asked,
    decide_confirmation,
    decide_sign_up,
    may_ask,
    may_notice,
    may_undo,
)
from subscribers.rules.standing import (
    MOVES,
    Standing,
    SuppressionReason,
    is_lifted_by_consent,
    may_be_added,
    may_move,
    outranks,
)

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
standings = st.sampled_from(Standing)
reasons = st.sampled_from(SuppressionReason)
moments = st.timedeltas(timedelta(days=-60), timedelta(days=8)).map(lambda span: NOW + span)


def test_every_standing_has_its_moves_and_none_leads_to_itself() -> None:
    assert set(MOVES) == set(Standing)
    assert not any(may_move(standing, standing) for standing in Standing)


def test_who_has_left_may_come_back_but_a_confirmed_person_is_never_unconfirmed() -> None:
    assert may_move(Standing.UNSUBSCRIBED, Standing.UNCONFIRMED)
    assert not may_move(Standing.CONFIRMED, Standing.UNCONFIRMED)


def test_only_a_stronger_reason_replaces_a_suppression() -> None:
    assert outranks(SuppressionReason.HARD_BOUNCE, SuppressionReason.BY_REQUEST)
    assert outranks(SuppressionReason.COMPLAINT, SuppressionReason.BY_STAFF)
    assert not outranks(SuppressionReason.BY_REQUEST, SuppressionReason.HARD_BOUNCE)


@given(reasons, reasons)
def test_of_two_reasons_one_outranks_the_other(
    one: SuppressionReason, two: SuppressionReason
) -> None:
    assert outranks(one, two) + outranks(two, one) == (one is not two)


def test_a_new_yes_lifts_a_request_and_nothing_else() -> None:
    lifted = {reason for reason in SuppressionReason if is_lifted_by_consent(reason)}

    assert lifted == {SuppressionReason.BY_REQUEST}
    assert is_lifted_by_consent(None)


@pytest.mark.parametrize(
    ("standing", "unsubscribed_at", "allowed"),
    [
        (None, None, True),
        (Standing.UNCONFIRMED, None, True),
        (Standing.CONFIRMED, None, True),
        (Standing.UNSUBSCRIBED, NOW, False),
        (Standing.UNCONFIRMED, NOW, False),  # left, and somebody asked again
    ],
)
def test_staff_and_imports_bring_nobody_back(
    standing: Standing | None, unsubscribed_at: datetime | None, allowed: bool
) -> None:
    assert may_be_added(standing, unsubscribed_at=unsubscribed_at) is allowed


def test_an_address_may_be_asked_for_again_after_a_day_and_not_before() -> None:
    assert may_ask([], now=NOW)
    assert may_ask([NOW - ASKING_GAP], now=NOW)
    assert not may_ask([NOW - ASKING_GAP + MOMENT], now=NOW)


def test_the_fourth_asking_within_thirty_days_is_refused() -> None:
    three = [NOW - timedelta(days=days) for days in (2, 10, 29)]

    assert may_ask(three[1:], now=NOW)
    assert not may_ask(three, now=NOW)
    assert may_ask([*three[:2], NOW - MONTH], now=NOW)


def test_an_asking_in_the_future_counts_as_recent() -> None:
    assert not may_ask([NOW + timedelta(hours=5)], now=NOW)


@given(st.lists(moments, max_size=40))
def test_a_flood_makes_at_most_one_mail_a_day_and_three_in_thirty(attempts: list[datetime]) -> None:
    granted: list[datetime] = []
    for now in sorted(attempts):
        if may_ask(granted, now=now):
            granted.append(now)

    for at in granted:
        assert sum(at <= other < at + ASKING_GAP for other in granted) == 1
        assert sum(at <= other < at + MONTH for other in granted) <= 3


def test_a_notice_is_wanted_once_a_day() -> None:
    assert may_notice(None, now=NOW)
    assert may_notice(NOW - NOTICE_GAP, now=NOW)
    assert not may_notice(NOW - NOTICE_GAP + MOMENT, now=NOW)


@pytest.mark.parametrize(
    ("standing", "suppressed", "askings", "asked"),
    [
        (None, False, [], Asked.CONFIRMATION),
        (Standing.UNCONFIRMED, False, [], Asked.CONFIRMATION),
        (Standing.UNSUBSCRIBED, False, [], Asked.CONFIRMATION),
        (Standing.UNCONFIRMED, False, [NOW], Asked.TOO_OFTEN),
        (Standing.CONFIRMED, False, [NOW], Asked.NOTICE),
        (Standing.CONFIRMED, True, [], Asked.SUPPRESSED),
        (None, True, [], Asked.SUPPRESSED),
        (None, True, [NOW], Asked.TOO_OFTEN),
    ],
)
def test_a_sign_up_leads_to(
    standing: Standing | None, suppressed: bool, askings: list[datetime], asked: Asked
) -> None:
    assert decide_sign_up(standing, suppressed=suppressed, askings=askings, now=NOW) is asked


@given(st.none() | standings, st.lists(moments, max_size=5), moments)
def test_no_sign_up_wins_against_a_suppression(
    standing: Standing | None, askings: list[datetime], now: datetime
) -> None:
    asked = decide_sign_up(standing, suppressed=True, askings=askings, now=now)

    assert asked in (Asked.SUPPRESSED, Asked.TOO_OFTEN)


def answer(
    standing: Standing = Standing.UNCONFIRMED,
    *,
    is_newest: bool = True,
    age: timedelta | None = timedelta(0),
    suppression: SuppressionReason | None = None,
) -> Answer:
    """Open a link of this age."""
    return decide_confirmation(
        standing,
        is_newest=is_newest,
        asked_at=None if age is None else NOW - age,
        suppression=suppression,
        now=NOW,
    )


def test_a_fresh_link_confirms() -> None:
    assert answer() is Answer.CONFIRMS


def test_a_link_works_for_seven_days() -> None:
    assert answer(age=LINK_LIFE) is Answer.CONFIRMS
    assert answer(age=LINK_LIFE + MOMENT) is Answer.EXPIRED


def test_confirming_by_hand_knows_no_age() -> None:
    assert answer(age=None) is Answer.CONFIRMS


def test_the_link_of_an_older_asking_does_nothing() -> None:
    assert answer(is_newest=False) is Answer.OUTDATED


def test_confirming_twice_is_harmless_with_any_link() -> None:
    confirmed = Standing.CONFIRMED

    assert answer(confirmed) is Answer.ALREADY_CONFIRMED
    assert answer(confirmed, is_newest=False, age=2 * LINK_LIFE) is Answer.ALREADY_CONFIRMED


def test_a_link_does_nothing_after_unsubscribing() -> None:
    assert answer(Standing.UNSUBSCRIBED) is Answer.HAS_LEFT


@pytest.mark.parametrize("reason", set(SuppressionReason) - {SuppressionReason.BY_REQUEST})
def test_a_suppressed_address_is_not_confirmed(reason: SuppressionReason) -> None:
    assert answer(suppression=reason) is Answer.SUPPRESSED


def test_a_new_yes_is_enough_after_a_suppression_by_request() -> None:
    assert answer(suppression=SuppressionReason.BY_REQUEST) is Answer.CONFIRMS


def undo(
    standing: Standing = Standing.UNSUBSCRIBED,
    *,
    confirmed_at: datetime | None = NOW - timedelta(days=40),
    unsubscribed_at: datetime | None = NOW,
    suppression: SuppressionReason | None = None,
) -> bool:
    """Ask to take an unsubscription back."""
    return may_undo(
        standing,
        confirmed_at=confirmed_at,
        unsubscribed_at=unsubscribed_at,
        suppression=suppression,
        now=NOW,
    )


def test_an_unsubscription_can_be_undone_for_a_day() -> None:
    assert undo(unsubscribed_at=NOW - UNDO_PERIOD)
    assert not undo(unsubscribed_at=NOW - UNDO_PERIOD - MOMENT)


def test_undoing_never_confirms_for_the_first_time() -> None:
    assert not undo(confirmed_at=None)


def test_there_is_nothing_to_undo_for_who_has_not_left() -> None:
    assert not undo(Standing.CONFIRMED)
    assert not undo(unsubscribed_at=None)


def test_undoing_does_not_win_against_a_suppression() -> None:
    assert not undo(suppression=SuppressionReason.COMPLAINT)
    assert undo(suppression=SuppressionReason.BY_REQUEST)
