"""Read YAML field by field, so that every fault can name its line.

PyYAML's own loaders forget lines, take the last of two equal keys, turn `yes` into True and
`9:00` into 540, and let a page of aliases grow into gigabytes. So only its parser is used.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import yaml

from campaigns.errors import Fault
from campaigns.rules.conditions import LONGEST, ConditionError, condition_or_none
from templates.errors import suggest

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_DEPTH = 10
_NULL = "tag:yaml.org,2002:null"
_YES, _NO = frozenset({"yes", "true", "on"}), frozenset({"no", "false", "off"})

Fields = Mapping[str, yaml.Node]
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True)
class YesOrFile:
    """Whether something is wanted, and the file with the words for it, if they are its own."""

    is_wanted: bool
    file: str = ""


class YamlFile:
    """One file being read; its faults are gathered, not raised one by one."""

    def __init__(self, name: str, faults: list[Fault]) -> None:
        self._name, self._faults = name, faults

    def fault(self, problem: str, *, at: yaml.Node | yaml.Event | None = None) -> None:
        """Note that something is wrong at a place, or in the whole file."""
        line = at.start_mark.line + 1 if at is not None and at.start_mark else 0
        self._faults.append(Fault(self._name, line, problem))

    def parse(self, text: str) -> yaml.Node | None:
        """Parse the file; None when it is no YAML, or none that is allowed here."""
        try:
            if self._is_plain(yaml.parse(text, Loader=yaml.SafeLoader)):
                return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            self._faults.append(Fault(self._name, line, f"no valid YAML: {error.problem}"))
        except yaml.YAMLError as error:
            self.fault(f"no valid YAML: {str(error).splitlines()[0]}")
        return None

    def _is_plain(self, events: Iterable[yaml.Event]) -> bool:
        """Look through the file for what would make it grow or nest without end."""
        depth = 0
        for event in events:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if getattr(event, "anchor", None):  # an alias names one too
                self.fault("anchors (&) and aliases (*) are not allowed; write it out", at=event)
                return False
            if depth > _DEPTH:
                self.fault("this is nested too deeply", at=event)
                return False
        return True

    def fields(self, node: yaml.Node | None, *, known: Collection[str], what: str) -> Fields:
        """Read a mapping by key; unknown and repeated keys are faults."""
        if not isinstance(node, yaml.MappingNode):
            self.fault(f"{what} must be lines of 'key: value'", at=node)
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name not in known:
                self.fault(f"unknown key '{name}'; {suggest(name, known)}", at=key)
            elif name in found:
                self.fault(f"key '{name}' stands here a second time; keep one", at=key)
            else:
                found[name] = value
        return found

    def items(self, fields: Fields, key: str) -> Iterator[yaml.Node]:
        """Read a list, item by item."""
        node = fields.get(key)
        if isinstance(node, yaml.SequenceNode):
            yield from node.value
        elif node is not None:
            self.fault(f"'{key}' must be a list, each item beginning with '-'", at=node)

    def text(
        self, fields: Fields, key: str, *, default: str, most: int = 200, is_line: bool = True
    ) -> str:
        """Read a text as it was typed (`yes` and `2026` too), as one line unless told otherwise."""
        node = fields.get(key)
        if node is None or node.tag == _NULL:
            return default
        if not isinstance(node, yaml.ScalarNode):
            self.fault(f"'{key}' must be a text", at=node)
            return default
        text = " ".join(node.value.split()) if is_line else str(node.value).strip()
        if len(text) > most:
            self.fault(f"'{key}' has {len(text)} characters; use at most {most}", at=node)
        if _UNSEEN.search(text):
            self.fault(f"'{key}' holds a character nobody can see; type it again", at=node)
        return text

    def number(self, fields: Fields, key: str, *, default: int, between: tuple[int, int]) -> int:
        """Read a whole number."""
        text = self.text(fields, key, default=str(default))
        low, high = between
        if _WHOLE_NUMBER.fullmatch(text) and low <= int(text) <= high:
            return int(text)
        self.fault(
            f"'{key}' must be a whole number from {low} to {high}, not '{text}'",
            at=fields.get(key),
        )
        return default

    def is_yes(self, fields: Fields, key: str, *, default: bool) -> bool:
        """Read `yes` or `no`."""
        text = self.text(fields, key, default="yes" if default else "no").lower()
        if text not in _YES | _NO:
            self.fault(f"'{key}' is '{text}'; write yes or no", at=fields.get(key))
        return text in _YES

    def yes_or_file(self, fields: Fields, key: str) -> YesOrFile:
        """Read `yes`, `no`, or the name of a text file; `no` when the key is not there."""
        text = self.text(fields, key, default="no", most=120)
        if text.endswith(".md"):
            return YesOrFile(True, text)
        if text.lower() not in _YES | _NO:
            self.fault(
                f"'{key}' is '{text}'; write yes, no, or the file with your own words, like "
                "'goodbye.md'",
                at=fields.get(key),
            )
        return YesOrFile(text.lower() in _YES)

    def condition(self, fields: Fields, key: str) -> str:
        """Read a condition and see that it can be understood; '' when there is none."""
        text = self.text(fields, key, default="", most=LONGEST)
        try:
            condition_or_none(text)
        except ConditionError as error:
            self.fault(f"'{key}' cannot be understood: {error.problem}", at=fields.get(key))
        return text

    def choice(self, fields: Fields, key: str, *, default: Choice) -> Choice:
        """Read one of some words; the default is of their enum."""
        words = {str(choice): choice for choice in type(default)}
        text = self.text(fields, key, default=str(default))
        if text not in words:
            self.fault(f"'{key}' is '{text}'; {suggest(text, words)}", at=fields.get(key))
        return words.get(text, default)
