"""What can be wrong with a document, a theme, or the values given to them."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any, Self


def suggest(word: str, known: Collection[str]) -> str:
    """Say which known word was probably meant, or name them all when there are few."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known are: {', '.join(sorted(known))}" if known else "there are none"


class TemplateError(Exception):
    """Anything wrong with a document, a theme, or the values given to them.

    The place is filled in by whoever knows it: a filter deep inside a rendering does not.
    """

    name = ""  # of what the line is a line of
    # Of what is found in the written page, until its place is known: where a tag ends, and which.
    page_line, page_tag = 0, "<"

    def __init__(self, problem: str, *, line: int | None = None) -> None:
        self.problem, self.line = problem, line
        super().__init__(problem)

    def at(self, line: int | None) -> Self:
        """Fill in the line, unless a better one is known already."""
        self.line = self.line or line
        return self

    def at_offset(self, lines: int) -> Self:
        """Count the line from further up: the part that was read begins below others."""
        self.line = self.line + lines if self.line else lines + 1
        return self

    def within(self, name: str) -> Self:
        """Fill in the name of the document."""
        self.name = name
        return self

    def __str__(self) -> str:
        """Say where, what, and what to do."""
        place = f"{self.name}, line {self.line}" if self.line else self.name
        return f"{place}: {self.problem}" if place else self.problem

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it cross from one process to another as it is: its kind, its data, its words."""
        return _revived, (type(self), self.args, self.__dict__)


def _revived(kind: type[TemplateError], words: tuple[Any, ...], data: dict[str, Any]) -> Any:
    error = kind.__new__(kind)
    error.args = words
    error.__dict__.update(data)
    return error


class DocumentError(TemplateError, ValueError):
    """Something is wrong at one place of an email document."""

    name = "document"


class UnreadableTextError(DocumentError):
    """The bytes are not UTF-8 text."""

    def __init__(self, byte: int, *, line: int) -> None:
        self.byte = byte
        super().__init__(f"byte 0x{byte:02x} is not UTF-8 text; save the file as UTF-8", line=line)


class ForbiddenCharacterError(DocumentError):
    """A character nobody can see or type on purpose stands in a document."""

    def __init__(self, character: str, *, line: int) -> None:
        self.character = character
        super().__init__(
            f"invisible character U+{ord(character):04X}; delete it and type the place anew",
            line=line,
        )


class TooLongError(DocumentError):
    """A document, or one part of it, is longer than any email needs."""

    def __init__(
        self,
        part: str,
        size: int,
        *,
        limit: int,
        line: int | None = None,
        unit: str = "characters",
    ) -> None:
        self.part, self.size, self.limit, self.unit = part, size, limit, unit
        super().__init__(f"{part} is too long: {size:,} {unit}; keep it under {limit:,}", line=line)


class FrontMatterError(DocumentError):
    """The lines between the two `---` cannot be understood."""


class UnknownKeyError(FrontMatterError):
    """The front matter has a key nobody reads."""

    def __init__(self, key: str, known: Collection[str], *, line: int) -> None:
        self.key, self.known = key, known
        super().__init__(f"unknown key '{key}'; {suggest(key, known)}", line=line)


class JinjaSyntaxError(DocumentError):
    """A Jinja piece is not closed, not opened, or not understood."""


class JinjaCrossingError(DocumentError):
    """A condition or loop opens inside a paragraph or block and closes outside it."""

    def __init__(self, word: str, *, line: int) -> None:
        self.word = word
        super().__init__(
            f"{{% {word} %}} has its other half outside the paragraph, list, bold words or block "
            "it stands in; put both halves inside, or both on lines of their own around it",
            line=line,
        )


class RefusedJinjaError(DocumentError):
    """A Jinja piece does something an email does not need and an attack would."""

    def __init__(self, what: str, advice: str, *, line: int | None = None) -> None:
        self.what, self.advice = what, advice
        super().__init__(f"{what} is not allowed here; {advice}", line=line)


class UnknownNameError(DocumentError):
    """A field, filter or test has a name nobody knows."""

    def __init__(
        self, kind: str, name: str, *, known: Collection[str], line: int | None = None
    ) -> None:
        self.kind, self.unknown, self.known = kind, name, known
        super().__init__(f"there is no {kind} called '{name}'; {suggest(name, known)}", line=line)


class UnknownBlockError(DocumentError):
    """A `:::` block has a kind that does not exist."""

    def __init__(self, kind: str, known: Collection[str], *, line: int) -> None:
        self.kind, self.known = kind, known
        super().__init__(f"there is no block '::: {kind}'; {suggest(kind, known)}", line=line)


class BlockError(DocumentError):
    """A `:::` block is not closed, not opened, or not written as it must be."""


class UnsupportedMarkdownError(DocumentError):
    """Markdown or HTML that emails do not use."""


class UnsafeLinkError(DocumentError):
    """An address is no http, https, mailto or tel link."""

    def __init__(self, url: str, *, line: int | None = None) -> None:
        self.url = url
        super().__init__(
            f"cannot link to {url[:80]!r}; use an address that begins with "
            "https://, http://, mailto: or tel:",
            line=line,
        )


class MissingValueError(DocumentError):
    """A name is used that this reader or clinic has no value for."""


class RenderingError(DocumentError):
    """A Jinja piece failed while an email was being written."""

    def __init__(self, cause: str, *, line: int | None = None) -> None:
        self.cause = cause
        super().__init__(f"this cannot be worked out: {cause}; simplify it", line=line)


class EffortError(DocumentError):
    """A document makes the machine work, or write, more than any email needs."""

    def __init__(self, what: str, limit: int, *, line: int | None = None) -> None:
        self.what, self.limit = what, limit
        super().__init__(f"too much work: more than {limit:,} {what}; simplify it", line=line)


class HeaderLineError(DocumentError):
    """A subject or preheader has a control character in it."""

    def __init__(self, header: str, character: str, *, line: int | None = None) -> None:
        self.header, self.character = header, character
        super().__init__(
            f"the {header} has a control character, U+{ord(character):04X}; delete it", line=line
        )


class NotPlainValueError(TemplateError, TypeError):
    """A value is an object, where templates take text, numbers, lists and mappings only."""

    def __init__(self, path: str, kind: str) -> None:
        self.path, self.kind = path, kind
        super().__init__(f"{path} is a {kind}; give text, a number, a list or a mapping")


class ThemeError(TemplateError, ValueError):
    """Something is wrong with a theme."""


class UnknownThemeError(ThemeError):
    """No folder holds a theme of this name."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        self.theme, self.known = name, known
        super().__init__(f"there is no theme called '{name}'; {suggest(name, known)}")


class ThemeFileError(ThemeError):
    """A file of a theme is missing or cannot be used."""

    def __init__(self, theme: str, file: str, *, problem: str) -> None:
        self.theme, self.file, self.problem = theme, file, problem
        super().__init__(f"theme '{theme}', {file}: {problem}")


class ColourError(ThemeError):
    """A colour is not written as six hexadecimal digits."""

    def __init__(self, colour: str, place: str) -> None:
        self.colour, self.place = colour, place
        super().__init__(f"{place} is no colour: {colour!r}; write it like #1f5c50")


class InliningError(TemplateError):
    """The HTML or its CSS cannot be prepared for mail programs.

    No ValueError: cssutils swallows those. Until its place is found, it is about the page.
    """


class EmptyHtmlError(InliningError):
    """There is no HTML to prepare."""

    def __init__(self) -> None:
        super().__init__("the email has no HTML at all; write something below the front matter")


class TooLargeError(InliningError):
    """The HTML has more elements, or more style rules, than any email needs."""

    def __init__(self, what: str, count: int, *, limit: int) -> None:
        self.what, self.count, self.limit = what, count, limit
        super().__init__(f"the email has {count:,} {what}; keep to {limit:,}")


class OutsideStyleError(InliningError):
    """A style sheet would be fetched from elsewhere."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what} would fetch styles from elsewhere; copy them into a <style>")


class ActiveContentError(InliningError):
    """The HTML has something that runs, loads or submits, which no email may."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what} does not belong in an email; remove it")


class MalformedStyleError(InliningError):
    """A `style` attribute holds no declaration."""

    def __init__(self, style: str, tag: str) -> None:
        self.style, self.tag = style, tag
        super().__init__(
            f"style {style[:60]!r} of <{tag}> is no declaration; write it like 'color:#1f5c50'"
        )


class InlinerFailedError(InliningError):
    """The inliner itself broke down on this HTML."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(f"the styles cannot be inlined: {cause}; simplify the style sheet")


class StoppedError(TemplateError):
    """Compiling or previewing an email took more than it may."""

    def __init__(self, what: str, limit: str) -> None:
        self.what, self.limit = what, limit
        super().__init__(f"this email takes too much {what}: more than {limit}; simplify it")
