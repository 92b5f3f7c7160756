"""`steadypost broadcast`: a newsletter to a list, or to some of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show, show_json, show_table

if TYPE_CHECKING:
    from campaigns.models import Broadcast
    from scheduler import Parts
    from storage.database import Session


@click.group()
def broadcast() -> None:
    """Send a newsletter to a list, or to some of it."""


@broadcast.command()
@click.argument("what", type=click.Path(path_type=Path, exists=True))
@click.option("--name", help="Its name in commands; else that of the file or folder.")
@click.option("--list", "list_slug", help="Which list; else 'weekly', or what broadcast.yaml says.")
@click.option("--new-list", default="", help="Make that list if it is not there, with this title.")
@click.option("--audience", help="Whom of the list, like: tagged back-pain and city is Berlin")
@click.option("--theme", help="How it looks.")
@click.option("--priority", type=click.IntRange(0, 1000), help="Lower goes first on a shared day.")
@click.option("--grace", "grace_hours", type=click.IntRange(1, 336), help="Hours it may be late.")
@for_a_site
def create(call: Call, what: Path, name: str | None, new_list: str, **given: Any) -> None:
    """Make a broadcast from a document, or from a folder with broadcast.yaml; nothing is sent.

    One of this name that has not begun is changed. Its text is checked first.
    """
    from dataclasses import replace

    from campaigns.broadcast_folder import read_broadcast
    from campaigns.broadcasts import save_broadcast

    chosen = {key: value for key, value in given.items() if value is not None}
    folder = replace(read_broadcast(what, slug=name), **chosen)
    with call.parts() as parts, parts.database.transaction() as session:
        made, is_new = save_broadcast(
            session,
            folder,
            site=parts.site,
            renderer=parts.proving,
            now=parts.clock(),
            new_list=new_list,
        )
        line = _whom(session, parts, made)
    show(f"broadcast {made.slug} {'created' if is_new else 'changed'}: {line}")
    say(f"look at it: 'steadypost broadcast preview {made.slug} --open'; nothing is sent yet")


@broadcast.command()
@click.argument("name")
@click.option("--as", "address", help="As this person would get it; else as a sample reader.")
@click.option("--text", "is_text", is_flag=True, help="Print the text part.")
@click.option("--open", "opens", is_flag=True, help="Open the HTML in the browser.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the HTML here.")
@for_a_site
def preview(
    call: Call, name: str, address: str | None, is_text: bool, opens: bool, out: Path | None
) -> None:
    """Show the email, and how many people it is for."""
    from campaigns.broadcasts import find_broadcast
    from campaigns.preview import preview_broadcast
    from steadypost.cli.mails import show_email

    with call.parts() as parts, parts.database.reading() as session:
        shown = preview_broadcast(
            session, parts.site, parts.proving, name, address=address, now=parts.clock()
        )
        say(f"for: {_whom(session, parts, find_broadcast(session, name))}")
    show_email(shown, is_text=is_text, opens=opens, out=out)


@broadcast.command()
@click.argument("name")
@click.argument("address")
@click.option("--as", "reader", help="As this person would get it; else as a sample reader.")
@for_a_site
def test(call: Call, name: str, address: str, reader: str | None) -> None:
    """Send it to ADDRESS as a test; nobody else gets anything."""
    from campaigns.preview import preview_broadcast, send_as_test
    from delivery.sender import Accepted
    from steadypost.errors import RelayRefusedError

    with call.parts() as parts:
        with parts.database.reading() as session:
            shown = preview_broadcast(
                session, parts.site, parts.proving, name, address=reader, now=parts.clock()
            )
        outcome = send_as_test(parts.sender, shown.letter, to=address, site=parts.site)
    if not isinstance(outcome, Accepted):
        raise RelayRefusedError(outcome.relay, outcome.reply)
    show(f"{outcome.relay} took a test for {address}: {outcome.reply}")


@broadcast.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@for_a_site
def send(call: Call, name: str, yes: bool) -> None:
    """Send it now; one that is held because it is late, all the same."""
    from campaigns.broadcasts import send_broadcast

    _decide(
        call,
        name,
        yes,
        "now",
        lambda session, parts: send_broadcast(session, name, site=parts.site, now=parts.clock()),
    )


@broadcast.command()
@click.argument("name")
@click.option("--at", "at", required=True, help="When, like '2026-03-04 10:00'.")
@click.option("--local", is_flag=True, help="At that hour wherever the reader is.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@for_a_site
def schedule(call: Call, name: str, at: str, local: bool, yes: bool) -> None:
    """Say when it goes: on the clinic's clock, or with --local on each reader's own."""
    from campaigns.broadcasts import LocalHour, schedule_broadcast

    moment = _read_moment(at, is_local=local)
    zone_word = "on each reader's own clock" if local else "on the clinic's clock"

    def deed(session: Session, parts: Parts) -> Broadcast:
        there = moment.replace(tzinfo=parts.site.zone)
        when = LocalHour(moment.date(), moment.hour) if local else there
        return schedule_broadcast(session, name, when, site=parts.site, now=parts.clock())

    _decide(call, name, yes, f"{moment:%F %H:%M} {zone_word}", deed)


@broadcast.command()
@click.argument("name")
@for_a_site
def cancel(call: Call, name: str) -> None:
    """End it, also in the middle: what has not left stays here."""
    from campaigns.broadcasts import cancel_broadcast, states_of
    from delivery.rules.states import State

    with call.parts() as parts, parts.database.transaction() as session:
        found, count = cancel_broadcast(session, name, now=parts.clock())
        states = states_of(session, found)
    gone = states[State.SENT] + states[State.UNCERTAIN] + states[State.SENDING]
    show(f"broadcast {name} is cancelled: {gone} had left, {count} that were queued stay here")


@broadcast.command("status")
@click.argument("name")
@as_json
@for_a_site
def status_(call: Call, name: str, is_json: bool) -> None:
    """Show where it stands, and what became of its mails."""
    from steadypost.broadcast_listing import describe_broadcast

    with call.parts() as parts, parts.database.reading() as session:
        found = describe_broadcast(session, name, site=parts.site, now=parts.clock())
    if is_json:
        show_json(found)
        return
    states: dict[str, int] = found.pop("mails")
    facts = [(fact, value) for fact, value in found.items() if value not in ("", None)]
    show_table(("about", "it"), facts)
    if any(states.values()):
        show()
        show_table(("mails", ""), [(state, count) for state, count in states.items() if count])


@broadcast.command("list")
@as_json
@for_a_site
def list_(call: Call, is_json: bool) -> None:
    """List the broadcasts, the newest first."""
    from steadypost.broadcast_listing import list_broadcasts

    with call.parts() as parts, parts.database.reading() as session:
        rows = list_broadcasts(session, zone=parts.site.zone)
    if is_json:
        show_json(rows)
    elif rows:
        columns = tuple(rows[0])
        show_table(columns, [[row[column] for column in columns] for row in rows])
    else:
        say("there is no broadcast yet; 'steadypost broadcast create news.md' makes one")


def _whom(session: Session, parts: Parts, found: Broadcast) -> str:
    """Say whom it is for, counted by the query that sends it."""
    from campaigns.broadcasts import count_people, list_of

    counted = count_people(session, found, site=parts.site, now=parts.clock())
    people = "1 person" if counted.people == 1 else f"{counted.people} people"
    rule = f" with {found.audience}" if found.audience else ""
    paused = f"; {counted.paused} of them paused and are passed over" if counted.paused else ""
    return f"{people} on list '{list_of(session, found).slug}'{rule}{paused}"


def _decide(
    call: Call,
    name: str,
    yes: bool,
    when: str,
    deed: Callable[[Session, Parts], Broadcast],
) -> None:
    """Count, ask, and only then do it."""
    from campaigns.broadcasts import find_broadcast
    from steadypost.errors import NotConfirmedError

    with call.parts() as parts:
        with parts.database.reading() as session:
            whom = _whom(session, parts, find_broadcast(session, name))
        if not yes and not _says_yes(f"broadcast {name} goes {when} to {whom}. Go on?"):
            raise NotConfirmedError(f"broadcast '{name}'")
        with parts.database.transaction() as session:
            found = deed(session, parts)
            whom = _whom(session, parts, found)
    show(f"broadcast {name} is {found.status.value}, {when}: {whom}")
    say(f"'steadypost serve' sends it; 'steadypost broadcast cancel {name}' ends it at any time")


def _says_yes(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort:  # no terminal, or its end
        return False


def _read_moment(text: str, *, is_local: bool) -> datetime:
    """Read a day and a time, on a clock that the caller knows."""
    try:
        moment = datetime.strptime(text.strip().replace("T", " "), "%Y-%m-%d %H:%M")  # noqa: DTZ007
    except ValueError:
        raise click.BadParameter("write it like '2026-03-04 10:00'", param_hint="--at") from None
    if is_local and moment.minute:
        raise click.BadParameter("with --local, name a full hour", param_hint="--at")
    return moment
