"""`steadypost deliveries`: decide about mails that are held or uncertain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from steadypost.cli.call import Call, Command, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table
from steadypost.errors import RefusedError

_STATES = (
    *("queued", "claimed", "sending", "sent", "rejected"),
    *("uncertain", "cancelled", "held", "expired"),
)


@click.group()
def deliveries() -> None:
    """Decide about mails that are held or uncertain."""


@deliveries.command("list")
@click.option("--state", type=click.Choice(_STATES), default="held", show_default=True)
@click.option("--limit", default=100, show_default=True, help="At most so many.")
@as_json
@for_a_site
def list_(call: Call, state: str, limit: int, is_json: bool) -> None:
    """List mails in one state, with the address and the reason."""
    list_in(call, state, limit=limit, is_json=is_json)


def list_in(call: Call, state: str, *, limit: int, is_json: bool) -> None:
    """Print the mails in one state."""
    from dataclasses import asdict

    from delivery.rules.states import State
    from steadypost.status import named_deliveries

    with call.parts() as parts, parts.database.reading() as session:
        rows = named_deliveries(session, State(state), limit=limit)
        zone = parts.site.zone
    if is_json:
        show_json([asdict(row) for row in rows])
    elif rows:
        cells = [
            (row.id, row.email, row.what, row.since and row.since.astimezone(zone), row.reason)
            for row in rows
        ]
        show_table(("id", "address", "what", "since", "reason"), cells)
    else:
        say(f"no mail is {state}")


def these(command: Command) -> Command:
    """Let a command take some ids, or --all."""
    ids = click.argument("ids", nargs=-1, type=int)
    everything = click.option("--all", "is_all", is_flag=True, help="All of them.")
    return ids(everything(command))


@deliveries.command()
@these
@for_a_site
def release(call: Call, ids: tuple[int, ...], is_all: bool) -> None:
    """Send what is held, once its cause is put right."""
    from delivery.outbox import release_held

    decide(call, "held", ids, is_all, lambda session, chosen, _: release_held(session, chosen))


@deliveries.command("send-again")
@these
@for_a_site
def send_again(call: Call, ids: tuple[int, ...], is_all: bool) -> None:
    """Send what is uncertain again: it may reach the person twice."""
    from delivery.outbox import send_again as queue_again

    decide(
        call,
        "uncertain",
        ids,
        is_all,
        lambda session, chosen, now: queue_again(session, chosen, now=now),
    )


@deliveries.command()
@these
@click.option("--evidence", required=True, help="How you know, like 'relay log of 2 March'.")
@for_a_site
def arrived(call: Call, ids: tuple[int, ...], is_all: bool, evidence: str) -> None:
    """Note that what is uncertain has arrived."""
    from delivery.outbox import confirm_arrival

    decide(
        call,
        "uncertain",
        ids,
        is_all,
        lambda session, chosen, now: confirm_arrival(session, chosen, evidence, now=now),
    )


def decide(
    call: Call, state: str, ids: tuple[int, ...], is_all: bool, deed: Callable[..., int]
) -> None:
    """Do something to these mails, all of which must be in one state.

    Raises:
        RefusedError: some are not; nothing was changed.
    """
    if bool(ids) == is_all:
        raise click.UsageError(
            f"name some ids, or give --all; 'steadypost deliveries list --state {state}' lists them"
        )
    from delivery.rules.states import State
    from steadypost.status import named_deliveries

    with call.parts() as parts, parts.database.transaction() as session:
        there: list[Any] = [row.id for row in named_deliveries(session, State(state), limit=10_000)]
        chosen = [one for one in there if is_all or one in ids]
        strangers = set(ids) - set(there)
        if strangers:
            raise RefusedError(
                f"not {state}: {', '.join(map(str, sorted(strangers)))}; nothing was changed"
            )
        count = deed(session, chosen, parts.clock())
    show(f"{count} of {len(chosen)} changed")
