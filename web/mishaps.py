"""What went wrong, in plain words and in the same look: not found, too big, our fault."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from web.page import Pages

_log = logging.getLogger("steadypost.web")

_WORDS = {
    400: ("We could not read that", "Your browser sent something we do not understand."),
    403: (
        "Please use the form on our own page",
        "This was sent from another website, so nothing was changed. Open the link in your "
        "email again and use the buttons there.",
    ),
    404: (
        "We cannot find that page",
        "The link may be incomplete. Open it from the email again, or copy the whole of it.",
    ),
    405: ("That does not work here", "This page cannot do what your browser asked of it."),
    413: ("That is too much", "What you sent is longer than any form of ours."),
    429: ("One moment, please", "Too much came from your network. Please try again later."),
    500: (
        "Something broke on our side",
        "It was not your fault, and nothing was changed. Please try again in a few minutes.",
    ),
}

Answer = Callable[[Request[Any, Any, Any], Exception], Response[str]]


def mishap_page(pages: Pages) -> Answer:
    """Make the answer to every exception that leaves a page."""

    def answer(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status >= 500:
            _report(request, error)
        return show_mishap(pages, status, headers=_headers_of(error))

    return answer


def show_mishap(
    pages: Pages, status: int, *, headers: dict[str, str] | None = None
) -> Response[str]:
    """Show the page for one status; a status without words of its own is told as its class."""
    words = _WORDS.get(status) or _WORDS[500 if status >= 500 else 400]
    title, text = words
    return pages.show("mishap", status=status, headers=headers, title=title, text=text)


def _headers_of(error: Exception) -> dict[str, str]:
    headers = error.headers if isinstance(error, HTTPException) else None
    return {name: value for name, value in (headers or {}).items() if name.lower() == "allow"}


def _report(request: Request[Any, Any, Any], error: Exception) -> None:
    """Log which page failed; by its pattern, since the real path may hold a token."""
    page = request.scope.get("path_template", "")
    _log.error("page failed", exc_info=error, extra={"page": page, "method": request.method})
