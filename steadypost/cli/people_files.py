"""`steadypost subscribers import` and `export`: people by the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from steadypost.cli.call import Call, for_a_site, take_list
from steadypost.cli.output import progress, say, show_json, show_table
from steadypost.errors import BadRowsError
from steadypost.files import new_private_file
from steadypost.wording import counted

if TYPE_CHECKING:
    from subscribers.importing import ImportReport

_COUNTS = {
    "added": "added",
    "filled": "gaps filled",
    "unchanged": "as they were",
    "kept": "not revived",
    "left_out": "left out",
}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--consent", required=True, help="How these people said yes; it is kept with each.")
@click.option("--skip-bad", is_flag=True, help="Import the good rows even if some are bad.")
@click.option("--start-over", is_flag=True, help="Do not go on where it broke off last time.")
@click.option("--json", "is_json", is_flag=True, help="Print the report as JSON.")
@take_list
@for_a_site
def import_(
    call: Call,
    file: Path,
    consent: str,
    skip_bad: bool,
    start_over: bool,
    is_json: bool,
    list_slug: str,
) -> None:
    """Import people from a CSV file: all of them, or none when a row is bad.

    Columns: email, first_name, last_name, time_zone, weekday, hour, tags; any other is an
    attribute. They count as confirmed: only import people who agreed.

    The service may go on. After a crash the same command goes on where it broke off.
    """
    from steadypost.cli.import_progress import ImportProgress
    from steadypost.memory import settle_memory
    from steadypost.people_import import import_people
    from subscribers.importing import read_csv
    from subscribers.rules.rows import attributes_in
    from subscribers.unfinished import ImportOrder

    parsed = read_csv(file)
    digest = parsed.spreadsheet.digest()
    with progress() as show, call.parts() as parts:
        keys = parts.site.keys
        order = ImportOrder(file.name, digest, list_slug, consent, keys, skips_bad=skip_bad)
        onlooker = ImportProgress(show)
        settle_memory()  # a seventh of the time goes into looking for cycles that rows never make
        report = import_people(parts, parsed, order, onlooker=onlooker, start_over=start_over)
        known = parts.site.attribute_names
    _tell_import(report, file, is_json=is_json)
    _tell_unknown([name for name in attributes_in(parsed.columns) if name not in known])


def _tell_import(report: ImportReport, file: Path, *, is_json: bool) -> None:
    from dataclasses import asdict

    if is_json:
        show_json(asdict(report))
    else:
        for row in report.bad:
            say(f"{file}, line {row.line}: {row.reason}" + (f": {row.text}" if row.text else ""))
    if not report.imported:
        raise BadRowsError(file, len(report.bad), report.rows)
    if not is_json:
        counts = [(label, getattr(report, name)) for name, label in _COUNTS.items()]
        show_table(("rows", str(report.rows)), [*counts, ("bad", len(report.bad))])


def _tell_unknown(attributes: list[str]) -> None:
    """Say which columns were kept and are of no use yet: a misspelt one would never be missed."""
    if attributes:
        say(
            f"kept with the people, and known to no email yet: {', '.join(attributes)}; "
            "name what emails and conditions may use in [subscribers] attributes of the settings"
        )


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@take_list
@for_a_site
def export(call: Call, file: Path | None, list_slug: str) -> None:
    """Write everybody on a list to a new CSV file.

    Whatever their standing is; without FILE, or with -, to stdout.
    """
    import sys

    from subscribers.exporting import export_subscribers

    with call.parts() as parts, parts.database.reading() as session:
        if file is None or str(file) == "-":
            count = export_subscribers(session, sys.stdout, list_slug=list_slug)
            sys.stdout.flush()
        else:
            # Only this user may read it: it is a list of patients.
            with new_private_file(file, encoding="utf-8-sig", newline="") as stream:
                count = export_subscribers(session, stream, list_slug=list_slug)
    say(counted(count, "person", "people"))
