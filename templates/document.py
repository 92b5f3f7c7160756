"""An email document: YAML front matter, then a body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from templates.errors import (
    DocumentError,
    ForbiddenCharacterError,
    FrontMatterError,
    TooLongError,
    UnknownKeyError,
    UnreadableTextError,
)

LONGEST_DOCUMENT = 100_000  # characters; a long newsletter has a tenth of it
LONGEST_FRONT_MATTER = 10_000
KEYS = ("subject", "preheader", "from_name", "text")
FENCE = re.compile(r"^---[ \t]*$", re.MULTILINE)
# Control characters, signs that turn the reading direction, lone surrogates, byte order marks,
# and the non-characters that stand-ins and text marks are made of.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)

_MADE_BY_ESCAPE = re.compile(f"{FORBIDDEN.pattern}|\r")


@dataclass(frozen=True)
class FrontMatter:
    """What stands between the two `---`; each value may hold Jinja."""

    subject: str
    preheader: str = ""
    from_name: str = ""  # who it is from, beside the address; empty: the site's own name
    text: str = ""  # the plain text part of an email written in whole HTML
    lines: Mapping[str, int] = field(default_factory=dict)  # where each key stands


@dataclass(frozen=True)
class Document:
    """One email as the marketer wrote it."""

    front: FrontMatter
    body: str
    body_line: int  # the line of the file on which the body begins

    @property
    def is_whole_html(self) -> bool:
        """Whether the body is a complete HTML page rather than Markdown."""
        return self.body.lstrip().lower().startswith("<!doctype")


def parse_document(text: str | bytes, *, name: str = "document") -> Document:
    """Read a document.

    Raises:
        DocumentError: it cannot be read; the text names the line.
    """
    try:
        return _parse(_decode(text))
    except DocumentError as error:
        raise error.within(name) from error.__cause__


def _decode(text: str | bytes) -> str:
    decoded = text if isinstance(text, str) else _decode_utf8(text)
    return decoded.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _decode_utf8(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableTextError(content[error.start], line=line) from error


def _parse(text: str) -> Document:
    if len(text) > LONGEST_DOCUMENT:
        line = text.count("\n", 0, LONGEST_DOCUMENT) + 1  # on which it becomes too long
        raise TooLongError("the document", len(text), limit=LONGEST_DOCUMENT, line=line)
    if stray := FORBIDDEN.search(text):
        line = text.count("\n", 0, stray.start()) + 1
        raise ForbiddenCharacterError(stray[0], line=line)
    fences = list(FENCE.finditer(text))
    if not fences or text[: fences[0].start()].strip():
        raise FrontMatterError(
            "no front matter; begin the document with '---', 'subject: …' and '---'", line=1
        )
    if len(fences) < 2:
        raise FrontMatterError("the front matter is never closed; add a line '---'", line=1)
    opening, closing = fences[:2]
    front_line = text.count("\n", 0, opening.end()) + 2
    front = _read_front_matter(text[opening.end() : closing.start()].removeprefix("\n"), front_line)
    body_line = text.count("\n", 0, closing.end()) + 2
    return Document(front, text[closing.end() :].removeprefix("\n"), body_line)


def _read_front_matter(text: str, first_line: int) -> FrontMatter:
    if len(text) > LONGEST_FRONT_MATTER:
        line = first_line + text.count("\n", 0, LONGEST_FRONT_MATTER)
        raise TooLongError("the front matter", len(text), limit=LONGEST_FRONT_MATTER, line=line)
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for key, value, line in _read_pairs(text, first_line):
        if key not in KEYS:
            raise UnknownKeyError(key, KEYS, line=line)
        if key in values:
            raise FrontMatterError(f"'{key}' stands here twice; keep one", line=line)
        values[key], lines[key] = value, line
    if not values.get("subject", "").strip():
        line = lines.get("subject", first_line)
        raise FrontMatterError("no subject; add a line 'subject: …'", line=line)
    return FrontMatter(**values, lines=lines)


def _read_pairs(text: str, first_line: int) -> list[tuple[str, str, int]]:
    # The node tree, not the loaded values: `subject: yes` is text, and every node knows its line.
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _explain_yaml(error, first_line) from error
    if tree is None:
        return []
    if not isinstance(tree, yaml.MappingNode):
        raise FrontMatterError("write the front matter as 'key: value' lines", line=first_line)
    return [_read_pair(key, value, first_line) for key, value in tree.value]


def _read_pair(key: yaml.Node, value: yaml.Node, first_line: int) -> tuple[str, str, int]:
    line = first_line + key.start_mark.line
    if not isinstance(key, yaml.ScalarNode):
        raise FrontMatterError("a key must be one word", line=line)
    if not isinstance(value, yaml.ScalarNode):
        raise FrontMatterError(
            f"the value of '{key.value}' must be text; put it into quotation marks", line=line
        )
    if stray := _MADE_BY_ESCAPE.search(value.value):  # such as "\\x07"
        raise ForbiddenCharacterError(stray[0], line=line)
    return str(key.value), str(value.value), line


def _explain_yaml(error: Exception, first_line: int) -> FrontMatterError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "too tangled"
    return FrontMatterError(
        f"this is not YAML ({problem}); put the whole value into quotation marks",
        line=first_line + (mark.line if mark else 0),
    )
