"""What the rules decided, in words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.rules.due_dates import Obstacle, PassedOver
from campaigns.rules.moves import Block, Cause, Why
from campaigns.sentences import BLOCKS, day_in_words, moment_in_words, reasons_in_words

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 3, 2)


def test_a_day_and_a_moment_are_said_as_people_say_them() -> None:
    assert day_in_words(MONDAY) == "Monday 2 March 2026"
    assert moment_in_words(datetime(2026, 7, 1, 7, 5, tzinfo=UTC), BERLIN) == (
        "Wednesday 1 July 2026 09:05, Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (Why(Cause.AT_ONCE), "the first email goes at once"),
        (Why(Cause.FIRST, MONDAY), "the next slot after the enrolment on Monday 2 March 2026"),
        (Why(Cause.FIRST, MONDAY, 3), "3 days after the enrolment on Monday 2 March 2026"),
        (Why(Cause.SPACING, MONDAY, 1), "1 day after the last one on Monday 2 March 2026"),
        (
            Why(Cause.SPACING, MONDAY, 7, weekday=2),
            "7 days after the last one on Monday 2 March 2026; Wednesday is their day",
        ),
        (
            Why(Cause.SPACING, MONDAY, 7, paused_until=date(2026, 4, 1)),
            "7 days after the last one on Monday 2 March 2026; "
            "they paused until Wednesday 1 April 2026",
        ),
        (
            Why(Cause.SPACING, MONDAY, 7, missed=datetime(2026, 3, 9, 8, tzinfo=UTC)),
            "7 days after the last one on Monday 2 March 2026; the slot on Monday 9 March 2026 "
            "09:00, Europe/Berlin was missed, so it goes as soon as mail may go",
        ),
        (
            Why(
                Cause.SPACING,
                MONDAY,
                7,
                passed_over=(
                    PassedOver(date(2026, 3, 9), Obstacle.CLOSED),
                    PassedOver(date(2026, 3, 10), Obstacle.TAKEN),
                    PassedOver(date(2026, 3, 11), Obstacle.NO_SUCH_TIME),
                ),
            ),
            "7 days after the last one on Monday 2 March 2026; "
            "Monday 9 March 2026 is a closed day; "
            "Tuesday 10 March 2026 has another email already; "
            "Wednesday 11 March 2026 has no such hour, the clocks change",
        ),
    ],
)
def test_every_reason_has_its_words(why: Why, words: str) -> None:
    assert reasons_in_words(why, BERLIN) == words


def test_of_many_closed_days_only_some_are_named() -> None:
    days = tuple(PassedOver(date(2026, 12, day), Obstacle.CLOSED) for day in range(20, 32))

    words = reasons_in_words(Why(Cause.AT_ONCE, passed_over=days), BERLIN)

    assert words.count("is a closed day") == 5
    assert words.endswith("; and 7 more days after it")


def test_every_block_says_what_to_do() -> None:
    assert set(BLOCKS) == set(Block)
