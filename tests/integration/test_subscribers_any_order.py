"""Whatever people, staff and strangers do, in any order: consent is never lost or invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database import Database
from storage.signing import KeyRing
from subscribers.errors import HasLeftError, SuppressedAddressError
from subscribers.importing import import_subscribers, read_csv
from subscribers.mailing_lists import ensure_list
from subscribers.models import ConsentRecord, MailingList, Subscriber, Subscription, Suppression
from subscribers.rules.standing import ConsentKind, Standing, SuppressionReason, may_move
from subscribers.signup import (
    SignUp,
    add_confirmed,
    confirm,
    request_subscription,
    resubscribe,
    resubscribe_by_staff,
    unsubscribe,
)
from subscribers.suppression import lift_suppression, suppress_address
from subscribers.tokens import confirm_token, read_confirm_token

EMAILS = ("ada@example.org",)  # one is enough: people do not depend on each other
LISTS = ("weekly", "news")  # the second is rarely asked for
WEEK, DAY = timedelta(days=7), timedelta(days=1)

emails = st.sampled_from(EMAILS)
slugs = st.sampled_from(["weekly", "weekly", "weekly", "news"])
waits = st.sampled_from([timedelta(hours=1), DAY, 6 * DAY, 8 * DAY, 31 * DAY])
numbers = st.integers(0, 3)
WEAKEST_FIRST = [
    SuppressionReason.BY_REQUEST,
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.BY_STAFF,
    SuppressionReason.COMPLAINT,
]
Key = tuple[str, str]  # address and list

CONSENT = select(
    ConsentRecord.id, ConsentRecord.address_digest, ConsentRecord.kind, ConsentRecord.at
).order_by(ConsentRecord.id)
HELD = (
    select(Subscriber.email, MailingList.slug, Subscription)
    .join(Subscription, Subscription.subscriber_id == Subscriber.id)
    .join(MailingList, MailingList.id == Subscription.list_id)
)


class People(RuleBasedStateMachine):
    """One address, two lists, one transaction that is rolled back at the end."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        super().__init__()
        self.session = Session(database.engine)
        self.keys = keys
        self.now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
        for slug in LISTS:
            ensure_list(self.session, slug, title=slug, now=self.now)
        self.links: dict[Key, list[str]] = {}
        # The model: who left and has not said yes since, whose present consent was
        # confirmed, and who must not be mailed.
        self.has_left: set[Key] = set()
        self.said_yes: set[Key] = set()
        self.suppressions: dict[str, SuppressionReason] = {}
        # As it was after the step before.
        self.records: list[tuple[Any, ...]] = []
        self.standings: dict[Key, Standing] = {}

    def teardown(self) -> None:
        self.session.close()

    def find(self, key: Key) -> Subscription | None:
        wanted = HELD.where(Subscriber.email == key[0], MailingList.slug == key[1])
        return self.session.scalars(wanted.with_only_columns(Subscription)).one_or_none()

    def known_key(self, number: int) -> Key:
        """Pick one of the subscriptions there are."""
        keys = sorted(self.standings)
        return keys[number % len(keys)]

    def known(self, key: Key) -> Subscription:
        """Read a subscription that exists."""
        found = self.find(key)
        assert found is not None
        return found

    @rule(email=emails, slug=slugs, wait=waits)
    def somebody_asks(self, email: str, slug: str, wait: timedelta) -> None:
        self.now += wait
        key = (email, slug)
        before = self.standings.get(key)

        request_subscription(
            self.session, SignUp(email.upper(), slug), keys=self.keys, now=self.now
        )

        subscription = self.find(key)
        after = subscription.standing if subscription else None
        if email in self.suppressions:
            assert after is before
        if subscription and after is Standing.UNCONFIRMED:
            self.links.setdefault(key, []).append(confirm_token(self.keys, subscription))
            self.said_yes.discard(key)

    @precondition(lambda self: self.links)
    @rule(number=numbers, how_old=st.sampled_from([1, 1, 2]), late=st.sampled_from([0, 0, 0, 8]))
    def a_link_is_opened(self, number: int, how_old: int, late: int) -> None:
        self.now += timedelta(days=late)
        key = sorted(self.links)[number % len(self.links)]
        links = self.links[key]
        read = read_confirm_token(self.keys, links[-min(how_old, len(links))])
        assert read is not None
        held = self.known(key)
        works = read == (held.public_id, held.asking) and self.now - held.requested_at <= WEEK

        self.try_to_confirm(key, asking=read[1], works=works)

    @precondition(lambda self: self.standings)
    @rule(number=numbers)
    def staff_confirm_by_hand(self, number: int) -> None:
        self.try_to_confirm(self.known_key(number), asking=None, works=True)

    def try_to_confirm(self, key: Key, *, asking: int | None, works: bool) -> None:
        """Confirm, and compare what happened with what may happen."""
        standing = self.standings[key]
        public_id = self.known(key).public_id

        after = confirm(self.session, public_id, asking=asking, keys=self.keys, now=self.now)

        confirms = (
            works
            and standing is Standing.UNCONFIRMED
            and self.suppressions.get(key[0]) in (None, SuppressionReason.BY_REQUEST)
        )
        assert (after.standing is not standing) == confirms
        if confirms:
            self.hear_yes(key)

    @precondition(lambda self: self.standings)
    @rule(number=numbers)
    def a_person_leaves(self, number: int) -> None:
        key = self.known_key(number)
        had_left = self.standings[key] is Standing.UNSUBSCRIBED

        changed = unsubscribe(
            self.session, self.known(key), keys=self.keys, now=self.now, source="link"
        )

        assert changed is not had_left
        assert self.known(key).standing is Standing.UNSUBSCRIBED
        self.has_left.add(key)

    @precondition(lambda self: self.has_left)
    @rule(number=numbers, wait=waits)
    def a_person_takes_leaving_back(self, number: int, wait: timedelta) -> None:
        self.now += wait
        key = sorted(self.has_left)[number % len(self.has_left)]
        suppression = self.suppressions.get(key[0])

        changed = resubscribe(self.session, self.known(key), keys=self.keys, now=self.now)

        if changed:
            assert key in self.said_yes
            assert suppression in (None, SuppressionReason.BY_REQUEST)
            self.hear_yes(key)

    @precondition(lambda self: self.has_left)
    @rule(number=numbers)
    def staff_take_somebody_back(self, number: int) -> None:
        key = sorted(self.has_left)[number % len(self.has_left)]
        try:
            changed = resubscribe_by_staff(
                self.session,
                self.known(key),
                consent_source="phone",
                keys=self.keys,
                now=self.now,
            )
        except SuppressedAddressError:
            assert key[0] in self.suppressions
        else:
            assert key[0] not in self.suppressions
            assert changed == (self.standings[key] is Standing.UNSUBSCRIBED)
            if changed:
                self.hear_yes(key)

    def hear_yes(self, key: Key) -> None:
        """Remember in the model that somebody really said yes."""
        self.has_left.discard(key)
        self.said_yes.add(key)
        self.suppressions.pop(key[0], None)

    @rule(email=emails, slug=slugs)
    def staff_add(self, email: str, slug: str) -> None:
        try:
            added = add_confirmed(
                self.session, SignUp(email, slug, source="paper"), keys=self.keys, now=self.now
            )
        except SuppressedAddressError:
            assert email in self.suppressions
        except HasLeftError:
            assert (email, slug) in self.has_left
        else:
            assert added.standing is Standing.CONFIRMED
            assert email not in self.suppressions
            self.hear_yes((email, slug))

    @rule(email=emails, slug=slugs)
    def staff_import(self, email: str, slug: str) -> None:
        report = import_subscribers(
            self.session,
            read_csv(f"email\n{email}\n".encode()),
            list_slug=slug,
            consent_source="file",
            keys=self.keys,
            now=self.now,
        )

        is_kept = email in self.suppressions or (email, slug) in self.has_left
        assert (report.kept, report.added + report.unchanged) == (is_kept, not is_kept)
        if not is_kept:
            self.hear_yes((email, slug))

    @rule(email=emails, reason=st.sampled_from(WEAKEST_FIRST))
    def an_address_is_suppressed(self, email: str, reason: SuppressionReason) -> None:
        known = self.suppressions.get(email)

        changed = suppress_address(self.session, email, reason, now=self.now)

        assert changed == (
            known is None or WEAKEST_FIRST.index(reason) > WEAKEST_FIRST.index(known)
        )
        if changed:
            self.suppressions[email] = reason

    @precondition(lambda self: self.suppressions)
    @rule(number=numbers)
    def staff_lift_a_suppression(self, number: int) -> None:
        email = sorted(self.suppressions)[number % len(self.suppressions)]
        lifted = lift_suppression(self.session, email, now=self.now)

        assert lifted is self.suppressions.pop(email)

    @invariant()
    def all_promises_hold(self) -> None:
        records = [tuple(row) for row in self.session.execute(CONSENT).all()]
        held = {(email, slug): each for email, slug, each in self.session.execute(HELD).all()}

        self.suppression_gave_way_to_nothing_but_a_yes_or_staff()
        self.consent_only_grew(records, held)
        self.nobody_is_asked_too_often(records)
        for key, subscription in held.items():
            knows_when(subscription)
            assert key not in self.has_left or subscription.standing is not Standing.CONFIRMED
        self.records = records
        self.standings = {key: each.standing for key, each in held.items()}

    def suppression_gave_way_to_nothing_but_a_yes_or_staff(self) -> None:
        found = self.session.execute(select(Suppression.email, Suppression.reason)).all()
        assert {row.email: row.reason for row in found} == self.suppressions

    def consent_only_grew(self, records: list[Any], held: dict[Key, Subscription]) -> None:
        moved = [key for key in held if held[key].standing is not self.standings.get(key)]

        assert records[: len(self.records)] == self.records
        assert len(records) - len(self.records) >= len(moved)
        assert set(self.standings) <= set(held)
        for key in moved:
            before = self.standings.get(key)
            assert before is None or may_move(before, held[key].standing)

    def nobody_is_asked_too_often(self, records: list[Any]) -> None:
        for email in EMAILS:
            digest = self.keys.digest("address", email)
            asked = [at for _, of, kind, at in records if (of, kind) == (digest, ConsentKind.ASKED)]
            for at in asked:
                assert sum(at <= other < at + DAY for other in asked) == 1
                assert sum(at <= other < at + 30 * DAY for other in asked) <= 3


def knows_when(subscription: Subscription) -> None:
    """Check the moments that belong to a standing."""
    if subscription.standing is Standing.CONFIRMED:
        assert subscription.confirmed_at is not None
        assert subscription.unsubscribed_at is None
    if subscription.standing is Standing.UNSUBSCRIBED:
        assert subscription.unsubscribed_at is not None


def test_consent_survives_whatever_happens_in_any_order(
    sqlite_database: Database, keys: KeyRing
) -> None:
    run_state_machine_as_test(
        lambda: People(sqlite_database, keys),
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
