"""The body of a document read as content: Markdown, `:::` blocks, conditions around them."""

from __future__ import annotations

import re

from templates.content import (
    Block,
    Button,
    Columns,
    Emphasis,
    Heading,
    Image,
    Inline,
    Link,
    Listing,
    Paragraph,
    Quote,
    Statement,
    Strong,
    Tip,
)
from templates.errors import BlockError, TooLongError
from templates.markdown import phrase, read_inline, read_markdown
from templates.outline import Chunk, Element, Fence, outline
from templates.pairing import check_pairs
from templates.pieces import Piece, Protected, protect

LONGEST_BODY = 30_000  # characters; five thousand words, twenty times a good email
IMAGE_SIZE = re.compile(r"\s*(\d{1,4})\s*[x×]\s*(\d{1,4})\s*")


def read_body(body: str, *, first_line: int = 1) -> tuple[Block, ...]:
    """Read a body.

    Raises:
        DocumentError: it cannot be understood; the text names the line.
    """
    if len(body) > LONGEST_BODY:
        line = first_line + body.count("\n", 0, LONGEST_BODY)
        raise TooLongError("the body", len(body), limit=LONGEST_BODY, line=line)
    protected = protect(body, first_line=first_line)
    blocks = _Assembly(protected).blocks(outline(protected))
    _check_crossings(blocks)
    return blocks


class _Assembly:
    """Puts the outline's elements together to content."""

    def __init__(self, body: Protected) -> None:
        self._body = body

    def blocks(self, elements: list[Element]) -> tuple[Block, ...]:
        found: list[Block] = []
        for element in elements:
            if isinstance(element, Chunk):
                found.extend(read_markdown(element, self._body))
            elif isinstance(element, Piece):
                found.append(Statement(element))
            else:
                found.append(self._fence(element))
        return tuple(found)

    def _fence(self, fence: Fence) -> Block:
        match fence.kind:
            case "tip":
                title = read_inline(fence.argument, self._body, line=fence.line)
                return Tip(title, self.blocks(fence.parts[0]))
            case "button":
                return self._button(fence)
            case "image":
                return self._image(fence)
        return self._columns(fence)

    def _button(self, fence: Fence) -> Button:
        content = self.blocks(fence.parts[0])
        if not fence.argument:
            raise BlockError(
                "a button needs an address: '::: button https://…'; add it", line=fence.line
            )
        if len(content) != 1 or not isinstance(content[0], Paragraph):
            raise BlockError(
                "a button needs its words, and only words, on the lines below it", line=fence.line
            )
        url = phrase(fence.argument, self._body, line=fence.line)
        return Button(url, content[0].children)

    def _image(self, fence: Fence) -> Image:
        fields = fence.argument.split("|")
        size = IMAGE_SIZE.fullmatch(fields[-1]) if len(fields) == 3 else None
        if size is None or not fields[0].strip() or fence.parts[0]:
            raise BlockError(
                "write a picture as '::: image ADDRESS | words for it | 560x300', "
                "with ':::' on the next line",
                line=fence.line,
            )
        width, height = int(size[1]), int(size[2])
        if not width or not height:
            raise BlockError("a picture is at least 1x1; correct its size", line=fence.line)
        url, alt = (phrase(text, self._body, line=fence.line) for text in fields[:2])
        return Image(url, alt, width, height)

    def _columns(self, fence: Fence) -> Columns:
        if fence.argument or len(fence.parts) != 2:
            raise BlockError(
                "write columns as '::: columns', the left one, a line '+++', the right one, ':::'",
                line=fence.line,
            )
        left, right = (self.blocks(part) for part in fence.parts)
        return Columns(left, right)


def _check_crossings(blocks: tuple[Block, ...]) -> None:
    """See that every condition and loop closes among the same blocks or words it opens among."""
    for block in blocks:
        for run in _runs_of_blocks(block):
            _check_crossings(run)
        _check_inline_crossings(_words_of(block))
    check_pairs([block.piece for block in blocks if isinstance(block, Statement)])


def _check_inline_crossings(words: tuple[Inline, ...]) -> None:
    for word in words:
        if isinstance(word, Strong | Emphasis | Link):
            _check_inline_crossings(word.children)
    check_pairs([word.piece for word in words if isinstance(word, Statement)])


def _runs_of_blocks(block: Block) -> tuple[tuple[Block, ...], ...]:
    match block:
        case Listing():
            return block.items
        case Columns():
            return (block.left, block.right)
        case Tip() | Quote():
            return (block.children,)
    return ()


def _words_of(block: Block) -> tuple[Inline, ...]:
    match block:
        case Paragraph() | Heading():
            return block.children
        case Tip():
            return block.title
        case Button():
            return block.label
    return ()
