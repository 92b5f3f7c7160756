"""`steadypost status`: how is the site, and does anything want attention?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.holds import show_holds
from steadypost.cli.output import say, show, show_json, show_table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from steadypost.status import NamedDelivery, Status


@click.command()
@click.option("--no-relay", is_flag=True, help="Do not ask whether the relay answers.")
@as_json
@for_a_site
def status(call: Call, is_json: bool, no_relay: bool) -> None:
    """Show how the site is, and what wants attention."""
    from dataclasses import asdict

    from steadypost.status import gather_status
    from steadypost.wiring import ask_relay

    with call.parts() as parts:
        found = gather_status(parts, now=parts.clock())
        zone = parts.site.zone
    relay = None if no_relay else ask_relay(call.settings)
    if is_json:
        show_json({**found.as_dict(), "relay": relay and asdict(relay)})
        return
    _show_counts(found)
    _show_quota(found, zone)
    if found.holds:
        show()
        show_holds(found.holds, zone)
    _show_named("uncertain: may or may not have arrived", found.uncertain, zone)
    _show_named("held: not sent until released", found.held, zone)
    _show_service(found, zone)
    _show_next(found, zone)
    if relay is not None:
        show(relay.text)
    for trouble in found.troubles:
        say(f"! {trouble}")


def _show_counts(found: Status) -> None:
    show_table(("people", ""), [("all", found.subscribers), ("suppressed", found.suppressed)])
    for name, facts in (("list", found.lists), ("series", found.series)):
        if facts:
            show()
            columns = list(next(iter(facts.values())))
            rows = [(slug, *(about[column] for column in columns)) for slug, about in facts.items()]
            show_table((name, *columns), rows)
    show()
    counts = [(state, count) for state, count in found.deliveries.items() if count]
    show_table(("mails", ""), [*counts, ("due now", found.due_now)])


def _show_quota(found: Status, zone: ZoneInfo) -> None:
    if found.quota is not None:
        show(found.quota.summary(zone, now=found.at))


def _show_named(title: str, rows: list[NamedDelivery], zone: ZoneInfo) -> None:
    if rows:
        show()
        cells = [
            (row.id, row.email, row.what, row.since and row.since.astimezone(zone), row.reason)
            for row in rows
        ]
        show_table(("id", "address", "what", "since", "reason"), cells, title=title)


def _show_service(found: Status, zone: ZoneInfo) -> None:
    if found.workers:
        show()
        rows = [
            (
                worker.id,
                worker.host,
                worker.process_id,
                "silent" if worker.is_silent else "working" if worker.alive else "gone",
                worker.heartbeat_at.astimezone(zone),
            )
            for worker in found.workers
            if worker.alive or worker is found.workers[0]
        ]
        show_table(("worker", "host", "process", "state", "last sign of life"), rows)
    if found.last_tick:
        at = datetime.fromisoformat(found.last_tick["at"]).astimezone(zone)
        show(f"last tick: {at:%F %T %Z}")


def _show_next(found: Status, zone: ZoneInfo) -> None:
    show()
    rows = [
        (one["at"].astimezone(zone), one["email"], one["series"], one["step"])
        for one in found.next_sends
    ]
    if rows:
        show_table(("next", "address", "series", "step"), rows)
    elif found.next_look:
        show(f"next look at an enrolment: {found.next_look.astimezone(zone):%F %H:%M %Z}")
    else:
        show("nobody is on the way through a series")
