"""`steadypost series`: what is sent, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table
from steadypost.cli.series_edits import edit, take_existing, undo
from steadypost.wording import counted

if TYPE_CHECKING:
    from campaigns.publishing import ImportedSeries
    from campaigns.rules.existing import ExistingPlan
    from steadypost.series_import import Beginners

_LABELS = {
    "active": "people on the way",
    "send_hour": "send hour",
    "first_step": "first step",
    "wait_days": "days to wait",
    "exit_when": "ends when",
}


@click.group()
def series() -> None:
    """Look after the series and who is in them."""


@series.command("list")
@as_json
@for_a_site
def list_(call: Call, is_json: bool) -> None:
    """List the series, and how many people are in each."""
    from steadypost.series_listing import list_series

    with call.parts() as parts, parts.database.reading() as session:
        rows = list_series(session)
    if is_json:
        show_json(rows)
    elif rows:
        columns = ("series", "list", "status", "steps", "active", "finished")
        show_table(columns, [[row[column] for column in columns] for row in rows])
    else:
        say("there is no series yet; 'steadypost series import massage-benefits' brings one in")


@series.command("show")
@click.argument("name")
@as_json
@for_a_site
def show_(call: Call, name: str, is_json: bool) -> None:
    """Show one series and its steps."""
    from steadypost.series_listing import describe_series

    with call.parts() as parts, parts.database.reading() as session:
        found = describe_series(session, name)
    if is_json:
        show_json(found)
        return
    facts = [
        (_LABELS.get(fact, fact), value)
        for fact, value in found.items()
        if fact != "steps" and value != ""
    ]
    show_table(("about", "it"), facts)
    show()
    steps: list[dict[str, Any]] = found["steps"]
    if steps:
        rows = [[*list(step.values())[:-1], "yes" if step["published"] else "no"] for step in steps]
        show_table([_LABELS.get(fact, fact) for fact in steps[0]], rows)


@series.command("import")
@click.argument("name")
@click.option("--yes", is_flag=True, help="A new series may begin for everybody on its list.")
@take_existing
@for_a_site
def import_(call: Call, name: str, yes: bool, existing: ExistingPlan | None) -> None:
    """Bring in a series from a folder, or bring its changes in.

    NAME is a folder, or the name of one in the site's series folders. Every email is checked
    first; when one is broken, nothing is changed.

    A new series meets people who are on its list already: it asks whether it begins for them.
    'steadypost series edit' shows first what a change does.
    """
    from campaigns.publishing import EVERYBODY
    from steadypost.series_import import announce, count_beginners, import_series_named

    with call.parts() as parts:
        beginners = count_beginners(parts, call.settings, name)
        if beginners.count and not yes and existing is None:
            existing = _ask_about(beginners)
        plan = existing or EVERYBODY
        imported = import_series_named(parts, call.settings, name, existing=plan)
        announce(parts, imported)
    show(in_words(imported))


def _ask_about(beginners: Beginners) -> ExistingPlan:
    """Have somebody decide about mail to many people; where nobody can answer, refuse.

    Raises:
        ManyBeginnersError: the answer was none of the three, or there was none.
    """
    from campaigns.rules.existing import read_existing
    from steadypost.errors import ManyBeginnersError

    question = (
        f"series '{beginners.series}' is new: "
        f"{counted(beginners.count, 'person is', 'people are')} on its list "
        f"'{beginners.list_slug}' already. Whom does it begin for?\n"
        "  newcomers     only who confirms from now on\n"
        "  everybody     them too, from the first email on\n"
        "  stagger=DAYS  them too, spread over so many days\n"
        "Your answer"
    )
    try:
        plan = read_existing(click.prompt(question, err=True, default="nobody", show_default=False))
    except click.Abort:  # no terminal, or its end
        plan = None
    if plan is None:
        raise ManyBeginnersError(beginners.series, beginners.list_slug, beginners.count)
    return plan


def in_words(imported: ImportedSeries) -> str:
    """Say what an import changed."""
    changes = (
        ("new", imported.added),
        ("changed", imported.changed),
        ("taken out", imported.unpublished),
    )
    told = [f"{word}: {', '.join(keys)}" for word, keys in changes if keys]
    if imported.taken_up:
        told.append(f"people who had finished and go on: {imported.taken_up}")
    state = "imported" if imported.is_new else "updated" if told else "is as it was"
    return f"series {imported.slug} {state}" + "".join(f"\n  {line}" for line in told)


@series.command("export")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@for_a_site
def export(call: Call, name: str, folder: Path) -> None:
    """Write a series into a new FOLDER, as it is being sent now."""
    from campaigns.publishing import export_series
    from campaigns.series_folder import write_series_folder

    with call.parts() as parts, parts.database.reading() as session:
        found = export_series(session, name)
    write_series_folder(found, folder)
    show(f"wrote {counted(len(found.steps), 'email')} of {name} into {folder}")


@series.command("enrol")
@click.argument("name")
@click.argument("email")
@for_a_site
def enrol(call: Call, name: str, email: str) -> None:
    """Put a confirmed person into a series by hand."""
    from campaigns.enrolment import enrol as enrol_person
    from campaigns.rules.standing import Origin
    from campaigns.store import find_series
    from steadypost.people import found_person

    with call.parts() as parts, parts.database.transaction() as session:
        person, wanted = found_person(session, email), find_series(session, name)
        enrol_person(session, person, wanted, origin=Origin.STAFF, now=parts.clock())
    show(f"{email} is in {name}; 'steadypost why {email}' tells when the first email goes")


@series.command("pause")
@click.argument("name")
@click.option("--reason", default="", help="Why, for your colleagues and for 'why'.")
@for_a_site
def pause(call: Call, name: str, reason: str) -> None:
    """Let a series stand still; everybody keeps their place."""
    from campaigns.pausing import pause_series

    with call.parts() as parts, parts.database.transaction() as session:
        taken_back = pause_series(session, name, reason=reason, now=parts.clock())
    back = f"; queued emails taken back: {taken_back}" if taken_back else ""
    show(f"series {name} is paused{back}; 'steadypost series resume {name}' lets it go on")


@series.command("resume")
@click.argument("name")
@click.option("--skip", is_flag=True, help="Leave out what fell into the pause.")
@for_a_site
def resume(call: Call, name: str, skip: bool) -> None:
    """Let a paused series go on; nothing overdue leaves at once.

    Everybody continues where they were, at their own next day and hour. With --skip they
    continue behind the emails that would have come in the pause; each is listed by 'why'.
    """
    from campaigns.pausing import resume_series

    with call.parts() as parts, parts.database.transaction() as session:
        done = resume_series(session, name, skip=skip, site=parts.site, now=parts.clock())
    left_out = f"; {done.skipped} emails to {done.shortened} of them were left out" if skip else ""
    show(
        f"series {name} goes on for {done.people} people, each at their next day and hour{left_out}"
    )


series.add_command(edit)
series.add_command(undo)
