"""Jinja source that remembers which line of the document each of its lines came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from templates.content import Phrase
from templates.pieces import Piece


@dataclass(frozen=True)
class JinjaSource:
    """Source for Jinja, and for its lines the lines of the document."""

    text: str
    line_numbers: Mapping[int, int]

    def document_line(self, line: int) -> int | None:
        """Find the line of the document, or the nearest one above it."""
        known = [number for number in self.line_numbers if number <= line]
        return self.line_numbers[max(known)] if known else None


def source_as_written(text: str, *, first_line: int) -> JinjaSource:
    """Take text that is Jinja source already."""
    lines = range(1, text.count("\n") + 2)
    return JinjaSource(text, {line: line + first_line - 1 for line in lines})


class SourceWriter:
    """Writes the source; every piece of the document begins on a line of its own."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._line = 1
        self._line_numbers: dict[int, int] = {}

    def write(self, text: str) -> None:
        """Write text as it is."""
        self._parts.append(text)
        self._line += text.count("\n")

    def write_field(self, piece: Piece) -> None:
        """Write `{{ … }}`."""
        self.write("{{")
        self._write_inside(piece)
        self.write("}}")

    def write_statement(self, piece: Piece) -> None:
        """Write `{% … %}`."""
        self.write("{%")
        self._write_inside(piece)
        self.write("%}")

    def write_expression(self, phrase: Phrase) -> None:
        """Write words and fields as one expression that makes one text."""
        for index, part in enumerate(phrase.parts or ("",)):
            self.write(" ~ " if index else "")
            if isinstance(part, str):
                self.write(quoted(part))
            else:
                self.write("(")
                self._write_inside(part)
                self.write(")")

    def finish(self) -> JinjaSource:
        """Give what was written."""
        return JinjaSource("".join(self._parts), self._line_numbers)

    def begin_line(self, document_line: int) -> None:
        """Go on in a new line that comes from this line of the document.

        To be used inside `{{` or `{%` only: outside, a line end would be a space to readers.
        """
        self.write("\n")
        self._line_numbers[self._line] = document_line

    def _write_inside(self, piece: Piece) -> None:
        above = len(piece.source) - len(piece.source.lstrip())
        first_line = piece.line + piece.source.count("\n", 0, above)
        for offset, line in enumerate(piece.source.strip().split("\n")):
            self.begin_line(first_line + offset)
            self.write(line)
        self.write("\n")


def quoted(text: str) -> str:
    """Write text as a literal of Jinja's."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
