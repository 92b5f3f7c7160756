"""What a refusal means for the person and for the series."""

from __future__ import annotations

import pytest

from campaigns.rules.aftermath import HALTS_SERIES, Aftermath, aftermath
from delivery.rules.replies import ReplyClass
from delivery.rules.states import State


@pytest.mark.parametrize("state", sorted(set(State) - {State.REJECTED}))
@pytest.mark.parametrize("reply_class", [None, *ReplyClass])
def test_nothing_follows_unless_it_is_refused_for_good(
    state: State, reply_class: ReplyClass | None
) -> None:
    assert aftermath(state, reply_class) is Aftermath.NONE


@pytest.mark.parametrize(
    ("reply_class", "what"),
    [
        (ReplyClass.HARD, Aftermath.SUPPRESS),
        (ReplyClass.POLICY, Aftermath.HOLD),
        (ReplyClass.LOGIN, Aftermath.HOLD),
        (ReplyClass.TOO_BIG, Aftermath.HOLD),
        (ReplyClass.CONTENT, Aftermath.HOLD),
        (ReplyClass.OUR_FAULT, Aftermath.HOLD),
        (ReplyClass.FULL, Aftermath.PARK),
        (ReplyClass.GREYLIST, Aftermath.PARK),
        (ReplyClass.RATE, Aftermath.PARK),
        (ReplyClass.TRANSIENT, Aftermath.PARK),
        (ReplyClass.UNCLEAR, Aftermath.PARK),
        (None, Aftermath.PARK),
    ],
)
def test_only_a_dead_address_is_suppressed_and_our_own_trouble_is_held(
    reply_class: ReplyClass | None, what: Aftermath
) -> None:
    assert aftermath(State.REJECTED, reply_class) is what


def test_every_class_of_reply_has_a_consequence_that_was_thought_of() -> None:
    thought_of = {ReplyClass.HARD, *HALTS_SERIES, ReplyClass.CONTENT}
    parked = {
        ReplyClass.FULL, ReplyClass.GREYLIST, ReplyClass.RATE, ReplyClass.TRANSIENT,
        ReplyClass.UNCLEAR,
    }  # fmt: skip

    assert thought_of | parked == set(ReplyClass)


def test_one_email_a_filter_dislikes_does_not_halt_the_series() -> None:
    assert ReplyClass.CONTENT not in HALTS_SERIES
    assert ReplyClass.POLICY in HALTS_SERIES
