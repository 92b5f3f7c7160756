"""How many rows of a file go into one transaction, so that others wait for a moment only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

FEWEST, MOST = 500, 10_000  # rows; fewer cost more than they free, more need too much memory
AT_FIRST = 2_000

# SQLite has one writer. Who waits for it looks again every tenth of a second, so that the lock
# must not only be given back soon, but also stay free for as long.
BESIDE_OTHERS = timedelta(milliseconds=200)
ALONE = timedelta(seconds=2)  # whoever signs up meanwhile waits for it; large portions cost less
LEAST_REST = timedelta(milliseconds=120)


@dataclass(frozen=True)
class Took:
    """What the last portion was: how many rows, and how long it kept others from writing."""

    rows: int
    time: timedelta
    others_work: bool  # a service sends meanwhile


def next_size(last: Took) -> int:
    """Choose the rows of the next portion: at most twice as many as were just written."""
    aim = BESIDE_OTHERS if last.others_work else ALONE
    time = max(last.time, timedelta(milliseconds=1))
    fitting = int(last.rows * (aim / time))
    return max(FEWEST, min(MOST, 2 * last.rows, fitting))


def rest_after(last: Took) -> timedelta:
    """Choose how long to leave the lock to others before the next portion."""
    if not last.others_work:
        return timedelta(0)
    return max(LEAST_REST, last.time)
