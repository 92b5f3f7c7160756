"""Show how an import goes: a line on a terminal, and one word for the log where it matters."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from steadypost.cli.output import say


class ImportProgress:
    """Turns counted rows into a line for people."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._began: tuple[float, int] | None = None  # when the first rows were in, and how many

    def has_checked(self, rows: int) -> None:
        """Show how many rows were checked."""
        self._show(f"checked {rows:,} rows")

    def goes_on(self, rows_done: int, rows: int) -> None:
        """Say that it goes on where it broke off; also when nobody watches."""
        say(f"going on at row {rows_done + 1:,} of {rows:,}; --start-over begins anew")

    def has_written(self, rows_done: int, rows: int) -> None:
        """Show how many rows are in, how fast it goes, and how long it will take."""
        now = time.monotonic()
        began, before = self._began = self._began or (now, rows_done)
        took = timedelta(seconds=now - began)
        self._show(how_far(rows_done, rows, lately=rows_done - before, took=took))


def how_far(done: int, of: int, *, lately: int, took: timedelta) -> str:
    """Say how many of the rows are in, and how long the others will take at the pace of late."""
    line = f"imported {done:,} of {of:,} rows"
    if not lately or not took:
        return line
    pace = lately / took.total_seconds()
    minutes, seconds = divmod(round((of - done) / pace), 60)
    left = f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
    return f"{line}, {pace:,.0f} a second, {left} left"
