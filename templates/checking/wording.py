"""Words that should not stand on a lock screen, and words that spam filters know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from templates.checking.checked_email import CheckedEmail
from templates.checking.findings import Finding, Level
from templates.checking.health_words import health_word_in
from templates.checking.word_lists import listed_words

_SPAM: Final = re.compile(
    "|".join(rf"(?<!\w){re.escape(phrase)}(?!\w)" for phrase in listed_words("spam")), re.IGNORECASE
)
_SHOUTED: Final = re.compile(r"\b[A-ZÄÖÜ]{4,}\b")
_SIGNS: Final = re.compile(r"[!?]{2,}|[$€£]{2,}")
_FACT: Final = re.compile(r"subscriber(?:\.(\w+)|\[.(\w+).\])")


def check_health_words(checked: CheckedEmail) -> Iterator[Finding]:
    """See that nothing about health can be read without opening the email."""
    for name, level in (("subject", Level.LOOK), ("preheader", Level.KNOW)):
        word = health_word_in(getattr(checked.email, name))
        if word:
            yield Finding(
                level,
                f"health-in-{name}",
                f"the {name} has the word '{word}' in it, and others may see it on a lock screen; "
                "say it inside the email",
                line=checked.line_of(name).line,
            )


def check_facts_in_subject(checked: CheckedEmail) -> Iterator[Finding]:
    """See that the subject shows no fact about the person but their first name."""
    found = _FACT.findall(checked.document.front.subject)
    for name in dict.fromkeys(one or other for one, other in found):
        if name != "first_name":
            yield Finding(
                Level.LOOK if health_word_in(name) else Level.KNOW,
                "personal-in-subject",
                f"the subject shows {{{{ subscriber.{name} }}}} on lock screens; "
                "say it inside the email",
                line=checked.line_of("subject").line,
            )


def check_spam_words(checked: CheckedEmail) -> Iterator[Finding]:
    """Name what spam filters and people have learned to distrust."""
    subject, line = checked.email.subject, checked.line_of("subject").line
    if phrase := _SPAM.search(subject):
        message = f"the subject says '{phrase[0]}', which spam filters know; say it in other words"
        yield Finding(Level.LOOK, "spam-words", message, line=line)
    if _SIGNS.search(subject) or _is_shouting(subject):
        message = "the subject shouts, as spam does; use small letters and one sign at most"
        yield Finding(Level.LOOK, "spam-shouting", message, line=line)
    phrases = (one.lower() for one in _SPAM.findall(checked.words))
    for said in dict.fromkeys(one for one in phrases if " " in one):  # one word alone is a word
        place = checked.place_of(said, said.capitalize())
        message = f"'{said}' is known from spam; one such phrase does no harm, several may"
        yield Finding(Level.KNOW, "spam-words", message, place.file, place.line)


def _is_shouting(subject: str) -> bool:
    letters = [sign for sign in subject if sign.isalpha()]
    capitals = sum(sign.isupper() for sign in letters)
    return len(_SHOUTED.findall(subject)) > 1 or (len(letters) > 8 and capitals > len(letters) / 2)
