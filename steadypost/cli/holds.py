"""`steadypost holds`, `release`, `pause` and `resume`: what is kept back, and letting it go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from steadypost.holds import HoldStatus


@click.command()
@as_json
@for_a_site
def holds(call: Call, is_json: bool) -> None:
    """List what is held: why, since when, how many mails wait, and how to let them go."""
    from dataclasses import asdict

    from steadypost.holds import list_holds

    with call.parts() as parts, parts.database.reading() as session:
        found = list_holds(session, now=parts.clock())
        zone = parts.site.zone
    if is_json:
        show_json([asdict(hold) for hold in found])
    elif found:
        show_holds(found, zone)
    else:
        say("nothing is held")


def show_holds(found: list[HoldStatus], zone: ZoneInfo) -> None:
    """Print holds as a table, and below it what to do about each."""
    rows = [
        (hold.id, hold.subject or "site", hold.what, hold.since.astimezone(zone), hold.waiting)
        for hold in found
    ]
    show_table(("hold", "of", "what", "since", "waiting"), rows)
    for hold in found:
        show(f"{hold.id}: {hold.detail}" + (f"; {hold.how}" if hold.how else ""))


@click.command()
@click.argument("names", metavar="HOLD...|all", nargs=-1, required=True)
@for_a_site
def release(call: Call, names: tuple[str, ...]) -> None:
    """Let go what is held, once its cause is put right: some holds by number, or `all`."""
    from steadypost.holds import release_named

    ids = None if names == ("all",) else [_number(name) for name in names]
    with call.parts() as parts, parts.database.transaction() as session:
        waiting = release_named(parts, session, ids)
    show(f"released; {waiting} mails or people waited")


def _number(name: str) -> int:
    if not name.isdecimal():
        raise click.BadParameter(f"'{name}' is no hold; 'steadypost holds' lists their numbers")
    return int(name)


@click.command()
@click.option("--reason", default="", help="For the others: why, and until when perhaps.")
@for_a_site
def pause(call: Call, reason: str) -> None:
    """Stop sending: nothing is queued and nothing leaves until `steadypost resume`."""
    from delivery.holds import put_hold
    from delivery.rules.holds import Cause

    with call.parts() as parts, parts.database.transaction() as session:
        put_hold(session, Cause.PAUSED, detail=reason or "no reason given", now=parts.clock())
    show("paused; the pages go on; 'steadypost resume' lets the mail go on")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@for_a_site
def resume(call: Call, yes: bool) -> None:
    """Go on after a pause or a restored back-up: shows what would be sent, and asks."""
    from steadypost.resuming import plan_resumption, resume_site

    with call.parts() as parts:
        plan = plan_resumption(parts)
        for line in plan.lines:
            show(line)
        if not plan.is_needed:
            return
        if not yes:
            click.confirm("Go on?", abort=True, err=True)
        resume_site(parts)
    show("resumed; the next tick sends what is due")
