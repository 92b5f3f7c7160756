"""Jinja inside Markdown: take every piece out, put a stand-in where it was.

Jinja's own lexer finds the pieces, so quotes, brackets and `{% raw %}` mean exactly what they
mean to Jinja. A stand-in is made of characters that no document may hold and that Markdown takes
for letters, so neither can mistake the other's signs for its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from jinja2 import Environment, TemplateSyntaxError

from templates.errors import JinjaSyntaxError
from templates.syntax_advice import explain_syntax

LINE_ENDS = re.compile(r"\r\n?")
STAND_IN = re.compile("\ufdd0([0-9]+)\ufdd1")


class PieceKind(StrEnum):
    """What a piece of Jinja does."""

    FIELD = "field"  # {{ … }}
    STATEMENT = "statement"  # {% … %}
    COMMENT = "comment"  # {# … #}


OPENINGS = {
    "variable_begin": PieceKind.FIELD,
    "block_begin": PieceKind.STATEMENT,
    "comment_begin": PieceKind.COMMENT,
}
ENDINGS = {"variable_end", "block_end", "comment_end"}
RAW = {"raw_begin", "raw_end"}


@dataclass(frozen=True)
class Piece:
    """One piece of Jinja: what stands between its delimiters, and on which line it begins."""

    kind: PieceKind
    source: str
    line: int

    @property
    def word(self) -> str:
        """The first word, which says what a statement does."""
        found = re.match(r"\s*(\w+)", self.source)
        return found[1] if found else ""


@dataclass(frozen=True)
class Protected:
    """Text without Jinja: stand-ins where the pieces were, and each line's number in the source."""

    text: str
    pieces: tuple[Piece, ...]
    line_numbers: tuple[int, ...]
    spans: tuple[tuple[int, int], ...] = ()  # where what stands in each piece begins and ends

    def split(self, text: str) -> Iterator[str | Piece]:
        """Cut a stretch of this text into words and pieces."""
        for index, part in enumerate(STAND_IN.split(text)):
            if index % 2:
                yield self.pieces[int(part)]
            elif part:
                yield part


def protect(source: str, *, first_line: int = 1) -> Protected:
    """Replace every piece of Jinja by a stand-in.

    Raises:
        JinjaSyntaxError: a piece is not closed or not understood.
    """
    source = LINE_ENDS.sub("\n", source)  # as the lexer does: what it gives must be found again
    reading = _Reading(source, first_line)
    try:
        for _, kind, value in _LEXER.tokeniter(source, None):
            reading.take(kind, value)
    except TemplateSyntaxError as error:
        line = first_line + error.lineno - 1
        raise JinjaSyntaxError(explain_syntax(error.message or ""), line=line) from error
    return reading.finish()


# keep_trailing_newline: what the lexer gives back must add up to what it was given
_LEXER = Environment(keep_trailing_newline=True, autoescape=True).lexer


class _Reading:
    """Follows the lexer through the source, because tokens do not say where they stand."""

    def __init__(self, source: str, first_line: int) -> None:
        self._source, self._position, self._line = source, 0, first_line
        self._text: list[str] = []
        self._line_numbers = [first_line]
        self._pieces: list[Piece] = []
        self._spans: list[tuple[int, int]] = []
        self._open: tuple[PieceKind, int, int] | None = None  # kind, start, line

    def take(self, kind: str, value: str) -> None:
        """Take the next token."""
        self._keep_what_trimming_lost(value)
        if kind in OPENINGS:
            self._open = (OPENINGS[kind], self._position + len(value), self._line)
            self._advance(value)
        elif kind in ENDINGS:
            self._close(value)
        elif kind in RAW:
            self._advance(value)
            self._keep(value[len(value.rstrip()) :])
        else:
            self._advance(value)
            if self._open is None:
                self._keep(value)

    def finish(self) -> Protected:
        """Give what was found.

        Raises:
            JinjaSyntaxError: the last piece is never closed.
        """
        if self._open is not None:
            kind, _, line = self._open
            sign = {"field": "{{", "statement": "{%", "comment": "{#"}[kind]
            raise JinjaSyntaxError(f"'{sign}' is opened here and never closed", line=line)
        return Protected(
            "".join(self._text),
            tuple(self._pieces),
            tuple(self._line_numbers),
            tuple(self._spans),
        )

    def _keep_what_trimming_lost(self, value: str) -> None:
        # `{%-` makes the lexer drop white space, which Markdown needs to see lines.
        start = self._position
        while not self._source.startswith(value, self._position):
            self._position += 1
        lost = self._source[start : self._position]
        self._line += lost.count("\n")
        self._keep(lost)

    def _close(self, value: str) -> None:
        if self._open is None:  # the lexer never closes what it did not open
            return
        kind, start, line = self._open
        self._open = None
        self._pieces.append(Piece(kind, self._source[start : self._position], line))
        self._spans.append((start, self._position))
        self._text.append(f"\ufdd0{len(self._pieces) - 1}\ufdd1")
        self._advance(value)
        self._keep(value[len(value.rstrip()) :])

    def _advance(self, value: str) -> None:
        self._position += len(value)
        self._line += value.count("\n")

    def _keep(self, text: str) -> None:
        self._text.append(text)
        first = self._line - text.count("\n")
        self._line_numbers.extend(range(first + 1, self._line + 1))
