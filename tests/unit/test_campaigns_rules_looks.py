"""No enrolment goes unlooked at for longer than a day."""

from __future__ import annotations

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
        (WaitUntil(1, NOW + timedelta(hours=3), WHY), timedelta(hours=3)),
        (WaitUntil(1, NOW + timedelta(days=30), WHY), LONGEST),
        (SeriesPaused(1), LONGEST),
        (Blocked(Block.NEVER_OPEN, 1), LONGEST),
        (Finished(), LONGEST),
    ],
)
def test_the_next_look_is_when_something_can_change(move: Move, after: timedelta) -> None:
    assert look_after(move, now=NOW) == NOW + after
