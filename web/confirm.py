"""The confirmation link: a page with one button, which alone confirms."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from storage.database import Session
from subscribers import signup
from subscribers.models import MailingList, Subscription
from subscribers.rules.asking import Answer
from subscribers.store import find_subscription
from subscribers.tokens import read_confirm_token
from web.desk import Desk, TheDesk
from web.forms import client_of
from web.offer import Offer, offer_of
from web.page import Pages, ThePages
from web.routes import act, page
from web.ways import first_way, preferences_path

BUTTON = "Yes, send me the emails"  # kept in the consent record


@page("/confirm/{token:str}")
def show_confirmation(token: FromPath[str], desk: TheDesk, pages: ThePages) -> Response[str]:
    """Show the button, or where the person stands; opening the link changes nothing."""
    public_id, asking = _read(token, desk)
    with desk.database.reading() as session:
        subscription = _find(session, public_id)
        answer = signup.judge_confirmation(session, subscription, asking=asking, now=desk.clock())
        offer = offer_of(session, session.get_one(MailingList, subscription.list_id))
        if answer is Answer.CONFIRMS:
            return pages.show("confirm", offer=offer, token=token, button=BUTTON)
        if answer is Answer.ALREADY_CONFIRMED:
            return _welcome(session, desk, pages, subscription, offer)
    return pages.show("expired", status=410, list_slug=offer.list_slug)


@act("/confirm/{token:str}")
def confirm(
    token: FromPath[str], request: Request[Any, Any, Any], desk: TheDesk, pages: ThePages
) -> Response[str]:
    """Confirm, and show where the person stands now; twice is harmless."""
    public_id, asking = _read(token, desk)
    with desk.database.transaction() as session:
        _find(session, public_id)
        signup.confirm(
            session,
            public_id,
            asking=asking,
            keys=desk.site.keys,
            now=desk.clock(),
            network_address=client_of(request),
            wording=BUTTON,
        )
    return pages.send_to(f"/confirm/{token}")


def _read(token: str, desk: Desk) -> tuple[str, int]:
    found = read_confirm_token(desk.site.keys, token)
    if found is None:
        raise NotFoundException
    return found


def _find(session: Session, public_id: str) -> Subscription:
    subscription = find_subscription(session, public_id)
    if subscription is None:  # the person was erased
        raise NotFoundException
    return subscription


def _welcome(
    session: Session, desk: Desk, pages: Pages, subscription: Subscription, offer: Offer
) -> Response[str]:
    return pages.show(
        "welcome",
        offer=offer,
        way=first_way(session, desk, subscription),
        preferences_path=preferences_path(session, desk, subscription),
        sender_address=desk.site.identity.from_address,
    )
