"""Suppression wins, and the queries that pages and the clock ask, on both stores."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from storage.database import Database
from storage.signing import KeyRing
from subscribers.errors import (
    InvalidAddressError,
    InvalidTextError,
    UnknownListError,
    UnknownSubscriberError,
)
from subscribers.mailing_lists import all_lists, ensure_list, get_list
from subscribers.models import MailingList, Subscriber
from subscribers.profiles import add_tags, remove_tags, set_attributes
from subscribers.rules.standing import Standing, SuppressionReason
from subscribers.store import (
    QUESTION_SIZE,
    SubscriberFilter,
    addresses_of,
    circumstances_of,
    count_standings,
    count_subscribers,
    find_subscriber,
    find_subscriber_by_public_id,
    find_subscription,
    find_suppression,
    has_confirmed_subscription,
    list_subscribers,
    subscriptions_of,
    suppression_reason,
)
from subscribers.suppression import (
    is_suppressed,
    lift_suppression,
    suppress_address,
    suppressed_among,
)

if TYPE_CHECKING:
    from tests.conftest import Cast


def suppress(
    database: Database, reason: SuppressionReason, *, now: datetime, email: str = "ada@example.org"
) -> bool:
    """Suppress an address in a transaction of its own."""
    with database.transaction() as session:
        return suppress_address(session, email, reason, now=now, note=f"because of {reason}")


def test_an_address_is_suppressed_in_any_spelling_known_or_not(
    database: Database, now: datetime
) -> None:
    assert suppress(database, SuppressionReason.BY_STAFF, now=now, email="New@Bücher.example.org")

    with database.reading() as session:
        assert is_suppressed(session, "new@xn--bcher-kva.example.org")
        assert not is_suppressed(session, "old@example.org")
        found = find_suppression(session, "new@bücher.example.org")
    assert found is not None
    assert (found.reason, found.at, found.note) == (
        SuppressionReason.BY_STAFF,
        now,
        "because of by staff",
    )


def test_what_is_no_address_cannot_be_suppressed(database: Database, now: datetime) -> None:
    with pytest.raises(InvalidAddressError):
        suppress(database, SuppressionReason.BY_STAFF, now=now, email="nobody")


def test_a_stronger_reason_replaces_and_a_weaker_one_does_not(
    database: Database, now: datetime
) -> None:
    told = [
        suppress(database, reason, now=now + timedelta(days=days))
        for days, reason in enumerate(
            [
                SuppressionReason.BY_REQUEST,
                SuppressionReason.BY_REQUEST,
                SuppressionReason.COMPLAINT,
                SuppressionReason.HARD_BOUNCE,
            ]
        )
    ]

    assert told == [True, False, True, False]
    with database.reading() as session:
        found = find_suppression(session, "ada@example.org")
    assert found is not None
    assert (found.reason, found.at) == (SuppressionReason.COMPLAINT, now + timedelta(days=2))


def test_suppressing_and_lifting_move_due_dates(
    database: Database, cast: Cast, now: datetime
) -> None:
    def changed_at() -> datetime:
        with database.reading() as session:
            return session.get_one(Subscriber, cast.ada.subscriber_id).changed_at

    suppress(database, SuppressionReason.BY_STAFF, now=now)
    assert changed_at() == now

    later = now + timedelta(hours=1)
    suppress(database, SuppressionReason.BY_REQUEST, now=later)
    assert changed_at() == now

    with database.transaction() as session:
        assert lift_suppression(session, "ADA@example.org", now=later) is SuppressionReason.BY_STAFF
    assert changed_at() == later


def test_lifting_revives_nobody_and_lifts_nothing_twice(
    database: Database, cast: Cast, now: datetime
) -> None:
    suppress(database, SuppressionReason.BY_REQUEST, now=now, email="cleo@example.org")
    for expected in (SuppressionReason.BY_REQUEST, None):
        with database.transaction() as session:
            assert lift_suppression(session, "cleo@example.org", now=now) is expected

    with database.reading() as session:
        cleo = find_subscription(session, cast.cleo.public_id)
        assert suppression_reason(session, "cleo@example.org") is None
    assert cleo is not None
    assert cleo.standing is Standing.UNSUBSCRIBED


def test_lifting_works_for_an_address_of_nobody(database: Database, now: datetime) -> None:
    suppress(database, SuppressionReason.HARD_BOUNCE, now=now, email="gone@example.org")

    with database.transaction() as session:
        lifted = lift_suppression(session, "gone@example.org", now=now)

    assert lifted is SuppressionReason.HARD_BOUNCE


def test_the_suppressed_are_picked_out_of_many_in_few_questions(
    database: Database, cast: Cast
) -> None:
    many = [f"person.{number}@example.org" for number in range(2 * QUESTION_SIZE + 1)]
    statements: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_rest: statements.append(statement),
    )

    with database.reading() as session:
        found = suppressed_among(session, {*many, "dan@example.org", "eve@example.org"})

    assert found == {"dan@example.org", "eve@example.org"}
    assert sum("suppressions" in statement for statement in statements) == 1


def test_people_are_found_by_any_spelling_and_by_their_links(
    database: Database, cast: Cast
) -> None:
    with database.reading() as session:
        ada = find_subscriber(session, " ADA@Example.ORG")
        assert ada is not None
        assert ada.id == cast.ada.subscriber_id
        assert find_subscriber(session, "nobody@example.org") is None
        assert find_subscriber_by_public_id(session, ada.public_id) is ada
        assert find_subscriber_by_public_id(session, cast.ada.public_id) is None
        assert find_subscription(session, cast.ada.public_id) is not None
        assert find_subscription(session, ada.public_id) is None
        assert has_confirmed_subscription(session, ada.id)
        assert not has_confirmed_subscription(session, cast.ben.subscriber_id)
        assert [(held.id, held_to.slug) for held, held_to in subscriptions_of(session, ada.id)] == [
            (cast.ada.id, "weekly")
        ]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (SubscriberFilter(), "ada ben cleo dan eve"),
        (SubscriberFilter(list_slug="weekly"), "ada ben cleo dan eve"),
        (SubscriberFilter(list_slug="news"), ""),
        (SubscriberFilter(standing=Standing.CONFIRMED), "ada dan eve"),
        (SubscriberFilter(list_slug="weekly", standing=Standing.UNSUBSCRIBED), "cleo"),
        (SubscriberFilter(suppressed=True), "dan eve"),
        (SubscriberFilter(suppressed=False, standing=Standing.CONFIRMED), "ada"),
        (SubscriberFilter(text="EN@exam"), "ben"),
        (SubscriberFilter(text="dan dan"), ""),
        (SubscriberFilter(text="%"), ""),
        (SubscriberFilter(tag="VIP"), "ada eve"),
        (SubscriberFilter(tag="vip", suppressed=True), "eve"),
    ],
    ids=repr,
)
def test_people_are_listed_by_what_one_looks_for(
    database: Database, cast: Cast, filters: SubscriberFilter, names: str
) -> None:
    with database.transaction() as session:
        for subscription in (cast.ada, cast.eve):
            add_tags(session, session.get_one(Subscriber, subscription.subscriber_id), ["vip"])

    with database.reading() as session:
        found = list_subscribers(session, filters)
        assert [person.email.partition("@")[0] for person in found] == names.split()
        assert count_subscribers(session, filters) == len(found)


def test_people_are_listed_page_by_page(database: Database, cast: Cast) -> None:
    with database.reading() as session:
        first = list_subscribers(session, limit=2)
        second = list_subscribers(session, limit=10, after_id=first[-1].id)

    assert [person.first_name for person in first] == ["Ada", "Ben"]
    assert [person.first_name for person in second] == ["Cleo", "Dan", "Eve"]


def test_standings_are_counted_with_the_empty_ones(database: Database, cast: Cast) -> None:
    with database.reading() as session:
        assert count_standings(session, list_id=cast.mailing_list.id) == {
            Standing.UNCONFIRMED: 1,
            Standing.CONFIRMED: 3,
            Standing.UNSUBSCRIBED: 1,
        }
        assert sum(count_standings(session, list_id=99).values()) == 0


def test_what_surrounds_people_is_read_at_once(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        eve = session.get_one(Subscriber, cast.eve.subscriber_id)
        add_tags(session, eve, ["vip", "Back Pain", "vip"])

    with database.reading() as session:
        found = circumstances_of(session, list_subscribers(session))

    around_eve, around_ben = found[cast.eve.subscriber_id], found[cast.ben.subscriber_id]
    assert around_eve.standings == {"weekly": Standing.CONFIRMED}
    assert (around_eve.tags, around_eve.suppression) == (
        ("back pain", "vip"),
        SuppressionReason.COMPLAINT,
    )
    assert (around_ben.tags, around_ben.suppression) == ((), None)


def test_addresses_are_read_for_many_at_once(database: Database, cast: Cast) -> None:
    with database.reading() as session:
        found = addresses_of(session, [cast.ada.subscriber_id, cast.eve.subscriber_id, 999])

    assert found == {
        cast.ada.subscriber_id: "ada@example.org",
        cast.eve.subscriber_id: "eve@example.org",
    }


def test_tags_are_put_on_and_taken_off(database: Database, cast: Cast) -> None:
    def tags() -> tuple[str, ...]:
        with database.reading() as session:
            ada = session.get_one(Subscriber, cast.ada.subscriber_id)
            return circumstances_of(session, [ada])[ada.id].tags

    with database.transaction() as session:
        ada = session.get_one(Subscriber, cast.ada.subscriber_id)
        add_tags(session, ada, ["New", "vip"])
        add_tags(session, ada, ["vip"])
        add_tags(session, ada, [])
    assert tags() == ("new", "vip")

    with database.transaction() as session:
        remove_tags(session, ada, ["NEW", "never had"])
    assert tags() == ("vip",)


def test_attributes_are_laid_over_those_there_are(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        ada = session.get_one(Subscriber, cast.ada.subscriber_id)
        set_attributes(session, ada, {"City": "Köln", "visits": 1, "left": None})
    with database.transaction() as session:
        ada = session.get_one(Subscriber, cast.ada.subscriber_id)
        result = set_attributes(session, ada, {"visits": None, "member": True})

    assert result == {"city": "Köln", "member": True}
    with database.reading() as session:
        assert session.get_one(Subscriber, ada.id).attributes == result


def test_attributes_of_an_erased_person_are_refused(
    database: Database, cast: Cast, keys: KeyRing
) -> None:
    with database.transaction() as session:
        ada = session.get_one(Subscriber, cast.ada.subscriber_id)
        session.delete(ada)

    with pytest.raises(UnknownSubscriberError), database.transaction() as session:
        set_attributes(session, ada, {"city": "Köln"})


def test_a_list_is_made_once_and_keeps_its_title(database: Database, now: datetime) -> None:
    def ensure(title: str) -> MailingList:
        with database.transaction() as session:
            return ensure_list(session, "back-care", title=title, now=now)

    assert ensure("Your series").id == ensure("Another title").id
    with database.reading() as session:
        assert get_list(session, "back-care").title == "Your series"
        assert [each.slug for each in all_lists(session)] == ["back-care"]


@pytest.mark.parametrize("slug", ["", "Weekly", "a b", "-a", "a-", "a--b", "ä", "a/b", "x" * 65])
def test_a_list_name_that_fits_into_no_url_is_refused(
    database: Database, now: datetime, slug: str
) -> None:
    with (
        pytest.raises(
            InvalidTextError, match=r"^cannot use list name: .*: use up to 64 lower-case letters,"
        ),
        database.transaction() as session,
    ):
        ensure_list(session, slug, title="x", now=now)


def test_without_any_list_the_error_says_how_to_get_one(database: Database) -> None:
    with (
        pytest.raises(
            UnknownListError,
            match=r"^no such list: 'weekly'; there is no list yet; import a series first$",
        ),
        database.reading() as session,
    ):
        get_list(session, "weekly")
