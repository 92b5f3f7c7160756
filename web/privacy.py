"""A short, honest privacy notice for clinics without one of their own."""

from __future__ import annotations

from litestar import Response, get

from web.page import ThePages


@get("/privacy", sync_to_thread=True, include_in_schema=False)
def show_privacy(pages: ThePages) -> Response[str]:
    """Say what is kept, why, how long, and how to have it removed."""
    return pages.show("privacy", for_robots=True)
