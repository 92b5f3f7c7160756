"""What somebody should look at before an email goes out, in words."""

from __future__ import annotations

import quopri
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lxml import etree

from templates.document import parse_document
from templates.email import Edition, Reader, RenderedEmail, Renderer
from templates.errors import TemplateError
from templates.rendering import PersonRenderer

LONGEST_SUBJECT: Final = 78  # characters; RFC 5322, section 2.1.1
LARGE_BYTES: Final = 80_000
CLIPPED_BYTES: Final = 102_400  # Gmail hides the rest, and with it the way to unsubscribe


class Level(StrEnum):
    """How much a finding matters."""

    STOPS = "stops sending"
    LOOK = "please look"
    KNOW = "good to know"


@dataclass(frozen=True)
class Finding:
    """One thing found."""

    level: Level
    rule: str
    message: str


@dataclass(frozen=True)
class _Checked:
    """An email with everything it was made from."""

    edition: Edition
    reader: Reader
    email: RenderedEmail
    page: etree._Element


def check_edition(
    edition: Edition, reader: Reader, *, renderer: Renderer | None = None
) -> list[Finding]:
    """Render an edition for a reader and list what is wrong with the email, gravest first."""
    try:
        email = (renderer or PersonRenderer()).render(edition, reader)
    except TemplateError as error:
        return [Finding(Level.STOPS, "renders", str(error))]
    page = etree.fromstring(email.html, etree.HTMLParser())
    checked = _Checked(edition, reader, email, page)
    findings = [finding for check in CHECKS for finding in check(checked)]
    return sorted(findings, key=lambda finding: list(Level).index(finding.level))


def _check_unsubscribe(checked: _Checked) -> Iterator[Finding]:
    if checked.reader.links.get("confirm"):
        return  # a confirmation mail has nothing to unsubscribe from yet
    url = checked.reader.links.get("unsubscribe", "")
    if not url or url not in _addresses(checked.page) or url not in checked.email.text:
        yield Finding(
            Level.STOPS,
            "unsubscribe-link",
            "no way to unsubscribe; link to {{ links.unsubscribe }}",
        )


def _check_postal_address(checked: _Checked) -> Iterator[Finding]:
    address = " ".join(str(checked.edition.clinic.get("postal_address") or "").split())
    words = " ".join(" ".join(str(text) for text in checked.page.itertext()).split())
    if not address:
        yield Finding(
            Level.STOPS, "postal-address", "the clinic has no postal address; add it to its facts"
        )
    elif address not in words:
        yield Finding(
            Level.STOPS, "postal-address", "no postal address; write {{ clinic.postal_address }}"
        )


def _check_subject(checked: _Checked) -> Iterator[Finding]:
    subject = checked.email.subject
    if not subject:
        yield Finding(Level.STOPS, "subject-empty", "the subject comes out empty for this reader")
    if len(subject) > LONGEST_SUBJECT:
        yield Finding(
            Level.LOOK,
            "subject-long",
            f"the subject has {len(subject)} characters; phones show about 40, "
            f"and {LONGEST_SUBJECT} is the limit of good manners",
        )


def _check_size(checked: _Checked) -> Iterator[Finding]:
    size = len(quopri.encodestring(checked.email.html.encode()))  # as it travels
    if size > CLIPPED_BYTES:
        yield Finding(
            Level.STOPS,
            "size",
            f"the email has {size:,} bytes; Gmail hides what comes after {CLIPPED_BYTES:,}",
        )
    elif size > LARGE_BYTES:
        yield Finding(
            Level.LOOK,
            "size",
            f"the email has {size:,} bytes; from {CLIPPED_BYTES:,} on Gmail hides the rest",
        )


def _check_links(checked: _Checked) -> Iterator[Finding]:
    for url in dict.fromkeys(_addresses(checked.page)):
        if url.lower().startswith("http:"):
            yield Finding(
                Level.LOOK, "https", f"{url} is not encrypted; write https:// if the site has it"
            )


def _check_pictures(checked: _Checked) -> Iterator[Finding]:
    for picture in checked.page.iter("img"):
        if picture.get("alt") is None:
            message = f"the picture {picture.get('src')} has no words for those who cannot see it"
            yield Finding(Level.LOOK, "alt", f"{message}; add them")
        elif not str(picture.get("alt")).strip():
            yield Finding(
                Level.KNOW,
                "alt",
                f"the picture {picture.get('src')} has no words, so it counts as decoration",
            )


def _check_headings(checked: _Checked) -> Iterator[Finding]:
    count = len(list(checked.page.iter("h1")))
    if count != 1:
        yield Finding(
            Level.LOOK, "heading", f"the email has {count} main headings; write exactly one '# '"
        )


def _check_text(checked: _Checked) -> Iterator[Finding]:
    document = parse_document(checked.edition.document)
    if document.is_whole_html and not document.front.text.strip():
        yield Finding(
            Level.LOOK,
            "text-part",
            "people who read plain text get the subject and a link only; "
            "add 'text: |' and the words to the front matter",
        )


def _addresses(page: etree._Element) -> list[str]:
    found = [element.get(name) for element in page.iter("*") for name in ("href", "src")]
    return [str(url) for url in found if url]


CHECKS: Final[tuple[Callable[[_Checked], Iterator[Finding]], ...]] = (
    *(_check_unsubscribe, _check_postal_address, _check_subject, _check_size),
    *(_check_links, _check_pictures, _check_headings, _check_text),
)
