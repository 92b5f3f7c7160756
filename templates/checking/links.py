"""Addresses in the email: can they be followed, are they encrypted, do they give anybody away?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from templates.checking.checked_email import CheckedEmail
from templates.checking.findings import Finding, Level
from templates.checking.health_words import health_word_in
from templates.email import Renderer
from templates.errors import TemplateError

# Names that never lead anywhere for a reader: RFC 2606, RFC 6761.
_NOBODY_HOSTS: Final = re.compile(r"(.*\.)?(example\.(com|net|org)|localhost|test|invalid|local)")
_STAND_INS: Final = re.compile(r"https?://(#|example|link|url|todo|xxx)\W*$", re.IGNORECASE)
_HOST: Final = re.compile(r"https?://[^/?#]+")
_MAIL: Final = re.compile(r"[^@\s/?]+@[^@\s/?]+\.[^@\s/?]+")
_MARK: Final = "zq%dqz"


def check_addresses(checked: CheckedEmail) -> Iterator[Finding]:
    """See that every address can be followed, and safely."""
    own = tuple(link for link in checked.reader.links.values() if link)
    below = tuple(f"{link}/" for link in own)
    for url in checked.addresses:
        if url in own or url.startswith(below):
            continue  # made by Steadypost, and different for each reader; or a page below it
        place = checked.place_of(url, *_beginnings(url))
        for level, rule, message in _faults_of(url):
            yield Finding(level, rule, message, place.file, place.line)


def _beginnings(url: str) -> Iterator[str]:
    """Give what of an address may stand in the document when the rest of it is a field."""
    yield url.partition("?")[0]
    if found := _HOST.match(url):
        yield found[0]


def _faults_of(url: str) -> Iterator[tuple[Level, str, str]]:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        yield Level.STOPS, "link-broken", f"{url} is no address that can be followed; correct it"
        return
    if parts.scheme == "http":
        message = f"{url} is not encrypted; write https:// if the site has it"
        yield Level.LOOK, "https", message
    if parts.scheme in ("http", "https"):
        yield from _faults_of_web_address(url, host)
    elif parts.scheme == "mailto" and not _MAIL.match(unquote(parts.path)):
        yield Level.LOOK, "link-broken", f"{url} names no email address; write mailto:name@host"
    if (word := health_word_in(unquote(f"{parts.path} {parts.query}"))) and parts.scheme in (
        "http",
        "https",
    ):
        yield (
            Level.KNOW,
            "health-in-address",
            f"the address {url} has the word '{word}' in it, which company networks and mail "
            "filters can read; a plainer address tells them less",
        )


def _faults_of_web_address(url: str, host: str) -> Iterator[tuple[Level, str, str]]:
    if (
        _STAND_INS.match(url)
        or ("." not in host and ":" not in host)
        or _NOBODY_HOSTS.fullmatch(host)
    ):
        yield Level.LOOK, "link-nowhere", f"{url} leads nowhere for readers; name the real page"


def check_personal_addresses(checked: CheckedEmail, renderer: Renderer) -> Iterator[Finding]:
    """See that nothing personal stands in an address.

    The email is rendered for a reader whose every fact is a mark; a mark in an address is a
    fact that every server on the way can write down.
    """
    names = sorted({"first_name", "last_name", *checked.edition.attribute_names})
    marks = {name: _MARK % number for number, name in enumerate(names)}
    marked = replace(checked.reader, subscriber=marks)
    try:
        email = renderer.render(replace(checked.edition, digest=""), marked)
    except TemplateError:
        return  # a fact must be a number or a list here; nobody puts those into an address
    page = CheckedEmail(checked.edition, marked, email)
    for name in names:
        if any(marks[name] in url for url in page.addresses):
            place = _where_linked(checked, name)
            yield Finding(
                Level.LOOK,
                "personal-in-address",
                f"an address has {{{{ subscriber.{name} }}}} in it, so every server on the way "
                "can write down who clicked; leave it out",
                place.file,
                place.line,
            )


def _where_linked(checked: CheckedEmail, name: str) -> Any:
    """Find the address a fact stands in, else the first line that names the fact."""
    fact = rf"subscriber\.{name}\b|subscriber\[.{name}.\]"
    pattern = re.compile(rf"(\]\(|:::\s*(button|image)|(href|src)\s*=).*({fact})")
    for number, line in enumerate(checked.edition.document.splitlines(), start=1):
        if pattern.search(line):
            return replace(checked.place_of(), line=number)
    return checked.place_of(f"subscriber.{name}")
