"""One edition compiled: the header lines, the page and the text, each as far as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Template, nodes
from jinja2.runtime import Context

from templates.compiler.entities import ReaderError
from templates.compiler.joining import tidied, tidied_words
from templates.compiler.pages import InlinedPage, inline_page
from templates.compiler.parts import Parts, Words
from templates.compiler.placeholders import KeysNeededError
from templates.compiler.rehearsal import rehearse
from templates.compiler.residual import ResidualEnvironment, compile_parts
from templates.compiler.statements import Statements
from templates.compiler.text_part import plan_text, without_gaps
from templates.compiler.transfer import TransferEnvironment, encoded
from templates.compiler.values import Dynamic, UnprovableError
from templates.compiler.variants import Splits, Variants
from templates.compiling import (
    CONTROL,
    FROM_NAME,
    HTML,
    PREHEADER,
    RIGHT_TO_LEFT,
    SUBJECT,
    TEXT,
    CompiledEdition,
)
from templates.context import build_context, plain_mapping
from templates.effort import limited_effort
from templates.email import Edition, EncodedEmail, Reader, RenderedEmail
from templates.errors import HeaderLineError
from templates.inlining import LARGEST_HTML, MOST_ELEMENTS
from templates.jinja_source import JinjaSource
from templates.sandbox import EmailEnvironment
from templates.text_layout import lay_out

OPEN_NAMES: Final = frozenset({"subscriber", "links"})


@dataclass(frozen=True)
class Variant:
    """Everything of an email for the readers whose keys are the same."""

    lines: Mapping[str, Line]  # subject and preheader, which the rest may use
    from_name: Line
    html: Template
    encoded_html: Template
    text: TextTemplates
    page: InlinedPage
    before: Parts  # the page before inlining

    def render(self, context: dict[str, Any]) -> RenderedEmail:
        """Render for one reader."""
        with limited_effort():
            running = self._begin(context)
            html = self._checked(run(self.html, running))
            text = self.text.write(running)
            from_name = self.from_name.write(running)
            return RenderedEmail(*self._header_lines(running), html, text, from_name)

    def render_encoded(self, context: dict[str, Any]) -> EncodedEmail:
        """Render for one reader as it goes over the wire."""
        with limited_effort():
            running = self._begin(context)
            html = self._checked(run(self.encoded_html, running)).encode("ascii")
            text = self.text.write_encoded(running)
            from_name = self.from_name.write(running)
            return EncodedEmail(*self._header_lines(running), html, text, from_name)

    def _begin(self, context: dict[str, Any]) -> Context:
        """Make the context that all templates of the variant run in; header lines go into it."""
        running = self.html.new_context(context)
        for name, line in self.lines.items():
            running.vars[name] = line.write(running)
        return running

    @staticmethod
    def _header_lines(running: Context) -> tuple[str, str]:
        return running.vars["subject"], running.vars["preheader"]

    def _checked(self, html: str) -> str:
        """Leave what may be too large to the fallback, which counts exactly.

        Raises:
            ReaderError: the page may have more than an email has.
        """
        size = len(html)
        if size > LARGEST_HTML or self.page.most_elements(size) > MOST_ELEMENTS:
            raise ReaderError("the page grows large")
        return html


@dataclass(frozen=True)
class TextTemplates:
    """The text part: planned and compiled, or laid out as a whole for each reader."""

    template: Template
    encoded: Template | None
    why_not: UnprovableError | None = None

    def write(self, context: Context) -> str:
        """Write the text part for one reader."""
        text = run(self.template, context)
        return lay_out(text) if self.encoded is None else without_gaps(text)

    def write_encoded(self, context: Context) -> bytes:
        """Write the text part for one reader as it goes over the wire."""
        if self.encoded is None:
            return encoded(self.write(context)).encode("ascii")
        return without_gaps(run(self.encoded, context), "\r\n").encode("ascii")


def compile_text(parts: Parts) -> TextTemplates:
    """Compile the text part."""
    try:
        plan = plan_text(parts)
    except UnprovableError as why:
        return TextTemplates(compile_parts(parts, ResidualEnvironment(autoescape=False)), None, why)
    filters = plan.filters()
    plain = ResidualEnvironment(autoescape=False, filters=filters)
    transfer = TransferEnvironment(autoescape=False, filters=filters)
    return TextTemplates(
        compile_parts(plan.parts, plain), compile_parts(plan.parts, transfer, encoded)
    )


@dataclass(frozen=True)
class Line:
    """A header line: known, or a template."""

    known: str | None
    template: Template

    @property
    def is_open(self) -> bool:
        """Whether a reader decides about it."""
        return self.known is None

    def write(self, context: Context) -> str:
        """Write the line for one reader."""
        return self.known if self.known is not None else as_line(run(self.template, context))


def as_line(text: str) -> str:
    """Make one line of what was written.

    Raises:
        HeaderLineError: it holds a control character.
    """
    line = " ".join(text.split())
    if stray := CONTROL.search(line):
        raise HeaderLineError("line", stray[0])
    return line


def run(template: Template, context: Context) -> str:
    """Run a compiled template."""
    return "".join(template.root_render_func(context))


class Compilation:
    """Compiles an edition for the readers who are at the same place of the series."""

    def __init__(self, compiled: CompiledEdition, reader: Reader) -> None:
        self._compiled = compiled
        self._lines = ResidualEnvironment(autoescape=False)
        self._shape = Shape(compiled.edition)
        self._known = _known_names(compiled, reader)
        self.variants: Variants[Variant] = Variants(self._compile, self._lines)
        self.tried: set[int] = set()  # variants that were right for a real reader

    @property
    def sources(self) -> Mapping[str, JinjaSource]:
        """What the templates were written from, with the way back to the document's lines."""
        return self._compiled.sources

    def context(self, reader: Reader) -> dict[str, Any]:
        """Give what a variant needs of a reader.

        Raises:
            NotPlainValueError: a value is an object.
        """
        return self._shape.context(reader)

    def edition_rendered(self, reader: Reader) -> RenderedEmail:
        """Render without compiling; the CSS still stands in `<style>`."""
        return self._compiled.render(reader)

    def _compile(self, decisions: dict[str, object], splits: Splits) -> Variant:
        with limited_effort():
            given = dict(self._known)
            lines = {}
            for name, source in (("subject", SUBJECT), ("preheader", PREHEADER)):
                lines[name] = line = self._line(source, given, decisions)
                given[name] = Dynamic(nodes.Name(name, "load")) if line.is_open else line.known
            from_name = self._line(FROM_NAME, given, decisions)
            before = self._evaluate(HTML, given, decisions, splits)
            text_parts = self._evaluate(TEXT, given, decisions, splits)
        try:
            is_whole = self._compiled.document.is_whole_html
            before = before if is_whole else tidied(before)
            page = inline_page(before, str if is_whole else tidied_words)
            rehearse(before, page, str if is_whole else tidied_words)
        except KeysNeededError as needed:
            needed.parts = before
            raise
        plain = ResidualEnvironment(autoescape=True, styles=page.styles)
        transfer = TransferEnvironment(autoescape=True, styles=page.styles)
        return Variant(
            lines,
            from_name,
            compile_parts(page.parts, plain),
            compile_parts(page.parts, transfer, encoded),
            compile_text(text_parts),
            page,
            before,
        )

    def _line(self, source: str, given: Mapping[str, Any], decisions: dict[str, object]) -> Line:
        """Compile a header line."""
        parts = self._evaluate(source, given, decisions, {})
        known: str | None = None
        if all(isinstance(part, Words) for part in parts):
            known = as_line("".join(part.text for part in parts if isinstance(part, Words)))
        return Line(known, compile_parts(parts, self._lines))

    def _evaluate(
        self, source: str, given: Mapping[str, Any], decisions: dict[str, object], splits: Splits
    ) -> Parts:
        environment = self._compiled.templates[source].environment
        assert isinstance(environment, EmailEnvironment)  # noqa: S101 -- made by compiling
        statements = Statements(
            environment, decisions=decisions, top_names=set(OPEN_NAMES), splits=splits
        )
        return statements.page(source, dict(given))


class Shape:
    """What readers have in common: the fields any of them may have."""

    def __init__(self, edition: Edition) -> None:
        empty = build_context(edition, Reader({}))
        self._fields: dict[str, Any] = empty["subscriber"]

    def context(self, reader: Reader) -> dict[str, Any]:
        return {
            "subscriber": self._fields | plain_mapping(reader.subscriber, "subscriber"),
            "links": plain_mapping(reader.links, "links"),
        }


def _known_names(compiled: CompiledEdition, reader: Reader) -> dict[str, Any]:
    """Give every name that is worth the same for all readers at this place of the series."""
    known = build_context(compiled.edition, Reader({}, {}, reader.series))
    known["theme"] = compiled.tokens
    known["language"] = language = known["clinic"]["language"] or "en"
    known["direction"] = "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"
    return known | {name: Dynamic(nodes.Name(name, "load")) for name in OPEN_NAMES}
