"""`steadypost series edit` and `undo`: the effect first, then the change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from steadypost.cli.call import Call, Command, as_json, for_a_site
from steadypost.cli.output import show, show_json
from steadypost.errors import EditNotWantedError

if TYPE_CHECKING:
    from campaigns.impact import Impact
    from campaigns.rules.existing import ExistingPlan


def _read_existing(ctx: click.Context, _: click.Parameter, text: str | None) -> Any:
    if text is None:
        return None
    from campaigns.rules.existing import read_existing

    found = read_existing(text)
    if found is None:
        raise click.BadParameter(
            f"'{text}' is none of newcomers, everybody and stagger=DAYS (1 to 366)", ctx=ctx
        )
    return found


def take_existing(command: Command) -> Command:
    """Let a command take `--existing`."""
    option = click.option(
        "--existing",
        callback=_read_existing,
        metavar="newcomers|everybody|stagger=DAYS",
        help="What a new series does with the people who are on its list already.",
    )
    return option(command)


def _shown_first(command: Command) -> Command:
    dry = click.option("--dry-run", is_flag=True, help="Only show what it would do.")
    yes = click.option("--yes", is_flag=True, help="Make the change without a question.")
    everyone = click.option("--all", "is_all", is_flag=True, help="Name everybody.")
    return dry(yes(everyone(as_json(command))))


@click.command()
@click.argument("name", metavar="FOLDER")
@take_existing
@_shown_first
@for_a_site
def edit(call: Call, name: str, existing: ExistingPlan | None, **how: bool) -> None:
    """Bring in the changes of FOLDER, once you have seen what they do.

    It shows who would get what earlier, later, never or newly, decided by the very code that
    sends, and asks.
    """
    from campaigns.publishing import EVERYBODY
    from steadypost.series_import import announce, impact_of_import, import_series_named

    plan = existing or EVERYBODY
    with call.parts() as parts:
        impact = impact_of_import(parts, call.settings, name, existing=plan)

        def make_it() -> None:
            announce(parts, import_series_named(parts, call.settings, name, existing=plan))

        slug = impact.imported.slug
        undoing = f"is changed; 'steadypost series undo {slug}' takes it back"
        pausing = f"is made; 'steadypost series pause {slug}' keeps its emails back"
        done = pausing if impact.imported.is_new else undoing
        _go_on(impact, make_it, done=done, **how)


@click.command()
@click.argument("name")
@_shown_first
@for_a_site
def undo(call: Call, name: str, **how: bool) -> None:
    """Undo the last edit of a series, once you have seen what that does.

    What was sent stays sent. People whose way the edit ended go on. Said again, it undoes the
    edit before.
    """
    from campaigns.undoing import undo_edit
    from steadypost.series_import import announce, impact_of_undoing

    with call.parts() as parts:

        def undo_now() -> None:
            with parts.database.transaction() as session:
                now, site = parts.clock(), parts.site
                undone = undo_edit(session, name, site=site, renderer=parts.proving, now=now)
            announce(parts, undone)

        impact = impact_of_undoing(parts, name)
        _go_on(impact, undo_now, done="is what it was before its last edit", **how)


def _go_on(
    impact: Impact,
    change: Callable[[], object],
    *,
    done: str,
    dry_run: bool,
    yes: bool,
    is_all: bool,
    is_json: bool,
) -> None:
    """Show the effect; make the change if it is wanted.

    Raises:
        EditNotWantedError: the answer was no, or nobody could answer.
    """
    from steadypost.impact_words import impact_facts, impact_lines

    if is_json:
        show_json(impact_facts(impact))
    else:
        for line in impact_lines(impact, names=None if is_all else 3):
            show(line)
    if dry_run:
        return
    if not yes and not _is_wanted():
        raise EditNotWantedError(impact.imported.slug)
    change()
    if not is_json:
        show(f"series {impact.imported.slug} {done}")


def _is_wanted() -> bool:
    try:
        return click.confirm("Make this change?", err=True)
    except click.Abort:  # no terminal, or its end
        return False
