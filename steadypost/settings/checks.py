"""Is the text a setting holds what its key needs? Each check answers with what is wrong, or ''."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, time
from pathlib import Path
from urllib.parse import urlsplit

from delivery.rules.domain_pace import read_limits
from subscribers.errors import SubscriberError
from subscribers.rules.address import parse_address
from subscribers.rules.preferences import WEEKDAYS, check_time_zone
from subscribers.rules.profile import attribute_name

MAILDIR = "maildir:"
_SLOWEST_RATE = 0.05  # a second
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_-]{1,63})*\.?", re.I)
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.I)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.I)


def said(text: str) -> str:
    """Check that a text says something."""
    return "" if text.strip() else "is empty; write something here"


def theme(text: str) -> str:
    """Check that a text could name a theme."""
    is_name = re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) is not None
    return "" if is_name else f"'{text}' is no name of a theme; 'steadypost themes list' has them"


def selector(text: str) -> str:
    """Check a DKIM selector that may be left out."""
    label = r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?"
    if not text or re.fullmatch(rf"{label}(\.{label})*", text):
        return ""
    return f"'{text}' is no name for the DNS; write small letters and digits, like 'post'"


def one_line(text: str) -> str:
    """Check that a text can stand in a mail header."""
    return (
        "has a line break; write it on one line" if re.search(r"[\r\n\0\u2028\u2029]", text) else ""
    )


def zone(text: str) -> str:
    """Check the name of a time zone."""
    return _refusal(check_time_zone, text)


def address(text: str) -> str:
    """Check an email address that may be left out."""
    return _refusal(parse_address, text) if text else ""


def web_address(text: str) -> str:
    """Check an http or https address that may be left out."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if good and not re.search(r"\s", text):
        return ""
    return f"'{text}' is no web address; use one like 'https://clinic.example'"


def site_address(text: str) -> str:
    """Check the address under which people reach the pages: no query, nothing after it."""
    if problem := web_address(text):
        return problem
    parts = urlsplit(text)
    if parts.query or parts.fragment or parts.username:
        return (
            f"'{text}' has more than a host and a path; use one like 'https://post.clinic.example'"
        )
    return ""


def host(text: str) -> str:
    """Check a host name or an IP address."""
    if _HOST.fullmatch(text) or _is_ip(text):
        return ""
    return f"'{text}' is no host name; use one like 'smtp.clinic.example', without 'https://'"


def relay_host(text: str) -> str:
    """Check a host name, or a folder written as `maildir:folder`."""
    if text.startswith(MAILDIR):
        return "" if text != MAILDIR else "names no folder; use one like 'maildir:outbox'"
    return host(text)


def rate(per_second: float) -> str:
    """Check a rate of mails; slower ones would keep what is in hand waiting for too long."""
    good = per_second == 0 or per_second >= _SLOWEST_RATE
    return "" if good else f"found {per_second:g}, need 0 or at least {_SLOWEST_RATE:g}; correct it"


def domain(text: str) -> str:
    """Check a domain that may be left out."""
    return host(text) if text else ""


def colour(text: str) -> str:
    """Check a colour that may be left out: six hexadecimal digits, as mail programs want it."""
    good = not text or _COLOUR.fullmatch(text)
    return "" if good else f"'{text}' is no colour; use one like '#1f5c4d'"


def language(text: str) -> str:
    """Check a language tag."""
    good = _LANGUAGE.fullmatch(text)
    return "" if good else f"'{text}' is no language; use a code like 'en' or 'en-GB'"


def weekdays(texts: Sequence[str]) -> str:
    """Check names of weekdays."""
    wrong = [text for text in texts if text.lower() not in WEEKDAYS]
    if not wrong:
        is_never_open = {text.lower() for text in texts} == set(WEEKDAYS)
        return "closes every day of the week; leave one open" if is_never_open else ""
    near = nearest(wrong[0].lower(), WEEKDAYS) or "sunday"
    return f"'{wrong[0]}' is no weekday; did you mean '{near}'?"


def days(texts: Sequence[str]) -> str:
    """Check dates and ranges of dates."""
    for text in texts:
        try:
            days_between(text)
        except ValueError:
            return (
                f"'{text}' is neither a date nor a range of dates; "
                "use '2026-12-24' or '2026-12-24/2027-01-02'"
            )
    return ""


def day(text: str) -> str:
    """Check a date that may be left out."""
    try:
        date.fromisoformat(text or "2026-11-23")
    except ValueError:
        return f"'{text}' is no date; use one like '2026-11-23'"
    return ""


def figures(numbers: Sequence[int]) -> str:
    """Check the figures of a plan."""
    wrong = [number for number in numbers if number < 1]
    return f"found {wrong[0]}, need whole numbers from 1; correct it" if wrong else ""


def domain_limits(texts: Sequence[str]) -> str:
    """Check limits of receiving domains."""
    try:
        read_limits(texts)
    except ValueError as error:
        return f"'{error}' is no limit; use one like 'gmail.com=60/minute' or '*=1000/hour'"
    return ""


def days_between(text: str) -> tuple[date, date]:
    """Read `2026-12-24` or `2026-12-24/2027-01-02` (both ends count).

    Raises:
        ValueError: not such a text, or the end lies before the beginning.
    """
    first, _, last = text.partition("/")
    begin, end = date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())
    if end < begin or (end - begin).days > 3660:
        raise ValueError(text)
    return begin, end


def window(text: str) -> str:
    """Check hours of the day like `07:00-21:00`."""
    try:
        opens, closes = hours_of(text)
    except ValueError:
        return f"'{text}' is no span of a day; use one like '07:00-21:00'"
    return "" if opens < closes else f"'{text}' ends before it begins; use one like '07:00-21:00'"


def hours_of(text: str) -> tuple[time, time]:
    """Read `07:00-21:00`; `24:00` is the end of the day.

    Raises:
        ValueError: not such a text.
    """
    opens, _, closes = (part.strip() for part in text.partition("-"))
    return time.fromisoformat(opens), time.max if closes == "24:00" else time.fromisoformat(closes)


def attributes(texts: Sequence[str]) -> str:
    """Check names that emails can use as `subscriber.name`."""
    for text in texts:
        if problem := _refusal(attribute_name, text):
            return problem
        if attribute_name(text) != text:
            return f"'{text}' is no attribute name; write it as '{attribute_name(text)}'"
    return ""


def folders(texts: Sequence[str]) -> str:
    """Check names of folders."""
    return "" if all(texts) else "holds an empty name; name a folder like 'series'"


def database(text: str) -> str:
    """Check the URL of a database of either kind."""
    kinds = ("sqlite:///", "postgresql://", "postgresql+psycopg://")
    if text.startswith(kinds) and text not in kinds:
        return ""
    return (
        f"'{hide_password(text)}' is no database; use 'sqlite:///steadypost.db' "
        "or 'postgresql://user@host/name'"
    )


def hide_password(url: str) -> str:
    """Show a URL without the password in it."""
    return re.sub(r"(//[^:/@]*):[^@]*@", r"\1:***@", url)


def nearest(text: str, words: Iterable[str]) -> str:
    """Name the known word closest to a mistyped one; '' when none is close."""
    found = difflib.get_close_matches(text, list(words), n=1, cutoff=0.6)
    return found[0] if found else ""


def existing_file(folder: Path, name: str) -> str:
    """Check that a file named in the settings can be read; relative names start at the site."""
    path = folder / name
    if path.is_file():
        return ""
    return f"there is no file {path}; create it, or correct the name"


def _refusal(judge: Callable[[str], object], text: str) -> str:
    """Ask the rules for people, and give their words for what is wrong."""
    try:
        judge(text)
    except SubscriberError as error:
        return str(error)
    return ""


def _is_ip(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
