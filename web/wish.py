"""What somebody typed into the sign-up form, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.rules.calendar import ClinicCalendar
from subscribers.errors import InvalidAddressError, InvalidTextError
from subscribers.rules.address import parse_address
from subscribers.rules.profile import clean_typed_name
from web.choices import WhenChosen, read_when
from web.forms import Form


@dataclass(frozen=True)
class Wish:
    """A complete wish to get the emails."""

    email: str
    first_name: str
    when: WhenChosen


def read_wish(form: Form, calendar: ClinicCalendar) -> tuple[Wish | None, Mapping[str, str]]:
    """Read the form; the wish, or what to correct, by field and in the order of the page."""
    when, when_errors = read_when(form, calendar)
    checks = {
        "first_name": _name_error(form.get("first_name", "")),
        "email": _email_error(form.get("email", "")),
        **when_errors,
        "consent": "" if form.get("consent") == "yes" else "Tick the box if you want the emails",
    }
    errors = {field: text for field, text in checks.items() if text}
    if errors:
        return None, errors
    email = parse_address(form["email"]).text
    name = clean_typed_name(form.get("first_name", ""), field="first name")
    return Wish(email, name, when), {}


def _email_error(text: str) -> str:
    if not text:
        return "Enter your email address"
    try:
        parse_address(text)
    except InvalidAddressError:
        return "Enter a complete email address, like name@example.org"
    return ""


def _name_error(text: str) -> str:
    try:
        clean_typed_name(text, field="first name")
    except InvalidTextError:
        return "Enter just a name: no web or email address, and not too long"
    return ""
