"""Asking, confirming, leaving and coming back, on both stores."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database import Database
from storage.signing import KeyRing
from subscribers.consent import address_digest
from subscribers.errors import (
    HasLeftError,
    InvalidAddressError,
    InvalidPreferenceError,
    InvalidTextError,
    SubscriberError,
    SuppressedAddressError,
    UnknownListError,
    UnknownSubscriberError,
    UnknownSubscriptionError,
    UnknownTimeZoneError,
)
from subscribers.mailing_lists import ensure_list
from subscribers.models import ConsentRecord, Subscriber, Subscription
from subscribers.rules.asking import Answer, Asked
from subscribers.rules.preferences import PreferenceChange
from subscribers.rules.standing import ConsentKind, Pace, Standing, SuppressionReason
from subscribers.signup import (
    SignUp,
    SignUpDecision,
    add_confirmed,
    change_preferences,
    confirm,
    judge_confirmation,
    request_subscription,
    resubscribe,
    resubscribe_by_staff,
    unsubscribe,
)
from subscribers.store import consent_records_of, find_subscriber, find_suppression, tags_of
from subscribers.suppression import suppress_address

ADA = SignUp(
    "Ada@Example.org",
    "weekly",
    first_name=" Ada ",
    time_zone="Europe/London",
    weekday=2,
    hour=9,
    network_address="192.0.2.7",
    wording="Yes, 6 emails, one a week",
)
DAY = timedelta(days=1)


class Desk:
    """One clinic's list, and everything people can do with it."""

    def __init__(self, database: Database, keys: KeyRing, now: datetime) -> None:
        self.database, self.keys, self.now = database, keys, now
        with database.transaction() as session:
            ensure_list(session, "weekly", title="Your weekly series", now=now)
            ensure_list(session, "news", title="News", now=now)

    def ask(self, sign_up: SignUp = ADA, *, after: timedelta = timedelta(0)) -> SignUpDecision:
        with self.database.transaction() as session:
            now = self.now + after
            return request_subscription(session, sign_up, keys=self.keys, now=now)

    def asked(self, sign_up: SignUp = ADA) -> Subscription:
        subscription = self.ask(sign_up).subscription
        assert subscription is not None
        return subscription

    def add(self, sign_up: SignUp = ADA, *, tags: tuple[str, ...] = ()) -> Subscription:
        with self.database.transaction() as session:
            return add_confirmed(session, sign_up, keys=self.keys, now=self.now, tags=tags)

    def confirm(
        self, subscription: Subscription, asking: int | None, *, after: timedelta = timedelta(0)
    ) -> Subscription:
        with self.database.transaction() as session:
            return confirm(
                session,
                subscription.public_id,
                asking=asking,
                keys=self.keys,
                now=self.now + after,
                network_address="192.0.2.8",
            )

    def leave(self, subscription: Subscription, *, after: timedelta = timedelta(0)) -> bool:
        with self.database.transaction() as session:
            now = self.now + after
            return unsubscribe(session, subscription, keys=self.keys, now=now, source="link")

    def undo(self, subscription: Subscription, *, after: timedelta = timedelta(0)) -> bool:
        with self.database.transaction() as session:
            return resubscribe(session, subscription, keys=self.keys, now=self.now + after)

    def suppress(self, reason: SuppressionReason, email: str = "ada@example.org") -> None:
        with self.database.transaction() as session:
            suppress_address(session, email, reason, now=self.now)

    def person(self, email: str = "ada@example.org") -> Subscriber:
        with self.database.reading() as session:
            found = find_subscriber(session, email)
            assert found is not None
            return found

    def subscription(self, subscription: Subscription) -> Subscription:
        with self.database.reading() as session:
            return session.get_one(Subscription, subscription.id)

    def consents(self, email: str = "ada@example.org") -> list[ConsentRecord]:
        with self.database.reading() as session:
            return consent_records_of(session, address_digest(self.keys, email))

    def kinds(self, email: str = "ada@example.org") -> list[ConsentKind]:
        return [record.kind for record in self.consents(email)]


@pytest.fixture
def desk(database: Database, keys: KeyRing, now: datetime) -> Desk:
    return Desk(database, keys, now)


def test_a_new_person_waits_for_their_own_yes(desk: Desk, now: datetime) -> None:
    decision = desk.ask()

    person = desk.person()
    assert decision.asked is Asked.CONFIRMATION
    assert (person.first_name, person.weekday, person.hour) == ("Ada", 2, 9)
    assert person.time_zone == "Europe/London"
    assert decision.subscription is not None
    assert decision.subscription.standing is Standing.UNCONFIRMED
    assert (decision.subscription.asking, decision.subscription.requested_at) == (1, now)


def test_the_wish_is_recorded_with_its_words_and_its_origin(desk: Desk, now: datetime) -> None:
    desk.ask()

    record = desk.consents()[0]
    assert (record.kind, record.at, record.list_slug) == (ConsentKind.ASKED, now, "weekly")
    assert (record.source, record.network_address) == ("sign-up form", "192.0.2.7")
    assert record.wording == "Yes, 6 emails, one a week"
    assert record.subscriber_id == desk.person().id


def test_what_is_too_long_for_a_record_is_cut_and_never_in_the_way(desk: Desk) -> None:
    desk.ask(replace(ADA, source="f" * 500, network_address="9" * 99, wording="a\0\ud800b"))

    record = desk.consents()[0]
    assert (len(record.source), len(record.network_address)) == (200, 64)
    assert record.wording == "a?b"


def test_an_address_gets_one_confirmation_a_day(desk: Desk) -> None:
    first = desk.asked()

    assert desk.ask(after=DAY - timedelta(seconds=1)).asked is Asked.TOO_OFTEN
    assert (
        desk.ask(replace(ADA, email="ADA@EXAMPLE.ORG", list_slug="news")).asked is Asked.TOO_OFTEN
    )
    assert desk.subscription(first).asking == 1
    assert desk.kinds() == [ConsentKind.ASKED]

    again = desk.ask(after=DAY)
    assert again.asked is Asked.CONFIRMATION
    assert desk.subscription(first).asking == 2
    assert desk.subscription(first).requested_at == desk.now + DAY


def test_an_address_gets_three_confirmations_in_thirty_days(desk: Desk) -> None:
    outcomes = [desk.ask(after=days * DAY).asked for days in (0, 1, 2, 3, 29, 30)]

    assert outcomes == [
        *[Asked.CONFIRMATION] * 3,
        *[Asked.TOO_OFTEN] * 2,
        Asked.CONFIRMATION,
    ]


def test_a_repeated_unconfirmed_sign_up_is_believed_but_says_nothing_by_silence(desk: Desk) -> None:
    desk.ask(replace(ADA, attributes={"City": "London", "member": True}))

    desk.ask(SignUp("ada@example.org", "weekly", first_name="Adah", hour=7), after=DAY)
    desk.ask(SignUp("ada@example.org", "news", attributes={"city": "Paris"}), after=2 * DAY)

    person = desk.person()
    assert (person.first_name, person.hour, person.weekday) == ("Adah", 7, 2)
    assert person.attributes == {"city": "Paris", "member": True}
    assert person.changed_at == desk.now + 2 * DAY


def test_nobody_can_change_a_confirmed_person_by_the_open_form(desk: Desk) -> None:
    ada = desk.asked()
    desk.confirm(ada, 1)

    same = desk.ask(replace(ADA, first_name="Eve", hour=3), after=2 * DAY)
    other = desk.ask(
        replace(ADA, list_slug="news", first_name="Eve", hour=3, attributes={"city": "X"}),
        after=3 * DAY,
    )

    person = desk.person()
    assert (same.asked, other.asked) == (Asked.NOTICE, Asked.CONFIRMATION)
    assert (person.first_name, person.hour, person.attributes) == ("Ada", 9, {})
    assert desk.subscription(ada).standing is Standing.CONFIRMED


def test_a_confirmed_person_is_owed_a_notice_at_most_once_a_day(desk: Desk) -> None:
    ada = desk.asked()
    desk.confirm(ada, 1)

    wanted = []
    for hours in (1, 2, 24, 25, 26):
        desk.ask(after=timedelta(hours=hours))
        wanted.append(desk.subscription(ada).notice_wanted_at)

    first, second = desk.now + timedelta(hours=1), desk.now + timedelta(hours=25)
    assert wanted == [first, first, first, second, second]
    assert desk.kinds() == [ConsentKind.ASKED, ConsentKind.CONFIRMED]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_of_a_suppressed_address_only_the_wish_is_written_down(
    desk: Desk, reason: SuppressionReason, known: bool
) -> None:
    if known:
        desk.leave(desk.confirm(desk.asked(), 1))
    desk.suppress(reason)
    before = len(desk.consents())

    decision = desk.ask(after=2 * DAY)

    assert decision.asked is Asked.SUPPRESSED
    assert desk.kinds()[before:] == [ConsentKind.ASKED]
    with desk.database.reading() as session:
        person = find_subscriber(session, "ada@example.org")
        standings = session.scalars(select(Subscription.standing)).all()
        assert find_suppression(session, "ada@example.org") is not None
    assert (person is not None) is known
    assert standings == ([Standing.UNSUBSCRIBED] if known else [])


def test_wishes_for_a_suppressed_address_are_written_down_within_the_same_limit(desk: Desk) -> None:
    desk.suppress(SuppressionReason.COMPLAINT)

    assert [desk.ask().asked for _ in range(3)] == [Asked.SUPPRESSED, *[Asked.TOO_OFTEN] * 2]
    assert desk.kinds() == [ConsentKind.ASKED]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"email": "ada"}, InvalidAddressError),
        ({"weekday": 7}, InvalidPreferenceError),
        ({"hour": 24}, InvalidPreferenceError),
        ({"time_zone": "Europe/Atlantis"}, UnknownTimeZoneError),
        ({"first_name": "x" * 201}, InvalidTextError),
        ({"last_name": "https://spam.example"}, InvalidTextError),
        ({"attributes": {"email": "x"}}, InvalidTextError),
        ({"attributes": {"city": []}}, InvalidTextError),
        ({"list_slug": "monthly"}, UnknownListError),
    ],
)
def test_what_cannot_be_used_is_refused_alike_for_known_and_unknown(
    desk: Desk, wrong: dict[str, Any], error: type[SubscriberError]
) -> None:
    with pytest.raises(error) as unknown:
        desk.ask(replace(ADA, **wrong))
    desk.confirm(desk.asked(), 1)
    with pytest.raises(error) as known:
        desk.ask(replace(ADA, **wrong))

    assert str(known.value) == str(unknown.value)
    assert len(desk.consents()) == 2


def test_the_error_about_a_list_names_those_there_are(desk: Desk) -> None:
    with pytest.raises(
        UnknownListError, match=r"^no such list: 'monthly'; known lists: 'news', 'weekly'$"
    ):
        desk.ask(replace(ADA, list_slug="monthly"))


def do_at_once(
    desk: Desk, slowly: Callable[[Session], object], meanwhile: Callable[[Session], object]
) -> list[object]:
    """Begin the second deed while the first has written and not yet committed."""
    first_has_written, second_has_ended = threading.Event(), threading.Event()

    def first() -> object:
        with desk.database.transaction() as session:
            outcome = slowly(session)
            first_has_written.set()
            assert not second_has_ended.wait(0.3), "the second did not wait for the first"
            return outcome

    def second() -> object:
        assert first_has_written.wait(10)
        with desk.database.transaction() as session:
            outcome = meanwhile(session)
        second_has_ended.set()
        return outcome

    with ThreadPoolExecutor(2) as pool:
        return [done.result() for done in [pool.submit(first), pool.submit(second)]]


def test_two_who_type_the_same_new_address_at_once_make_one_asking(
    postgresql_database: Database, keys: KeyRing, now: datetime
) -> None:
    desk = Desk(postgresql_database, keys, now)

    def ask(session: Session) -> object:
        return request_subscription(session, ADA, keys=keys, now=now).asked

    assert do_at_once(desk, ask, ask) == [Asked.CONFIRMATION, Asked.TOO_OFTEN]
    assert desk.kinds() == [ConsentKind.ASKED]


def test_two_of_staff_who_add_the_same_person_at_once_add_them_once(
    postgresql_database: Database, keys: KeyRing, now: datetime
) -> None:
    desk = Desk(postgresql_database, keys, now)

    def add(session: Session) -> object:
        return add_confirmed(session, ADA, keys=keys, now=now).id

    first, second = do_at_once(desk, add, add)
    assert first == second
    assert desk.kinds() == [ConsentKind.ADDED_BY_STAFF]


def test_who_leaves_while_confirming_has_left(
    postgresql_database: Database, keys: KeyRing, now: datetime
) -> None:
    desk = Desk(postgresql_database, keys, now)
    ada = desk.asked()

    def say_yes(session: Session) -> object:
        return confirm(session, ada.public_id, asking=1, keys=keys, now=now).standing

    def leave(session: Session) -> object:
        return unsubscribe(session, ada, keys=keys, now=now, source="link")

    assert do_at_once(desk, say_yes, leave) == [Standing.CONFIRMED, True]
    assert desk.subscription(ada).standing is Standing.UNSUBSCRIBED
    assert desk.kinds()[1:] == [ConsentKind.CONFIRMED, ConsentKind.UNSUBSCRIBED]


def test_a_link_confirms_and_the_yes_is_recorded(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1, after=DAY)

    assert ada.standing is Standing.CONFIRMED
    assert ada.confirmed_at == desk.person().changed_at == desk.now + DAY
    record = desk.consents()[-1]
    assert (record.kind, record.source) == (ConsentKind.CONFIRMED, "confirmation link")
    assert record.network_address == "192.0.2.8"


def test_confirming_twice_changes_nothing_more(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1)

    again = desk.confirm(ada, 1, after=30 * DAY)

    assert (again.standing, again.confirmed_at) == (Standing.CONFIRMED, desk.now)
    assert len(desk.consents()) == 2


@pytest.mark.parametrize(
    ("asking", "after", "answer"),
    [
        (1, 7 * DAY, Answer.CONFIRMS),
        (1, 7 * DAY + timedelta(seconds=1), Answer.EXPIRED),
        (None, 90 * DAY, Answer.CONFIRMS),
        (2, timedelta(0), Answer.OUTDATED),
    ],
)
def test_a_link_does_what_its_page_said_it_would(
    desk: Desk, asking: int | None, after: timedelta, answer: Answer
) -> None:
    ada = desk.asked()

    with desk.database.reading() as session:
        said = judge_confirmation(session, ada, asking=asking, now=desk.now + after)
    done = desk.confirm(ada, asking, after=after)

    assert said is answer
    assert (done.standing is Standing.CONFIRMED) is (answer is Answer.CONFIRMS)


def test_the_link_of_the_asking_before_does_nothing(desk: Desk) -> None:
    ada = desk.asked()
    desk.ask(after=DAY)

    assert desk.confirm(ada, 1, after=DAY).standing is Standing.UNCONFIRMED
    assert desk.confirm(ada, 2, after=8 * DAY).standing is Standing.CONFIRMED


def test_a_link_does_nothing_once_the_person_has_left(desk: Desk) -> None:
    ada = desk.asked()
    desk.leave(ada)

    assert desk.confirm(ada, 1).standing is Standing.UNSUBSCRIBED
    assert desk.confirm(ada, None).standing is Standing.UNSUBSCRIBED
    assert desk.kinds() == [ConsentKind.ASKED, ConsentKind.UNSUBSCRIBED]


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_a_new_yes_lifts_a_suppression_by_request_only(
    desk: Desk, reason: SuppressionReason
) -> None:
    ada = desk.asked()
    desk.suppress(reason)

    by_request = reason is SuppressionReason.BY_REQUEST
    assert (desk.confirm(ada, 1).standing is Standing.CONFIRMED) is by_request
    with desk.database.reading() as session:
        assert (find_suppression(session, "ada@example.org") is None) is by_request


def test_confirming_what_was_erased_says_so(desk: Desk) -> None:
    with (
        pytest.raises(UnknownSubscriptionError, match=r"^no such subscription: 'nobody'; the pers"),
        desk.database.transaction() as session,
    ):
        confirm(session, "nobody", asking=1, keys=desk.keys, now=desk.now)


def test_leaving_takes_one_step_and_no_second(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1)

    assert [desk.leave(ada, after=DAY), desk.leave(ada, after=2 * DAY)] == [True, False]
    left = desk.subscription(ada)
    assert (left.standing, left.unsubscribed_at) == (Standing.UNSUBSCRIBED, desk.now + DAY)
    assert desk.person().changed_at == desk.now + DAY
    assert desk.kinds()[-2:] == [ConsentKind.CONFIRMED, ConsentKind.UNSUBSCRIBED]


def test_who_leaves_one_list_stays_on_the_others(desk: Desk) -> None:
    weekly = desk.confirm(desk.asked(), 1)
    news = desk.ask(replace(ADA, list_slug="news"), after=DAY).subscription
    assert news is not None
    desk.confirm(news, 1, after=DAY)

    desk.leave(news)

    assert desk.subscription(weekly).standing is Standing.CONFIRMED


def test_leaving_what_was_erased_says_so(desk: Desk) -> None:
    ada = desk.asked()
    with desk.database.transaction() as session:
        session.delete(session.get_one(Subscriber, ada.subscriber_id))

    with pytest.raises(UnknownSubscriptionError):
        desk.leave(ada)


def test_undo_gives_the_same_subscription_back_for_a_day(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1)
    desk.leave(ada, after=DAY)

    assert desk.undo(ada, after=2 * DAY)
    back = desk.subscription(ada)
    assert (back.standing, back.confirmed_at) == (Standing.CONFIRMED, desk.now)
    assert back.unsubscribed_at is None
    assert desk.consents()[-1].source == "undo"

    assert not desk.undo(ada, after=2 * DAY)


def test_undo_ends_after_a_day(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1)
    desk.leave(ada)

    assert not desk.undo(ada, after=DAY + timedelta(seconds=1))
    assert desk.subscription(ada).standing is Standing.UNSUBSCRIBED


def test_undo_confirms_nobody_who_never_confirmed(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1)
    desk.leave(ada)
    desk.ask(after=DAY)  # somebody, perhaps not Ada, typed her address
    desk.leave(ada, after=DAY)

    assert not desk.undo(ada, after=DAY)


def test_undo_revives_no_suppressed_address(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1)
    desk.leave(ada)
    desk.suppress(SuppressionReason.COMPLAINT)

    assert not desk.undo(ada)


def test_who_asks_again_after_leaving_confirms_again(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1)
    desk.leave(ada, after=DAY)

    desk.ask(after=2 * DAY)
    asked = desk.subscription(ada)
    assert (asked.standing, asked.asking, asked.confirmed_at) == (Standing.UNCONFIRMED, 2, None)
    assert desk.confirm(ada, 1, after=2 * DAY).standing is Standing.UNCONFIRMED

    confirmed = desk.confirm(ada, 2, after=3 * DAY)
    assert (confirmed.standing, confirmed.confirmed_at) == (
        Standing.CONFIRMED,
        desk.now + 3 * DAY,
    )
    assert confirmed.unsubscribed_at is None


def test_staff_add_a_person_with_the_consent_they_name(desk: Desk) -> None:
    ada = desk.add(replace(ADA, source="paper form of 1 March"), tags=("VIP", "vip"))

    assert (ada.standing, ada.confirmed_at) == (Standing.CONFIRMED, desk.now)
    record = desk.consents()[0]
    assert (record.kind, record.source) == (ConsentKind.ADDED_BY_STAFF, "paper form of 1 March")
    with desk.database.reading() as session:
        assert tags_of(session, [ada.subscriber_id])[ada.subscriber_id] == ("vip",)


def test_adding_a_known_person_fills_in_what_is_empty(desk: Desk) -> None:
    asked = desk.asked(replace(ADA, hour=None, attributes={"city": "London"}))

    added = desk.add(
        replace(ADA, first_name="A.", last_name="L.", hour=7, attributes={"city": "X", "age": 9})
    )
    again = desk.add()

    person = desk.person()
    assert added.id == again.id == asked.id
    assert (person.first_name, person.last_name, person.hour) == ("Ada", "L.", 7)
    assert person.attributes == {"city": "London", "age": 9}
    assert desk.kinds() == [ConsentKind.ASKED, ConsentKind.ADDED_BY_STAFF]


def test_adding_a_confirmed_person_again_moves_no_due_date(desk: Desk) -> None:
    desk.add()
    with desk.database.transaction() as session:
        add_confirmed(session, ADA, keys=desk.keys, now=desk.now + DAY)

    assert desk.person().changed_at == desk.now


def test_staff_add_no_suppressed_address(desk: Desk) -> None:
    desk.suppress(SuppressionReason.COMPLAINT)

    with pytest.raises(SuppressedAddressError) as caught:
        desk.add()

    assert str(caught.value) == (
        "address is suppressed: 'ada@example.org': complaint on 2026-03-02; "
        "lift the suppression first if you are sure"
    )


@pytest.mark.parametrize("asked_again", [False, True])
def test_staff_add_nobody_who_has_left(desk: Desk, asked_again: bool) -> None:
    desk.leave(desk.confirm(desk.asked(), 1))
    if asked_again:
        desk.ask(after=DAY)

    with pytest.raises(HasLeftError) as caught:
        desk.add()

    assert str(caught.value) == (
        "cannot add 'ada@example.org' to 'weekly': they unsubscribed on 2026-03-02; "
        "let them sign up again"
    )


def test_staff_take_back_who_told_them_so(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1)
    desk.leave(ada, after=DAY)

    def take_back() -> bool:
        with desk.database.transaction() as session:
            return resubscribe_by_staff(
                session, ada, consent_source="by phone", keys=desk.keys, now=desk.now + 9 * DAY
            )

    assert [take_back(), take_back()] == [True, False]
    back = desk.subscription(ada)
    assert (back.standing, back.confirmed_at) == (Standing.CONFIRMED, desk.now + 9 * DAY)
    assert (desk.kinds()[-1], desk.consents()[-1].source) == (
        ConsentKind.ADDED_BY_STAFF,
        "by phone",
    )


def test_staff_take_back_no_suppressed_address(desk: Desk) -> None:
    ada = desk.confirm(desk.asked(), 1)
    desk.leave(ada)
    desk.suppress(SuppressionReason.BY_REQUEST)

    with pytest.raises(SuppressedAddressError), desk.database.transaction() as session:
        resubscribe_by_staff(session, ada, consent_source="by phone", keys=desk.keys, now=desk.now)


CHANGES: list[tuple[PreferenceChange, str]] = [
    (PreferenceChange(weekday=4), "weekday: 2 to 4"),
    (PreferenceChange(hour=None), "hour: 9 to none"),
    (PreferenceChange(time_zone="Asia/Tokyo"), "time_zone: Europe/London to Asia/Tokyo"),
    (PreferenceChange(pace=Pace.MONTH), "pace: as written to month"),
    (PreferenceChange(paused_until=date(2026, 4, 1)), "paused_until: none to 2026-04-01"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_a_change_of_preferences_moves_due_dates_and_is_recorded(
    desk: Desk, change: PreferenceChange, words: str
) -> None:
    desk.ask()

    def decide(after: timedelta) -> bool:
        with desk.database.transaction() as session:
            person = find_subscriber(session, "ada@example.org")
            assert person is not None
            return change_preferences(session, person, change, keys=desk.keys, now=desk.now + after)

    assert [decide(DAY), decide(2 * DAY)] == [True, False]
    person = desk.person()
    assert person.changed_at == desk.now + DAY
    assert {name: getattr(person, name) for name in change.given()} == change.given()
    record = desk.consents()[-1]
    assert (record.kind, record.wording) == (ConsentKind.CHANGED_PREFERENCES, words)
    assert len(desk.consents()) == 2


def test_changing_what_an_erased_person_chose_says_so(desk: Desk) -> None:
    desk.ask()
    person = desk.person()
    with desk.database.transaction() as session:
        session.delete(session.get_one(Subscriber, person.id))

    with (
        pytest.raises(UnknownSubscriberError, match=r"^no such subscriber: \d+; the person may be"),
        desk.database.transaction() as session,
    ):
        change_preferences(session, person, PreferenceChange(hour=1), keys=desk.keys, now=desk.now)
