"""The Markdown subset of email documents, read into content.

Left out on purpose: code, tables, reference links, deeper headings, HTML. What is left out and
would show as odd signs is refused with the line, rather than shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from templates.content import (
    Block,
    Divider,
    Emphasis,
    Field,
    Heading,
    Inline,
    LineBreak,
    Link,
    Listing,
    Paragraph,
    Phrase,
    Quote,
    Statement,
    Strong,
    Words,
)
from templates.depth import TOO_DEEP
from templates.errors import RenderingError, TooLongError, UnsupportedMarkdownError
from templates.outline import Chunk
from templates.pieces import Piece, PieceKind, Protected

LONGEST_PARAGRAPH = 10_000  # reading brackets takes time that grows with the square of this
HTML = (
    "HTML does not work inside Markdown: {}; write Markdown, put a \\ before a < that is meant "
    "as a sign, or begin the whole body with <!doctype html>"
)


def read_markdown(chunk: Chunk, body: Protected) -> tuple[Block, ...]:
    """Read one stretch of Markdown.

    Raises:
        UnsupportedMarkdownError: something emails do not use; the text names the line.
    """
    _refuse_endless_paragraphs(chunk)
    try:
        tree = SyntaxTreeNode(_parser().parse("\n".join(chunk.lines)))
        return _Reader(body, chunk.line_numbers).blocks(tree.children)
    except RecursionError as error:
        _, line = max(zip(map(len, chunk.lines), chunk.line_numbers, strict=True))
        raise RenderingError(TOO_DEEP, line=line) from error


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("zero", {"html": True, "maxNesting": 30})
    parser.enable(["heading", "hr", "list", "blockquote", "html_block"])
    parser.enable(["newline", "escape", "emphasis", "link", "image", "autolink"])
    parser.enable(["html_inline", "entity"])
    # Addresses are checked by us, with a message, and not encoded: stand-ins are in them.
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    return parser


def _refuse_endless_paragraphs(chunk: Chunk) -> None:
    size = 0
    for text, line in zip(chunk.lines, chunk.line_numbers, strict=True):
        size = size + len(text) if text.strip() else 0
        if size > LONGEST_PARAGRAPH:
            raise TooLongError("a paragraph", size, limit=LONGEST_PARAGRAPH, line=line)


class _Reader:
    """Turns markdown-it's nodes into content and keeps the line it stands on."""

    def __init__(self, body: Protected, line_numbers: tuple[int, ...]) -> None:
        self._body, self._line_numbers = body, line_numbers
        self._line = line_numbers[0]

    def blocks(self, nodes: list[SyntaxTreeNode]) -> tuple[Block, ...]:
        return tuple(self._block(node) for node in nodes)

    def _block(self, node: SyntaxTreeNode) -> Block:
        if node.map:
            self._line = self._line_numbers[min(node.map[0], len(self._line_numbers) - 1)]
        match node.type:
            case "paragraph":
                return Paragraph(self._inside(node), is_tight=node.hidden)
            case "heading":
                return self._heading(node)
            case "bullet_list":
                return Listing(self._items(node))
            case "ordered_list":
                return Listing(self._items(node), start=int(node.attrs.get("start", 1)))
            case "blockquote":
                return Quote(self.blocks(node.children))
            case "hr":
                return Divider()
        raise UnsupportedMarkdownError(HTML.format(_first_tag(node.content)), line=self._line)

    def _heading(self, node: SyntaxTreeNode) -> Heading:
        level = int(node.tag[1:])
        if level > 2:
            raise UnsupportedMarkdownError(
                f"'{'#' * level} ' is too deep for an email; use '# ' once and '## ' below it",
                line=self._line,
            )
        return Heading(level, self._inside(node))

    def _items(self, node: SyntaxTreeNode) -> tuple[tuple[Block, ...], ...]:
        return tuple(self.blocks(item.children) for item in node.children)

    def _inside(self, node: SyntaxTreeNode) -> tuple[Inline, ...]:
        (inline,) = node.children
        return tuple(self._inlines(inline.children))

    def _inlines(self, nodes: list[SyntaxTreeNode]) -> Iterator[Inline]:
        for node in nodes:
            match node.type:
                case "text" | "text_special":
                    yield from self._words(node.content)
                case "softbreak":
                    self._line += 1
                    yield Words("\n")
                case "hardbreak":
                    self._line += 1
                    yield LineBreak()
                case "strong":
                    yield Strong(tuple(self._inlines(node.children)))
                case "em":
                    yield Emphasis(tuple(self._inlines(node.children)))
                case "link":
                    yield self._link(node)
                case _:
                    raise self._unsupported(node)

    def _words(self, text: str) -> Iterator[Inline]:
        for part in self._body.split(text):
            if isinstance(part, str):
                yield Words(part)
            elif part.kind is PieceKind.FIELD:
                yield Field(part)
            elif part.kind is PieceKind.STATEMENT:
                yield Statement(part)

    def _link(self, node: SyntaxTreeNode) -> Link:
        if node.attrs.get("title"):
            raise UnsupportedMarkdownError(
                'a link takes no "title"; say it in the words of the link', line=self._line
            )
        url = phrase(str(node.attrs["href"]), self._body, line=self._line)
        return Link(url, tuple(self._inlines(node.children)))

    def _unsupported(self, node: SyntaxTreeNode) -> UnsupportedMarkdownError:
        problem = HTML.format(_first_tag(node.content))
        if node.type == "image":
            problem = "write a picture as '::: image ADDRESS | words for it | 560x300' and ':::'"
        return UnsupportedMarkdownError(problem, line=self._line)


def read_inline(text: str, body: Protected, *, line: int) -> tuple[Inline, ...]:
    """Read the words of a title or label."""
    blocks = read_markdown(Chunk((text.strip(),), (line,)), body) if text.strip() else ()
    if not blocks:
        return ()
    if len(blocks) == 1 and isinstance(blocks[0], Paragraph):
        return blocks[0].children
    raise UnsupportedMarkdownError("only words can stand here, no heading or list", line=line)


def phrase(text: str, body: Protected, *, line: int) -> Phrase:
    """Read an address or the words for a picture: literal text and fields, nothing else.

    Raises:
        UnsupportedMarkdownError: a condition or loop is in it.
    """
    parts = tuple(body.split(text.strip()))
    if any(isinstance(part, Piece) and part.kind is not PieceKind.FIELD for part in parts):
        raise UnsupportedMarkdownError(
            "no {% … %} or comment can stand in an address; write {{ first or second }}",
            line=line,
        )
    return Phrase(parts, line)


def _first_tag(content: str) -> str:
    found = re.search(r"<[^>\s]{0,30}", content)
    return f"'{found[0]}…'" if found else "a tag"
