"""The plain text part, laid out as far as it is known.

The layout works block by block and line by line. What is known is laid out once; a block or line
with something open is laid out for each reader, and what came out is remembered. The numbers of
links have to be known: where a reader's branch holds a numbered link, the whole part is laid out
for each reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from templates.compiler.entities import ReaderError
from templates.compiler.parts import (
    Attribute,
    Choice,
    Part,
    Parts,
    Repeat,
    Words,
    everything_in,
    joined_words,
    with_words,
)
from templates.compiler.treatments import BLOCK, LINE
from templates.compiler.values import UnprovableError
from templates.text_layout import (
    CLOSE,
    NOTE,
    NOTE_END,
    OPEN,
    START,
    WIDTH,
    Laying,
    read_marks,
    wrap_lines,
)

_MARKS = re.compile(f"({OPEN}[a-z]+[0-9]*\ufdd3|{CLOSE})")
# A greeting, mostly: a paragraph of one line, with nothing inside that is laid out itself.
_SIMPLE: Final = re.compile(f"{OPEN}paragraph{START}([^\n\ufdd0-\ufdef]*){CLOSE}")
_GAP: Final = re.compile(r"\n{3,}")
_KEPT: Final = 2_000


@dataclass
class OpenBlock:
    """One block, or neighbouring lists that are one: laid out for each reader."""

    first: int  # the number of links before it
    last: int  # and after it
    known: dict[str, str] = field(default_factory=dict)

    def __call__(self, marked: str) -> str:
        """Lay the block out.

        Raises:
            ReaderError: it has another number of links for this reader.
        """
        if marked not in self.known:
            if len(self.known) >= _KEPT:
                self.known.clear()
            self.known[marked] = self._lay_out(marked)
        return self.known[marked]

    def _lay_out(self, marked: str) -> str:
        text, last = laid_out_block(marked, self.first)
        if last != self.last:
            raise ReaderError("a link is not numbered as for others")
        return text


def laid_out_block(marked: str, first: int) -> tuple[str, int]:
    """Lay a block out and end it with an empty line; give the number of links after it."""
    if simple := _SIMPLE.fullmatch(marked):
        lines = wrap_lines(simple[1])
        return (f"{lines}\n\n" if lines else ""), first
    laying = Laying(first)
    lines = laying.page(read_marks(marked)).strip("\n")
    return (f"{lines}\n\n" if lines else ""), laying.count


def wrapped_line(line: str) -> str:
    """Wrap a line and end it."""
    words = line.split()
    if words == [line] or (len(line) <= WIDTH and " ".join(words) == line):
        return f"{line}\n"
    return f"{wrap_lines(line)}\n"


@dataclass(frozen=True)
class TextPlan:
    """The text part: its parts, each made of whole lines, and the blocks that are still open."""

    parts: Parts
    blocks: tuple[OpenBlock, ...]

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Give what lays the open parts out."""
        blocks = self.blocks
        return {
            BLOCK: lambda marked, number: blocks[number](str(marked)),
            LINE: lambda line: wrapped_line(str(line)),
        }


def plan_text(parts: Parts) -> TextPlan:
    """Lay out what is known.

    Raises:
        UnprovableError: the whole part has to be laid out for each reader.
    """
    plan = _Planning().plan(parts)
    return replace(plan, parts=with_words(plan.parts, _few_gaps))


def without_gaps(text: str, line_end: str = "\n") -> str:
    """Leave one empty line where there are several, and none at the ends."""
    gap = line_end * 3
    while gap in text:
        text = text.replace(gap, line_end * 2)
    return text.strip(line_end) + line_end


def _few_gaps(text: str) -> str:
    """Leave out of known words what would be left out for each reader."""
    return _GAP.sub("\n\n", text)


class _Block:
    """Parts that make up one block of the layout."""

    def __init__(self, opening: str) -> None:
        self.parts: list[Part] = []
        self.kind = opening[1:-1]

    @property
    def is_listing(self) -> bool:
        return self.kind.startswith(("bullets", "numbers"))


class _Planning:
    """Goes through the marked parts and plans block after block."""

    def __init__(self) -> None:
        self._count = 0
        self._blocks: list[OpenBlock] = []

    def plan(self, parts: Parts) -> TextPlan:
        items = _items(parts)
        held = [n for n, item in enumerate(items) if _holds_blocks(item)]
        if not held:
            return TextPlan(self._lines(tuple(items)), ())  # type: ignore[arg-type]
        first, last = held[0], held[-1] + 1
        before = self._lines(tuple(items[:first]))  # type: ignore[arg-type]
        middle = self._run(items[first:last])
        after = tuple(items[last:])
        self._check_borders(items[:first], after)
        rest = self._lines(after)  # type: ignore[arg-type]
        return TextPlan(joined_words((*before, *middle, *rest)), tuple(self._blocks))

    @staticmethod
    def _check_borders(before: list[Any], after: tuple[Any, ...]) -> None:
        """See that empty lines part the blocks from what is around them."""
        starts = not after or (isinstance(after[0], Words) and after[0].text.startswith("\n\n"))
        ends = not before or (isinstance(before[-1], Words) and before[-1].text.endswith("\n\n"))
        if not (starts and ends):
            raise UnprovableError("the layout of the text has no empty line around the blocks")

    def _run(self, items: list[Part | _Block]) -> Parts:
        out: list[Part] = []
        listing: list[_Block] = []
        is_choice_before = False
        for item in items:
            if isinstance(item, Words):
                if item.text.strip():
                    raise UnprovableError("words stand between the blocks of the text", item.place)
                continue
            if listing and not (isinstance(item, _Block) and _is_same_listing(item, listing[0])):
                if isinstance(item, Choice) and _begins_or_ends_with_listing(item):
                    raise UnprovableError("a reader decides about a list beside a list", item.place)
                out.append(self._unit(listing))
                listing = []
            if isinstance(item, _Block) and item.is_listing:
                if is_choice_before:
                    raise UnprovableError("a reader decides about what is beside a list")
                listing.append(item)
            elif isinstance(item, _Block):
                out.append(self._unit([item]))
            else:
                out.append(self._choice(item))
            is_choice_before = isinstance(item, Choice) and _begins_or_ends_with_listing(item)
        if listing:
            out.append(self._unit(listing))
        return tuple(out)

    def _choice(self, item: Part) -> Part:
        if not isinstance(item, Choice):
            raise UnprovableError("a loop or value stands between the blocks", item.place)
        if any(NOTE in part.text for part in everything_in((item,)) if isinstance(part, Words)):
            raise UnprovableError("a reader decides about a numbered link", item.place)
        yes, no = self._run(_items(item.yes)), self._run(_items(item.no))
        return replace(item, yes=yes, no=no)

    def _unit(self, blocks: list[_Block]) -> Part:
        parts = joined_words(tuple(part for block in blocks for part in block.parts))
        if len(parts) == 1 and isinstance(parts[0], Words):
            text, self._count = laid_out_block(parts[0].text, self._count)
            return Words(text)
        for part in parts:
            _check_notes(part)
        first = self._count
        words = "".join(part.text for part in parts if isinstance(part, Words))
        self._count += words.count(NOTE) - _count_unnumbered(words)
        self._blocks.append(OpenBlock(first, self._count))
        return Attribute(BLOCK, len(self._blocks) - 1, parts, parts[0].place)

    def _lines(self, parts: Parts) -> Parts:
        out, line = self._line_run(parts, [])
        return (*out, *_ended(line)) if line else out

    def _line_run(self, parts: Parts, line: list[Part]) -> tuple[Parts, list[Part]]:
        """Cut a run into lines; give them and the one that is not ended."""
        out: list[Part] = []
        for part in parts:
            if isinstance(part, Words):
                *whole, rest = part.text.split("\n")
                for text in whole:
                    out.extend(_ended([*line, Words(text, part.place)]))
                    line = []
                line = [*line, Words(rest, part.place)] if rest else line
            elif any("\n" in w.text for w in everything_in((part,)) if isinstance(w, Words)):
                out.append(self._whole_lines(part, line))
            else:
                line = [*line, part]
        return tuple(out), line

    def _whole_lines(self, part: Part, line: list[Part]) -> Part:
        if line or not isinstance(part, Choice):
            raise UnprovableError("a reader decides about part of a line", part.place)
        yes, yes_rest = self._line_run(part.yes, [])
        no, no_rest = self._line_run(part.no, [])
        if yes_rest or no_rest:
            raise UnprovableError("a reader decides about part of a line", part.place)
        return replace(part, yes=yes, no=no)


def _items(parts: Parts) -> list[Part | _Block]:
    """Gather what belongs to one block; leave what stands between blocks.

    Raises:
        UnprovableError: a reader decides where a block ends.
    """
    gathering = _Gathering()
    for part in parts:
        if isinstance(part, Words):
            for piece in _MARKS.split(part.text):
                gathering.take_words(Words(piece, part.place))
        else:
            gathering.take_open(part)
    if gathering.block is not None:
        raise UnprovableError("a reader decides where a block of the text ends")
    return gathering.items


class _Gathering:
    """Follows how deep in blocks it is."""

    def __init__(self) -> None:
        self.items: list[Part | _Block] = []
        self.block: _Block | None = None
        self._depth = 0

    def take_words(self, piece: Words) -> None:
        if piece.text.startswith(OPEN):
            self._depth += 1
            self.block = self.block or _Block(piece.text)
        if self.block is not None:
            self.block.parts.append(piece)
        elif piece.text:
            self.items.append(piece)
        if piece.text == CLOSE:
            self._close()

    def _close(self) -> None:
        self._depth -= 1
        if self._depth == 0 and self.block is not None:
            self.items.append(self.block)
            self.block = None

    def take_open(self, part: Part) -> None:
        if self.block is None:
            self.items.append(part)
        else:
            _check_balance(part)
            self.block.parts.append(part)


def _check_balance(part: Part) -> None:
    for run in (part.yes, part.no) if isinstance(part, Choice) else ():
        depth = 0
        for inner in everything_in(run):
            text = inner.text if isinstance(inner, Words) else ""
            depth += text.count(OPEN) - text.count(CLOSE)
        if depth:
            raise UnprovableError("a reader decides where a block of the text ends", part.place)
    if isinstance(part, Repeat):
        raise UnprovableError("a loop over a reader's values writes into a block", part.place)


def _check_notes(part: Part) -> None:
    """See that a numbered link is known, with its number, where a reader's values are around."""
    if isinstance(part, Words) and part.text.count(NOTE) != part.text.count(NOTE_END):
        raise UnprovableError("the address of a numbered link is a reader's", part.place)
    if isinstance(part, Choice):
        words = [inner for inner in everything_in((part,)) if isinstance(inner, Words)]
        if any(NOTE in inner.text or NOTE_END in inner.text for inner in words):
            raise UnprovableError("a reader decides about a numbered link", part.place)


def _count_unnumbered(words: str) -> int:
    """Count the links that get no number: of another kind, or none at all."""
    urls = re.findall(f"{NOTE}(.*?){NOTE_END}", words, re.DOTALL)
    buttons = words.count(f"{OPEN}button")
    return buttons + sum(1 for url in urls if not url or url.startswith(("mailto:", "tel:")))


def _holds_blocks(item: Part | _Block) -> bool:
    if isinstance(item, _Block):
        return True
    return any(OPEN in part.text for part in everything_in((item,)) if isinstance(part, Words))


def _begins_or_ends_with_listing(choice: Choice) -> bool:
    for run in (choice.yes, choice.no):
        items = [item for item in _items(run) if not isinstance(item, Words)]
        for item in (items[0], items[-1]) if items else ():
            if isinstance(item, _Block) and item.is_listing:
                return True
            if isinstance(item, Choice) and _begins_or_ends_with_listing(item):
                return True
    return False


def _is_same_listing(block: _Block, other: _Block) -> bool:
    return block.is_listing and block.kind[0] == other.kind[0]


def _ended(line: list[Part]) -> Parts:
    parts = joined_words(tuple(line))
    if not parts:
        return (Words("\n"),)
    if len(parts) == 1 and isinstance(parts[0], Words):
        return (Words(wrapped_line(parts[0].text)),)
    return (Attribute(LINE, 0, parts, parts[0].place),)
