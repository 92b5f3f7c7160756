"""`steadypost series`: what is sent, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table

if TYPE_CHECKING:
    from campaigns.publishing import ImportedSeries


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
    facts = [(fact, value) for fact, value in found.items() if fact != "steps"]
    show_table(("about", "it"), facts)
    show()
    steps: list[dict[str, Any]] = found["steps"]
    if steps:
        show_table(list(steps[0]), [list(step.values()) for step in steps])


@series.command("import")
@click.argument("name")
@for_a_site
def import_(call: Call, name: str) -> None:
    """Bring in a series from a folder, or bring its changes in.

    NAME is a folder, or the name of one in the site's series folders. Every email is checked
    first; when one is broken, nothing is changed.
    """
    from steadypost.series_import import import_series_named

    with call.parts() as parts:
        imported = import_series_named(parts, call.settings, name)
    show(in_words(imported))


def in_words(imported: ImportedSeries) -> str:
    """Say what an import changed."""
    changes = (
        ("new", imported.added),
        ("changed", imported.changed),
        ("taken out", imported.unpublished),
    )
    told = [f"{word}: {', '.join(keys)}" for word, keys in changes if keys]
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
    show(f"wrote {len(found.steps)} emails of {name} into {folder}")


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
