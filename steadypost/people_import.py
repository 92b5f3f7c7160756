"""Import a file of people beside a running service: portion by portion, and on after a crash."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from campaigns.braking import allow_surge
from delivery.workers import anybody_works
from scheduler import Parts
from storage.advice import gave_way
from subscribers.importing import FilePortion, ImportReport, ParsedImport, check_rows
from subscribers.rules.portions import AT_FIRST, Took, next_size, rest_after
from subscribers.unfinished import (
    HowFar,
    ImportOrder,
    begin_import,
    find_unfinished,
    forget_import,
    import_portion,
    refuse_order,
)


class Onlooker(Protocol):
    """Who hears how an import goes."""

    def has_checked(self, rows: int) -> None:
        """Hear how many rows were read and checked; none is written yet."""

    def goes_on(self, rows_done: int, rows: int) -> None:
        """Hear that an import goes on where it broke off."""

    def has_written(self, rows_done: int, rows: int) -> None:
        """Hear how many rows of the file are in."""


def import_people(
    parts: Parts,
    parsed: ParsedImport,
    order: ImportOrder,
    *,
    onlooker: Onlooker,
    start_over: bool = False,
) -> ImportReport:
    """Check a whole file, then write it portion by portion, each in a transaction of its own.

    When it broke off before (same file, list and consent), it goes on there, unless it shall
    `start_over`. Bad rows are found before anything is written.

    Raises:
        SubscriberError: the order or the file cannot be used, or another process works on it.
    """
    known_as = parsed.spreadsheet.state()
    going_on = _look_back(parts, order, start_over=start_over)
    checked = check_rows(parsed, tell=onlooker.has_checked)
    may_skip = order.skips_bad or (going_on is not None and going_on.skips_bad)
    if checked.bad and not may_skip:
        return checked.report()
    if not checked.rows:
        return checked.report({})
    with parts.database.transaction() as session:
        so_far = begin_import(session, order, checked, now=parts.clock())
    if so_far.rows_done:
        onlooker.goes_on(so_far.rows_done, so_far.rows)
    portions = _Portions(parts, order, so_far)
    for portion in parsed.portions(checked, after=so_far.rows_done, size=portions.size):
        parsed.spreadsheet.refuse_change(known_as)
        portions.write(portion)
        onlooker.has_written(portion.rows_done, so_far.rows)
    return checked.report(portions.so_far.fates)


def _look_back(parts: Parts, order: ImportOrder, *, start_over: bool) -> HowFar | None:
    """Find what an earlier try has left, or forget it."""
    with parts.database.reading() as session:
        refuse_order(session, order)
        found = find_unfinished(session, order)
    if found and start_over:
        with parts.database.transaction() as session:
            forget_import(session, found.id)
        return None
    return found


@dataclass
class _Portions:
    """Writes portion by portion; chooses their size by how long they keep others waiting."""

    parts: Parts
    order: ImportOrder
    so_far: HowFar
    last: Took | None = None

    def size(self) -> int:
        """Leave the lock to others, and say how many rows the next portion shall have."""
        if self.last is None:
            return AT_FIRST
        time.sleep(rest_after(self.last).total_seconds())
        return next_size(self.last)

    def write(self, portion: FilePortion) -> None:
        """Write a portion; once more, when the database chose it as the one to give way."""
        try:
            self._write_once(portion)
        except Exception as error:
            if not gave_way(error):
                raise
            self._write_once(portion)

    def _write_once(self, portion: FilePortion) -> None:
        parts, now, before = self.parts, self.parts.clock(), self.so_far
        with parts.database.transaction() as session:
            others_work = anybody_works(session, now=now, lease=parts.lease)
            began = time.monotonic()  # the lock is ours now
            after = import_portion(session, self.order, before, portion, now=now)
            # Who imports people means to write to them: the brake is for what nobody meant.
            added = after.fates.get("added", 0) - before.fates.get("added", 0)
            allow_surge(session, added, site=parts.site, now=now)
        took = timedelta(seconds=time.monotonic() - began)
        self.so_far = after
        self.last = Took(after.rows_done - before.rows_done, took, others_work)
