"""What the law and the large mailbox providers ask of every email."""

from __future__ import annotations

import quopri
from collections.abc import Iterator
from typing import Final

from templates.checking.checked_email import CheckedEmail
from templates.checking.findings import Finding, Level

LARGE_BYTES: Final = 80_000
CLIPPED_BYTES: Final = 102_400  # Gmail hides the rest, and with it the way to unsubscribe


def check_unsubscribe(checked: CheckedEmail) -> Iterator[Finding]:
    """See that both parts of the email have the way to unsubscribe."""
    if checked.reader.links.get("confirm"):
        return  # a confirmation mail has nothing to unsubscribe from yet
    url = checked.reader.links.get("unsubscribe", "")
    if not url or url not in checked.addresses or url not in checked.email.text:
        yield Finding(
            Level.STOPS,
            "unsubscribe-link",
            "no way to unsubscribe; link to {{ links.unsubscribe }}",
        )


def check_postal_address(checked: CheckedEmail) -> Iterator[Finding]:
    """See that the email says where the clinic is."""
    address = " ".join(str(checked.edition.clinic.get("postal_address") or "").split())
    if not address:
        yield Finding(
            Level.STOPS, "postal-address", "the clinic has no postal address; add it to its facts"
        )
    elif address not in checked.words:
        yield Finding(
            Level.STOPS, "postal-address", "no postal address; write {{ clinic.postal_address }}"
        )


def check_size(checked: CheckedEmail) -> Iterator[Finding]:
    """See that Gmail shows the whole email."""
    size = size_on_the_way(checked.email.html)
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


def check_text_part(checked: CheckedEmail) -> Iterator[Finding]:
    """See that an email written in HTML brings words for those who read plain text."""
    if checked.document.is_whole_html and not checked.document.front.text.strip():
        yield Finding(
            Level.LOOK,
            "text-part",
            "people who read plain text get the subject and a link only; "
            "add 'text: |' and the words to the front matter",
        )


def size_on_the_way(html: str) -> int:
    """Measure an HTML part as it travels, in bytes."""
    return len(quopri.encodestring(html.encode()))
