"""The front door: which lists can one sign up for?"""

from __future__ import annotations

from litestar import Response
from litestar.response import Redirect
from litestar.status_codes import HTTP_303_SEE_OTHER

from subscribers.mailing_lists import all_lists
from web.desk import TheDesk
from web.offer import offer_of
from web.page import Pages, ThePages
from web.routes import page


@page("/signup")
def show_lists(desk: TheDesk, pages: ThePages) -> Response[str]:
    """Show every list; the way out of every page that cannot go on."""
    with desk.database.reading() as session:
        offers = [offer_of(session, each) for each in all_lists(session)]
    return pages.show("lists", for_robots=True, offers=offers)


@page("/")
def show_front_door() -> Redirect:
    """Lead whoever typed only the host's name to the sign-up."""
    return Redirect("/signup", status_code=HTTP_303_SEE_OTHER)


@page("/preview")
def show_no_preview(pages: ThePages) -> Response[str]:
    """Answer the links of a sample, which belong to nobody."""
    return _only_a_sample(pages)


@page("/preview/{page:str}")
def show_no_preview_page(pages: ThePages) -> Response[str]:
    """Answer those that lead to a page behind one's own, such as the one to look back."""
    return _only_a_sample(pages)


def _only_a_sample(pages: Pages) -> Response[str]:
    return pages.show(
        "mishap",
        title="This is only a sample",
        text="In a real email this link is yours alone: to pause, to change the day, or to leave.",
    )
