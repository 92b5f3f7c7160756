"""How an import goes, in one line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from steadypost.cli.import_progress import ImportProgress, how_far
from storage.signing import new_public_ids


@pytest.mark.parametrize(
    ("done", "lately", "seconds", "expected"),
    [
        (5_000, 0, 0, "imported 5,000 of 1,000,000 rows"),
        (405_000, 5_000, 0.25, "imported 405,000 of 1,000,000 rows, 20,000 a second, 30 s left"),
        (
            10_000,
            9_000,
            9,
            "imported 10,000 of 1,000,000 rows, 1,000 a second, 16 min 30 s left",
        ),
    ],
)
def test_the_pace_and_the_time_left_are_told(
    done: int, lately: int, seconds: float, expected: str
) -> None:
    took = timedelta(seconds=seconds)

    assert how_far(done, 1_000_000, lately=lately, took=took) == expected


def test_the_line_says_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    progress = ImportProgress(lines.append)

    progress.has_checked(5_000)
    progress.goes_on(400_000, 1_000_000)
    progress.has_written(405_000, 1_000_000)

    assert lines == ["checked 5,000 rows", "imported 405,000 of 1,000,000 rows"]
    assert capsys.readouterr().err == (
        "going on at row 400,001 of 1,000,000; --start-over begins anew\n"
    )


def test_ids_made_together_are_all_different_and_neighbours() -> None:
    ids = new_public_ids(500)

    assert len(set(ids)) == 500
    assert {len(one) for one in ids} == {26}
    assert {one[:2] for one in ids} == {ids[0][:2]}
    assert new_public_ids(0) == []
