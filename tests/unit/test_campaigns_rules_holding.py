"""From the reason of one held mail it is decided whether its series must wait."""

from __future__ import annotations

import pytest

from campaigns.rules.aftermath import HALTS_SERIES
from campaigns.rules.holding import KEPT_BACK, cause_of
from delivery.rules.holds import REACH_OF, RELEASED_BY_RESUME, Cause, Reach


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("policy: 550 5.7.1 blocked", Cause.POLICY),
        ("another email of the series was refused: policy: 550 5.7.1 blocked", Cause.POLICY),
        ("content: 554 5.7.1 looks like spam", None),
        (f"{KEPT_BACK}policy: 550 5.7.1 blocked", None),
        ("cannot render 'Sleep': it uses {{ first_nam }}", Cause.TEMPLATE),
        ("the step has no published text; publish it, then release this", Cause.TEMPLATE),
    ],
)
def test_a_series_is_held_for_what_all_its_mails_share(reason: str, cause: Cause | None) -> None:
    assert cause_of(reason) == cause


def test_each_refusal_that_halts_a_series_holds_it() -> None:
    assert {cause_of(f"{kind}: 550 no") for kind in HALTS_SERIES} == {Cause.POLICY}


def test_each_cause_reaches_somewhere() -> None:
    assert set(REACH_OF) == set(Cause)
    assert {REACH_OF[cause] for cause in RELEASED_BY_RESUME} == {Reach.SITE}
