"""A crowd: any number of people on their way through a series, made by the database itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns.models import Series, Step
from campaigns.rules.standing import FirstStep
from campaigns.site import Site
from storage.database import Database
from subscribers.models import MailingList

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_WEEK = timedelta(days=7)

_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS "
    "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :people) ",
    "postgresql": "WITH numbers AS (SELECT generate_series(1, :people) AS n) ",
}
_ID = {
    "sqlite": "lower(hex(randomblob(13)))",
    "postgresql": "left(replace(gen_random_uuid()::text, '-', ''), 26)",
}
_SECONDS_LATER = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', :soon, (n % 80000) || ' seconds') || '.000000'",
    "postgresql": "CAST(:soon AS timestamptz) + (n % 80000) * interval '1 second'",
}
_PEOPLE = """INSERT INTO subscribers
(id, public_id, email, first_name, last_name, pace, attributes, created_at, changed_at)
{numbers} SELECT n, {id}, 'person' || n || '@clients.example', 'Name' || n, '', 'as written',
'{{}}', :then, :then FROM numbers"""
_SUBSCRIPTIONS = """INSERT INTO subscriptions (id, public_id, subscriber_id, list_id, standing,
noted, asking, requested_at, confirmed_at)
{numbers} SELECT n, {id}, n, 1, 'confirmed', 'confirmed', 1, :then, :then FROM numbers"""
_ENROLMENTS = """INSERT INTO enrolments (id, subscriber_id, series_id, round, status, reason,
origin, enrolled_at, last_step_id, last_sent_at, look_at)
{numbers}
SELECT n, n, 1, 1, 'active', '', 'confirmation', :then, 1, :then, {later} FROM numbers"""
_DELIVERIES = """INSERT INTO deliveries (public_id, once_key, kind, state, reason, due_at,
created_at, subscriber_id, enrolment_id, step_id, document, attempt, doubt_count, relay, reply,
done_at)
{numbers} SELECT {id}, 'enrolment:' || n || '/step:' || :step, 'step', :state, '', :due, :due, n, n,
:step, '', 1, 0, '', '', :done FROM numbers"""


def gather_crowd(database: Database, site: Site, *, people: int) -> None:
    """Put people on their way: each had the first step, and waits for the second."""
    with database.transaction() as session:
        _add_series(session, site)
        for statement in (_PEOPLE, _SUBSCRIPTIONS, _ENROLMENTS):
            _fill(session, statement, people=people)
        done = {"step": 1, "state": "sent", "due": NOW - _WEEK, "done": NOW - _WEEK}
        _fill(session, _DELIVERIES, people=people, **done)
        if session.get_bind().dialect.name == "postgresql":
            for table in ("subscribers", "subscriptions", "enrolments", "lists", "series", "steps"):
                _move_on(session, table)
    _count_rows(database)


def queue_everybody(database: Database, *, people: int) -> None:
    """Queue the second step for all of them, due now."""
    with database.transaction() as session:
        due = {"step": 2, "state": "queued", "due": NOW, "done": None}
        _fill(session, _DELIVERIES, people=people, **due)
    _count_rows(database)


def _add_series(session: Session, site: Site) -> None:
    session.add(MailingList(id=1, slug="weekly", title="Weekly", created_at=NOW))
    session.flush()
    session.add(
        Series(
            id=1,
            slug="welcome",
            title="Welcome",
            list_id=1,
            theme="calm",
            send_hour=9,
            first_step=FirstStep.AT_ONCE,
            created_at=NOW,
            changed_at=NOW,
            walked_for=site.calendar_digest,
        )
    )
    session.flush()
    for number in (1, 2, 3):
        key = f"part-{number}"
        step = Step(id=number, series_id=1, key=key, position=number, wait_days=7)
        session.add(step)


def _fill(session: Session, statement: str, **values: object) -> None:
    store = session.get_bind().dialect.name
    words = {"numbers": _NUMBERS[store], "id": _ID[store], "later": _SECONDS_LATER[store]}
    moments = {"then": NOW - _WEEK, "soon": NOW + timedelta(minutes=5), **values}
    if store == "sqlite":
        moments = {name: _in_sqlite(value) for name, value in moments.items()}
    wanted = text(statement.format(**words))
    session.execute(wanted, {name: moments[name] for name in wanted.compile().params})


def _in_sqlite(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value


def _move_on(session: Session, table: str) -> None:
    """Let the next id follow those that were given by hand."""
    last = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608
    session.execute(text(last))


def _count_rows(database: Database) -> None:
    """Let PostgreSQL count, as it does by itself some minutes after a large change."""
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as found:
            found.execute(text("VACUUM ANALYZE"))
