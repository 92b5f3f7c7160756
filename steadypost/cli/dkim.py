"""`steadypost dkim-key`: make the key that signs mail, and say what to put into the DNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steadypost.cli.call import Call, for_a_site
from steadypost.cli.output import say, show

if TYPE_CHECKING:
    from delivery.dkim import DkimKey


@click.command()
@click.option("--selector", help="The name of the key in the DNS.", show_default="[dkim] selector")
@click.option("--ed25519", "kind", flag_value="ed25519", help="An Ed25519 key: few verify it yet.")
@click.option("--both", "kind", flag_value="both", help="RSA for all, Ed25519 beside it.")
@click.option("--show", "is_shown", is_flag=True, help="Print the records of the key there is.")
@for_a_site
def dkim_key(call: Call, selector: str | None, kind: str | None, is_shown: bool) -> None:
    """Make the key that signs mail (DKIM), and print what to put into the DNS.

    It is an RSA key of 2048 bits. There must be no key yet: one in use is never replaced.
    """
    from delivery.dkim import read_dkim_keys
    from steadypost.signing_mail import dkim_domain, dkim_key_text

    settings = call.settings
    selector, domain = _checked(selector or settings.dkim.selector or "post"), dkim_domain(settings)
    path = settings.path(settings.dkim.key_file)
    if not is_shown:
        _write(call, kind or "rsa")
    keys = read_dkim_keys(dkim_key_text(path), place=str(path), selector=selector)
    show("\n\n".join(_record(key, domain) for key in keys))
    _say_what_to_do(call, selector, [f"{key.selector}._domainkey.{domain}" for key in keys])


def _checked(selector: str) -> str:
    from steadypost.settings.checks import selector as check

    if problem := check(selector):
        raise click.BadParameter(problem, param_hint="--selector")
    return selector


def _write(call: Call, kind: str) -> None:
    from delivery.dkim import new_ed25519_key, new_rsa_key
    from steadypost.files import new_private_file

    path = call.settings.path(call.settings.dkim.key_file)
    makers = {"rsa": [new_rsa_key], "ed25519": [new_ed25519_key]}
    with new_private_file(path, encoding="ascii") as file:
        for make in makers.get(kind, [new_rsa_key, new_ed25519_key]):
            file.write(make())
    say(f"wrote {path}: the private key; keep it secret, and keep a copy of it\n")


def _record(key: DkimKey, domain: str) -> str:
    """Write a record as a zone file has it; a form on a website takes the same strings."""
    from delivery.dkim import record_strings

    strings = "\n  ".join(f'"{part}"' for part in record_strings(key.record()))
    return f"{key.selector}._domainkey.{domain}. IN TXT (\n  {strings} )"


def _say_what_to_do(call: Call, selector: str, names: list[str]) -> None:
    said = "" if call.settings.dkim.selector == selector else f'selector = "{selector}"'
    looks = " and ".join(f"'dig TXT {name}'" for name in names)
    steps = [
        "put what stands above into the DNS, as TXT records; where a form asks for one text, write "
        "the strings one after the other, without the quotation marks",
        f"wait until {looks} shows it",
        said and f"write {said} under [dkim] in steadypost.toml",
        "start the service again, and look at a mail of 'steadypost send-test': its receiver says "
        "dkim=pass",
    ]
    for number, step in enumerate(filter(None, steps), start=1):
        say(f"{number}. {step}")
