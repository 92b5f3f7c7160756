"""Which line wrote the place of a page that is refused?

A page is refused as a tree, when Jinja has long written it. So it is written once more, with a
mark before every line and every field that says where it stands; what the marks are in front of
is the same page, or no line is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from jinja2 import nodes

from templates.compiling import HTML, CompiledEdition
from templates.email import Reader
from templates.errors import (
    InliningError,
    OutsideStyleError,
    TemplateError,
    ThemeFileError,
    UnsafeLinkError,
)
from templates.inlining import parse_for_inlining
from templates.sandbox import EmailEnvironment

# Signs that no document may hold, and that vanish where a value is made of what was written.
_DIGITS: Final = str.maketrans({str(digit): chr(0xFDE0 + digit) for digit in range(10)})
_MARK: Final = re.compile("([\ufde0-\ufde9]+)\ufdea")
_LONGEST_TAG: Final = 40  # lines
_IMPORT: Final = re.compile(r"@\s*(?:import|\\)", re.IGNORECASE)


@contextmanager
def page_errors_placed(compiled: CompiledEdition, reader: Reader) -> Iterator[None]:
    """Name the line of the document, or of the theme, in what inlining refuses."""
    try:
        yield
    except (InliningError, UnsafeLinkError) as error:
        raise _placed(error, compiled, reader) from error.__cause__


def _placed(
    error: InliningError | UnsafeLinkError, compiled: CompiledEdition, reader: Reader
) -> TemplateError:
    place = _place(compiled, reader)
    error.within("document")
    if place is None:
        return error.at(compiled.document.body_line)  # it is about the whole page
    name, line = place
    if name in compiled.sources:
        return error.at(compiled.sources[name].document_line(line))
    theme = compiled.edition.theme
    return ThemeFileError(theme.owner_of(name), name, problem=f"line {line}: {error.problem}")


def _place(compiled: CompiledEdition, reader: Reader) -> tuple[str, int] | None:
    ours = compiled.templates[HTML].environment
    assert isinstance(ours, EmailEnvironment)  # noqa: S101 -- made by compiling
    environment = MarkingEnvironment(ours.sources)
    marking = {**compiled.templates, HTML: environment.get_template(HTML)}
    try:
        marked = replace(compiled, templates=marking).write_page(reader)
    except TemplateError:
        return None  # the marks made it too large
    plain = _MARK.sub("", marked)
    if plain != compiled.write_page(reader):
        return None
    line = _refused_line(plain)
    return environment.place_in(marked, line) if line else None


def _refused_line(html: str) -> int:
    """Find the line of a page on which what is refused begins; 0 if it is the page as a whole."""
    blank = len(html) - len(html.lstrip())
    try:
        parse_for_inlining(html)
    except (InliningError, UnsafeLinkError) as error:
        if not error.page_line:
            return 0
        end = error.page_line + html.count("\n", 0, blank)
        return _beginning(html.split("\n"), end, error)
    return 0


def _beginning(lines: list[str], end: int, error: InliningError | UnsafeLinkError) -> int:
    """Go from the line on which a tag ends, which is all the parser tells, to what is wrong."""
    if isinstance(error, OutsideStyleError):
        for number, line in enumerate(lines[end - 1 :], start=end):
            if _IMPORT.search(line):
                return number
    above = range(end, max(0, end - _LONGEST_TAG), -1)
    begins = (number for number in above if error.page_tag in lines[number - 1].lower())
    return next(begins, end)


class MarkingEnvironment(EmailEnvironment):
    """Writes a mark before every line and every field of its templates."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        super().__init__(sources, autoescape=True)
        self.bytecode_cache = None  # its code is another one
        self._places: list[tuple[str, int]] = []

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for output in list(tree.find_all(nodes.Output)):
            output.nodes = list(self._marked(output, name or ""))
        return tree

    def _marked(self, output: nodes.Output, name: str) -> Iterator[nodes.Expr]:
        for node in output.nodes:
            if not isinstance(node, nodes.TemplateData):
                yield nodes.TemplateData(self._mark(name, node.lineno), lineno=node.lineno)
                yield node
                continue
            lines = node.data.split("\n")
            text = "\n".join(
                self._mark(name, number) + line for number, line in enumerate(lines, node.lineno)
            )
            yield nodes.TemplateData(text, lineno=node.lineno)

    def _mark(self, name: str, line: int) -> str:
        self._places.append((name, line))
        return f"{len(self._places) - 1}\ufdea".translate(_DIGITS)

    def place_in(self, marked: str, line: int) -> tuple[str, int] | None:
        """Give the place of what a line of the page begins with."""
        lines = marked.split("\n")
        begun = _MARK.findall("\n".join(lines[: line - 1]))[-1:]
        words = _MARK.split(lines[line - 1])
        # Words and marks by turns: the first mark with words behind it, else what went on here.
        if not words[0].strip():
            written = zip(words[1::2], words[2::2], strict=True)
            begun = [mark for mark, text in written if text.strip()] or begun
        return self._places[_number(begun[0])] if begun else None


def _number(mark: str) -> int:
    return int("".join(str(ord(sign) - 0xFDE0) for sign in mark))
