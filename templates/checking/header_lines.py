"""Subject and preheader: what people see before they open anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from templates.checking.checked_email import CheckedEmail
from templates.checking.findings import Finding, Level

LONGEST_SUBJECT: Final = 78  # characters; RFC 5322, section 2.1.1
LONGEST_PREHEADER: Final = 140  # no inbox shows more


def check_subject(checked: CheckedEmail) -> Iterator[Finding]:
    """See that the subject says something, and not too much."""
    subject, line = checked.email.subject, checked.line_of("subject").line
    if not subject:
        yield Finding(
            Level.STOPS,
            "subject-empty",
            "the subject comes out empty for this reader",
            line=line,
        )
    if len(subject) > LONGEST_SUBJECT:
        yield Finding(
            Level.LOOK,
            "subject-long",
            f"the subject has {len(subject)} characters; phones show about 40, "
            f"and {LONGEST_SUBJECT} is the limit of good manners",
            line=line,
        )


def check_preheader(checked: CheckedEmail) -> Iterator[Finding]:
    """See that the line beside the subject is there, short, and another one."""
    preheader, line = checked.email.preheader, checked.line_of("preheader").line
    if not preheader:
        yield Finding(
            Level.KNOW,
            "preheader-missing",
            "inboxes show the first words of the email beside the subject; "
            "a line 'preheader: …' says something better",
            line=line,
        )
    elif preheader.casefold() == checked.email.subject.casefold():
        message = "the preheader says the same as the subject; use the room for something else"
        yield Finding(Level.LOOK, "preheader-same", message, line=line)
    elif len(preheader) > LONGEST_PREHEADER:
        yield Finding(
            Level.KNOW,
            "preheader-long",
            f"the preheader has {len(preheader)} characters; inboxes show about 90",
            line=line,
        )
