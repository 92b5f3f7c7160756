"""No enrolment goes unlooked at for longer than a day."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.rules.looks import LONGEST, ON_ITS_WAY, look_after
from campaigns.rules.moves import (
    AwaitDelivery,
    Block,
    Blocked,
    Cause,
    Finished,
    Move,
    SendStep,
    SeriesPaused,
    SkipStep,
    WaitUntil,
    Why,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
WHY = Why(Cause.SPACING)


@pytest.mark.parametrize(
    ("move", "after"),
    [
        (SendStep(1, NOW, WHY), ON_ITS_WAY),
        (AwaitDelivery(1), ON_ITS_WAY),
        (SkipStep(1, "its condition"), timedelta(0)),  # what follows may be due as well
        (WaitUntil(1, NOW + timedelta(hours=3), WHY), timedelta(hours=3)),
    ],
)
def test_the_next_look_is_when_something_can_change(move: Move, after: timedelta) -> None:
    assert look_after(move, now=NOW, enrolment_id=1) == NOW + after


@pytest.mark.parametrize(
    "move",
    [
        WaitUntil(1, NOW + timedelta(days=30), WHY),
        SeriesPaused(1),
        Blocked(Block.NEVER_OPEN, 1),
        Finished(),
    ],
)
def test_without_a_near_moment_the_next_look_is_within_a_day_and_not_for_all_at_once(
    move: Move,
) -> None:
    looks = [look_after(move, now=NOW, enrolment_id=number) - NOW for number in range(1000)]

    assert max(looks) <= LONGEST
    assert min(looks) >= timedelta(hours=18)
    by_minute = Counter(look // timedelta(minutes=1) for look in looks)
    assert max(by_minute.values()) < 20
