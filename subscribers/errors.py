"""What can go wrong with people, their consent and the files they come in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

SHOWN_LENGTH = 80


def shown(text: str) -> str:
    """Quote a text for a message: control characters visible, and never endless."""
    return repr(text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "…")


class SubscriberError(Exception):
    """Anything wrong with a subscriber, a list, a consent or an import."""


class InvalidAddressError(SubscriberError, ValueError):
    """A text is not an email address we can mail."""

    def __init__(self, text: str, why: str) -> None:
        self.text, self.why = text, why
        super().__init__(
            f"not an email address: {shown(text)}: {why}; use one like name@example.org"
        )


class InvalidPreferenceError(SubscriberError, ValueError):
    """A weekday, hour, pace or date is not one a person can choose."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        self.field, self.value, self.expected = field, value, expected
        super().__init__(f"not a valid {field}: {shown(str(value))}; use {expected}")


class UnknownTimeZoneError(SubscriberError, ValueError):
    """A time zone is not in the IANA database."""

    def __init__(self, name: str, suggestion: str | None) -> None:
        self.name, self.suggestion = name, suggestion
        advice = f"did you mean {suggestion}?" if suggestion else "use one like Europe/Berlin"
        super().__init__(f"unknown time zone: {shown(name)}; {advice}")


class InvalidTextError(SubscriberError, ValueError):
    """A name, tag or attribute cannot be kept as it is."""

    def __init__(self, field: str, text: str, why: str) -> None:
        self.field, self.text, self.why = field, text, why
        super().__init__(f"cannot use {field}: {shown(text)}: {why}")


class UnknownListError(SubscriberError, LookupError):
    """No list has this slug."""

    def __init__(self, slug: str, known: Iterable[str]) -> None:
        self.slug, self.known = slug, sorted(known)
        names = ", ".join(repr(name) for name in self.known)
        advice = f"known lists: {names}" if names else "there is no list yet; import a series first"
        super().__init__(f"no such list: {shown(slug)}; {advice}")


class UnknownSubscriptionError(SubscriberError, LookupError):
    """The subscription is gone, or never was."""

    def __init__(self, public_id: str) -> None:
        self.public_id = public_id
        super().__init__(f"no such subscription: {shown(public_id)}; the person may be erased")


class UnknownSubscriberError(SubscriberError, LookupError):
    """The person is gone, or never was."""

    def __init__(self, subscriber_id: int) -> None:
        self.subscriber_id = subscriber_id
        super().__init__(f"no such subscriber: {subscriber_id}; the person may be erased")


class SuppressedAddressError(SubscriberError):
    """The address must not be mailed."""

    def __init__(self, email: str, reason: str, at: datetime) -> None:
        self.email, self.reason, self.at = email, reason, at
        super().__init__(
            f"address is suppressed: {shown(email)}: {reason} on {at:%Y-%m-%d}; "
            "lift the suppression first if you are sure"
        )


class HasLeftError(SubscriberError):
    """The person unsubscribed, and nobody but they can say yes again."""

    def __init__(self, email: str, list_slug: str, at: datetime) -> None:
        self.email, self.list_slug, self.at = email, list_slug, at
        super().__init__(
            f"cannot add {shown(email)} to {list_slug!r}: they unsubscribed on {at:%Y-%m-%d}; "
            "let them sign up again"
        )


class UnreadableFileError(SubscriberError):
    """A file cannot be read as a CSV file of people."""

    def __init__(self, name: str, why: str) -> None:
        self.name, self.why = name, why
        super().__init__(f"cannot import {name!r}: {why}")


class ImportedElsewhereError(SubscriberError):
    """Another process is going on with the same import."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"another process goes on with the import of {name!r}; let it finish, or end it and "
            "run this command again"
        )
