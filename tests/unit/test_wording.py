"""Counts are said as people say them."""

from __future__ import annotations

import pytest

from steadypost.wording import counted


@pytest.mark.parametrize(
    ("count", "words", "expected"),
    [
        (0, ("email",), "0 emails"),
        (1, ("email",), "1 email"),
        (1, ("person", "people"), "1 person"),
        (2, ("mail is", "mails are"), "2 mails are"),
        (12_000, ("person", "people"), "12,000 people"),
    ],
)
def test_one_is_no_plural(count: int, words: tuple[str, ...], expected: str) -> None:
    assert counted(count, *words) == expected
