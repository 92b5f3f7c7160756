"""`steadypost check`: what to look at before an email goes out, and what compiling made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import printable, say, show, show_json

if TYPE_CHECKING:
    from steadypost.checking import Check


@click.command()
@click.argument("name", metavar="STEP|SERIES|THEME|MAIL")
@click.option("--report", "is_full", is_flag=True, help="Show what became of every style rule.")
@as_json
@for_a_site
def check(call: Call, name: str, is_full: bool, is_json: bool) -> int:
    """Say what to look at before an email goes out.

    Names a step (massage-benefits/2, massage-benefits/how-it-works), a series, the path of a
    series folder or of a document, a theme, or one of the mails the program writes itself:
    confirmation, already-subscribed, completed. What is in the database goes before a path of
    the same name; ./NAME is always a path.

    Every email is rendered for everybody it is for, or for an invented person where nobody is
    yet. Nothing is sent, and nothing is changed.

    Ends with 1 when something is found that stops sending, else with 0.
    """
    from steadypost.check_words import as_data, in_words
    from templates.checking.findings import Level

    found = _check(call, name)
    if is_json:
        show_json(as_data(found))
    else:
        for line in in_words(found, is_full=is_full):
            show(printable(line))
    return 1 if found.level is Level.STOPS else 0


def _check(call: Call, name: str) -> Check:
    from steadypost.checking import check_by_name, check_without_site
    from steadypost.settings import FILE_NAME

    if not (call.folder / FILE_NAME).exists():
        say(f"there is no site in {call.folder.resolve()}, so an invented clinic stands in")
        return check_without_site(name)
    with call.parts() as parts:
        return check_by_name(parts, call.settings, name)
