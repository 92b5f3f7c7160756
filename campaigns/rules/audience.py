"""The rule that picks the audience of a broadcast: a few words, read in one way only.

    tag back-pain and city is Berlin
    tag neck or tag shoulder
    not tag vip and city is not "Bad Homburg"

`and` binds closer than `or`. There are no brackets: who needs them sets a tag.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NoReturn

LONGEST_RULE = 1000
_WORD = re.compile(r'\s*(?:"([^"]*)"|([^\s"]+))')
_JOINTS = ("and", "or")
_HOW = "write conditions like 'tag NAME', 'not tag NAME', 'city is Berlin', 'city is not Berlin'"


class UnreadableRuleError(ValueError):
    """A rule cannot be read in exactly one way."""

    def __init__(self, rule: str, problem: str) -> None:
        self.rule, self.problem = rule, problem
        super().__init__(f"cannot read the audience rule '{rule}': {problem}")


@dataclass(frozen=True)
class HasTag:
    """The clinic put this word on the person, or did not."""

    tag: str
    is_wanted: bool = True

    def __str__(self) -> str:
        """Write it as people type it."""
        return f"{'' if self.is_wanted else 'not '}tag {_quoted(self.tag)}"


@dataclass(frozen=True)
class AttributeIs:
    """A fact about the person has this value, or another one, or none."""

    name: str
    value: str
    is_wanted: bool = True

    def __str__(self) -> str:
        """Write it as people type it."""
        return f"{self.name} {'is' if self.is_wanted else 'is not'} {_quoted(self.value)}"


Condition = HasTag | AttributeIs


@dataclass(frozen=True)
class AudienceRule:
    """Who on the list is meant: one of the alternatives, with all of its conditions."""

    alternatives: tuple[tuple[Condition, ...], ...] = ()  # none: everybody

    def __str__(self) -> str:
        """Write the rule in its one form; empty: everybody."""
        return " or ".join(" and ".join(map(str, all_of)) for all_of in self.alternatives)


EVERYBODY = AudienceRule()


def read_audience(text: str, *, attributes: Collection[str]) -> AudienceRule:
    """Read a rule; `attributes` are the facts the clinic keeps about people.

    Raises:
        UnreadableRuleError: it cannot be read in exactly one way.
    """
    if len(text) > LONGEST_RULE:
        raise UnreadableRuleError(text[:40] + "…", f"it is longer than {LONGEST_RULE} characters")
    if not text.strip():
        return EVERYBODY
    return AudienceRule(tuple(_Reading(text, attributes).alternatives()))


@dataclass(frozen=True)
class _Word:
    text: str
    is_quoted: bool

    def __eq__(self, other: object) -> bool:
        """Compare with a word of the language; what is quoted is none."""
        return not self.is_quoted and self.text.lower() == other

    __hash__ = None  # type: ignore[assignment]


class _Reading:
    """One rule being read, word by word."""

    def __init__(self, text: str, attributes: Collection[str]) -> None:
        self._text, self._attributes = text, sorted(attributes)
        self._words = list(self._split(text))
        self._at = 0

    def alternatives(self) -> Iterator[tuple[Condition, ...]]:
        while True:
            yield tuple(self._conditions())
            if self._at == len(self._words):
                return
            self._at += 1  # past the `or`

    def _conditions(self) -> Iterator[Condition]:
        while True:
            yield self._condition()
            if self._at == len(self._words) or self._words[self._at] == "or":
                return
            if self._words[self._at] != "and":
                self._refuse(f"put 'and' or 'or' before '{self._words[self._at].text}'")
            self._at += 1

    def _condition(self) -> Condition:
        is_wanted = not self._take("not")
        if self._take("tag"):
            return HasTag(self._value("tag"), is_wanted)
        name = self._name()
        if not is_wanted:
            self._refuse(f"write '{name} is not …'")
        if not self._take("is"):
            self._refuse(f"write 'is' or 'is not' behind '{name}'")
        is_wanted = not self._take("not")
        return AttributeIs(name, self._value(name), is_wanted)

    def _take(self, word: str) -> bool:
        is_next = self._at < len(self._words) and self._words[self._at] == word
        self._at += is_next
        return is_next

    def _name(self) -> str:
        name = self._words[self._at].text if self._at < len(self._words) else ""
        if name not in self._attributes:
            known = ", ".join(self._attributes) or "none; name some in [subscribers] attributes"
            self._refuse(f"'{name}' is no fact we keep; there are: {known}" if name else _HOW)
        self._at += 1
        return name

    def _value(self, of: str) -> str:
        if self._at == len(self._words) or any(self._words[self._at] == word for word in _JOINTS):
            self._refuse(f"a value is missing behind '{of}'; {_HOW}")
        self._at += 1
        return self._words[self._at - 1].text

    def _split(self, text: str) -> Iterator[_Word]:
        at = 0
        while text[at:].strip():
            found = _WORD.match(text, at)
            if found is None:
                self._refuse('a quotation mark is not closed; write "Bad Homburg"')
            at = found.end()
            yield _Word(found[1] if found[1] is not None else found[2], found[1] is not None)

    def _refuse(self, problem: str) -> NoReturn:
        raise UnreadableRuleError(self._text, problem)


def _quoted(text: str) -> str:
    is_plain = re.fullmatch(r'[^\s"]+', text) and text.lower() not in (*_JOINTS, "not", "is", "tag")
    return text if is_plain else f'"{text}"'
