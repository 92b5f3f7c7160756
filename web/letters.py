"""Emails shown in the browser: the exact one somebody got, and a sample of the first."""

from __future__ import annotations

from litestar import Response
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from campaigns.archive import rendered_again
from campaigns.preview import preview_step
from subscribers.tokens import read_view_token
from web.desk import TheDesk
from web.headers import MAIL_POLICY, NOT_FOR_ROBOTS, SAMPLE_POLICY
from web.offer import offer_or_404
from web.routes import page


@page("/m/{token:str}")
def show_letter(token: FromPath[str], desk: TheDesk) -> Response[str]:
    """Show one email as it was sent, with its own strict policy."""
    public_id = read_view_token(desk.site.keys, token)
    if public_id is None:
        raise NotFoundException
    with desk.database.reading() as session:
        email = rendered_again(session, desk.site, desk.renderer, public_id)
    if email is None:  # never sent, or no longer kept
        raise NotFoundException
    return _letter(email.html, policy=MAIL_POLICY)


@page("/signup/{list_slug:str}/sample")
def show_sample(list_slug: FromPath[str], desk: TheDesk) -> Response[str]:
    """Show the first email as somebody who signs up now would get it."""
    offer = offer_or_404(desk, list_slug)
    if not offer.sample:
        raise NotFoundException
    with desk.database.reading() as session:
        email = preview_step(
            session, desk.site, desk.renderer, offer.sample, address=None, now=desk.clock()
        )
    return _letter(email.html, policy=SAMPLE_POLICY)


def _letter(html: str, *, policy: str) -> Response[str]:
    headers = {"Content-Security-Policy": policy, **NOT_FOR_ROBOTS}
    return Response(html, media_type="text/html", headers=headers)
