"""The content of an email as a tree: what both the HTML and the text part are written from."""

from __future__ import annotations

from dataclasses import dataclass

from templates.pieces import Piece


@dataclass(frozen=True)
class Phrase:
    """Words and fields that make one value: an address, the words for a picture."""

    parts: tuple[str | Piece, ...]
    line: int

    @property
    def is_plain(self) -> bool:
        """Whether no Jinja is in it."""
        return all(isinstance(part, str) for part in self.parts)

    @property
    def plain(self) -> str:
        """The words without the Jinja."""
        return "".join(part for part in self.parts if isinstance(part, str))


@dataclass(frozen=True)
class Words:
    """Literal text."""

    text: str


@dataclass(frozen=True)
class Field:
    """A value that is filled in: `{{ … }}`."""

    piece: Piece


@dataclass(frozen=True)
class Statement:
    """Half of a condition or loop, or a `set`: `{% … %}`; stands among words or among blocks."""

    piece: Piece


@dataclass(frozen=True)
class LineBreak:
    """A line ends here whatever the width."""


@dataclass(frozen=True)
class Strong:
    """Bold words."""

    children: tuple[Inline, ...]


@dataclass(frozen=True)
class Emphasis:
    """Italic words."""

    children: tuple[Inline, ...]


@dataclass(frozen=True)
class Link:
    """Words that lead somewhere."""

    url: Phrase
    children: tuple[Inline, ...]


Inline = Words | Field | Statement | LineBreak | Strong | Emphasis | Link


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; a tight one is the only text of a list item and takes no space around it."""

    children: tuple[Inline, ...]
    is_tight: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 or 2."""

    level: int
    children: tuple[Inline, ...]


@dataclass(frozen=True)
class Listing:
    """A list: numbered from `start`, or with bullets when that is None."""

    items: tuple[tuple[Block, ...], ...]
    start: int | None = None


@dataclass(frozen=True)
class Quote:
    """Somebody else's words."""

    children: tuple[Block, ...]


@dataclass(frozen=True)
class Divider:
    """A line between two thoughts."""


@dataclass(frozen=True)
class Tip:
    """A box that stands out: one thing to try."""

    title: tuple[Inline, ...]
    children: tuple[Block, ...]


@dataclass(frozen=True)
class Button:
    """The one thing to do next; left out where its address is empty."""

    url: Phrase
    label: tuple[Inline, ...]


@dataclass(frozen=True)
class Image:
    """A picture; without words for it, it is taken for decoration."""

    url: Phrase
    alt: Phrase
    width: int
    height: int


@dataclass(frozen=True)
class Columns:
    """Two columns side by side, one below the other on phones."""

    left: tuple[Block, ...]
    right: tuple[Block, ...]


Block = Paragraph | Heading | Listing | Quote | Divider | Tip | Button | Image | Columns | Statement
