"""Put the pages together into one application."""

from __future__ import annotations

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from web import (
    assets,
    clicks,
    confirm,
    finished,
    health,
    letters,
    listing,
    preferences,
    privacy,
    signup,
    unsubscribe,
)
from web.desk import Desk
from web.forms import read_form
from web.headers import add_headers
from web.mishaps import mishap_page
from web.page import Pages
from web.signup_checks import SignUpAllowances

_ROUTES = (
    assets.send_asset,
    clicks.follow_link,
    confirm.show_confirmation,
    confirm.confirm,
    finished.show_finished,
    health.tell_health,
    letters.show_letter,
    letters.show_sample,
    listing.show_front_door,
    listing.show_lists,
    listing.show_no_preview,
    listing.show_no_preview_page,
    preferences.show_preferences,
    preferences.choose_new_parts,
    preferences.change,
    privacy.show_privacy,
    signup.show_form,
    signup.sign_up,
    signup.show_inbox,
    unsubscribe.show_button,
    unsubscribe.unsubscribe,
    unsubscribe.undo,
    unsubscribe.keep_reason,
)


def create_app(desk: Desk) -> Litestar:
    """Make the application that serves one clinic's pages."""
    pages = Pages(desk.site)
    allowances = SignUpAllowances.from_limits(desk.limits)
    return Litestar(
        # Routes that share a path go through a router of their own: registered one by one on
        # the application, Litestar 2.25 wraps the earlier of them for its thread twice.
        [Router("/", route_handlers=_ROUTES)],
        dependencies={
            "desk": Provide(lambda: desk, sync_to_thread=False),
            "pages": Provide(lambda: pages, sync_to_thread=False),
            "allowances": Provide(lambda: allowances, sync_to_thread=False),
            "form": Provide(read_form),
        },
        exception_handlers={Exception: mishap_page(pages)},
        before_send=[add_headers],
        request_max_body_size=desk.limits.body_bytes,
        logging_config=None,  # the program that runs the pages decides about logs
        openapi_config=OpenAPIConfig(
            title="Steadypost",
            version="1",
            path="/schema",
            render_plugins=[JsonRenderPlugin()],  # no viewer: each loads assets from elsewhere
        ),
    )
