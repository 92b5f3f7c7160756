"""What an email, a series or a newsletter may ask of a person, in plain words.

    tagged vip and not tagged student
    city is Berlin or city in (Hamburg, "New York")
    visits >= 3 and phone is known
    event booked

A language of its own, and this small on purpose: a marketer can write it without quotes and
brackets, a mistake can be explained in one line, and nothing in it can call, loop or hang. Texts
are compared without regard to capitals. What is not known of a person is equal to nothing.

It is the only such language here: steps, exit rules and audiences are written in it. `tag vip`, as
audiences once were, is read as `tagged vip`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from subscribers.errors import InvalidTextError
from subscribers.rules.profile import clean_tag

LONGEST = 1_000  # characters
EVER = datetime.min.replace(tzinfo=UTC)  # since when events count where no way has begun
MOST_DEPTH = 20
_TOKEN = re.compile(r"""\s*(?:("[^"]*"|'[^']*')|(>=|<=|!=|[<>=(),])|([^\s()<>=!,"']+))""")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMPARISON_WORDS = frozenset({"is", "not", "in", "contains", "=", "!=", *_ORDERS})
_COMPARISONS = "'is', 'is not', 'in', 'contains', '=', '!=', '<', '<=', '>' or '>='"
_EXAMPLE = "write it like: tagged vip and city is Berlin"


class ConditionError(ValueError):
    """A condition cannot be understood."""

    def __init__(self, text: str, problem: str) -> None:
        self.text, self.problem = text, problem
        super().__init__(f"cannot understand the condition '{text}': {problem}")


@dataclass(frozen=True)
class Traits:
    """What conditions may ask about one person."""

    attributes: Mapping[str, Any] = field(default_factory=dict)  # with first_name and last_name
    tags: Set[str] = frozenset()
    events: Mapping[str, datetime] = field(default_factory=dict)  # the last time each happened


NOBODY = Traits()


@dataclass(frozen=True)
class _Asked:
    """One person, and since when events count."""

    traits: Traits
    since: datetime


Question = Callable[[_Asked], bool]


@dataclass(frozen=True)
class Condition:
    """A condition that was understood; equal when it is written alike."""

    text: str
    names: frozenset[str] = field(compare=False)  # of the attributes it asks for
    _answer: Question = field(compare=False, repr=False)

    def holds(self, traits: Traits, *, since: datetime) -> bool:
        """Tell whether it is true of a person; events before `since` do not count."""
        return self._answer(_Asked(traits, since))

    def __str__(self) -> str:
        """Give it as it was written."""
        return self.text


@lru_cache(maxsize=1024)
def read_condition(text: str) -> Condition:
    """Understand a condition.

    Raises:
        ConditionError: it cannot be understood; the error says where, and what to write.
    """
    return _Reading(text).read()


def condition_or_none(text: str) -> Condition | None:
    """Understand a condition that may be empty, as it is stored."""
    return read_condition(text) if text.strip() else None


class _Reading:
    """One condition being read, from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._names = text, set[str]()
        self._tokens = list(self._split())
        self._place, self._depth = 0, 0

    def read(self) -> Condition:
        if not self._tokens:
            raise self._error(f"it is empty; {_EXAMPLE}")
        answer = self._either()
        if self._next is not None:
            raise self._error(
                f"put 'and' or 'or' before '{self._next}', or quotation marks around several words"
            )
        return Condition(" ".join(self._text.split()), frozenset(self._names), answer)

    def _split(self) -> Iterator[str]:
        if len(self._text) > LONGEST:
            raise ConditionError(self._text[:40] + "…", f"it is longer than {LONGEST} characters")
        text, at = self._text.rstrip(), 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._error(f"'{text[at:].strip()[:20]}' cannot stand there; {_EXAMPLE}")
            yield found[0].strip()
            at = found.end()

    @property
    def _next(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _take(self, *words: str) -> bool:
        """Pass over one of these words, if it comes next."""
        if self._next is None or self._next.lower() not in words:
            return False
        self._place += 1
        return True

    def _either(self) -> Question:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return lambda asked: any(part(asked) for part in parts)

    def _both(self) -> Question:
        parts = [self._negated()]
        while self._take("and"):
            parts.append(self._negated())
        return lambda asked: all(part(asked) for part in parts)

    def _negated(self) -> Question:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._error("it is nested too deeply; say it in fewer brackets")
        answer = self._not(self._negated()) if self._take("not") else self._single()
        self._depth -= 1
        return answer

    def _single(self) -> Question:
        if self._take("("):
            answer = self._either()
            if not self._take(")"):
                raise self._error("a bracket is opened and never closed; add ')'")
            return answer
        if self._take("tagged") or self._takes_tag():
            tag = self._word("tag", called="a tag")
            return lambda asked: tag in asked.traits.tags
        if self._take("event"):
            return _happened(self._word("event", called="the name of an event"))
        return self._comparison()

    def _takes_tag(self) -> bool:
        """Pass over `tag` as audiences once wrote it, unless an attribute is asked for."""
        following = self._tokens[self._place + 1 : self._place + 2]
        is_attribute = bool(following) and following[0].lower() in _COMPARISON_WORDS
        return not is_attribute and self._take("tag")

    def _word(self, what: str, *, called: str) -> str:
        """Take a tag or the name of an event, in the form in which they are kept."""
        try:
            return clean_tag(self._value(called), what=what)
        except InvalidTextError as error:
            raise self._error(str(error)) from error

    def _comparison(self) -> Question:
        name = self._next or ""
        if not name:
            raise self._error(
                f"something is missing after '{self._tokens[self._place - 1]}'; {_EXAMPLE}"
            )
        if not name.isidentifier():
            raise self._error(
                f"'{name}' cannot be asked; begin with 'tagged', 'event' or the name of an "
                "attribute"
            )
        self._place += 1
        self._names.add(name)
        if self._take("is"):
            return self._identity(name)
        is_negated = self._take("not")
        if self._take("in"):
            answer = _is_among(name, self._list())
            return self._not(answer) if is_negated else answer
        if is_negated:
            raise self._error(f"write '{name} is not …' or '{name} not in (…)'")
        return self._by_sign(name)

    def _identity(self, name: str) -> Question:
        is_negated = self._take("not")
        answer = _is_known(name) if self._take("known") else _is_among(name, [self._value()])
        return self._not(answer) if is_negated else answer

    def _by_sign(self, name: str) -> Question:
        sign = (self._next or "").lower()
        if sign not in ("=", "!=", "contains", *_ORDERS):
            raise self._error(f"after '{name}' comes {_COMPARISONS}")
        self._place += 1
        value = self._value()
        if sign == "contains":
            return lambda asked: value.casefold() in _folded(asked, name)
        if sign in _ORDERS:
            return _is_ordered(name, _ORDERS[sign], value)
        answer = _is_among(name, [value])
        return answer if sign == "=" else self._not(answer)

    def _list(self) -> Sequence[str]:
        if not self._take("("):
            raise self._error("after 'in' comes a list in brackets: in (Berlin, Hamburg)")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        if not self._take(")"):
            raise self._error("the list is never closed; add ')'")
        return values

    def _value(self, what: str = "a value") -> str:
        token = self._next
        if token is None or token in ("(", ")", ",", "=", "!=", *_ORDERS):
            raise self._error(f"{what} is missing after '{self._tokens[self._place - 1]}'")
        self._place += 1
        if token[0] in "\"'":
            return " ".join(token[1:-1].split())
        if token.lower() in ("and", "or", "not"):
            raise self._error(f"{what} is missing before '{token}'")
        return token

    @staticmethod
    def _not(answer: Question) -> Question:
        return lambda asked: not answer(asked)

    def _error(self, problem: str) -> ConditionError:
        return ConditionError(" ".join(self._text.split()), problem)


def _happened(event: str) -> Question:
    def answer(asked: _Asked) -> bool:
        last = asked.traits.events.get(event)
        return last is not None and last >= asked.since

    return answer


def _is_known(name: str) -> Question:
    return lambda asked: _folded(asked, name) != ""


def _is_among(name: str, values: Sequence[str]) -> Question:
    def answer(asked: _Asked) -> bool:
        found = _folded(asked, name)
        return found != "" and any(_is_equal(found, value.casefold()) for value in values)

    return answer


def _is_ordered(name: str, order: Callable[[Any, Any], bool], value: str) -> Question:
    def answer(asked: _Asked) -> bool:
        found = _folded(asked, name)
        numbers = _number(found), _number(value)
        if None not in numbers:
            return order(*numbers)
        are_days = _DAY.fullmatch(found) and _DAY.fullmatch(value)
        return bool(are_days) and order(found, value)

    return answer


def _is_equal(found: str, value: str) -> bool:
    return found == value or (_number(found) is not None and _number(found) == _number(value))


def _folded(asked: _Asked, name: str) -> str:
    """Give an attribute as text to compare; yes and no as they are read aloud."""
    value = asked.traits.attributes.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).casefold().split())


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
