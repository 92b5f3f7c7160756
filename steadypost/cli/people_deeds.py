"""`steadypost subscribers parked | resume | tag` and `steadypost event`: what happens to people."""

from __future__ import annotations

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table


@click.command()
@as_json
@for_a_site
def parked(call: Call, is_json: bool) -> None:
    """List people whose series we stopped by ourselves, and why."""
    from dataclasses import asdict

    from campaigns.parking import list_parked

    with call.parts() as parts, parts.database.reading() as session:
        rows = list_parked(session)
        zone = parts.site.zone
    if is_json:
        show_json([asdict(row) for row in rows])
    elif rows:
        cells = [
            (row.email, row.series, row.since and row.since.astimezone(zone), row.reason)
            for row in rows
        ]
        show_table(("address", "series", "since", "reason"), cells)
    else:
        say("nobody is parked")


@click.command()
@click.argument("email")
@for_a_site
def resume(call: Call, email: str) -> None:
    """Let a parked person go on, with the email that could not be delivered."""
    from campaigns.parking import let_go_on
    from steadypost.people import found_person

    with call.parts() as parts, parts.database.transaction() as session:
        let_go_on(session, found_person(session, email), now=parts.clock())
    show(f"{email} goes on; 'steadypost why {email}' tells what comes next")


@click.command()
@click.argument("email")
@click.argument("tags", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take these tags off.")
@for_a_site
def tag(call: Call, email: str, tags: tuple[str, ...], remove: bool) -> None:
    """Put tags on a person; a series may end or change by them."""
    from campaigns.stopping import apply_exit_rules
    from steadypost.people import found_person
    from subscribers.profiles import add_tags, remove_tags

    with call.parts() as parts, parts.database.transaction() as session:
        person = found_person(session, email)
        (remove_tags if remove else add_tags)(session, person, tags)
        ended = apply_exit_rules(session, person.id, site=parts.site, now=parts.clock())
    state = "has no longer" if remove else "has"
    show(f"{email} {state}: {', '.join(tags)}" + _ended(ended))


@click.command()
@click.argument("email", metavar="ADDRESS")
@click.argument("name", metavar="EVENT")
@for_a_site
def event(call: Call, email: str, name: str) -> None:
    """Note that something happened to a person, like 'booked'.

    Series may ask for it: it ends those whose exit rule it makes true.
    """
    from campaigns.stopping import apply_exit_rules
    from steadypost.people import found_person
    from subscribers.events import note_event

    with call.parts() as parts, parts.database.transaction() as session:
        person, now = found_person(session, email), parts.clock()
        noted = note_event(session, person, name, now=now)
        ended = apply_exit_rules(session, person.id, site=parts.site, now=now)
    show(f"{email}: {noted}, noted" + _ended(ended))


def _ended(ended: int) -> str:
    if not ended:
        return ""
    return "; this ends 1 series for them" if ended == 1 else f"; this ends {ended} series for them"
