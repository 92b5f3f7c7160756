"""Does an email render for every person it is for, and how does it come out?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from templates.checking.checks import finding_of
from templates.checking.duties import CLIPPED_BYTES
from templates.checking.findings import Finding, Level
from templates.checking.header_lines import LONGEST_SUBJECT
from templates.document import parse_document
from templates.email import Edition, Reader, RenderedEmail, Renderer
from templates.errors import TemplateError


@dataclass(frozen=True)
class NamedReader:
    """A reader, and by what name to speak of them."""

    name: str
    reader: Reader


@dataclass
class _Tally:
    """Who is concerned by one kind of trouble; the first is named."""

    first: str = ""
    count: int = 0
    line: int = 0

    def add(self, name: str, line: int = 0) -> None:
        self.first, self.line = self.first or name, self.line or line
        self.count += 1


@dataclass
class _Troubles:
    by_message: dict[tuple[str, str], _Tally] = field(default_factory=dict)
    people: int = 0

    def add(self, rule: str, message: str, name: str, line: int = 0) -> None:
        self.by_message.setdefault((rule, message), _Tally()).add(name, line)


def check_everyone(
    edition: Edition,
    readers: Iterable[NamedReader],
    *,
    renderer: Renderer,
    said: Collection[tuple[Level, str]] = (),
) -> Iterator[Finding]:
    """Render an edition for every reader, and say for whom it comes out wrong.

    Troubles with the same words are one finding that counts the people and names the first. What
    is wrong for everybody is left out where its rule is `said` already, as gravely.

    Raises:
        DocumentError: the document cannot be read at all.
    """
    troubles, lines = _Troubles(), parse_document(edition.document).front.lines
    for named in readers:
        troubles.people += 1
        try:
            email = renderer.render(edition, named.reader)
        except TemplateError as error:
            found = finding_of(error)
            troubles.add("renders", f"cannot be written: {found.message}", named.name, found.line)
        else:
            for rule, message in _faults_of(email, named.reader):
                line = lines.get("subject", 0) if rule.startswith("subject") else 0
                troubles.add(rule, message, named.name, line)
    for (rule, message), tally in troubles.by_message.items():
        level = Level.LOOK if rule == "subject-long" else Level.STOPS
        if (level, rule) in said and tally.count == troubles.people:
            continue
        yield Finding(
            level,
            rule,
            f"for {_people(tally, troubles.people)}: {message}",
            line=tally.line,
        )


def _faults_of(email: RenderedEmail, reader: Reader) -> Iterator[tuple[str, str]]:
    if not email.subject:
        yield "subject-empty", "the subject comes out empty"
    elif len(email.subject) > LONGEST_SUBJECT:
        yield "subject-long", f"the subject has more than {LONGEST_SUBJECT} characters"
    url = reader.links.get("unsubscribe", "")
    if url and (escape(url) not in email.html and url not in email.html):
        yield "unsubscribe-link", "no way to unsubscribe; link to {{ links.unsubscribe }}"
    if len(email.html) > CLIPPED_BYTES:
        yield "size", f"more than {CLIPPED_BYTES:,} bytes, of which Gmail hides the rest"


def _people(tally: _Tally, people: int) -> str:
    if people == 1 or tally.count == 1:
        return tally.first
    if tally.count == people:
        return f"all {people} people"
    return f"{tally.count} of {people} people, {tally.first} the first"
