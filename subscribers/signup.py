"""What people do with a subscription: ask, confirm, leave, come back, choose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from storage.signing import KeyRing
from subscribers.askings import ask_for_confirmation, decide_asking, want_notice
from subscribers.consent import Evidence, record_consent
from subscribers.errors import (
    HasLeftError,
    UnknownSubscriberError,
    UnknownSubscriptionError,
)
from subscribers.mailing_lists import get_list
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.moves import locked, move, move_by_word, open_subscription
from subscribers.profiles import add_tags
from subscribers.rules.asking import Answer, Asked, decide_confirmation, may_undo
from subscribers.rules.preferences import (
    PreferenceChange,
    Preferences,
    apply_change,
    describe_difference,
)
from subscribers.rules.profile import clean_name, clean_typed_name
from subscribers.rules.standing import ConsentKind, Standing, may_be_added
from subscribers.store import (
    find_subscription_of,
    lock_subscriber,
    lock_subscription,
    suppression_reason,
)
from subscribers.suppression import lift_by_consent, refuse_suppressed
from subscribers.wishes import Wish, add_person, check_wish, fill


@dataclass(frozen=True)
class SignUp:
    """What somebody typed into a form, or staff entered for them."""

    email: str
    list_slug: str
    first_name: str = ""
    last_name: str = ""
    time_zone: str | None = None
    weekday: int | None = None
    hour: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    source: str = "sign-up form"
    network_address: str = ""
    wording: str = ""


@dataclass(frozen=True)
class SignUpDecision:
    """What a sign-up led to.

    For logs and tests only: a page that shows any of it tells a stranger whether an
    address is known.
    """

    asked: Asked
    subscription: Subscription | None = None


def request_subscription(
    session: Session, sign_up: SignUp, *, keys: KeyRing, now: datetime
) -> SignUpDecision:
    """Take a wish for a list from somebody who may be anybody.

    A new or returning address becomes unconfirmed with a new asking, for which the
    clock queues a confirmation. It confirms nobody, and changes no confirmed person.

    Raises:
        SubscriberError: the address, a name or a choice cannot be used, or there is no such list.
    """
    wish = _check(sign_up, clean=clean_typed_name)
    mailing_list = get_list(session, sign_up.list_slug)
    person = lock_subscriber(session, Subscriber.email == wish.email)
    subscription = _subscription(session, person, mailing_list)
    asked = decide_asking(session, wish, subscription, keys=keys, now=now)
    if asked is Asked.CONFIRMATION:
        person = person or add_person(session, wish, now=now)
        if person is None:  # somebody was faster: look again
            return request_subscription(session, sign_up, keys=keys, now=now)
        subscription = ask_for_confirmation(
            session, person, subscription, mailing_list=mailing_list, wish=wish, now=now
        )
    if asked is Asked.NOTICE and subscription is not None:
        want_notice(subscription, now=now)
    if asked in (Asked.CONFIRMATION, Asked.SUPPRESSED):
        _record(session, ConsentKind.ASKED, person, wish, sign_up, keys=keys, now=now)
    return SignUpDecision(asked, subscription)


def add_confirmed(
    session: Session,
    sign_up: SignUp,
    *,
    keys: KeyRing,
    now: datetime,
    tags: Iterable[str] = (),
) -> Subscription:
    """Add a person who said yes to staff; `sign_up.source` names how.

    On a person who exists only what is empty is filled in.

    Raises:
        SubscriberError: something in it cannot be used, or there is no such list.
        SuppressedAddressError: the address must not be mailed.
        HasLeftError: the person unsubscribed from this list.
    """
    wish = _check(sign_up, clean=clean_name)
    mailing_list = get_list(session, sign_up.list_slug)
    person = lock_subscriber(session, Subscriber.email == wish.email)
    refuse_suppressed(session, wish.email)
    person = person or add_person(session, wish, now=now)
    if person is None:  # somebody was faster: look again
        return add_confirmed(session, sign_up, keys=keys, now=now, tags=tags)
    subscription = _subscription(session, person, mailing_list)
    _refuse_leaver(person, subscription, mailing_list)
    fill(person, wish, now=now)
    add_tags(session, person, tags)
    if subscription is None:
        subscription = open_subscription(session, person, mailing_list, now=now)
    if subscription.standing is not Standing.CONFIRMED:
        move(person, subscription, Standing.CONFIRMED, now=now)
        _record(session, ConsentKind.ADDED_BY_STAFF, person, wish, sign_up, keys=keys, now=now)
    return subscription


def judge_confirmation(
    session: Session, subscription: Subscription, *, asking: int | None, now: datetime
) -> Answer:
    """Say what confirming would lead to, and change nothing (the page before the button)."""
    person = session.get_one(Subscriber, subscription.subscriber_id)
    return decide_confirmation(
        subscription.standing,
        is_newest=asking in (None, subscription.asking),
        asked_at=None if asking is None else subscription.requested_at,
        suppression=suppression_reason(session, person.email),
        now=now,
    )


def confirm(
    session: Session,
    subscription_public_id: str,
    *,
    asking: int | None,
    keys: KeyRing,
    now: datetime,
    network_address: str = "",
    source: str = "confirmation link",
    wording: str = "",
) -> Subscription:
    """Confirm a subscription if the link of this asking still may; look at the standing after.

    `asking` None means by hand: no link that could be too old. Confirming twice is
    harmless. The person's new yes lifts a suppression by request, and no other.

    Raises:
        UnknownSubscriptionError: there is none.
    """
    found = lock_subscription(session, Subscription.public_id == subscription_public_id)
    if found is None:
        raise UnknownSubscriptionError(subscription_public_id)
    if judge_confirmation(session, found[1], asking=asking, now=now) is Answer.CONFIRMS:
        evidence = Evidence(source, network_address, wording)
        _say_yes(session, found, evidence, keys=keys, now=now)
    return found[1]


def unsubscribe(
    session: Session,
    subscription: Subscription,
    *,
    keys: KeyRing,
    now: datetime,
    source: str,
    network_address: str = "",
    wording: str = "",
) -> bool:
    """End a subscription; True when something changed.

    Raises:
        UnknownSubscriptionError: it is gone.
    """
    found = locked(session, subscription)
    if found[1].standing is Standing.UNSUBSCRIBED:
        return False
    move_by_word(
        session,
        found,
        Standing.UNSUBSCRIBED,
        kind=ConsentKind.UNSUBSCRIBED,
        evidence=Evidence(source, network_address, wording),
        keys=keys,
        now=now,
    )
    return True


def resubscribe(
    session: Session,
    subscription: Subscription,
    *,
    keys: KeyRing,
    now: datetime,
    source: str = "undo",
    network_address: str = "",
    wording: str = "",
) -> bool:
    """Take an unsubscription back within a day, for somebody who had confirmed.

    True when something changed. Whoever may not undo can sign up again.

    Raises:
        UnknownSubscriptionError: it is gone.
    """
    found = locked(session, subscription)
    person, current = found
    allowed = may_undo(
        current.standing,
        confirmed_at=current.confirmed_at,
        unsubscribed_at=current.unsubscribed_at,
        suppression=suppression_reason(session, person.email),
        now=now,
    )
    if allowed:
        evidence = Evidence(source, network_address, wording)
        _say_yes(session, found, evidence, keys=keys, now=now)
    return allowed


def resubscribe_by_staff(
    session: Session,
    subscription: Subscription,
    *,
    consent_source: str,
    keys: KeyRing,
    now: datetime,
) -> bool:
    """Take somebody back who told staff so; True when something changed.

    Raises:
        UnknownSubscriptionError: it is gone.
        SuppressedAddressError: the address must not be mailed.
    """
    found = locked(session, subscription)
    person, current = found
    refuse_suppressed(session, person.email)
    if current.standing is not Standing.UNSUBSCRIBED:
        return False
    current.confirmed_at = None  # a new consent, which counts from now
    move_by_word(
        session,
        found,
        Standing.CONFIRMED,
        kind=ConsentKind.ADDED_BY_STAFF,
        evidence=Evidence(consent_source),
        keys=keys,
        now=now,
    )
    return True


def change_preferences(
    session: Session,
    subscriber: Subscriber,
    changes: PreferenceChange,
    *,
    keys: KeyRing,
    now: datetime,
    source: str = "preference page",
    network_address: str = "",
) -> bool:
    """Change what a person chose about day, hour, zone, pace or pause; True when it differs.

    Raises:
        UnknownSubscriberError: the person is gone.
    """
    person = lock_subscriber(session, Subscriber.id == subscriber.id)
    if person is None:
        raise UnknownSubscriberError(subscriber.id)
    before = preferences_of(person)
    after = apply_change(before, changes)
    if after == before:
        return False
    for name in changes.given():
        setattr(person, name, getattr(after, name))
    person.changed_at = now
    record_consent(
        session,
        ConsentKind.CHANGED_PREFERENCES,
        address=person.email,
        evidence=Evidence(source, network_address, describe_difference(before, after)),
        list_slug="",
        subscriber_id=person.id,
        keys=keys,
        now=now,
    )
    return True


def preferences_of(person: Subscriber) -> Preferences:
    """Read what a person chose."""
    return Preferences(
        weekday=person.weekday,
        hour=person.hour,
        time_zone=person.time_zone,
        pace=person.pace,
        paused_until=person.paused_until,
    )


def _check(sign_up: SignUp, *, clean: Callable[..., str]) -> Wish:
    return check_wish(
        sign_up.email,
        first_name=sign_up.first_name,
        last_name=sign_up.last_name,
        choice=PreferenceChange(sign_up.weekday, sign_up.hour, sign_up.time_zone),
        attributes=sign_up.attributes,
        clean=clean,
    )


def _subscription(
    session: Session, person: Subscriber | None, mailing_list: MailingList
) -> Subscription | None:
    if person is None:
        return None
    return find_subscription_of(session, person.id, list_id=mailing_list.id)


def _say_yes(
    session: Session,
    found: tuple[Subscriber, Subscription],
    evidence: Evidence,
    *,
    keys: KeyRing,
    now: datetime,
) -> None:
    lift_by_consent(session, found[0].email)
    move_by_word(
        session,
        found,
        Standing.CONFIRMED,
        kind=ConsentKind.CONFIRMED,
        evidence=evidence,
        keys=keys,
        now=now,
    )


def _refuse_leaver(
    person: Subscriber, subscription: Subscription | None, mailing_list: MailingList
) -> None:
    if subscription is None:
        return
    left_at = subscription.unsubscribed_at
    if left_at and not may_be_added(subscription.standing, unsubscribed_at=left_at):
        raise HasLeftError(person.email, mailing_list.slug, left_at)


def _record(
    session: Session,
    kind: ConsentKind,
    person: Subscriber | None,
    wish: Wish,
    sign_up: SignUp,
    *,
    keys: KeyRing,
    now: datetime,
) -> None:
    record_consent(
        session,
        kind,
        address=wish.email,
        evidence=Evidence(sign_up.source, sign_up.network_address, sign_up.wording),
        list_slug=sign_up.list_slug,
        subscriber_id=person.id if person else None,
        keys=keys,
        now=now,
    )
