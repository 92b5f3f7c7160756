"""People come in from files and go out into files, on both stores."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, select

from storage.database import Database
from storage.signing import KeyRing
from subscribers.consent import address_digest
from subscribers.errors import InvalidTextError, UnknownListError, UnreadableFileError
from subscribers.exporting import export_subscribers
from subscribers.importing import ImportReport, import_subscribers, read_csv
from subscribers.mailing_lists import ensure_list
from subscribers.models import (
    ConsentRecord,
    Subscriber,
    SubscriberTag,
    Subscription,
    Suppression,
)
from subscribers.profiles import add_tags, set_attributes
from subscribers.rules.preferences import known_zones
from subscribers.rules.standing import ConsentKind, Pace, Standing
from subscribers.signup import SignUp, request_subscription
from subscribers.store import consent_records_of, find_subscriber, tags_of

if TYPE_CHECKING:
    from tests.conftest import Cast

Import = Callable[..., ImportReport]


@pytest.fixture
def bring(database: Database, keys: KeyRing, now: datetime) -> Import:
    """Import a text in a transaction of its own."""

    def bring_in(text: str | bytes, **options: Any) -> ImportReport:
        content = text if isinstance(text, bytes) else text.encode()
        with database.transaction() as session:
            return import_subscribers(
                session,
                read_csv(content, name="clients.csv"),
                **{"list_slug": "weekly", "consent_source": "clients.csv: paper forms", **options},
                keys=keys,
                now=now,
            )

    return bring_in


def person(database: Database, email: str) -> Subscriber:
    """Read one person."""
    with database.reading() as session:
        found = find_subscriber(session, email)
        assert found is not None
        return found


def standing(database: Database, subscription: Subscription) -> Standing:
    """Read one standing."""
    with database.reading() as session:
        return session.get_one(Subscription, subscription.id).standing


def counts(database: Database) -> list[int]:
    """Count all rows an import could have written."""
    with database.reading() as session:
        return [
            session.scalar(select(func.count()).select_from(model)) or 0
            for model in (Subscriber, Subscription, ConsentRecord, SubscriberTag)
        ]


def test_new_people_come_confirmed_with_all_that_is_known_of_them(
    database: Database, cast: Cast, bring: Import, keys: KeyRing, now: datetime
) -> None:
    report = bring(
        "E-Mail;First name;Last name;time zone;weekday;hour;pace;paused until;tags;Postal Code\n"
        "Fay@Example.org;Fay;O'Hara;Asia/Tokyo;Sunday;7;month;2026-04-01;VIP, new;=1+1\n"
        "gus@example.org\n"
    )

    assert report == ImportReport(rows=2, added=2)
    fay, gus = person(database, "fay@example.org"), person(database, "gus@example.org")
    assert (fay.first_name, fay.last_name, fay.time_zone) == ("Fay", "O'Hara", "Asia/Tokyo")
    assert (fay.weekday, fay.hour, fay.pace) == (6, 7, Pace.MONTH)
    assert (fay.paused_until, fay.attributes) == (date(2026, 4, 1), {"postal_code": "=1+1"})
    assert (gus.first_name, gus.weekday, gus.pace, gus.attributes) == ("", None, "as written", {})
    with database.reading() as session:
        assert tags_of(session, [fay.id])[fay.id] == ("new", "vip")
        subscription = session.scalars(
            select(Subscription).where(Subscription.subscriber_id == fay.id)
        ).one()
        (record,) = consent_records_of(session, address_digest(keys, "fay@example.org"))
    assert (subscription.standing, subscription.confirmed_at) == (Standing.CONFIRMED, now)
    assert (record.kind, record.source) == (ConsentKind.IMPORTED, "clients.csv: paper forms")
    assert (record.subscriber_id, record.list_slug, record.at) == (fay.id, "weekly", now)


def test_nothing_is_imported_when_one_row_is_bad(
    database: Database, cast: Cast, bring: Import
) -> None:
    before = counts(database)
    good = "".join(f"p{number}@example.org,Pat,x\n" for number in range(2500))

    report = bring(f"email,first_name,tags\n{good}nobody,Nob,\nada@,Ada,\nP7@example.org,Pat,\n")

    assert not report.imported
    assert (report.rows, report.added) == (2503, 0)
    assert [(bad.line, bad.text) for bad in report.bad] == [
        (2502, "'nobody, Nob, '"),
        (2503, "'ada@, Ada, '"),
        (2504, "'P7@example.org, Pat, '"),
    ]
    assert report.bad[0].reason.startswith("not an email address: 'nobody': ")
    assert report.bad[2].reason == "the same address as in line 9"
    assert counts(database) == before


def test_bad_rows_can_be_skipped_knowingly(database: Database, cast: Cast, bring: Import) -> None:
    report = bring(
        "email,hour\nfay@example.org,7\ngus@example.org,25\nhal@example.org,8\n", skip_bad=True
    )

    assert (report.rows, report.added, report.imported) == (3, 2, True)
    assert [bad.line for bad in report.bad] == [3]
    assert person(database, "hal@example.org").hour == 8


def test_of_known_people_only_what_is_empty_is_filled_in(
    database: Database, cast: Cast, bring: Import, now: datetime
) -> None:
    with database.transaction() as session:
        ada = session.get_one(Subscriber, cast.ada.subscriber_id)
        set_attributes(session, ada, {"city": "London", "note": ""})
        add_tags(session, ada, ["old"])

    report = bring(
        "email,first_name,last_name,weekday,pace,tags,city,note\n"
        "ADA@example.org,Augusta,Lovelace,fri,month,new,Paris,tea\n"
    )

    assert report == ImportReport(rows=1, filled=1)
    ada = person(database, "ada@example.org")
    assert (ada.first_name, ada.last_name, ada.weekday) == ("Ada", "Lovelace", 4)
    assert (ada.pace, ada.attributes) == (Pace.MONTH, {"city": "London", "note": "tea"})
    assert ada.changed_at == now
    with database.reading() as session:
        assert tags_of(session, [ada.id])[ada.id] == ("new", "old")


def test_importing_the_same_file_again_changes_nothing(
    database: Database, cast: Cast, bring: Import
) -> None:
    file = "email,first_name,weekday,tags,city\nfay@example.org,Fay,2,vip,Köln\n"
    bring(file)
    before = counts(database)

    assert bring(file) == ImportReport(rows=1, unchanged=1)
    assert bring(file.replace("Fay", "Faye")) == ImportReport(rows=1, unchanged=1)
    assert counts(database) == before


def test_nobody_who_left_or_is_suppressed_is_revived_or_touched(
    database: Database, cast: Cast, bring: Import, now: datetime
) -> None:
    with database.transaction() as session:
        session.add(Suppression(email="gone@example.org", reason="by staff", at=now))
    before = counts(database)

    report = bring(
        "email,last_name,hour,tags,city\n"
        "CLEO@example.org,X,7,t,c\ndan@example.org,X,7,t,c\n"
        "Eve@example.org,X,7,t,c\nGone@example.org,X,7,t,c\n"
    )

    assert report == ImportReport(rows=4, kept=4)
    assert counts(database) == before
    assert standing(database, cast.cleo) is Standing.UNSUBSCRIBED
    for name in ("cleo", "dan", "eve"):
        found = person(database, f"{name}@example.org")
        assert (found.last_name, found.hour, found.attributes) == ("", None, {})


def test_an_unconfirmed_person_is_confirmed_by_the_consent_staff_name(
    database: Database, cast: Cast, bring: Import, keys: KeyRing, now: datetime
) -> None:
    report = bring("email\nben@example.org\n")

    assert report == ImportReport(rows=1, added=1)
    assert standing(database, cast.ben) is Standing.CONFIRMED
    assert person(database, "ben@example.org").changed_at == now
    with database.reading() as session:
        (record,) = consent_records_of(session, address_digest(keys, "ben@example.org"))
    assert record.kind is ConsentKind.IMPORTED


def test_who_left_and_was_asked_for_again_waits_for_their_own_yes(
    database: Database, cast: Cast, bring: Import, keys: KeyRing, now: datetime
) -> None:
    with database.transaction() as session:
        request_subscription(session, SignUp("cleo@example.org", "weekly"), keys=keys, now=now)

    assert bring("email\ncleo@example.org\n") == ImportReport(rows=1, kept=1)
    assert standing(database, cast.cleo) is Standing.UNCONFIRMED


def test_a_known_person_comes_to_another_list(
    database: Database, cast: Cast, bring: Import, now: datetime
) -> None:
    with database.transaction() as session:
        ensure_list(session, "news", title="News", now=now)

    assert bring("email\nada@example.org\n", list_slug="news") == ImportReport(rows=1, added=1)
    assert counts(database)[:2] == [5, 6]


def test_who_signs_up_while_a_file_with_their_address_is_imported_is_one_person(
    postgresql_database: Database, keys: KeyRing, now: datetime
) -> None:
    """Their row is not there when the import looks, and there when it inserts."""
    with postgresql_database.transaction() as session:
        ensure_list(session, "weekly", title="Weekly", now=now)
    signed_up: list[bool] = []

    def sign_up(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "nextval" in statement and not signed_up:
            signed_up.append(True)
            with postgresql_database.transaction() as other:
                form = SignUp("fay@example.org", "weekly", first_name="Fay")
                request_subscription(other, form, keys=keys, now=now)

    event.listen(postgresql_database.engine, "before_cursor_execute", sign_up)
    with postgresql_database.transaction() as session:
        report = import_subscribers(
            session,
            read_csv(b"email,last_name\ngus@example.org,G\nfay@example.org,F\n"),
            list_slug="weekly",
            consent_source="paper",
            keys=keys,
            now=now,
        )

    assert report == ImportReport(rows=2, added=2)
    fay = person(postgresql_database, "fay@example.org")
    assert (fay.first_name, fay.last_name) == ("Fay", "F")
    assert counts(postgresql_database)[:2] == [2, 2]


def test_who_the_file_itself_calls_gone_is_left_out(
    database: Database, cast: Cast, bring: Import
) -> None:
    report = bring(
        "email,standing,suppressed\nfay@example.org,unsubscribed,\n"
        "gus@example.org,confirmed,complaint\nhal@example.org,confirmed,\n"
    )

    assert report == ImportReport(rows=3, added=1, left_out=2)


def test_a_file_of_only_a_header_imports_nobody(cast: Cast, bring: Import) -> None:
    assert bring("email,city\n") == ImportReport(rows=0)


def test_a_consent_must_be_named(cast: Cast, bring: Import) -> None:
    with pytest.raises(
        InvalidTextError, match=r"^cannot use consent: ' ': say when and how these people said yes$"
    ):
        bring("email\nfay@example.org\n", consent_source=" ")


def test_an_unknown_list_is_refused(cast: Cast, bring: Import) -> None:
    with pytest.raises(UnknownListError, match="no such list: 'monthly'"):
        bring("email\nfay@example.org\n", list_slug="monthly")


def test_an_import_that_breaks_off_leaves_nothing(
    database: Database, cast: Cast, bring: Import
) -> None:
    before = counts(database)
    good = "".join(f"p{number}@example.org,x\n" for number in range(1500))

    with pytest.raises(UnreadableFileError, match="line 1502 is too long"):
        bring(f"email,note\n{good}fay@example.org," + "x" * 2_000_000)

    assert counts(database) == before


def test_progress_is_told_batch_by_batch(cast: Cast, bring: Import) -> None:
    told: list[int] = []

    bring(
        "email\n" + "".join(f"p{number}@example.org\n" for number in range(10_100)),
        tell=told.append,
    )

    assert told == [5000, 10_000, 10_100]


def test_an_import_asks_the_database_few_questions(
    sqlite_database: Database, keys: KeyRing, now: datetime
) -> None:
    lines = [f"p{number}@example.org,Pat,vip" for number in range(5000)]
    statements: list[str] = []
    event.listen(
        sqlite_database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_rest: statements.append(statement),
    )
    with sqlite_database.transaction() as session:
        ensure_list(session, "weekly", title="Weekly", now=now)
        report = import_subscribers(
            session,
            read_csv("\n".join(["email,first_name,tags", *lines]).encode()),
            list_slug="weekly",
            consent_source="paper",
            keys=keys,
            now=now,
        )

    assert report.added == 5000
    assert len(statements) < 60


def test_the_people_of_a_list_are_written_with_their_standing(
    database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        ada = session.get_one(Subscriber, cast.ada.subscriber_id)
        ada.weekday, ada.hour, ada.time_zone = 2, 9, "Europe/London"
        set_attributes(session, ada, {"phone": "+49 30", "visits": 3, "member": True})
        add_tags(session, ada, ["vip", "new"])

    file = io.StringIO(newline="")
    with database.reading() as session:
        assert export_subscribers(session, file, list_slug="weekly") == 5

    rows = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert rows[0] == {
        "email": "ada@example.org",
        "first_name": "Ada",
        "last_name": "",
        "time_zone": "Europe/London",
        "weekday": "wednesday",
        "hour": "9",
        "pace": "as written",
        "paused_until": "",
        "tags": "new, vip",
        "standing": "confirmed",
        "suppressed": "",
        "member": "yes",
        "phone": "'+49 30",
        "visits": "3",
    }
    assert [(row["standing"], row["suppressed"]) for row in rows[1:]] == [
        ("unconfirmed", ""),
        ("unsubscribed", ""),
        ("confirmed", "hard bounce"),
        ("confirmed", "complaint"),
    ]


def test_no_exported_cell_calculates(database: Database, cast: Cast) -> None:
    hostile = '=HYPERLINK("https://spam.example","x")'
    with database.transaction() as session:
        ada = session.get_one(Subscriber, cast.ada.subscriber_id)
        ada.first_name, ada.last_name = hostile, "@SUM(A1)"
        set_attributes(session, ada, {"note": "\t=1+1", "other": "-2+3"})

    file = io.StringIO(newline="")
    with database.reading() as session:
        export_subscribers(session, file, list_slug="weekly")

    cells = [cell for row in csv.reader(io.StringIO(file.getvalue(), newline="")) for cell in row]
    assert f"'{hostile}" in cells
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]


def test_an_export_of_no_list_is_refused(database: Database, cast: Cast) -> None:
    with pytest.raises(UnknownListError), database.reading() as session:
        export_subscribers(session, io.StringIO(), list_slug="monthly")


one_line = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cf"])
    | st.sampled_from("'=+-@"),
    max_size=12,
).map(lambda text: " ".join(text.split()))
notes = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\ufffd")
    | st.sampled_from("'=+-@\r\n\t,;\""),
    max_size=30,
).map(str.strip)
people = st.fixed_dictionaries(
    {
        "first_name": one_line,
        "last_name": one_line,
        "time_zone": st.none() | st.sampled_from(sorted(known_zones())),
        "weekday": st.none() | st.integers(0, 6),
        "hour": st.none() | st.integers(0, 23),
        "pace": st.sampled_from(Pace),
        "paused_until": st.none() | st.dates(date(2000, 1, 1), date(2200, 12, 31)),
        "attributes": st.dictionaries(
            st.sampled_from(["city", "größe", "a1"]), notes.filter(bool), max_size=3
        ),
    }
)
tag_sets = st.frozensets(st.sampled_from(["vip", "back pain", "=1+1", "ä"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(people, tag_sets), min_size=1, max_size=4), st.booleans())
def test_what_was_exported_is_imported_the_same(
    sqlite_database: Database,
    keys: KeyRing,
    now: datetime,
    crowd: list[tuple[dict[str, Any], frozenset[str]]],
    for_excel: bool,
) -> None:
    with sqlite_database.transaction() as session:
        session.execute(delete(Subscriber))
        weekly = ensure_list(session, "weekly", title="Weekly", now=now)
        for number, (profile, tags) in enumerate(crowd):
            each = Subscriber(
                email=f"p{number}@bücher.example.org", **profile, created_at=now, changed_at=now
            )
            session.add(each)
            session.flush()
            session.add(
                Subscription(
                    subscriber_id=each.id,
                    list_id=weekly.id,
                    standing=Standing.CONFIRMED,
                    requested_at=now,
                )
            )
            add_tags(session, each, tags)

    def everybody() -> list[tuple[Any, ...]]:
        with sqlite_database.reading() as session:
            found = session.scalars(select(Subscriber).order_by(Subscriber.email)).all()
            tags = tags_of(session, [each.id for each in found])
            return [
                (each.email, *(getattr(each, name) for name in crowd[0][0]), tags[each.id])
                for each in found
            ]

    before = everybody()
    file = io.StringIO(newline="")
    with sqlite_database.reading() as session:
        export_subscribers(session, file, list_slug="weekly")
    with sqlite_database.transaction() as session:
        session.execute(delete(Subscriber))
        report = import_subscribers(
            session,
            read_csv(file.getvalue().encode("utf-8-sig" if for_excel else "utf-8")),
            list_slug="weekly",
            consent_source="export",
            keys=keys,
            now=now + timedelta(days=1),
        )

    assert report == ImportReport(rows=len(crowd), added=len(crowd))
    assert everybody() == before
