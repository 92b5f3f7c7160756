"""Where a person stands with each list and series, in words for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from campaigns.progress import Whereabouts, standing_of
from campaigns.rules.standing import EnrolmentStatus
from storage.database import Session
from subscribers.models import MailingList, Subscriber, Subscription, Suppression
from subscribers.rules.asking import may_undo
from subscribers.rules.standing import Standing
from subscribers.store import find_suppression, subscriptions_of
from subscribers.tokens import preferences_token, unsubscribe_token
from web.desk import Desk
from web.wording import day_in_words


@dataclass(frozen=True)
class Way:
    """One person's way through one series, or that a list has nothing for them now."""

    title: str
    standing: str  # one sentence, with the date of the next email
    reached: int = 0  # parts they had
    parts: int = 0
    next_part: int = 0  # 0: none comes
    undo_path: str = ""  # they have left, and may take it back
    series_id: int = 0  # 0: there is nothing to choose for this series alone
    can_begin_again: bool = False
    may_hear_of_new: bool = False  # they have finished, and can say whether they want more
    hears_of_new: bool | None = None
    is_finished: bool = False


@dataclass(frozen=True)
class WayOut:
    """The link that ends one subscription."""

    path: str
    title: str


def ways_of(session: Session, desk: Desk, person: Subscriber) -> list[Way]:
    """Tell where a person stands with every list they know."""
    return [
        way
        for subscription, mailing_list in subscriptions_of(session, person.id)
        for way in _ways(session, desk, subscription, mailing_list)
    ]


def ways_out(session: Session, desk: Desk, person: Subscriber) -> list[WayOut]:
    """List the subscriptions a person can end."""
    keys = desk.site.keys
    return [
        WayOut(f"/u/{unsubscribe_token(keys, subscription)}", mailing_list.title)
        for subscription, mailing_list in subscriptions_of(session, person.id)
        if subscription.standing is Standing.CONFIRMED
    ]


def first_way(session: Session, desk: Desk, subscription: Subscription) -> Way:
    """Tell where a person stands with the foremost series of one list."""
    mailing_list = session.get_one(MailingList, subscription.list_id)
    return next(_ways(session, desk, subscription, mailing_list))


def preferences_path(session: Session, desk: Desk, subscription: Subscription) -> str:
    """Make the way to the preferences of whoever holds a subscription."""
    person = session.get_one(Subscriber, subscription.subscriber_id)
    return f"/p/{preferences_token(desk.site.keys, person)}"


def can_undo(session: Session, desk: Desk, subscription: Subscription) -> bool:
    """Tell whether a person who left may still take it back with one press."""
    suppression = _suppression_of(session, subscription)
    return may_undo(
        subscription.standing,
        confirmed_at=subscription.confirmed_at,
        unsubscribed_at=subscription.unsubscribed_at,
        suppression=suppression.reason if suppression else None,
        now=desk.clock(),
    )


def _suppression_of(session: Session, subscription: Subscription) -> Suppression | None:
    person = session.get_one(Subscriber, subscription.subscriber_id)
    return find_suppression(session, person.email)


def _ways(
    session: Session, desk: Desk, subscription: Subscription, mailing_list: MailingList
) -> Iterator[Way]:
    title = mailing_list.title
    if subscription.standing is Standing.UNCONFIRMED:
        yield Way(title, "Not confirmed yet: press the button in the email we sent you.")
    elif subscription.standing is Standing.UNSUBSCRIBED:
        token = unsubscribe_token(desk.site.keys, subscription)
        undo_path = f"/u/{token}/undo" if can_undo(session, desk, subscription) else ""
        yield Way(title, "You have left this series.", undo_path=undo_path)
    else:
        yield from _on_the_way(session, desk, subscription, title)


def _on_the_way(
    session: Session, desk: Desk, subscription: Subscription, title: str
) -> Iterator[Way]:
    found = standing_of(session, subscription, site=desk.site, now=desk.clock())
    if _suppression_of(session, subscription):
        identity = desk.site.identity
        contact = identity.reply_to or identity.from_address
        yield Way(title, f"We do not send to your address at the moment. Ask us why: {contact}.")
    elif not found:
        yield Way(title, "You are subscribed. Nothing is planned at the moment.")
    else:
        yield from map(_way, found)


def _way(where: Whereabouts) -> Way:
    is_going_on = where.status is EnrolmentStatus.ACTIVE and where.part < where.parts
    return Way(
        title=where.title,
        standing=_sentence(where, is_going_on=is_going_on),
        reached=where.part,
        parts=where.parts,
        next_part=where.part + 1 if is_going_on else 0,
        series_id=where.series_id,
        can_begin_again=where.part > 0,
        may_hear_of_new=where.may_hear_of_new,
        hears_of_new=where.hears_of_new,
        is_finished=where.status is EnrolmentStatus.FINISHED,
    )


def _sentence(where: Whereabouts, *, is_going_on: bool) -> str:
    if where.status is EnrolmentStatus.FINISHED or where.part >= where.parts > 0:
        return "You have had all of it. Thank you for reading!"
    if not is_going_on:
        return "No more emails of this series will be sent to you."
    what = f"Part {where.part + 1} of {where.parts}" if where.part else "Your first email"
    if where.is_on_its_way:
        return f"{what} is on its way."
    if where.next_at is None:
        return f"{what} has no date yet; we will go on as soon as we can."
    return f"{what} comes on {day_in_words(where.next_at.date())}, {where.next_at:%H:%M}."


def next_in_words(ways: Sequence[Way]) -> str:
    """Say what comes next, from the foremost way that goes on."""
    going_on = [way for way in ways if way.next_part]
    return going_on[0].standing if going_on else ""
