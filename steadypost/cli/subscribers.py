"""`steadypost subscribers`: who is on the list, one by one or by the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from steadypost.cli.call import Call, as_json, for_a_site, take_list
from steadypost.cli.output import say, show, show_json, show_table
from steadypost.cli.people_deeds import parked, resume, tag
from steadypost.cli.people_files import export, import_
from steadypost.errors import RefusedError

if TYPE_CHECKING:
    from scheduler import Parts

_STANDINGS = ("unconfirmed", "confirmed", "unsubscribed")


@click.group()
def subscribers() -> None:
    """Look after the people on the list."""


@subscribers.command()
@click.argument("email")
@click.option("--first-name", default="", help="Their first name.")
@click.option("--last-name", default="", help="Their last name.")
@click.option("--time-zone", help="Their time zone, if it is not the clinic's.")
@click.option("--weekday", help="The day they want it on, like monday.")
@click.option("--hour", help="The hour they want it at, 0 to 23.")
@click.option("--tag", "tags", multiple=True, help="A word for them; may be repeated.")
@click.option("--attribute", "attributes", multiple=True, help="NAME=VALUE; may be repeated.")
@click.option("--confirmed", is_flag=True, help="They said yes already; see --consent.")
@click.option("--consent", help="How they said yes, like 'paper form of 2 March'.")
@take_list
@for_a_site
def add(call: Call, email: str, list_slug: str, confirmed: bool, **about: Any) -> None:
    """Add a person. They get a mail that asks them to confirm.

    With --confirmed they do not: then say by --consent how they agreed.
    """
    if confirmed and not about["consent"]:
        raise click.UsageError("--confirmed needs --consent 'how they said yes'; it is kept")
    from steadypost.people import found_person
    from subscribers.profiles import add_tags
    from subscribers.rules.asking import Asked
    from subscribers.signup import add_confirmed, request_subscription

    sign_up = _sign_up(email, list_slug, about)
    with call.parts() as parts, parts.database.transaction() as session:
        keys, now = parts.site.keys, parts.clock()
        if confirmed:
            add_confirmed(session, sign_up, keys=keys, now=now, tags=about["tags"])
            show(f"added {email}: confirmed, by {about['consent']}")
            return
        asked = request_subscription(session, sign_up, keys=keys, now=now).asked
        if asked is not Asked.CONFIRMATION:
            raise RefusedError(f"no mail goes to {email}: {asked}; see 'steadypost why {email}'")
        add_tags(session, found_person(session, email), about["tags"])
    show(f"added {email}: a mail asks them to confirm")


def _sign_up(email: str, list_slug: str, about: dict[str, Any]) -> Any:
    from subscribers.rules.preferences import read_hour, read_time_zone, read_weekday
    from subscribers.signup import SignUp

    return SignUp(
        email,
        list_slug,
        first_name=about["first_name"],
        last_name=about["last_name"],
        time_zone=read_time_zone(about["time_zone"] or ""),
        weekday=read_weekday(about["weekday"] or ""),
        hour=read_hour(about["hour"] or ""),
        attributes=dict(_pair(text) for text in about["attributes"]),
        source=about["consent"] or "command line",
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"'{text}' is no NAME=VALUE", param_hint="--attribute")
    return name, value


@subscribers.command("list")
@click.option("--list", "list_slug", help="Only those of one list.")
@click.option("--standing", type=click.Choice(_STANDINGS), help="Only those who stand so.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--search", help="Only those with this in address or name.")
@click.option("--suppressed", is_flag=True, default=None, help="Only suppressed addresses.")
@click.option("--limit", default=100, show_default=True, help="At most so many.")
@as_json
@for_a_site
def list_(call: Call, limit: int, is_json: bool, **wanted: Any) -> None:
    """List people."""
    from steadypost.people import person_row
    from subscribers.rules.standing import Standing
    from subscribers.store import (
        SubscriberFilter,
        circumstances_of,
        count_subscribers,
        list_subscribers,
    )

    standing = Standing(wanted["standing"]) if wanted["standing"] else None
    narrowed = SubscriberFilter(
        wanted["list_slug"], standing, wanted["tag"], wanted["search"], wanted["suppressed"]
    )
    with call.parts() as parts, parts.database.reading() as session:
        people = list_subscribers(session, narrowed, limit=limit)
        known = circumstances_of(session, people)
        rows = [person_row(person, known[person.id]) for person in people]
        total = count_subscribers(session, narrowed)
    if is_json:
        show_json(rows)
    elif rows:
        columns = ("email", "first_name", "lists", "tags", "suppressed")
        show_table(columns, [[_cell(row[name]) for name in columns] for row in rows])
    _say_how_many(len(rows), total, is_narrowed=narrowed != SubscriberFilter())


def _say_how_many(shown: int, total: int, *, is_narrowed: bool) -> None:
    if total == 0 and is_narrowed:
        say("nobody matches; 'steadypost subscribers list' without options lists everybody")
    elif total == 0:
        say("nobody is here yet; people sign up on the pages, or: steadypost subscribers import")
    elif shown < total:
        say(f"{shown} of {total}; --limit shows more")


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {standing}" for name, standing in value.items())
    return ", ".join(value) if isinstance(value, list) else value


@subscribers.command("show")
@click.argument("email")
@as_json
@for_a_site
def show_(call: Call, email: str, is_json: bool) -> None:
    """Show everything about one person: choices, consent, what they got."""
    from steadypost.people import describe

    with call.parts() as parts, parts.database.reading() as session:
        person = describe(session, email, site=parts.site)
    if is_json:
        show_json(person)
        return
    tables = ("subscriptions", "consent", "deliveries")
    facts = [(name, _cell(value)) for name, value in person.items() if name not in tables]
    facts = [(name, text) for name, text in facts if text not in (None, "")]
    show_table(("about", "them"), facts)
    for name in tables:
        rows = person[name]
        if rows:
            show()
            show_table(list(rows[0]), [list(row.values()) for row in rows], title=name)


@subscribers.command()
@click.argument("email")
@take_list
@for_a_site
def confirm(call: Call, email: str, list_slug: str) -> None:
    """Confirm somebody by hand, as their click would."""
    from steadypost.people import found_subscription
    from subscribers.rules.standing import Standing
    from subscribers.signup import confirm as confirm_subscription

    with call.parts() as parts, parts.database.transaction() as session:
        found = found_subscription(session, email, list_slug)
        done = confirm_subscription(
            session,
            found.public_id,
            asking=None,
            keys=parts.site.keys,
            now=parts.clock(),
            source="command line",
        )
    if done.standing is not Standing.CONFIRMED:
        raise RefusedError(f"{email} cannot be confirmed: they are {done.standing}")
    show(f"{email} is confirmed on {list_slug}")


@subscribers.command()
@click.argument("email")
@take_list
@for_a_site
def unsubscribe(call: Call, email: str, list_slug: str) -> None:
    """Take somebody off the list; nothing more is sent to them."""
    with call.parts() as parts:
        changed = _unsubscribe(parts, email, list_slug)
    state = "is off" if changed else "was off"
    show(f"{email} {state} the list {list_slug}" + ("" if changed else " already"))


def _unsubscribe(parts: Parts, email: str, list_slug: str) -> bool:
    from campaigns.enrolment import leave
    from steadypost.people import found_subscription
    from subscribers.signup import unsubscribe as end_subscription

    with parts.database.transaction() as session:
        found, now = found_subscription(session, email, list_slug), parts.clock()
        changed = end_subscription(
            session, found, keys=parts.site.keys, now=now, source="command line"
        )
        leave(session, found, now=now)
    return changed


subscribers.add_command(import_)
subscribers.add_command(export)
for deed in (parked, resume, tag):
    subscribers.add_command(deed)
