"""The cast, the clock, and a migrated database of either kind for every test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

import campaigns.models  # noqa: F401
import delivery.models  # noqa: F401  (each brings its tables)
from campaigns.site import ClinicCalendar, SenderIdentity, Site
from steadypost.migrating import known_version, migrate
from storage.base import Base
from storage.database import Database, open_database
from storage.signing import KeyRing
from subscribers.models import MailingList, Subscriber, Subscription, Suppression
from subscribers.rules.standing import Standing, SuppressionReason
from tests.simulation.counting import summary

_TABLES = list(reversed(Base.metadata.sorted_tables))
_EMPTY_AGAIN = ";".join(
    [
        "SET LOCAL session_replication_role = replica",  # no triggers, no order to keep
        "SET LOCAL lock_timeout = '20s'",
        *(f"DELETE FROM {table}" for table in _TABLES),  # noqa: S608
        *(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1, false)"
            for table in _TABLES
            if "id" in table.c
        ),
        f"UPDATE alembic_version SET version_num = '{known_version()}'",  # noqa: S608
    ]
)

# A busy machine is no reason to fail, and the same code meets the same examples.
STEADY = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
    print_blob=True,
)
settings.register_profile("steady", STEADY)
settings.register_profile("searching", STEADY, derandomize=False, max_examples=1000)
settings.register_profile("written", STEADY, phases=[Phase.explicit])  # no property is tried
settings.load_profile("steady")

for name in [name for name in os.environ if name.startswith("STEADYPOST_")]:
    del os.environ[name]  # a developer's own settings must not change what tests see


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file; every test gets a copy."""
    path = tmp_path_factory.mktemp("template") / "steadypost.db"
    database = open_database(f"sqlite:///{path}")
    migrate(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.close()
    return path


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """Open a fresh SQLite database."""
    path = tmp_path / "steadypost.db"
    shutil.copy(sqlite_template, path)
    database = open_database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Migrate one PostgreSQL database that tests share, on a private server.

    `TEST_POSTGRESQL=postgresql+psycopg://…` names a server to use instead, say of another version;
    its settings are changed, and a database is made there for each process that tests.
    """
    named = os.environ.get("TEST_POSTGRESQL")
    with nullcontext(named) if named else _private_postgresql() as server:
        name = f"template_site_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
        _tell_postgresql(server, *_NOTHING_KEPT, f"DROP DATABASE IF EXISTS {name}")
        _tell_postgresql(server, f"CREATE DATABASE {name}")
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        database = open_database(url)
        migrate(database)
        database.close()
        yield url


_NOTHING_KEPT = (  # nobody pulls the plug on a test
    *(f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "synchronous_commit")),
    "ALTER SYSTEM SET full_page_writes = off",
    "SELECT pg_reload_conf()",
)


@contextmanager
def _private_postgresql() -> Iterator[str]:
    """Start a server in a folder of its own: pytest clears away the folders of earlier runs."""
    with TemporaryDirectory(prefix="steadypost-pg-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # pgserver keeps its locks there
        import pgserver

        server = pgserver.get_server(Path(folder, "data"), cleanup_mode="stop")
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)
        server.cleanup()


def _tell_postgresql(url: str, *commands: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for command in commands:
            connection.exec_driver_sql(command)
    engine.dispose()


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[Database]:
    """Open the PostgreSQL database, empty as it was; forty times faster than making one anew."""
    database = open_database(postgresql_url)
    yield database
    database.close()
    empty_postgresql(postgresql_url)


def empty_postgresql(url: str) -> None:
    """Take every row out of the shared database."""
    engine = create_engine(make_url(url))
    with engine.begin() as connection:
        connection.exec_driver_sql(_EMPTY_AGAIN)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Run the test on both stores."""
    opened: Database = request.getfixturevalue(f"{request.param}_database")
    return opened


@pytest.fixture
def now() -> datetime:
    """Stand at a Monday morning: 2 March 2026, 08:00 UTC, 09:00 in Berlin."""
    return datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def keys() -> KeyRing:
    """Hold one signing key."""
    return KeyRing.from_text("5a" * 32)


@pytest.fixture
def site(keys: KeyRing) -> Site:
    """Stand for a sample clinic."""
    return Site(
        public_url="https://post.riverside.example",
        zone=ZoneInfo("Europe/Berlin"),
        identity=SenderIdentity(
            from_name="Riverside Clinic",
            from_address="hello@riverside.example",
            reply_to="desk@riverside.example",
            bounce_address="bounces@riverside.example",
            unsubscribe_address="leave@riverside.example",
            mail_domain="riverside.example",
        ),
        calendar=ClinicCalendar(),
        keys=keys,
        clinic={
            "name": "Riverside Clinic",
            "postal_address": "12 Mill Lane, Riverside RV1 2AB",
            "website": "https://riverside.example",
            "booking_url": "https://riverside.example/book",
            "learn_more_url": "https://riverside.example/learn",
            "phone": "+44 20 7946 0000",
            "privacy_url": "https://riverside.example/privacy",
            "sign_off": "Mara and the team",
        },
        attribute_names=frozenset({"city"}),
    )


@dataclass(frozen=True)
class Cast:
    """Five people, each in the standing their name stands for, on the list `weekly`."""

    mailing_list: MailingList
    ada: Subscription  # confirmed
    ben: Subscription  # not yet confirmed
    cleo: Subscription  # unsubscribed
    dan: Subscription  # confirmed, then hard-bounced
    eve: Subscription  # confirmed, then complained


@pytest.fixture
def cast(database: Database, now: datetime) -> Cast:
    """Put the cast into the database, a day before now."""
    then = now - timedelta(days=1)
    with database.transaction() as session:
        weekly = MailingList(slug="weekly", title="Your weekly series", created_at=then)
        people = {
            name: Subscriber(
                email=f"{name}@example.org",
                first_name=name.title(),
                created_at=then,
                changed_at=then,
            )
            for name in ("ada", "ben", "cleo", "dan", "eve")
        }
        session.add_all([weekly, *people.values()])
        session.flush()
        standings = {name: _subscribe(people[name], weekly, then) for name in people}
        standings["ben"].standing = Standing.UNCONFIRMED
        standings["ben"].confirmed_at = None
        standings["cleo"].standing = Standing.UNSUBSCRIBED
        standings["cleo"].unsubscribed_at = then
        session.add_all(standings.values())
        session.add_all(
            [
                Suppression(
                    email=people["dan"].email, reason=SuppressionReason.HARD_BOUNCE, at=then
                ),
                Suppression(email=people["eve"].email, reason=SuppressionReason.COMPLAINT, at=then),
            ]
        )
    return Cast(weekly, **standings)


def _subscribe(person: Subscriber, to: MailingList, then: datetime) -> Subscription:
    return Subscription(
        subscriber_id=person.id,
        list_id=to.id,
        standing=Standing.CONFIRMED,
        requested_at=then,
        confirmed_at=then,
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what the simulations went through, all processes together."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)]
    if lines := summary(reports):
        terminalreporter.section("simulated")
        terminalreporter.write_line("\n".join(lines))
