"""`steadypost demo`: the whole of it on one screen, without configuration or outside mail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from steadypost.cli.output import say

if TYPE_CHECKING:
    from rich.console import Console

    from steadypost.demo.run import Ending
    from steadypost.demo.stage import Stage


@click.command()
@click.option(
    "--clients", default=36, show_default=True, type=click.IntRange(1, 500), help="How many people."
)
@click.option(
    "--seconds-per-week",
    default=4.0,
    show_default=True,
    type=click.FloatRange(0, 600),
    help="How long a week lasts.",
)
@click.option("--exit", "ends_itself", is_flag=True, help="End when the series has ended.")
def demo(clients: int, seconds_per_week: float, ends_itself: bool) -> None:
    """Show a sample clinic: real pages, real SMTP, weeks that pass in seconds."""
    from rich.console import Console

    from steadypost.demo.stage import set_stage

    console = Console()
    with set_stage(clients=clients) as stage:
        _introduce(console, stage)
        ending = _play(console, stage, seconds_per_week)
        _report(console, stage, ending)
        if not ends_itself and console.is_terminal:
            _stay(console, stage)
    if ending.broken:
        raise click.exceptions.Exit(1)


def _introduce(console: Console, stage: Stage) -> None:
    console.print(
        f"[bold]Riverside Clinic[/bold] and {len(stage.lives)} invented clients. "
        "Nothing leaves this machine."
    )
    _show_places(console, stage)
    console.print()


def _show_places(console: Console, stage: Stage) -> None:
    for place in stage.places:
        console.print(f"  {place.what:<40} {place.url}", highlight=False, soft_wrap=True)


def _play(console: Console, stage: Stage, seconds_per_week: float) -> Ending:
    from steadypost.demo.display import Weeks
    from steadypost.demo.run import expected_mails, play
    from steadypost.demo.stage import START

    with Weeks(console, stage.mailbox, expected_mails=expected_mails(stage)) as weeks:
        return play(
            stage, seconds_per_week=seconds_per_week, show=lambda now: weeks.show(now, START)
        )


def _report(console: Console, stage: Stage, ending: Ending) -> None:
    from steadypost.demo.display import calendar_of, remarks_on

    clients = [life.client for life in stage.lives]
    wide = console.width >= 110
    console.print(calendar_of(clients, ending.mails, parts=stage.series_parts, wide=wide))
    for remark in remarks_on(clients):
        console.print(f"  {remark}", highlight=False)
    for line in ending.summary:
        console.print(line, highlight=False, soft_wrap=True)


def _stay(console: Console, stage: Stage) -> None:
    _show_places(console, stage)
    console.print("\nHave a look around. Ctrl-C ends the demo and leaves nothing behind.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("The demo is over.")
