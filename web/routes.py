"""The two kinds of routes: a page that only shows, and a form that acts."""

from __future__ import annotations

from litestar import HttpMethod, post, route
from litestar.types import Guard

from web.forms import refuse_foreign


def page(path: str) -> route:
    """Route a page: GET and HEAD, which never change anything, run in a thread."""
    return route(
        path,
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        sync_to_thread=True,
        include_in_schema=False,
    )


def act(path: str, *, guards: tuple[Guard, ...] = (refuse_foreign,)) -> post:
    """Route a form: POST, run in a thread, refused when another site's page sent it."""
    return post(
        path, status_code=200, sync_to_thread=True, include_in_schema=False, guards=list(guards)
    )
