"""Whatever people, staff and strangers do, in any order: consent is never lost or invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database import Database
from storage.signing import KeyRing
from subscribers.errors import HasLeftError, SuppressedAddressError
from subscribers.importing import import_subscribers, read_csv
from subscribers.mailing_lists import ensure_list
from subscribers.models import ConsentRecord, MailingList, Subscriber, Subscription
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
from subscribers.store import suppression_reason
from subscribers.suppression import lift_suppression, suppress_address
from subscribers.tokens import confirm_token, read_confirm_token

EMAILS = ("ada@example.org", "ben@example.org")
LISTS = ("weekly", "news")
WEEK, DAY = timedelta(days=7), timedelta(days=1)

emails = st.sampled_from(EMAILS)
slugs = st.sampled_from(LISTS)
Key = tuple[str, str]  # address and list


class People(RuleBasedStateMachine):
    """Two addresses, two lists, one transaction that is rolled back at the end."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        super().__init__()
        self.session = Session(database.engine)
        self.keys = keys
        self.now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
        for slug in LISTS:
            ensure_list(self.session, slug, title=slug, now=self.now)
        self.links: dict[Key, list[str]] = {}
        # The model: who left and has not said yes since, and who must not be mailed.
        self.has_left: set[Key] = set()
        self.suppressions: dict[str, SuppressionReason] = {}
        # As it was after the step before.
        self.consents: list[tuple[Any, ...]] = []
        self.standings: dict[Key, Standing] = {}

    def teardown(self) -> None:
        self.session.close()

    def find(self, key: Key) -> Subscription | None:
        wanted = (
            select(Subscription)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .join(MailingList, MailingList.id == Subscription.list_id)
            .where(Subscriber.email == key[0], MailingList.slug == key[1])
        )
        return self.session.scalars(wanted).one_or_none()

    @rule(hours=st.sampled_from([1, 11, 25, 24 * 6, 24 * 16]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(email=emails, slug=slugs)
    def somebody_asks(self, email: str, slug: str) -> None:
        request_subscription(
            self.session, SignUp(email.upper(), slug), keys=self.keys, now=self.now
        )
        subscription = self.find((email, slug))
        if subscription and subscription.standing is Standing.UNCONFIRMED:
            links = self.links.setdefault((email, slug), [])
            links.append(confirm_token(self.keys, subscription))

    @rule(email=emails, slug=slugs, which=st.integers(0, 3))
    def a_link_is_opened(self, email: str, slug: str, which: int) -> None:
        before = self.find((email, slug))
        links = self.links.get((email, slug), [])
        if before is None or not links:
            return
        read = read_confirm_token(self.keys, links[-1 - which % len(links)])
        assert read is not None
        standing, asked_at = before.standing, before.requested_at
        suppression = suppression_reason(self.session, email)

        after = confirm(self.session, read[0], asking=read[1], keys=self.keys, now=self.now)

        allowed = (
            standing is Standing.UNCONFIRMED
            and read[1] == after.asking
            and self.now - asked_at <= WEEK
            and suppression in (None, SuppressionReason.BY_REQUEST)
        )
        assert (standing is not after.standing) == allowed
        if allowed:
            self.has_left.discard((email, slug))
            self.suppressions.pop(email, None)

    @rule(email=emails, slug=slugs)
    def a_person_leaves(self, email: str, slug: str) -> None:
        subscription = self.find((email, slug))
        if subscription is None:
            return
        had_left = subscription.standing is Standing.UNSUBSCRIBED

        changed = unsubscribe(
            self.session, subscription, keys=self.keys, now=self.now, source="link"
        )

        assert changed is not had_left
        assert subscription.standing is Standing.UNSUBSCRIBED
        self.has_left.add((email, slug))

    @rule(email=emails, slug=slugs, by_staff=st.booleans())
    def a_person_comes_back(self, email: str, slug: str, by_staff: bool) -> None:
        subscription = self.find((email, slug))
        if subscription is None:
            return
        suppression = suppression_reason(self.session, email)
        try:
            if by_staff:
                changed = resubscribe_by_staff(
                    self.session,
                    subscription,
                    consent_source="phone",
                    keys=self.keys,
                    now=self.now,
                )
            else:
                changed = resubscribe(self.session, subscription, keys=self.keys, now=self.now)
        except SuppressedAddressError:
            assert suppression is not None
            return
        if changed:
            assert suppression in (None, SuppressionReason.BY_REQUEST)
            self.has_left.discard((email, slug))
            self.suppressions.pop(email, None)

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

    @rule(slug=slugs)
    def staff_import_everybody(self, slug: str) -> None:
        report = import_subscribers(
            self.session,
            read_csv("\n".join(["email", *EMAILS]).encode()),
            list_slug=slug,
            consent_source="file",
            keys=self.keys,
            now=self.now,
        )

        kept = [
            email
            for email in EMAILS
            if email in self.suppressions or (email, slug) in self.has_left
        ]
        assert (report.kept, report.added + report.unchanged) == (len(kept), 2 - len(kept))

    @rule(email=emails, reason=st.sampled_from(SuppressionReason))
    def an_address_is_suppressed(self, email: str, reason: SuppressionReason) -> None:
        changed = suppress_address(self.session, email, reason, now=self.now)

        assert changed or email in self.suppressions
        if changed:
            self.suppressions[email] = reason

    @rule(email=emails)
    def staff_lift_a_suppression(self, email: str) -> None:
        lifted = lift_suppression(self.session, email, now=self.now)

        assert lifted == self.suppressions.pop(email, None)

    @invariant()
    def only_a_new_yes_or_staff_lift_a_suppression(self) -> None:
        for email in EMAILS:
            assert suppression_reason(self.session, email) == self.suppressions.get(email)

    @invariant()
    def nobody_who_left_is_confirmed_without_a_new_yes(self) -> None:
        for key in self.has_left:
            subscription = self.find(key)
            assert subscription is not None
            assert subscription.standing is not Standing.CONFIRMED

    @invariant()
    def consent_only_grows_and_every_new_standing_has_its_record(self) -> None:
        found = [tuple(row) for row in self.session.execute(select(ConsentRecord.__table__)).all()]
        standings = {
            (email, slug): subscription.standing
            for email in EMAILS
            for slug in LISTS
            if (subscription := self.find((email, slug)))
        }
        moved = [key for key in standings if standings[key] is not self.standings.get(key)]

        assert found[: len(self.consents)] == self.consents
        assert len(found) - len(self.consents) >= len(moved)
        for key in moved:
            before = self.standings.get(key)
            assert before is None or may_move(before, standings[key])
        assert set(self.standings) <= set(standings)
        self.consents, self.standings = found, standings

    @invariant()
    def no_address_is_asked_for_more_often_than_allowed(self) -> None:
        for email in EMAILS:
            asked = self.session.scalars(
                select(ConsentRecord.at).where(
                    ConsentRecord.address_digest == self.keys.digest("address", email),
                    ConsentRecord.kind == ConsentKind.ASKED,
                )
            ).all()
            for at in asked:
                assert sum(at <= other < at + DAY for other in asked) == 1
                assert sum(at <= other < at + 30 * DAY for other in asked) <= 3

    @invariant()
    def a_confirmed_subscription_knows_since_when(self) -> None:
        for subscription in self.session.scalars(select(Subscription)):
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
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
