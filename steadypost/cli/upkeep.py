"""`steadypost migrate` and `steadypost backup`: care for the database."""

from __future__ import annotations

from pathlib import Path

import click

from steadypost.cli.call import Call, for_a_site
from steadypost.cli.output import say, show


@click.command()
@for_a_site
def migrate(call: Call) -> None:
    """Bring the database to the version this program knows."""
    from steadypost.migrating import known_version
    from steadypost.migrating import migrate as bring_up_to_date
    from steadypost.wiring import open_site_database

    database = open_site_database(call.settings)
    try:
        changed = bring_up_to_date(database)
    finally:
        database.close()
    state = "is now at" if changed else "was already at"
    show(f"database {state} version {known_version()}: {database.safe_url}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@for_a_site
def backup(call: Call, file: Path) -> None:
    """Copy the SQLite database to FILE while the service runs."""
    from steadypost.backing_up import back_up
    from steadypost.wiring import open_site_database

    database = open_site_database(call.settings, may_be_new=False)
    try:
        size_bytes = back_up(database, file)
    finally:
        database.close()
    show(f"{file}: {size_bytes:,} bytes")
    say(f"keep {call.settings.path(call.settings.keys.file)} and steadypost.toml with it")
