"""The plain text part: marked blocks laid out in lines of 72 characters.

Links become numbers in brackets; their addresses follow the block they stand in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import TextWrapper
from typing import Final

WIDTH: Final = 72
OPEN, START, CLOSE = "\ufdd2", "\ufdd3", "\ufdd4"
NOTE, NOTE_END, BREAK = "\ufdd5", "\ufdd6", "\ufdd7"
_MARKS = re.compile(f"({OPEN}[a-z]+[0-9]*{START}|{CLOSE})")
_NOTES = re.compile(f"{NOTE}(.*?){NOTE_END}", re.DOTALL)


@dataclass
class _Node:
    """A block: its kind, and words or blocks inside it."""

    kind: str
    children: list[str | _Node] = field(default_factory=list)

    @property
    def words(self) -> str:
        return "".join(child for child in self.children if isinstance(child, str))

    @property
    def blocks(self) -> list[_Node]:
        return [child for child in self.children if isinstance(child, _Node)]

    @property
    def is_listing(self) -> bool:
        return self.kind.startswith(("bullets", "numbers"))


def lay_out(marked: str) -> str:
    """Lay out a rendered text part: marked blocks, and plain lines of the layout around them."""
    laying = Laying()
    pieces = [
        laying.page(list(run)) if is_blocks else wrap_lines("".join(map(str, run)))
        for is_blocks, run in _runs(read_marks(marked))
    ]
    return re.sub(r"\n{3,}", "\n\n", "".join(pieces)).strip("\n") + "\n"


def read_marks(marked: str) -> list[str | _Node]:
    root = _Node("root")
    path = [root]
    for part in _MARKS.split(marked):
        if part.startswith(OPEN):
            node = _Node(part[1:-1])
            path[-1].children.append(node)
            path.append(node)
        elif part == CLOSE:
            path.pop()
        elif part:
            path[-1].children.append(part)
    return root.children


def _runs(children: list[str | _Node]) -> Iterator[tuple[bool, list[str | _Node]]]:
    """Part blocks from plain lines; white space between two blocks belongs to them."""
    last = max((n for n, child in enumerate(children) if isinstance(child, _Node)), default=-1)
    first = next((n for n, child in enumerate(children) if isinstance(child, _Node)), last + 1)
    yield False, children[:first]
    yield True, children[first : last + 1]
    yield False, children[last + 1 :]


def wrap_lines(text: str) -> str:
    return "\n".join("\n".join(_wrap(line, WIDTH)) for line in text.split("\n"))


def _wrap(text: str, width: int) -> list[str]:
    if len(text) <= width and text == " ".join(text.split()):
        return [text]  # nothing to break, and no white space that would be changed
    wrapper = TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    return wrapper.wrap(text) or [""]


class Laying:
    """Lays out the blocks one after the other and counts the links."""

    def __init__(self, count: int = 0) -> None:
        self._notes: list[str] = []
        self.count = count  # of links that got a number

    def page(self, children: list[str | _Node]) -> str:
        blocks = [child for child in children if isinstance(child, _Node)]
        return "\n".join(self._blocks(blocks, WIDTH, with_notes=True))

    def _blocks(self, blocks: list[_Node], width: int, *, with_notes: bool = False) -> list[str]:
        lines: list[str] = []
        is_close = False  # a list inside a tight item follows its words without a gap
        for block in _join_listings(blocks):
            part = self._block(block, width)
            if not any(part):
                continue
            lines += ["", *part] if lines and not is_close else part
            is_close = block.kind == "tight"
            if with_notes and self._notes:
                lines += ["", *self._notes]
                self._notes = []
        return lines

    def _block(self, block: _Node, width: int) -> list[str]:
        if block.is_listing:
            return self._listing(block, width)
        match block.kind:
            case "quote":
                inside = self._blocks(block.blocks, width - 2)
                return [f"> {line}".rstrip() for line in inside]
            case "divider":
                return ["* * *".center(width).rstrip()]
            case "tip":
                title, *rest = block.blocks
                heading = [line.upper() for line in self._words(title, width - 2)]
                return _indent([*heading, *self._blocks(rest, width - 2)])
            case "image":
                alt = block.words.strip()
                return _wrap(f"[Picture: {alt}]", width) if alt else []
            case "button":
                return self._button(block, width)
            case "heading1" | "heading2":
                words = self._words(block, width)
                sign = "~" if block.kind == "heading1" else "-"  # "=" would be "=3D" on the wire
                return [*words, sign * max(map(len, words))] if any(words) else []
        return self._words(block, width)

    def _listing(self, block: _Node, width: int) -> list[str]:
        start = int(block.kind.removeprefix("numbers")) if "numbers" in block.kind else None
        lines: list[str] = []
        for index, item in enumerate(block.blocks):
            sign = "- " if start is None else f"{start + index}. "
            inside = self._blocks(item.blocks, width - len(sign)) or [""]
            is_loose = any(child.kind == "paragraph" for child in item.blocks)
            lines += [""] if lines and is_loose else []
            lines += [sign + inside[0], *_indent(inside[1:], by=len(sign))]
        return lines

    def _button(self, block: _Node, width: int) -> list[str]:
        found = _NOTES.search(block.words)
        url = found[1].strip() if found else ""
        label = " ".join(_NOTES.sub("", block.words).split())
        return [*_wrap(f"{label}:", width), url] if url else []

    def _words(self, block: _Node, width: int) -> list[str]:
        text = _NOTES.sub(self._note, block.words)
        return [line for part in text.split(BREAK) for line in _wrap(part, width)]

    def _note(self, found: re.Match[str]) -> str:
        url = found[1].strip()
        before = found.string[: found.start()]
        if not url or before.endswith(url):  # no address, or the words are the address
            return ""
        if url.startswith(("mailto:", "tel:")):
            bare = url.partition(":")[2]
            return "" if before.endswith(bare) else f" ({bare})"
        self.count += 1
        self._notes.append(f"[{self.count}] {url}")
        return f" [{self.count}]"


def _join_listings(blocks: list[_Node]) -> list[_Node]:
    """Make one list of neighbours, as a loop or a condition around its items leaves them."""
    joined: list[_Node] = []
    for block in blocks:
        before = joined[-1] if joined else None
        if before and block.is_listing and before.is_listing and before.kind[0] == block.kind[0]:
            joined[-1] = _Node(before.kind, [*before.children, *block.children])
        else:
            joined.append(block)
    return joined


def _indent(lines: list[str], by: int = 2) -> list[str]:
    return [" " * by + line if line else "" for line in lines]
