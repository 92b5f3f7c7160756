"""What rendering takes and gives: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Theme:
    """A theme as plain text: its name and its files (`layout.html`, `blocks.html`, …)."""

    name: str
    files: Mapping[str, str]
    owners: Mapping[str, str] = field(default_factory=dict)  # files that lie in another theme

    def owner_of(self, file: str) -> str:
        """Name the theme in whose folder a file lies: its own, or one it is based on."""
        return self.owners.get(file, self.name)


@dataclass(frozen=True)
class Edition:
    """Everything about an email that is the same for every reader."""

    document: str  # front matter and body, as the marketer wrote it
    theme: Theme
    clinic: Mapping[str, Any]  # name, postal_address, booking_url, learn_more_url, …
    digest: str = ""  # identifies this edition in caches; empty: do not cache
    attribute_names: frozenset[str] = frozenset()  # attributes any subscriber may have
    click_page: str = (
        ""  # links go past this page; each reader has `links.click`; empty: they do not
    )


@dataclass(frozen=True)
class Reader:
    """Everything about an email that belongs to one reader; plain data only."""

    subscriber: Mapping[str, Any]  # first_name, last_name, attributes by name
    links: Mapping[str, str] = field(default_factory=dict)  # unsubscribe, preferences, view, …
    series: Mapping[str, Any] = field(default_factory=dict)  # title, part, parts


@dataclass(frozen=True)
class RenderedEmail:
    """One email for one reader, not yet encoded for transport."""

    subject: str
    preheader: str
    html: str
    text: str
    from_name: str = ""  # empty: the site's own name


@dataclass(frozen=True)
class EncodedEmail:
    """One email for one reader, its parts as they go over the wire.

    The parts are complete bodies in quoted-printable: CRLF only, no line over 76, none that
    begins with a full stop, so they need no further look (RFC 2045, 6.7).
    """

    subject: str
    preheader: str
    html: bytes
    text: bytes
    from_name: str = ""  # empty: the site's own name


class Renderer(Protocol):
    """Renders an edition for a reader; the way it inlines CSS is its own affair."""

    def render(self, edition: Edition, reader: Reader) -> RenderedEmail:
        """Render one email.

        Raises:
            TemplateError: the document, theme or a value is at fault; the text names the line.
        """

    def render_encoded(self, edition: Edition, reader: Reader) -> EncodedEmail:
        """Render one email as it goes over the wire.

        Raises:
            TemplateError: the document, theme or a value is at fault; the text names the line.
        """
