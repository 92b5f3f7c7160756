"""`steadypost themes`: how emails can look."""

from __future__ import annotations

from dataclasses import asdict

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table


@click.group()
def themes() -> None:
    """Choose how emails look, and begin a look of your own."""


@themes.command("list")
@as_json
@for_a_site
def list_(call: Call, is_json: bool) -> None:
    """List the themes: the built-in ones and your own."""
    from templates.theme import list_themes

    series = call.settings.series
    found = list_themes(call.settings.path(series.themes))
    if is_json:
        show_json([{**asdict(theme), "is_chosen": theme.name == series.theme} for theme in found])
        return
    rows = [
        (
            theme.name,
            "yes" if theme.name == series.theme else "",
            "own" if theme.is_own else "built in",
            f"CANNOT BE USED: {theme.problem}" if theme.problem else theme.description,
        )
        for theme in found
    ]
    show_table(("theme", "chosen", "origin", "about it"), rows)
    say("\nsee one: steadypost preview massage-benefits/1 --theme warm --open")
    say('choose one: [series] theme = "warm" in steadypost.toml, or theme: in a series.yaml')


@themes.command("new")
@click.argument("name")
@click.option("--based-on", default="calm", show_default=True, help="The theme it begins as.")
@for_a_site
def new(call: Call, name: str, based_on: str) -> None:
    """Begin a theme of your own, in the colours of another one.

    Writes NAME/theme.yaml into the site's themes folder, with the colours to change.
    """
    from steadypost.own_themes import begin_theme

    series = call.settings.series
    path = begin_theme(call.settings.path(series.themes), name, based_on=based_on)
    show(f"wrote {path}")
    say("change its colours; then: steadypost themes list")
