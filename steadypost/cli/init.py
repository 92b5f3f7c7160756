"""`steadypost init`: six questions, and the site is ready."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from steadypost.cli.call import Call, for_a_site
from steadypost.cli.output import say, show

_NEXT_STEPS = """
Your site is in {folder}.

  steadypost.toml    the settings, with a comment on each
  steadypost.keys    the keys behind every link: keep them secret, and keep a copy
  series/            six emails, yours to edit; then: steadypost series import {series}

Next:
{beforehand}
  steadypost preview {series}/1 --open    look at the first email
  steadypost send-test {series}/1 YOU     get it by mail
  steadypost serve                                  start; then people sign up at
                                                    {url}/signup/weekly
"""
_NO_BUTTON = """
  [clinic] booking_url in steadypost.toml           where the button in the emails leads;
                                                    while it is empty they have none"""
_ON_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def _machine_zone() -> str:
    """Name the time zone of this machine, as far as it tells."""
    if zone := os.environ.get("TZ", "").lstrip(":"):
        return zone
    target = str(Path("/etc/localtime").resolve())
    return target.partition("zoneinfo/")[2] or "UTC"


class _ZoneOption(click.Option):
    """Name the zone in the question: whether to press Enter depends on it."""

    def prompt_for_value(self, ctx: click.Context) -> Any:
        """Ask, with the zone of this machine offered by its name."""
        self.show_default = True
        return super().prompt_for_value(ctx)


def _refuse_a_site(ctx: click.Context, _: click.Parameter, folder: Path | None) -> Path | None:
    """Refuse a folder in use before the questions, not after six answers."""
    from steadypost.founding import refuse_existing_site

    refuse_existing_site((folder or ctx.find_object(Call).folder).resolve())  # type: ignore[union-attr]
    return folder


def _checked(section: str, name: str) -> Callable[[Any, Any, str | None], str | None]:
    """Check an answer as the settings would, so that a typed one is asked again."""

    def check(_ctx: Any, _param: Any, value: str | None) -> str | None:
        from steadypost.settings.sections import all_keys

        item = next(one for one in all_keys() if (one.section, one.name) == (section, name))
        for problem in (check(value) for check in item.checks if value is not None):
            if problem:
                raise click.BadParameter(problem)
        return value

    return check


def _relay(_ctx: Any, _param: Any, value: str) -> str:
    from steadypost.settings.checks import relay_host

    host, port = _host_and_port(value)
    problem = relay_host(value if "://" in value else host)
    if not problem and port and not (port.isdecimal() and 0 < int(port) < 65536):
        problem = f"'{port}' is no port; use one like 587"
    if problem:
        raise click.BadParameter(problem)
    return value


def _host_and_port(relay: str) -> tuple[str, str]:
    """Split `host`, `host:port`, `[::1]:port`; a maildir has no port."""
    if relay.startswith("maildir:"):
        return relay, ""
    if relay.startswith("["):
        host, _, rest = relay[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = relay.partition(":")
    return host, port


def _known_theme(ctx: click.Context, _: click.Parameter, theme: str | None) -> str | None:
    from templates.errors import ThemeError
    from templates.theme import read_theme

    folder = ctx.params.get("folder") or ctx.find_object(Call).folder  # type: ignore[union-attr]
    try:
        if theme is not None:
            read_theme(theme, folder=folder / "themes")
    except ThemeError as error:
        raise click.BadParameter(str(error)) from error
    return theme


@click.command()
@click.argument(
    "folder",
    required=False,
    type=click.Path(path_type=Path, file_okay=False),
    is_eager=True,
    callback=_refuse_a_site,
)
@click.option(
    "--name",
    prompt="The clinic's name",
    callback=_checked("clinic", "name"),
    help="The clinic's name.",
)
@click.option(
    "--postal-address",
    prompt="Its postal address (stands at the foot of every email)",
    callback=_checked("clinic", "postal_address"),
    help="Its postal address.",
)
@click.option(
    "--time-zone",
    prompt="Its time zone",
    cls=_ZoneOption,
    default=_machine_zone,
    show_default="that of this machine",
    callback=_checked("clinic", "time_zone"),
    help="Its time zone, like Europe/Berlin.",
)
@click.option(
    "--from-address",
    prompt="The address its emails come from",
    callback=_checked("mail", "from_address"),
    help="The address its emails come from.",
)
@click.option(
    "--relay",
    prompt="The mail server that sends them, HOST or HOST:PORT (or maildir:FOLDER)",
    default="localhost",
    show_default=True,
    callback=_relay,
    help="HOST, HOST:PORT or maildir:FOLDER.",
)
@click.option(
    "--public-url",
    prompt="The web address of the sign-up pages",
    default="http://localhost:8000",
    show_default=True,
    callback=_checked("web", "public_url"),
    help="Where people reach the pages.",
)
@click.option("--booking-url", callback=_checked("clinic", "booking_url"), help="The booking page.")
@click.option("--website", callback=_checked("clinic", "website"), help="The clinic's website.")
@click.option(
    "--theme", callback=_known_theme, help="The look of the emails: calm, clinical or warm."
)
@click.option("--relay-username", help="The name to log in to the mail server with.")
@click.option("--relay-password-file", help="The file that holds its password.")
@for_a_site
def init(call: Call, folder: Path | None, **answers: str | None) -> None:
    """Set up a new site in FOLDER, or here.

    Writes settings, keys, the shipped series and the database. Asks six questions; each has a
    flag.
    """
    from steadypost.founding import SHIPPED_SERIES, found_site
    from steadypost.settings.worries import worries_about

    call.folder = (folder or call.folder).resolve()
    settings = found_site(call.folder, _chosen(answers))
    say(f"wrote {settings.folder}/steadypost.toml")
    for worry in worries_about(settings.web.public_url):
        say(f"! {worry}")
    _import(call, SHIPPED_SERIES)
    show(
        _NEXT_STEPS.format(
            folder=settings.folder,
            series=SHIPPED_SERIES,
            url=settings.web.public_url,
            beforehand="" if settings.clinic.booking_url else _NO_BUTTON,
        )
    )


def _import(call: Call, name: str) -> None:
    from steadypost.cli.series import in_words
    from steadypost.series_import import import_series_named

    with call.parts() as parts:
        say(in_words(import_series_named(parts, call.settings, name)))


def _chosen(answers: dict[str, str | None]) -> dict[tuple[str, str], Any]:
    """Turn the answers into settings."""
    chosen: dict[tuple[str, str], Any] = {
        ("clinic", "name"): answers["name"],
        ("clinic", "postal_address"): answers["postal_address"],
        ("clinic", "time_zone"): answers["time_zone"],
        ("clinic", "website"): answers["website"],
        ("clinic", "booking_url"): answers["booking_url"],
        ("mail", "from_address"): answers["from_address"],
        ("series", "theme"): answers["theme"],
        ("relay", "username"): answers["relay_username"],
        ("relay", "password_file"): answers["relay_password_file"],
        ("web", "public_url"): answers["public_url"],
        ("web", "port"): _port_of_pages(answers["public_url"] or ""),
        **_relay_settings(
            answers["relay"] or "localhost", has_login=bool(answers["relay_username"])
        ),
    }
    return {key: value for key, value in chosen.items() if value is not None}


def _port_of_pages(public_url: str) -> int | None:
    """Listen where people on this machine look; elsewhere a web server stands before us."""
    from urllib.parse import urlsplit

    address = urlsplit(public_url)
    is_direct = address.scheme == "http" and address.hostname in _ON_THIS_MACHINE
    return address.port if is_direct else None


def _relay_settings(relay: str, *, has_login: bool) -> dict[tuple[str, str], Any]:
    """Choose the encryption that belongs to the port."""
    host, port_text = _host_and_port(relay)
    if relay.startswith("maildir:"):
        return {("relay", "host"): host}
    port = int(port_text or 25)
    usual = "starttls" if has_login else "opportunistic"
    security = {465: "tls", 587: "starttls"}.get(port, usual)
    return {("relay", "host"): host, ("relay", "port"): port, ("relay", "security"): security}
