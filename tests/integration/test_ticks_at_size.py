"""A quiet tick reads the few rows that want something, however many people there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from campaigns.rules.standing import Origin
from campaigns.site import ClinicCalendar, Site
from campaigns.store import due_enrolments, has_due_enrolments
from delivery.memory import MemorySender
from scheduler import Parts, Scheduler, employed, run_tick
from storage.database import Database
from subscribers.rules.standing import SuppressionReason
from subscribers.signup import SignUp, add_confirmed
from subscribers.suppression import suppress_address
from templates.rendering import PersonRenderer
from tests.crowd import NOW, gather_crowd
from tests.sending_stage import Clock

# Whatever grows with the people: none of these may be read from end to end.
LARGE = "subscribers|subscriptions|enrolments|deliveries|consent_records|mailed_days|suppressions"
# Partial indexes that hold only what wants something; and one that is as long as a series has
# people, and so must never be the way into the enrolments.
FEW = (
    "ix_deliveries_due|ix_deliveries_urgent|ix_deliveries_awaited|ix_deliveries_in_hand|"
    "ix_deliveries_set_aside|"
    "ix_subscriptions_moved|ix_subscriptions_asked|ix_suppressions_new|ix_enrolments_waited_for"
)
_WHOLE_TABLE = re.compile(rf"SCAN (?:{LARGE})\b(?! USING (?:COVERING )?INDEX (?:{FEW})\b)")
_WHOLE_SERIES = re.compile(r"ix_enrolments_series_id")


PEOPLE = 600  # more than one look round takes


@pytest.fixture
def parts(sqlite_database: Database, site: Site) -> Parts:
    gather_crowd(sqlite_database, site, people=PEOPLE)
    return Parts(sqlite_database, site, MemorySender(), PersonRenderer(), Clock(NOW))


def tick(parts: Parts) -> Any:
    with employed(parts) as worker:
        return run_tick(parts, worker, now=parts.clock())


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, str]]]:
    """Note every statement with the plan SQLite makes for it."""
    noted: list[tuple[str, str]] = []

    def note(
        connection: Any, cursor: Any, statement: str, values: Any, _context: Any, many: bool
    ) -> None:
        asked = connection.connection.cursor()
        asked.execute(f"EXPLAIN QUERY PLAN {statement}", values[0] if many else values)
        noted.append((statement, "\n".join(row[3] for row in asked.fetchall())))

    event.listen(database.engine, "before_cursor_execute", note)
    yield noted
    event.remove(database.engine, "before_cursor_execute", note)


def reading_everything(noted: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [one for one in noted if _WHOLE_TABLE.search(one[1]) or _WHOLE_SERIES.search(one[1])]


def test_a_quiet_tick_reads_no_large_table(parts: Parts) -> None:
    tick(parts)

    with statements(parts.database) as noted:
        report = tick(parts)

    assert (report.failures, sum(step.done for step in report.steps)) == ({}, 0)
    assert len(noted) > 10
    assert reading_everything(noted) == []


def test_a_quiet_tick_asks_before_it_takes_the_write_lock(parts: Parts) -> None:
    tick(parts)

    with employed(parts) as worker, statements(parts.database) as noted:
        run_tick(parts, worker, now=parts.clock())

    # The worker's own: clear its hands, claim, keep the report. Whatever they find, it is few.
    assert [text for text, _ in noted].count("BEGIN IMMEDIATE") <= 3


def test_a_busy_tick_reads_no_large_table_either(parts: Parts, site: Site) -> None:
    """Somebody comes, somebody's address is suppressed, and ways want to be looked at."""
    tick(parts)
    with parts.database.transaction() as session:
        add_confirmed(
            session, SignUp("ada@example.org", "weekly", source="paper"), keys=site.keys, now=NOW
        )
        reason = SuppressionReason.COMPLAINT
        suppress_address(session, "person7@clients.example", reason, now=NOW)
    later = replace(parts, clock=Clock(NOW + timedelta(hours=1)))

    with statements(parts.database) as noted:
        report = tick(later)

    done = {step.name: step.done for step in report.steps}
    assert (done["enrol newcomers"], done["end leavers"]) == (1, 1)
    assert reading_everything(noted) == []


def test_a_walk_past_everybody_reads_a_stretch_at_a_time(parts: Parts) -> None:
    tick(parts)
    calendar = ClinicCalendar(closed_weekdays=frozenset({6}))
    elsewhere = replace(parts, site=replace(parts.site, calendar=calendar))

    with statements(parts.database) as noted:
        report = tick(elsewhere)

    assert report.failures == {}
    assert any("look_at" in text and text.startswith("WITH chosen") for text, _ in noted)
    assert reading_everything(noted) == []


def test_who_has_just_confirmed_is_looked_at_before_thousands_who_wait_longer(
    parts: Parts,
) -> None:
    later = NOW + timedelta(days=1)
    with parts.database.transaction() as session:
        session.connection().exec_driver_sql(
            "UPDATE enrolments SET last_sent_at = NULL, last_step_id = NULL, origin = ?, "
            "look_at = ? WHERE id = 321",
            (Origin.CONFIRMATION.value, f"{later:%Y-%m-%d %H:%M:%S.%f}"),
        )

        found = due_enrolments(session, now=later, limit=10)

    assert found[0].enrolment_id == 321
    assert len({one.enrolment_id for one in found}) == 10


def test_a_full_look_round_is_followed_by_the_next_at_once(parts: Parts) -> None:
    with parts.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE enrolments SET look_at = enrolled_at")

    mine = Scheduler(parts, every=timedelta(minutes=1))
    mine.work()
    mine.stop()

    with parts.database.reading() as session:
        assert not has_due_enrolments(session, now=NOW)


def test_a_round_that_is_not_full_waits_for_the_next_tick(parts: Parts) -> None:
    assert not tick(parts).is_full
