"""The sign-up page: what one gets, when one would like it, and one box to tick."""

from __future__ import annotations

import logging
from typing import Any

from litestar import Request, Response
from litestar.params import FromPath

from campaigns.rules.calendar import clamp_hour
from subscribers.signup import SignUp, request_subscription
from web.choices import when_choices
from web.desk import Desk, TheDesk
from web.forms import Form, TheForm, client_of, seal, sealed_at
from web.offer import Offer, offer_or_404
from web.page import Pages, ThePages
from web.routes import act, page
from web.signup_checks import Refusal, SignUpAllowances, SignUpCheck, TheAllowances
from web.wish import Wish, read_wish
from web.wording import consent_in_words

_log = logging.getLogger("steadypost.web")
_TRAP = "topic"  # people do not see this field; programs that fill in everything do


@page("/signup/{list_slug:str}")
def show_form(list_slug: FromPath[str], desk: TheDesk, pages: ThePages) -> Response[str]:
    """Show the empty form."""
    return _form_page(desk, pages, offer_or_404(desk, list_slug), form={})


@act("/signup/{list_slug:str}", guards=())
def sign_up(
    list_slug: FromPath[str],
    request: Request[Any, Any, Any],
    desk: TheDesk,
    pages: ThePages,
    form: TheForm,
    allowances: TheAllowances,
) -> Response[str]:
    """Note the wish, and answer everybody the same: who is known must not be told.

    A form without our seal, or from another site's page, is shown again for one more press: so
    nobody is signed up by a page they merely visit, and a clinic's own page may still post here.
    """
    offer, now = offer_or_404(desk, list_slug), desk.clock()
    inbox = pages.send_to(f"/signup/{offer.list_slug}/inbox")
    if form.get(_TRAP):
        _log.info("left a sign-up unread: the field that people do not see was filled in")
        return inbox
    wish, errors = read_wish(form, desk.site.calendar)
    shown_at = sealed_at(desk.site.keys, _sealed_page(offer), form.get("seal", ""))
    check = SignUpCheck(request, shown_at, errors, desk.limits, allowances, now)
    refusal = check.refusal()
    if refusal or wish is None:
        return _form_page(desk, pages, offer, form=form, refusal=refusal)
    _note(wish, offer, desk, client_of(request), allowances)
    return inbox


@page("/signup/{list_slug:str}/inbox")
def show_inbox(list_slug: FromPath[str], desk: TheDesk, pages: ThePages) -> Response[str]:
    """Send people to their inbox; the same page, byte for byte, for everybody."""
    offer, identity = offer_or_404(desk, list_slug), desk.site.identity
    return pages.show(
        "inbox",
        list_slug=offer.list_slug,
        sender_name=identity.from_name,
        sender_address=identity.from_address,
    )


def _note(
    wish: Wish, offer: Offer, desk: Desk, network_address: str, allowances: SignUpAllowances
) -> None:
    """Write the wish down; too many for one address are left out without a sign of it."""
    now = desk.clock()
    if allowances.by_address.take(wish.email, now=now):
        _log.info("left a sign-up unread: one of too many for its address")
        return
    sign_up = SignUp(
        email=wish.email,
        list_slug=offer.list_slug,
        first_name=wish.first_name,
        time_zone=wish.when.time_zone,
        weekday=wish.when.weekday,
        hour=wish.when.hour,
        network_address=network_address,
        wording=_consent(desk, offer),
    )
    with desk.database.transaction() as session:
        request_subscription(session, sign_up, keys=desk.site.keys, now=now)


def _form_page(
    desk: Desk, pages: Pages, offer: Offer, *, form: Form, refusal: Refusal | None = None
) -> Response[str]:
    """Show the form with what was typed; the consent box is never ticked in advance."""
    hour = clamp_hour(offer.hour, desk.site.calendar).hour
    empty = {"first_name": "", "email": "", "weekday": "", "hour": str(hour)}
    return pages.show(
        "signup",
        status=refusal.status if refusal else 200,
        for_robots=refusal is None,
        headers=refusal.headers if refusal else None,
        offer=offer,
        form={**empty, **form},
        errors=refusal.errors if refusal else {},
        when=when_choices(desk.site, zone=form.get("time_zone"), detect="time_zone" not in form),
        consent=_consent(desk, offer),
        seal=seal(desk.site.keys, _sealed_page(offer), now=desk.clock()),
        sample_path=f"/signup/{offer.list_slug}/sample" if offer.sample else "",
    )


def _consent(desk: Desk, offer: Offer) -> str:
    return consent_in_words(str(desk.site.clinic.get("name") or ""), offer.rhythm)


def _sealed_page(offer: Offer) -> str:
    return f"signup/{offer.list_slug}"
