"""`steadypost forecast` and `steadypost why`: what will go to whom, and why not yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table
from steadypost.wording import counted

if TYPE_CHECKING:
    from campaigns.forecast import ForecastEntry

_MOST_LISTED = 200


@click.command()
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 366), help="How far.")
@click.option("--series", help="Of this series only.")
@click.option("--person", "address", help="For this person only.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write a page."
)
@as_json
@for_a_site
def forecast(
    call: Call,
    days: int,
    series: str | None,
    address: str | None,
    page: Path | None,
    is_json: bool,
) -> None:
    """Show who gets what in the next days.

    Decided by the very code that sends. Few emails are listed by name; many are counted by day
    and email, and --person or --json names them. --html writes the counts as a page.
    """
    if page is not None:
        _write_page(call, days, series, page)
        return
    entries = _entries(call, days, series, address)
    if is_json:
        show_json([asdict(entry) for entry in entries])
    elif not entries:
        span = counted(days, "day")
        say(f"nobody gets anything in the next {span}; 'steadypost status' tells why")
    elif len(entries) <= _MOST_LISTED or address is not None:
        rows = [(entry.local, entry.address, entry.what, entry.why) for entry in entries]
        show_table(("when", "address", "email", "why then"), rows)
    else:
        counts = Counter((entry.local.date(), entry.what) for entry in entries)
        show_table(("day", "email", "people"), [(*key, counts[key]) for key in sorted(counts)])
        say(f"{counted(len(entries), 'email')}; '--person ADDRESS' or '--json' names them")


def _entries(call: Call, days: int, series: str | None, address: str | None) -> list[ForecastEntry]:
    from campaigns.forecast import forecast as look_ahead
    from campaigns.store import find_series
    from steadypost.people import found_person

    with call.parts() as parts, parts.database.reading() as session:
        wanted = find_series(session, series).slug if series else None
        person = found_person(session, address).id if address else None
        entries = look_ahead(
            session, site=parts.site, now=parts.clock(), days=days, subscriber_id=person
        )
    return [entry for entry in entries if wanted in (None, entry.series)]


def _write_page(call: Call, days: int, series: str | None, page: Path) -> None:
    from campaigns.forecast import outlook
    from campaigns.store import find_series
    from steadypost.forecast_page import forecast_page

    with call.parts() as parts, parts.database.reading() as session:
        now, site = parts.clock(), parts.site
        wanted = find_series(session, series).slug if series else None
        found = outlook(session, site=site, now=now, days=days, series=wanted)
    clinic = str(site.clinic.get("name", ""))
    page.write_text(forecast_page(found, clinic=clinic, made_at=now.astimezone(site.zone)), "utf-8")
    say(f"wrote {page}: {counted(found.total, 'email')} in {counted(days, 'day')}")


@click.command()
@click.argument("address")
@click.argument("email", required=False)
@as_json
@for_a_site
def why(call: Call, address: str, email: str | None, is_json: bool) -> int:
    """Say where ADDRESS stands, what comes next, and why not yet.

    With EMAIL, say it of that email only: a step by key or number, like 4 or SERIES/4, or a
    broadcast by its name.

    Ends with 1 when nobody has this address, else with 0.
    """
    from campaigns.explain import why as explain
    from campaigns.explain import why_email
    from subscribers.store import find_subscriber

    with call.parts() as parts, parts.database.reading() as session:
        site, now = parts.site, parts.clock()
        lines = (
            explain(session, address, site=site, now=now)
            if email is None
            else why_email(session, address, email, site=site, now=now)
        )
        is_known = find_subscriber(session, address) is not None
    if is_json:
        show_json(lines)
    else:
        for line in lines:
            show(line)
    return 0 if is_known else 1
