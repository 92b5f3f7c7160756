"""Content written as Jinja source for the HTML part; the theme's macros draw the blocks."""

from __future__ import annotations

from html import escape

from templates.clicks import Clicks
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
from templates.errors import UnsafeLinkError
from templates.jinja_source import JinjaSource, SourceWriter
from templates.links import check_link

BEFORE = '{% extends "layout.html" %}{% import "blocks.html" as blocks %}{% block content %}'
AFTER = "{% endblock %}"


def write_html(blocks: tuple[Block, ...], clicks: Clicks) -> JinjaSource:
    """Write the HTML part of an email; links lead where `clicks` says.

    Raises:
        UnsafeLinkError: a literal address may not be linked to.
    """
    writing = _Writing(clicks)
    writing.out.write(BEFORE)
    writing.blocks(blocks)
    writing.out.write(AFTER)
    return writing.out.finish()


class _Writing:
    """Goes through the content; literal text is escaped here, values by Jinja."""

    def __init__(self, clicks: Clicks) -> None:
        self.out = SourceWriter()
        self._clicks = clicks

    def blocks(self, blocks: tuple[Block, ...]) -> None:
        for block in blocks:
            self._block(block)
            self.out.write("\n")

    def _block(self, block: Block) -> None:
        match block:
            case Statement():
                self.out.write_statement(block.piece)
            case Paragraph(is_tight=True):
                self._words(block.children)
            case Paragraph():
                self._element("p", block.children)
            case Heading():
                self._element(f"h{block.level}", block.children)
            case Listing():
                self._listing(block)
            case _:
                self._drawn_block(block)

    def _drawn_block(self, block: Quote | Divider | Tip | Button | Image | Columns) -> None:
        """Write a block that a macro of the theme draws."""
        match block:
            case Quote():
                self._called("quote()", block.children)
            case Divider():
                self.out.write("{{ blocks.divider() }}")
            case Tip():
                self._tip(block)
            case Button():
                self._button(block)
            case Image():
                self._image(block)
            case Columns():
                self._columns(block)

    def _element(self, tag: str, children: tuple[Inline, ...]) -> None:
        self.out.write(f"<{tag}>")
        self._words(children)
        self.out.write(f"</{tag}>")

    def _listing(self, block: Listing) -> None:
        tag = "ul" if block.start is None else "ol"
        start = f' start="{block.start}"' if block.start not in (None, 1) else ""
        self.out.write(f"<{tag}{start}>\n")
        for item in block.items:
            self.out.write("<li>")
            self.blocks(item)
            self.out.write("</li>\n")
        self.out.write(f"</{tag}>")

    def _called(self, macro: str, children: tuple[Block, ...]) -> None:
        self.out.write(f"{{% call blocks.{macro} %}}")
        self.blocks(children)
        self.out.write("{% endcall %}")

    def _open_call(self, macro: str, url: Phrase) -> None:
        self.out.write("{%")
        self.out.begin_line(url.line)
        self.out.write(f"call blocks.{macro}(")
        self.out.write_expression(url)
        self.out.write(") %}")

    def _tip(self, block: Tip) -> None:
        # Side "title" and side "body" of one call: both may hold fields and bold words.
        self.out.write('{% call(side) blocks.tip() %}{% if side == "title" %}')
        self._words(block.title)
        self.out.write("{% else %}")
        self.blocks(block.children)
        self.out.write("{% endif %}{% endcall %}")

    def _button(self, block: Button) -> None:
        _check_plain(block.url)
        self._open_call("button", self._clicks.written(block.url))
        self._words(block.label)
        self.out.write("{% endcall %}")

    def _image(self, block: Image) -> None:
        _check_plain(block.url)
        self.out.write("{{")
        self.out.begin_line(block.url.line)
        self.out.write("blocks.image(")
        self.out.write_expression(block.url)
        self.out.write(", ")
        self.out.write_expression(block.alt)
        self.out.write(f", {block.width}, {block.height}) }}}}")

    def _columns(self, block: Columns) -> None:
        self.out.write('{% call(side) blocks.columns() %}{% if side == "left" %}')
        self.blocks(block.left)
        self.out.write("{% else %}")
        self.blocks(block.right)
        self.out.write("{% endif %}{% endcall %}")

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
                    self.out.write("<br>\n")
                case Strong():
                    self._element("strong", child.children)
                case Emphasis():
                    self._element("em", child.children)
                case Link():
                    self._link(child)

    def _link(self, link: Link) -> None:
        url = _check_plain(link.url)
        written = self._clicks.written(link.url, words=link.children)
        if written.is_plain:
            self.out.write(f'<a href="{literal(url)}">')
            self._words(link.children)
            self.out.write("</a>")
        else:
            self._open_call("link", written)
            self._words(link.children)
            self.out.write("{% endcall %}")


def _check_plain(url: Phrase) -> str:
    """Check an address that holds no field now, rather than at the first email."""
    try:
        return check_link(url.plain) if url.is_plain else ""
    except UnsafeLinkError as error:
        raise error.at(url.line) from error.__cause__


def literal(text: str) -> str:
    """Write text so that neither HTML nor Jinja sees a sign of its own in it."""
    return escape(text).replace("{", "&#123;")
