"""`steadypost forecast` and `steadypost why`: what will go to whom, and why not yet."""

from __future__ import annotations

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table
from steadypost.wording import counted


@click.command()
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 366), help="How far.")
@as_json
@for_a_site
def forecast(call: Call, days: int, is_json: bool) -> None:
    """Show who gets what in the next days.

    Decided by the very code that sends.
    """
    from dataclasses import asdict

    from campaigns.forecast import forecast as look_ahead

    with call.parts() as parts, parts.database.reading() as session:
        entries = look_ahead(session, site=parts.site, now=parts.clock(), days=days)
    if is_json:
        show_json([asdict(entry) for entry in entries])
    elif entries:
        rows = [(entry.local, entry.address, entry.what, entry.why) for entry in entries]
        show_table(("when", "address", "email", "why then"), rows)
    else:
        span = counted(days, "day")
        say(f"nobody gets anything in the next {span}; 'steadypost status' tells why")


@click.command()
@click.argument("address")
@as_json
@for_a_site
def why(call: Call, address: str, is_json: bool) -> int:
    """Say where ADDRESS stands, what comes next, and why not yet.

    Ends with 1 when nobody has this address, else with 0.
    """
    from campaigns.explain import why as explain
    from subscribers.store import find_subscriber

    with call.parts() as parts, parts.database.reading() as session:
        lines = explain(session, address, site=parts.site, now=parts.clock())
        is_known = find_subscriber(session, address) is not None
    if is_json:
        show_json(lines)
    else:
        for line in lines:
            show(line)
    return 0 if is_known else 1
