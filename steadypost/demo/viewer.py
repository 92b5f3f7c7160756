"""A page to look into the demo's mailbox: who got what when, each mail in HTML, text and raw."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Litestar, MediaType, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from steadypost.demo.mailbox import Mailbox, ReceivedMail
from steadypost.demo.people import Client

_OWN_PAGE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'",
    "Cache-Control": "no-store",
}
_MAIL_FRAME = {
    "Content-Security-Policy": "default-src 'none'; img-src https: data:; "
    "style-src 'unsafe-inline'; sandbox allow-popups allow-popups-to-escape-sandbox",
    "Cache-Control": "no-store",
}


def create_viewer(mailbox: Mailbox, clients: list[Client]) -> Litestar:
    """Build the mailbox pages."""
    zones = {client.email: client.zone for client in clients}
    pages = Environment(
        loader=PackageLoader("steadypost.demo", "pages"), autoescape=True, undefined=StrictUndefined
    )
    pages.filters["local_time"] = partial(_local_time, zones=zones)
    return Litestar(
        [*_pages(mailbox, pages), *_forms_of_a_mail(mailbox)],
        openapi_config=None,
        logging_config=None,  # the program decides about logs
    )


def _pages(mailbox: Mailbox, pages: Environment) -> list[HTTPRouteHandler]:
    def page(name: str, **values: Any) -> Response[str]:
        text = pages.get_template(name).render(**values)
        return Response(text, media_type=MediaType.HTML, headers=_OWN_PAGE)

    @get("/", sync_to_thread=False)
    def show_all(who: str | None = None) -> Response[str]:
        mails = mailbox.of(who) if who else mailbox.all()
        return page("mailbox.html", mails=mails[::-1], who=who)

    @get("/mail/{number:int}", sync_to_thread=False)
    def show_mail(number: int) -> Response[str]:
        return page("mail.html", mail=_find(mailbox, number))

    return [show_all, show_mail]


def _forms_of_a_mail(mailbox: Mailbox) -> list[HTTPRouteHandler]:
    @get("/mail/{number:int}/html", sync_to_thread=False)
    def show_html(number: int) -> Response[str]:
        html = _find(mailbox, number).html
        return Response(html, media_type=MediaType.HTML, headers=_MAIL_FRAME)

    @get("/mail/{number:int}/text", sync_to_thread=False)
    def show_text(number: int) -> Response[str]:
        return Response(_find(mailbox, number).text, media_type=MediaType.TEXT)

    @get("/mail/{number:int}/raw", sync_to_thread=False)
    def show_raw(number: int) -> Response[bytes]:
        return Response(_find(mailbox, number).raw, media_type=MediaType.TEXT)

    return [show_html, show_text, show_raw]


def _find(mailbox: Mailbox, number: int) -> ReceivedMail:
    mail = mailbox.get(number)
    if mail is None:
        raise NotFoundException(f"there is no mail {number}")
    return mail


def _local_time(mail: ReceivedMail, *, zones: dict[str, str]) -> str:
    at: datetime = mail.at.astimezone(ZoneInfo(zones.get(mail.recipient, "UTC")))
    return at.strftime("%a %d %b %Y, %H:%M")
