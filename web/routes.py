"""The two kinds of routes: a page that only shows, and a form that acts."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from litestar import HttpMethod, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import Guard

from storage.advice import gave_way
from web.forms import refuse_foreign

Deed = Callable[..., Any]
Routing = Callable[[Deed], HTTPRouteHandler]


def page(path: str) -> route:
    """Route a page: GET and HEAD, which never change anything, run in a thread."""
    return route(
        path,
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        sync_to_thread=True,
        include_in_schema=False,
    )


def act(path: str, *, guards: tuple[Guard, ...] = (refuse_foreign,)) -> Routing:
    """Route a form: POST, run in a thread, refused when another site's page sent it.

    When the database chose this transaction as the one to give way, it is done once more: it
    was rolled back as a whole, and the person should not have to press the button again.
    """
    make = post(
        path, status_code=200, sync_to_thread=True, include_in_schema=False, guards=list(guards)
    )
    return lambda deed: make(_tried_again(deed))


def _tried_again(deed: Deed) -> Deed:
    @wraps(deed)
    def do(*things: Any, **named: Any) -> Any:
        try:
            return deed(*things, **named)
        except Exception as error:
            if not gave_way(error):
                raise
        return deed(*things, **named)

    return do
