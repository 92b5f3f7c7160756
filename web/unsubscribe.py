"""Leaving: one click for mail programs (RFC 8058), one button for people, and a way back."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery

from campaigns.enrolment import leave
from storage.database import Session
from subscribers import signup
from subscribers.consent import Evidence, record_consent
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.rules.standing import ConsentKind, Standing
from subscribers.store import find_subscription
from subscribers.tokens import read_unsubscribe_token
from web.desk import Desk, TheDesk
from web.forms import TheForm, client_of
from web.page import Pages, ThePages
from web.routes import act, page
from web.ways import can_undo, preferences_path

REASONS = (
    ("too many", "Too many emails"),
    ("not expected", "Not what I expected"),
    ("not for me", "It is not for me any more"),
    ("not asked", "I did not sign up for this"),
)
_LONGEST_REASON = 500


@page("/u/{token:str}")
def show_button(
    token: FromPath[str],
    desk: TheDesk,
    pages: ThePages,
    thanks: FromQuery[str] = "",
) -> Response[str]:
    """Show the button, or that the person has left; opening the link changes nothing."""
    with desk.database.reading() as session:
        subscription = _find(session, desk, token)
        if subscription.standing is Standing.UNSUBSCRIBED:
            return _gone(session, desk, pages, subscription, token=token, thanks=bool(thanks))
        return pages.show(
            "unsubscribe",
            token=token,
            list_title=_list_of(session, subscription).title,
            preferences_path=preferences_path(session, desk, subscription),
        )


@act("/u/{token:str}", guards=())
def unsubscribe(
    token: FromPath[str],
    request: Request[Any, Any, Any],
    desk: TheDesk,
    pages: ThePages,
    form: TheForm,
) -> Response[str]:
    """End the subscription and cancel what is queued, in one transaction; again is harmless.

    Mail programs send `List-Unsubscribe=One-Click`, without cookie, login or seal (RFC 8058 3.1).
    Whatever the body says, or how it is encoded, a POST here is a wish to leave: it is never
    refused for its form.
    """
    by_page = form.get("by") == "page"
    with desk.database.transaction() as session:
        subscription = _find(session, desk, token)
        signup.unsubscribe(
            session,
            subscription,
            keys=desk.site.keys,
            now=desk.clock(),
            source="unsubscribe page" if by_page else "one-click unsubscribe",
            network_address=client_of(request),
        )
        leave(session, subscription, now=desk.clock())
        return _gone(session, desk, pages, subscription, token=token)


@act("/u/{token:str}/undo")
def undo(
    token: FromPath[str], request: Request[Any, Any, Any], desk: TheDesk, pages: ThePages
) -> Response[str]:
    """Take it back within a day, and show where the person stands."""
    with desk.database.transaction() as session:
        subscription = _find(session, desk, token)
        signup.resubscribe(
            session,
            subscription,
            keys=desk.site.keys,
            now=desk.clock(),
            network_address=client_of(request),
        )
        if subscription.standing is Standing.UNSUBSCRIBED:  # too late: that page says so
            return pages.send_to(f"/u/{token}")
        return pages.send_to(f"{preferences_path(session, desk, subscription)}?done=back")


@act("/u/{token:str}/reason")
def keep_reason(
    token: FromPath[str],
    request: Request[Any, Any, Any],
    desk: TheDesk,
    pages: ThePages,
    form: TheForm,
) -> Response[str]:
    """Keep why somebody left, with their other words about consent."""
    reason = _reason_in_words(form.get("reason", ""), form.get("words", ""))
    with desk.database.transaction() as session:
        subscription = _find(session, desk, token)
        if reason and subscription.standing is Standing.UNSUBSCRIBED:
            record_consent(
                session,
                ConsentKind.UNSUBSCRIBED,
                address=_person_of(session, subscription).email,
                evidence=Evidence("reason for leaving", client_of(request), reason),
                list_slug=_list_of(session, subscription).slug,
                subscriber_id=subscription.subscriber_id,
                keys=desk.site.keys,
                now=desk.clock(),
            )
    return pages.send_to(f"/u/{token}?thanks=1")


def _reason_in_words(reason: str, words: str) -> str:
    chosen = dict(REASONS).get(reason, "")
    return ": ".join(part for part in (chosen, words[:_LONGEST_REASON]) if part)


def _gone(
    session: Session,
    desk: Desk,
    pages: Pages,
    subscription: Subscription,
    *,
    token: str,
    thanks: bool = False,
) -> Response[str]:
    mailing_list = _list_of(session, subscription)
    return pages.show(
        "unsubscribed",
        token=token,
        list_title=mailing_list.title,
        list_slug=mailing_list.slug,
        reasons=REASONS,
        thanks=thanks,
        may_undo=can_undo(session, desk, subscription),
    )


def _find(session: Session, desk: Desk, token: str) -> Subscription:
    public_id = read_unsubscribe_token(desk.site.keys, token)
    subscription = find_subscription(session, public_id) if public_id else None
    if subscription is None:  # forged, or the person was erased: the same answer
        raise NotFoundException
    return subscription


def _person_of(session: Session, subscription: Subscription) -> Subscriber:
    return session.get_one(Subscriber, subscription.subscriber_id)


def _list_of(session: Session, subscription: Subscription) -> MailingList:
    return session.get_one(MailingList, subscription.list_id)
