"""Links of emails that go past us: note the click, and send the reader on at once."""

from __future__ import annotations

import logging
from typing import Any

from litestar import Request
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from campaigns.clicks import Destination, destination_of
from delivery.clicks import record_click
from subscribers.tokens import read_click_token
from web.desk import Desk, TheDesk
from web.headers import NOT_FOR_ROBOTS
from web.routes import page

LOG = logging.getLogger(__name__)


@page("/c/{token:str}")
def follow_link(token: FromPath[str], request: Request[Any, Any, Any], desk: TheDesk) -> Redirect:
    """Send the reader on to what the published email says; nowhere else.

    A GET notes the first click on the link and, if the delivery was in doubt, that it arrived.
    A HEAD changes nothing. Neither confirms, unsubscribes or ends anything.
    """
    found = read_click_token(desk.site.keys, token)
    if found is None:
        raise NotFoundException
    with desk.database.reading() as session:
        destination = destination_of(session, *found)
    if destination is None:
        raise NotFoundException
    if request.method == "GET" and destination.is_noted:
        _note(desk, destination, link_number=found[1])
    return Redirect(destination.address, status_code=302, headers=NOT_FOR_ROBOTS)


def _note(desk: Desk, destination: Destination, *, link_number: int) -> None:
    """Note a click; the reader is sent on even when the database cannot take it."""
    try:
        with desk.database.transaction() as session:
            record_click(session, destination.delivery_id, link_number, now=desk.clock())
    except Exception:  # full, locked or gone: no reason to keep a reader from a page
        LOG.exception("could not note a click on delivery=%d", destination.delivery_id)
