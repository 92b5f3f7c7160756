"""A cheap stand-in for the real renderer: all that an email must have, and no looks."""

from __future__ import annotations

import re
from html import escape

from templates.compiler.transfer import encoded_email
from templates.email import Edition, EncodedEmail, Reader, RenderedEmail

_SUBJECT = re.compile(r"^subject: *(.*)$", re.MULTILINE)


class PlainRenderer:
    """Writes the document's subject, the clinic's address and every link of the reader."""

    def render(self, edition: Edition, reader: Reader) -> RenderedEmail:
        subject = "please confirm" if "confirm" in reader.links else _subject(edition)
        address = str(edition.clinic.get("postal_address", ""))
        links = [url for _, url in sorted(reader.links.items())]
        anchors = "".join(f'<a href="{escape(url)}">here</a> ' for url in links)
        page = f"<html><body><p>{subject}</p><p>{anchors}</p><p>{address}</p></body></html>"
        return RenderedEmail(subject, "", page, "\n".join([subject, *links, address]))

    def render_encoded(self, edition: Edition, reader: Reader) -> EncodedEmail:
        return encoded_email(self.render(edition, reader))


def _subject(edition: Edition) -> str:
    found = _SUBJECT.search(edition.document)
    text = found[1] if found else "without a subject"
    return "you are subscribed" if "{{" in text else text


def document(slug: str, key: str, version: int = 1) -> str:
    """Write the text of a step; its subject tells the relay what it is."""
    return (
        f"---\nsubject: step {slug} {key} v{version}\npreheader: Something useful.\n---\n\nHello.\n"
    )


def news(slug: str) -> str:
    """Write the text of a newsletter."""
    return f"---\nsubject: news {slug}\npreheader: What is new.\n---\n\nHello.\n"
