"""`steadypost dkim-key`, and mail that is signed with its key as the how-to says."""

from __future__ import annotations

import re
import shlex
import stat
from pathlib import Path

import dkim
import pytest

from steadypost.errors import DkimDomainError
from tests.cli_stage import STEP, Terminal

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "sign-with-dkim.md"


def records(out: str) -> dict[bytes, bytes]:
    """Read the printed records as the DNS would answer."""
    found = re.findall(r"(\S+) IN TXT \((.*?)\)", out, re.DOTALL)
    return {
        name.encode(): "".join(re.findall(r'"([^"]*)"', strings)).encode()
        for name, strings in found
    }


def test_the_how_to_leads_to_signed_mail(terminal: Terminal) -> None:
    text = HOW_TO.read_text()
    (command,) = re.findall(r"```sh\n(.*?)\n```", text)
    (line,) = re.findall(r'^selector = ".*"$', text, re.MULTILINE)

    printed = terminal.do(*shlex.split(command)[1:])
    terminal.set("dkim", line)
    terminal.do("send-test", STEP, "ada@example.org")

    dns = records(printed.out)
    (mail,) = (terminal.folder / "outbox" / "new").iterdir()
    assert list(dns) == [b"post._domainkey.riverside.example."]
    assert dkim.verify(mail.read_bytes(), dnsfunc=lambda name, timeout=5: dns[bytes(name)])
    shown = terminal.do("dkim-key", "--selector", "post", "--show")
    assert records(shown.out) == dns
    assert all(len(one) <= 255 for one in re.findall(r'"([^"]*)"', printed.out))


def test_two_keys_make_two_signatures(terminal: Terminal) -> None:
    printed = terminal.do("dkim-key", "--both")
    terminal.set("dkim", 'selector = "post"')
    terminal.do("send-test", STEP, "ada@example.org")

    dns = records(printed.out)
    (mail,) = (terminal.folder / "outbox" / "new").iterdir()
    asked = dkim.DKIM(mail.read_bytes())
    assert sorted(dns) == [
        b"post-ed25519._domainkey.riverside.example.",
        b"post._domainkey.riverside.example.",
    ]
    for place in (0, 1):
        assert asked.verify(idx=place, dnsfunc=lambda name, timeout=5: dns[bytes(name)])


def test_only_its_owner_can_read_the_key_and_it_is_never_replaced(terminal: Terminal) -> None:
    terminal.do("dkim-key")
    path = terminal.folder / "dkim.pem"
    before = path.read_bytes()

    again = terminal.type("dkim-key", "--ed25519")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (again.code, path.read_bytes()) == (1, before)
    assert f"there is a file {path} already" in again.err


def test_it_says_what_to_do(terminal: Terminal) -> None:
    said = terminal.do("dkim-key", "--selector", "march").err

    assert "wait until 'dig TXT march._domainkey.riverside.example' shows it" in said
    assert 'write selector = "march" under [dkim] in steadypost.toml' in said


def test_a_selector_that_the_dns_cannot_have_is_refused(terminal: Terminal) -> None:
    refused = terminal.type("dkim-key", "--selector", "Mär z")

    assert refused.code == 2
    assert "'Mär z' is no name for the DNS; write small letters and digits" in refused.err


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: path.unlink(), "it is missing"),
        (lambda path: path.write_text("nothing"), "it holds no private key (PEM)"),
        (lambda path: path.write_bytes(b"\xff"), "it is damaged, or no private key"),
    ],
)
def test_without_a_usable_key_nothing_starts(terminal: Terminal, damage: object, why: str) -> None:
    terminal.do("dkim-key")
    terminal.set("dkim", 'selector = "post"')
    damage(terminal.folder / "dkim.pem")  # type: ignore[operator]

    refused = terminal.type("tick")

    assert refused.code == 3
    assert f"cannot sign with the DKIM key in {terminal.folder / 'dkim.pem'}: {why}" in refused.err


def test_a_domain_that_is_not_the_senders_is_refused(terminal: Terminal) -> None:
    terminal.do("dkim-key")
    terminal.set("dkim", 'selector = "post"\ndomain = "other.example"')

    refused = terminal.type("tick")

    assert refused.code == DkimDomainError.exit_code == 3
    assert refused.err.strip() == (
        "steadypost: cannot sign for the domain other.example: mail comes from riverside.example, "
        "and receivers want the two to agree; set [dkim] domain to riverside.example or a domain "
        "above it"
    )
