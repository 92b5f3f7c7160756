"""The database keeps what it is told, on both stores."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, StatementError

from steadypost.migrating import check_version, found_version, known_version, migrate
from storage.database import Database, open_database
from storage.errors import DatabaseUnavailableError, UnknownSchemaError, UnsupportedDatabaseError
from subscribers.models import ConsentRecord, MailingList, Subscriber
from subscribers.rules.standing import ConsentKind

ROOT = Path(__file__).parents[2]


def test_a_moment_comes_back_as_aware_utc_from_any_zone(database: Database) -> None:
    there = datetime(2026, 3, 29, 3, 30, tzinfo=timezone(timedelta(hours=2)))

    with database.transaction() as session:
        session.add(MailingList(slug="weekly", title="Weekly", created_at=there))
    with database.reading() as session:
        found = session.scalars(select(MailingList)).one().created_at

    assert found == there
    assert found.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 3, 2, 8, 0)  # noqa: DTZ001

    with (
        pytest.raises(StatementError, match="moment has no time zone: 2026-03-02T08:00:00"),
        database.transaction() as session,
    ):
        session.add(MailingList(slug="weekly", title="Weekly", created_at=naive))


def test_a_transaction_that_raises_leaves_nothing(database: Database, now: datetime) -> None:
    def add_then_fail() -> None:
        with database.transaction() as session:
            session.add(MailingList(slug="weekly", title="Weekly", created_at=now))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        add_then_fail()

    with database.reading() as session:
        assert session.scalars(select(MailingList)).all() == []


@pytest.mark.parametrize(
    "deed", ["UPDATE consent_records SET wording = 'x'", "DELETE FROM consent_records"]
)
def test_a_consent_record_can_only_be_added_to(
    database: Database, now: datetime, deed: str
) -> None:
    with database.transaction() as session:
        session.add(
            ConsentRecord(
                address_digest="d",
                list_slug="weekly",
                kind=ConsentKind.ASKED,
                at=now,
                source="form",
            )
        )

    with (
        pytest.raises(DBAPIError, match="consent records can only be added to"),
        database.transaction() as session,
    ):
        session.execute(text(deed))


def test_sqlite_is_opened_durable_and_strict(sqlite_database: Database) -> None:
    with sqlite_database.engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert found == ["wal", 2, 1]


def test_the_schema_of_the_models_is_the_schema_of_the_migrations(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from storage.base import Base

    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)

    assert differences == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert migrate(database) is False
    assert found_version(database) == known_version()
    check_version(database)


def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(UnknownSchemaError, match="schema version 9999, this program knows"):
        check_version(database)
    with pytest.raises(UnknownSchemaError, match="run 'steadypost migrate', or install"):
        migrate(database)


def test_a_subscriber_id_is_never_used_again(database: Database, now: datetime) -> None:
    def add(email: str) -> int:
        with database.transaction() as session:
            person = Subscriber(email=email, created_at=now, changed_at=now)
            session.add(person)
            session.flush()
            return person.id

    first = add("ada@example.org")
    with database.transaction() as session:
        session.execute(text("DELETE FROM subscribers"))

    assert add("ben@example.org") > first


@pytest.mark.parametrize("url", ["mysql://root@localhost/x", "no url at all", ""])
def test_a_database_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(
        UnsupportedDatabaseError, match=r"use sqlite:///path/to/file\.db or postgresql"
    ):
        open_database(url)


def test_a_database_that_cannot_be_opened_says_so(tmp_path: object) -> None:
    database = open_database(f"sqlite:///{tmp_path}/no/such/folder/site.db")

    with pytest.raises(DatabaseUnavailableError, match="unable to open database file; nothing was"):
        migrate(database)
    database.close()


def test_an_error_of_the_database_shows_nobodys_address(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed, database.transaction() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:email)"), {"email": "ada@example.org"})

    assert "nowhere" in str(failed.value)
    assert "ada@example.org" not in str(failed.value)


def test_pages_that_read_leave_a_connection_for_whoever_else_wants_one(
    sqlite_database: Database,
) -> None:
    with ExitStack() as pages:
        for _ in range(40):  # as many threads as the pages have
            pages.enter_context(sqlite_database.reading()).execute(text("SELECT 1"))

        with sqlite_database.transaction() as session:
            assert session.scalar(text("SELECT 1")) == 1


def test_services_that_start_together_on_an_empty_database_both_start(postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE empty_site"))
    own = url.set(database="empty_site").render_as_string(hide_password=False)
    start = (
        "import sys; from storage.database import open_database; "
        "from steadypost.migrating import migrate; migrate(open_database(sys.argv[1]))"
    )

    services = [subprocess.Popen([sys.executable, "-c", start, own], cwd=ROOT) for _ in range(3)]
    ended = [service.wait(60) for service in services]
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE empty_site WITH (FORCE)"))
    admin.dispose()

    assert ended == [0, 0, 0]
