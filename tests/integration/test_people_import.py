"""An import that breaks off goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from campaigns.site import Site
from delivery.memory import MemorySender
from delivery.workers import register_worker
from scheduler import Parts
from steadypost import people_import
from steadypost.people_import import import_people
from steadypost.status import gather_status
from storage.database import Database
from storage.signing import KeyRing
from subscribers import importing
from subscribers.errors import ImportedElsewhereError, InvalidTextError, UnreadableFileError
from subscribers.importing import ImportReport, check_rows, import_subscribers, read_csv
from subscribers.mailing_lists import ensure_list
from subscribers.models import (
    ConsentRecord,
    Subscriber,
    SubscriberTag,
    Subscription,
    Suppression,
    UnfinishedImport,
)
from subscribers.rules.portions import LEAST_REST
from subscribers.rules.standing import Standing
from subscribers.unfinished import (
    ImportOrder,
    begin_import,
    import_portion,
    list_unfinished,
)
from templates.rendering import PersonRenderer
from tests.conftest import Cast
from tests.sending_stage import Clock

ROWS = [f"p{number}@example.org,Pat,{'vip' if number % 2 else ''}" for number in range(11)]
FILE = "\n".join(["email,first_name,tags", "ada@example.org,Augusta,new", *ROWS])


class Crash(Exception):
    """The process ends here."""


class Watcher:
    """Notes what it hears, and ends the import after some portions."""

    def __init__(self, crash_after: int = 1000) -> None:
        self.crash_after, self.told = crash_after, list[tuple[str, int]]()

    def has_checked(self, rows: int) -> None:
        self.told.append(("checked", rows))

    def goes_on(self, rows_done: int, _rows: int) -> None:
        self.told.append(("goes on", rows_done))

    def has_written(self, rows_done: int, _rows: int) -> None:
        self.told.append(("written", rows_done))
        self.crash_after -= 1
        if not self.crash_after:
            raise Crash


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "TELL_EVERY", 5)
    monkeypatch.setattr(people_import, "AT_FIRST", 5)
    monkeypatch.setattr(people_import, "next_size", lambda _last: 5)


@pytest.fixture
def parts(database: Database, cast: Cast, site: Site, now: datetime) -> Parts:
    return Parts(database, site, MemorySender(), PersonRenderer(), Clock(now))


def bring(parts: Parts, text: str | Path = FILE, *, crash_after: int = 1000, **options: Any) -> Any:
    """Import a text as the command does; give the report and what was told."""
    content = text if isinstance(text, Path) else text.encode()
    parsed = read_csv(content, name=options.pop("name", "clients.csv"))
    start_over = options.pop("start_over", False)
    named = {"consent_source": "paper", **options}
    order = ImportOrder(
        parsed.spreadsheet.name,
        parsed.spreadsheet.digest(),
        "weekly",
        keys=parts.site.keys,
        **named,
    )
    watcher = Watcher(crash_after)
    report = import_people(parts, parsed, order, onlooker=watcher, start_over=start_over)
    return report, watcher.told


def break_off(parts: Parts, text: str | Path = FILE, *, after: int = 1, **options: Any) -> None:
    with pytest.raises(Crash):
        bring(parts, text, crash_after=after, **options)


def people(database: Database) -> list[Any]:
    """Read everybody with all that an import can have written, by address."""
    with database.reading() as session:
        tags, consents = list(session.scalars(select(SubscriberTag))), ConsentRecord
        by_id = {one.id: one for one in session.scalars(select(Subscriber))}
        standings = {
            by_id[one.subscriber_id].email: (one.standing, one.confirmed_at, one.asking)
            for one in session.scalars(select(Subscription))
        }
        said = [
            (by_id[one.subscriber_id or 0].email, one.kind, one.source, one.address_digest)
            for one in session.scalars(select(consents).where(consents.subscriber_id.in_(by_id)))
        ]
    return [
        sorted(
            (one.email, one.first_name, one.pace, sorted(one.attributes.items()))
            for one in by_id.values()
        ),
        sorted((by_id[tag.subscriber_id].email, tag.tag) for tag in tags),
        sorted(standings.items()),
        sorted(said),
    ]


@pytest.mark.parametrize("after", [1, 2])
def test_an_import_goes_on_where_it_broke_off(parts: Parts, after: int) -> None:
    break_off(parts, after=after)

    report, told = bring(parts)

    assert report == ImportReport(rows=12, added=11, unchanged=1)
    assert ("goes on", 5 * after) in told
    assert ("written", 5) not in told
    found = people(parts.database)
    with parts.database.transaction() as session:
        session.execute(delete(Subscriber).where(Subscriber.email.like("p%")))
        import_subscribers(
            session,
            read_csv(FILE.encode()),
            list_slug="weekly",
            consent_source="paper",
            keys=parts.site.keys,
            now=parts.clock(),
        )
    assert found == people(parts.database)


def test_what_broke_off_stands_in_the_status_until_it_is_done(parts: Parts) -> None:
    break_off(parts)

    assert (
        "the import of clients.csv to weekly is not finished: 5 of 12 rows are in; "
        "unless it runs just now, give the same command again"
    ) in gather_status(parts, now=parts.clock()).troubles
    bring(parts)
    assert gather_status(parts, now=parts.clock()).imports == []


def test_a_finished_import_begins_anew(parts: Parts) -> None:
    bring(parts)

    report, told = bring(parts)

    assert report == ImportReport(rows=12, unchanged=12)
    assert [step for step, _ in told].count("goes on") == 0


def test_whoever_starts_over_reads_all_rows_again(parts: Parts) -> None:
    break_off(parts)

    report, told = bring(parts, start_over=True)

    assert report == ImportReport(rows=12, added=7, unchanged=5)
    assert ("goes on", 5) not in told


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (FILE + "\nlate@example.org", {}),  # the file was corrected
        (FILE, {"consent_source": "another form"}),
        (FILE, {"name": "renamed.csv", "consent_source": "another form"}),
    ],
)
def test_another_import_of_the_file_takes_the_place_of_what_broke_off(
    parts: Parts, text: str, options: dict[str, str]
) -> None:
    break_off(parts)

    report, told = bring(parts, text, **options)

    assert ("goes on", 5) not in told
    assert report.unchanged == 5
    with parts.database.reading() as session:
        assert list_unfinished(session) == []


def test_what_nobody_goes_on_with_for_a_month_is_forgotten(parts: Parts) -> None:
    break_off(parts, name="lost.csv")
    bring(parts, "email\nfay@example.org\n")
    with parts.database.reading() as session:
        assert [one.file_name for one in list_unfinished(session)] == ["lost.csv"]
    later = Clock(parts.clock() + timedelta(days=31))

    bring(Parts(parts.database, parts.site, parts.sender, parts.renderer, later), "email\ng@h.org")

    with parts.database.reading() as session:
        assert list_unfinished(session) == []


def test_what_was_skipped_stays_skipped_when_it_goes_on(parts: Parts) -> None:
    text = FILE.replace("p1@example.org", "nobody") + "\nP0@example.org"
    break_off(parts, text, skips_bad=True)

    report, _ = bring(parts, text)

    assert (report.added, report.unchanged, report.imported) == (10, 1, True)
    assert [bad.line for bad in report.bad] == [4, 14]


def test_bad_rows_are_found_before_anything_is_written(parts: Parts) -> None:
    before = people(parts.database)

    report, told = bring(parts, FILE + "\nnobody")

    assert not report.imported
    assert told == [("checked", 5), ("checked", 10), ("checked", 13)]
    assert people(parts.database) == before
    with parts.database.reading() as session:
        assert list_unfinished(session) == []


def test_an_empty_file_is_done_at_once(parts: Parts) -> None:
    assert bring(parts, "email\n")[0] == ImportReport(rows=0)


def test_a_consent_must_be_named_before_a_long_file_is_read(parts: Parts) -> None:
    with pytest.raises(InvalidTextError, match="say when and how these people said yes"):
        bring(parts, consent_source=" ")


@pytest.mark.parametrize("change", ["write", "remove"])
def test_a_file_that_changes_while_it_is_read_is_not_gone_on_with(
    parts: Parts, tmp_path: Path, change: str
) -> None:
    file = tmp_path / "clients.csv"
    file.write_text(FILE)
    parsed = read_csv(file)
    state = parsed.spreadsheet.state()
    parsed.spreadsheet.refuse_change(state)
    file.write_text(FILE + "\nlate@example.org") if change == "write" else file.unlink()

    with pytest.raises(
        UnreadableFileError,
        match=r"^cannot import 'clients.csv': it was changed while it was read; leave it alone",
    ):
        parsed.spreadsheet.refuse_change(state)


def test_two_processes_never_write_the_same_portion(parts: Parts) -> None:
    parsed = read_csv(FILE.encode(), name="clients.csv")
    digest, keys = parsed.spreadsheet.digest(), parts.site.keys
    order = ImportOrder("clients.csv", digest, "weekly", "paper", keys)
    checked, now = check_rows(parsed), parts.clock()
    with parts.database.transaction() as session:
        begun = begin_import(session, order, checked, now=now)
    portion = next(parsed.portions(checked))
    with parts.database.transaction() as session:
        import_portion(session, order, begun, portion, now=now)
    before = people(parts.database)

    with (
        pytest.raises(
            ImportedElsewhereError,
            match=r"^another process goes on with the import of 'clients.csv'; let it finish",
        ),
        parts.database.transaction() as session,
    ):
        import_portion(session, order, begun, portion, now=now)

    assert people(parts.database) == before


# Everybody the file may speak of, as they stand before: the rules of an import, written once more
# and as simply as they can be.

KNOWN = st.sampled_from(["nobody", "unconfirmed", "confirmed", "left", "asked again", "suppressed"])
crowds = st.lists(
    st.tuples(KNOWN, st.sampled_from(["", "Ada"]), st.sampled_from(["", "Augusta"]), st.booleans()),
    min_size=1,
    max_size=9,
)


def expected(known: str, name: str, new_name: str) -> tuple[str, str, bool]:
    """Say the fate, the first name afterwards, and whether a consent is recorded."""
    if known == "nobody":
        return "added", new_name, True
    if known in ("left", "asked again", "suppressed"):
        return "kept", name, False
    if known == "unconfirmed":
        return "added", name or new_name, True
    return ("filled" if new_name and not name else "unchanged"), name or new_name, False


def settle_in(database: Database, crowd: list[Any], now: datetime) -> None:
    with database.transaction() as session:
        for model in (SubscriberTag, Subscription, Subscriber, Suppression):
            session.execute(delete(model))
        weekly = ensure_list(session, "weekly", title="Weekly", now=now)
        for number, (known, name, *_) in enumerate(crowd):
            email = f"p{number}@example.org"
            if known == "suppressed":
                session.add(Suppression(email=email, reason="complaint", at=now))
            if known == "nobody":
                continue
            each = Subscriber(email=email, first_name=name, created_at=now, changed_at=now)
            session.add(each)
            session.flush()
            standing = {
                "unconfirmed": Standing.UNCONFIRMED,
                "left": Standing.UNSUBSCRIBED,
                "asked again": Standing.UNCONFIRMED,
            }.get(known, Standing.CONFIRMED)
            left_at = now if known in ("left", "asked again") else None
            session.add(
                Subscription(
                    subscriber_id=each.id,
                    list_id=weekly.id,
                    standing=standing,
                    requested_at=now,
                    unsubscribed_at=left_at,
                )
            )


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(crowds, st.integers(1, 3))
def test_an_import_does_with_everybody_what_the_rules_say(
    sqlite_parts: Parts, now: datetime, crowd: list[Any], crash_after: int
) -> None:
    settle_in(sqlite_parts.database, crowd, now)
    rows = [
        f"p{number}@example.org,{new_name},{'vip' if tagged else ''}"
        for number, (_, _, new_name, tagged) in enumerate(crowd)
    ]
    text = "\n".join(["email,first_name,tags", *rows])

    try:
        report, _ = bring(sqlite_parts, text, crash_after=crash_after)
    except Crash:
        report, _ = bring(sqlite_parts, text)

    wanted = [expected(known, name, new_name) for known, name, new_name, _ in crowd]
    with sqlite_parts.database.reading() as session:
        names = dict(session.execute(select(Subscriber.email, Subscriber.first_name)).all())
        whose = ConsentRecord.subscriber_id.in_(select(Subscriber.id))
        consents = session.scalar(select(func.count()).select_from(ConsentRecord).where(whose))
        tags = session.scalar(select(func.count()).select_from(SubscriberTag))
        assert session.scalar(select(func.count()).select_from(UnfinishedImport)) == 0
    if crash_after != -(-len(crowd) // 5):  # else the crash came after the last portion
        for fate in ("added", "filled", "unchanged", "kept"):
            assert getattr(report, fate) == [one[0] for one in wanted].count(fate)
    for number, (_, name, _) in enumerate(wanted):
        assert names.get(f"p{number}@example.org", "") == name
    assert consents == [one[2] for one in wanted].count(True)
    assert tags == sum(
        each[3] and one[0] != "kept" for each, one in zip(crowd, wanted, strict=True)
    )


@pytest.fixture
def sqlite_parts(sqlite_database: Database, keys: KeyRing, site: Site, now: datetime) -> Parts:
    return Parts(sqlite_database, site, MemorySender(), PersonRenderer(), Clock(now))


def test_beside_a_service_the_lock_is_free_for_as_long_as_the_import_had_it(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests = list[float]()
    monkeypatch.setattr("time.sleep", rests.append)
    bring(parts)
    assert set(rests) == {0.0}  # nobody sends: nobody waits
    with parts.database.transaction() as session:
        register_worker(session, host="here", process_id=1, now=parts.clock())
    rests.clear()

    bring(parts, consent_source="another paper form")

    assert len(rests) > 1
    assert min(rests) >= LEAST_REST.total_seconds()
