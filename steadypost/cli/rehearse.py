"""`steadypost rehearse`: see how a series will go, before it goes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from scheduler import Parts
    from steadypost.rehearsal.conditions import Conditions
    from steadypost.rehearsal.run import Rehearsal
    from steadypost.rehearsal.stage import Stage

_MORNING = time(8)


@click.command()
@click.argument("series")
@click.option("--from", "start", help="The first day, like 2026-03-20; else today.")
@click.option("--people", default=6, show_default=True, type=click.IntRange(1, 36))
@click.option("--closed", multiple=True, help="A closed day or 'DAY/DAY'; may be repeated.")
@click.option("--outage", help="Days without any service, like 2026-03-10/2026-03-12.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write every email here."
)
@click.option("--to", "address", help="Really send it to this address, minutes for weeks.")
@click.option(
    "--minutes",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 120),
    help="With --to: how long a week lasts.",
)
@as_json
@for_a_site
def rehearse(
    call: Call,
    series: str,
    start: str | None,
    people: int,
    closed: tuple[str, ...],
    outage: str | None,
    out: Path | None,
    address: str | None,
    minutes: float,
    is_json: bool,
) -> None:
    """Play SERIES for invented readers all over the world, on a clock that flies.

    Played by the code that sends, in a database of its own: the clinic's stays as it is. SERIES is
    a series that is being sent, or a folder that is not imported yet.
    """
    from steadypost.rehearsal.run import rehearse as play
    from steadypost.rehearsal.stage import find_series_to_rehearse, set_stage

    with call.parts() as parts:
        folder = find_series_to_rehearse(parts, call.settings, series)
        how = _conditions(parts.site.zone, start, people, closed, outage, now=parts.clock())
        with set_stage(parts.site, parts, folder, how) as stage:
            if address is not None:
                _send(stage, parts, address, minutes)
                return
            _show(play(stage), out, is_json=is_json)


def _send(stage: Stage, parts: Parts, address: str, minutes: float) -> None:
    from steadypost.rehearsal.trial import send_trial

    week, wait = timedelta(minutes=minutes), Event().wait
    sent = send_trial(stage, parts.sender, to=address, week=week, wait=wait, tell=say)
    show(f"{sent} emails went to {address}; nothing of it stands in anybody's progress")


def _show(rehearsal: Rehearsal, out: Path | None, *, is_json: bool) -> None:
    from steadypost.rehearsal.record import as_rows, calendar_rows, remarks, write_mails

    if out is not None:
        count = write_mails(rehearsal, out)
        say(f"wrote {count} emails into {out}, each as .html, .txt and .eml")
    if is_json:
        show_json(as_rows(rehearsal))
        return
    columns, rows = calendar_rows(rehearsal)
    show_table(columns, rows, title="Who gets what when, each on their own clock")
    for remark in remarks(rehearsal):
        show(f"- {remark}")


def _conditions(
    zone: ZoneInfo,
    start: str | None,
    people: int,
    closed: tuple[str, ...],
    outage: str | None,
    *,
    now: datetime,
) -> Conditions:
    from steadypost.rehearsal.conditions import Conditions, Outage

    first = _days(start, "--from")[0] if start else now.astimezone(zone).date()
    closed_days = frozenset(day for text in closed for day in _days(text, "--closed"))
    down = _days(outage, "--outage") if outage else []
    return Conditions(
        start=_moment(first, _MORNING, zone),
        people=people,
        closed_days=closed_days,
        outage=Outage(
            _moment(down[0], time.min, zone), _moment(down[-1] + timedelta(days=1), time.min, zone)
        )
        if down
        else None,
    )


def _days(text: str, option: str) -> list[date]:
    from steadypost.settings.checks import days_between

    try:
        first, last = days_between(text)
    except ValueError:
        how = "write a day like 2026-03-20, or two like 2026-03-20/2026-03-22"
        raise click.BadParameter(how, param_hint=option) from None
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
