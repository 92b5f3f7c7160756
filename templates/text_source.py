"""Content written as Jinja source for the plain text part.

What is rendered from it still has marks for the structure; `text_layout` turns them into lines
afterwards, when the real values are in and can be wrapped.
"""

from __future__ import annotations

from templates.content import (
    Block,
    Button,
    Columns,
    Divider,
    Emphasis,
    Field,
    Heading,
    Image,
    Inline,
    LineBreak,
    Link,
    Listing,
    Paragraph,
    Phrase,
    Quote,
    Statement,
    Strong,
    Tip,
    Words,
)
from templates.jinja_source import JinjaSource, SourceWriter
from templates.text_layout import BREAK, CLOSE, NOTE, NOTE_END, OPEN, START

BEFORE = '{% extends "layout.txt" %}{% block content %}'
AFTER = "{% endblock %}"


def write_text(blocks: tuple[Block, ...]) -> JinjaSource:
    """Write the text part of an email."""
    writing = _Writing()
    writing.out.write(BEFORE)
    writing.blocks(blocks)
    writing.out.write(AFTER)
    return writing.out.finish()


class _Writing:
    """Goes through the content and marks where each block begins and ends."""

    def __init__(self) -> None:
        self.out = SourceWriter()

    def blocks(self, blocks: tuple[Block, ...]) -> None:
        for block in blocks:
            self._block(block)

    def _block(self, block: Block) -> None:
        match block:
            case Statement():
                self.out.write_statement(block.piece)
            case Paragraph():
                self._lines("tight" if block.is_tight else "paragraph", block.children)
            case Heading():
                self._lines(f"heading{block.level}", block.children)
            case Listing():
                self._listing(block)
            case _:
                self._drawn_block(block)

    def _drawn_block(self, block: Quote | Divider | Tip | Button | Image | Columns) -> None:
        match block:
            case Quote():
                self._around("quote", block.children)
            case Divider():
                self._around("divider", ())
            case Tip():
                self._tip(block)
            case Button():
                self._button(block)
            case Image():
                self._image(block)
            case Columns():
                self.blocks(block.left)
                self.blocks(block.right)

    def _lines(self, kind: str, children: tuple[Inline, ...]) -> None:
        self._open(kind)
        self._words(children)
        self._close()

    def _around(self, kind: str, children: tuple[Block, ...]) -> None:
        self._open(kind)
        self.blocks(children)
        self._close()

    def _listing(self, block: Listing) -> None:
        self._open("bullets" if block.start is None else f"numbers{block.start}")
        for item in block.items:
            self._around("item", item)
        self._close()

    def _tip(self, block: Tip) -> None:
        self._open("tip")
        self._lines("title", block.title)
        self.blocks(block.children)
        self._close()

    def _button(self, block: Button) -> None:
        self._open("button")
        self._words(block.label)
        self._note(block.url)
        self._close()

    def _image(self, block: Image) -> None:
        self._open("image")
        self.out.write("{{ ")
        self.out.write_expression(block.alt)
        self.out.write(" }}")
        self._close()

    def _open(self, kind: str) -> None:
        self.out.write(f"{OPEN}{kind}{START}")

    def _close(self) -> None:
        self.out.write(CLOSE)

    def _words(self, children: tuple[Inline, ...]) -> None:
        for child in children:
            match child:
                case Words():
                    self.out.write(literal(child.text))
                case Field():
                    self.out.write_field(child.piece)
                case Statement():
                    self.out.write_statement(child.piece)
                case LineBreak():
                    self.out.write(BREAK)
                case Strong() | Emphasis():
                    self._words(child.children)
                case Link():
                    self._words(child.children)
                    self._note(child.url)

    def _note(self, url: Phrase) -> None:
        self.out.write(f"{NOTE}{{{{ (")
        self.out.write_expression(url)
        self.out.write(f")|link }}}}{NOTE_END}")


def literal(text: str) -> str:
    """Write text so that Jinja sees no sign of its own in it."""
    return text.replace("{", '{{ "{" }}')
