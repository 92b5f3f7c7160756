"""`steadypost uncertain`: mails of which nobody knows whether they arrived."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.deliveries import decide, list_in, these


@click.group()
def uncertain() -> None:
    """Settle mails that may or may not have arrived: the answer of the relay was lost."""


@uncertain.command("list")
@click.option("--limit", default=100, show_default=True, help="At most so many.")
@as_json
@for_a_site
def list_(call: Call, limit: int, is_json: bool) -> None:
    """List them, with the address, and what is known."""
    list_in(call, "uncertain", limit=limit, is_json=is_json)


@uncertain.command()
@these
@click.option("--sent", "evidence", metavar="EVIDENCE", help="It arrived, and how you know it.")
@click.option("--again", is_flag=True, help="Send it again; it may reach the person twice.")
@for_a_site
def settle(
    call: Call, ids: tuple[int, ...], is_all: bool, evidence: str | None, again: bool
) -> None:
    """Decide about some: it arrived (and how you know), or it is sent again."""
    if bool(evidence) == again:
        raise click.UsageError("say --sent 'relay log of 2 March, queued as 4711', or --again")
    decide(call, "uncertain", ids, is_all, partial(_settle, evidence))


def _settle(evidence: str | None, session: Any, chosen: list[int], now: Any) -> int:
    from delivery.outbox import confirm_arrival, send_again

    if evidence:
        return confirm_arrival(session, chosen, evidence, now=now)
    return send_again(session, chosen, now=now)
