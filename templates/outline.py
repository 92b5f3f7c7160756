"""The outline of a body: which lines are Markdown, which open and close a `:::` block."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from templates.errors import BlockError, UnknownBlockError
from templates.pieces import STAND_IN, Piece, PieceKind, Protected

KINDS = ("tip", "button", "image", "columns")
FENCE = re.compile(r" {0,3}:{3,}[ \t]*(?P<kind>\S*)[ \t]*(?P<argument>.*?)[ \t]*$")
DEEPEST = 6  # blocks inside blocks


@dataclass(frozen=True)
class Chunk:
    """Lines of Markdown that belong together."""

    lines: tuple[str, ...]
    line_numbers: tuple[int, ...]


@dataclass
class Fence:
    """A `:::` block; its inside comes in one part, or two for columns."""

    kind: str
    argument: str
    line: int
    parts: list[list[Element]] = field(default_factory=lambda: [[]])


Element = Chunk | Fence | Piece


def outline(body: Protected) -> list[Element]:
    """Cut a body into Markdown, blocks and statements on lines of their own.

    Raises:
        BlockError: a block is not closed or not opened.
    """
    cutting = _Cutting(body)
    for text, line in zip(body.text.split("\n"), body.line_numbers, strict=True):
        cutting.take(text, line)
    return cutting.finish()


class _Cutting:
    """Goes through the lines and keeps the blocks that are open."""

    def __init__(self, body: Protected) -> None:
        self._body = body
        self._elements: list[Element] = []
        self._open: list[Fence] = []
        self._lines: list[tuple[str, int]] = []

    def take(self, text: str, line: int) -> None:
        """Take the next line."""
        fence = FENCE.match(text)
        if fence:
            self._take_fence(fence["kind"], fence["argument"], line)
        elif text.strip() == "+++" and self._open and self._open[-1].kind == "columns":
            self._end_chunk()
            self._open[-1].parts.append([])
        elif STAND_IN.search(text) and not STAND_IN.sub("", text).strip():
            self._take_pieces_alone(text, line)
        else:
            self._lines.append((text, line))

    def finish(self) -> list[Element]:
        """Give the outline.

        Raises:
            BlockError: a block is still open.
        """
        if self._open:
            fence = self._open[-1]
            raise BlockError(
                f"'::: {fence.kind}' is never closed; add a line ':::'", line=fence.line
            )
        self._end_chunk()
        return self._elements

    @property
    def _place(self) -> list[Element]:
        return self._open[-1].parts[-1] if self._open else self._elements

    def _take_fence(self, kind: str, argument: str, line: int) -> None:
        self._end_chunk()
        if kind:
            self._open_fence(kind, argument, line)
        elif self._open:
            closed = self._open.pop()
            self._place.append(closed)
        else:
            raise BlockError("':::' closes a block that was never opened; remove it", line=line)

    def _open_fence(self, kind: str, argument: str, line: int) -> None:
        if kind not in KINDS:
            raise UnknownBlockError(kind, KINDS, line=line)
        if len(self._open) == DEEPEST:
            raise BlockError("blocks stand too deep inside each other; flatten them", line=line)
        self._open.append(Fence(kind, argument, line))

    def _take_pieces_alone(self, text: str, line: int) -> None:
        pieces = [part for part in self._body.split(text) if isinstance(part, Piece)]
        if any(piece.kind is PieceKind.FIELD for piece in pieces):
            self._lines.append((text, line))  # a paragraph that is nothing but a value
            return
        statements = [piece for piece in pieces if piece.kind is PieceKind.STATEMENT]
        if statements:
            self._end_chunk()
            self._place.extend(statements)
        # a line of comments only is no line at all: it must not part a paragraph

    def _end_chunk(self) -> None:
        if any(text.strip() for text, _ in self._lines):
            texts, numbers = zip(*self._lines, strict=True)
            self._place.append(Chunk(texts, numbers))
        self._lines = []
