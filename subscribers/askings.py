"""Somebody who may be anybody asks for a list: what that does to person and subscription."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from storage.signing import KeyRing
from subscribers.consent import address_digest
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.moves import move, open_subscription
from subscribers.rules.asking import MONTH, Asked, decide_sign_up, may_notice
from subscribers.rules.standing import Standing
from subscribers.store import askings_of, has_confirmed_subscription, suppression_reason
from subscribers.wishes import Wish, take_over


def decide_asking(
    session: Session,
    wish: Wish,
    subscription: Subscription | None,
    *,
    keys: KeyRing,
    now: datetime,
) -> Asked:
    """Load what the decision about a sign-up rests on, and decide."""
    return decide_sign_up(
        subscription.standing if subscription else None,
        suppressed=suppression_reason(session, wish.email) is not None,
        askings=askings_of(session, address_digest(keys, wish.email), since=now - MONTH),
        now=now,
    )


def ask_for_confirmation(
    session: Session,
    person: Subscriber,
    subscription: Subscription | None,
    *,
    mailing_list: MailingList,
    wish: Wish,
    now: datetime,
) -> Subscription:
    """Begin a new asking, for which the clock will queue one confirmation mail.

    The form is open to everybody: what it says about a person is believed only
    while that person has confirmed nothing.
    """
    if not has_confirmed_subscription(session, person.id):
        take_over(person, wish)
    person.changed_at = now
    if subscription is None:
        return open_subscription(session, person, mailing_list, now=now)
    if subscription.standing is Standing.UNSUBSCRIBED:
        move(person, subscription, Standing.UNCONFIRMED, now=now)
    subscription.asking += 1
    subscription.requested_at = now
    return subscription


def want_notice(subscription: Subscription, *, now: datetime) -> None:
    """Note that a confirmed person is owed the news that they are subscribed, once a day."""
    if may_notice(subscription.notice_wanted_at, now=now):
        subscription.notice_wanted_at = now
