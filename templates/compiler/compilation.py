"""One edition compiled: the header lines, the page and the text, each as far as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Template, nodes

from templates.compiler.joining import tidied, tidied_words
from templates.compiler.pages import InlinedPage, inline_page
from templates.compiler.parts import Parts, Words
from templates.compiler.placeholders import KeysNeededError
from templates.compiler.residual import ResidualEnvironment, compile_parts
from templates.compiler.statements import Statements
from templates.compiler.values import Dynamic
from templates.compiler.variants import Splits, Variants
from templates.compiling import (
    CONTROL,
    HTML,
    PREHEADER,
    RIGHT_TO_LEFT,
    SUBJECT,
    TEXT,
    CompiledEdition,
)
from templates.context import build_context, plain_mapping
from templates.effort import limited_effort
from templates.email import Edition, Reader, RenderedEmail
from templates.errors import HeaderLineError
from templates.sandbox import EmailEnvironment
from templates.text_layout import lay_out

OPEN_NAMES: Final = frozenset({"subscriber", "links"})


@dataclass(frozen=True)
class Variant:
    """Everything of an email for the readers whose keys are the same."""

    subject: Line
    preheader: Line
    html: Template
    text: Template
    page: InlinedPage
    before: Parts  # the page before inlining
    text_parts: Parts

    def render(self, context: dict[str, Any]) -> RenderedEmail:
        """Render for one reader."""
        subject = context["subject"] = self.subject.write(context)
        preheader = context["preheader"] = self.preheader.write(context)
        html = run(self.html, context)
        return RenderedEmail(subject, preheader, html, lay_out(run(self.text, context)))


@dataclass(frozen=True)
class Line:
    """A header line: known, or a template."""

    known: str | None
    template: Template

    def write(self, context: Mapping[str, Any]) -> str:
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


def run(template: Template, context: Mapping[str, Any]) -> str:
    """Run a compiled template."""
    with limited_effort():
        return "".join(template.root_render_func(template.new_context(dict(context))))


class Compilation:
    """Compiles an edition for the readers who are at the same place of the series."""

    def __init__(self, compiled: CompiledEdition, reader: Reader) -> None:
        self._compiled = compiled
        self._lines = ResidualEnvironment(autoescape=False)
        self._shape = Shape(compiled.edition)
        self._known = _known_names(compiled, reader)
        self.variants: Variants[Variant] = Variants(self._compile, self._lines)

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
            subject = self._line(SUBJECT, "subject", given, decisions)
            preheader = self._line(PREHEADER, "preheader", given, decisions)
            before = self._evaluate(HTML, given, decisions, splits)
            text_parts = self._evaluate(TEXT, given, decisions, splits)
        try:
            is_whole = self._compiled.document.is_whole_html
            before = before if is_whole else tidied(before)
            page = inline_page(before, str if is_whole else tidied_words)
        except KeysNeededError as needed:
            needed.parts = before
            raise
        environment = ResidualEnvironment(autoescape=True, styles=page.styles)
        return Variant(
            subject,
            preheader,
            compile_parts(page.parts, environment),
            compile_parts(text_parts, self._lines),
            page,
            before,
            text_parts,
        )

    def _line(
        self, source: str, name: str, given: dict[str, Any], decisions: dict[str, object]
    ) -> Line:
        """Compile a header line and put it among the names the rest may use."""
        parts = self._evaluate(source, given, decisions, {})
        known: str | None = None
        if all(isinstance(part, Words) for part in parts):
            known = as_line("".join(part.text for part in parts if isinstance(part, Words)))
        given[name] = Dynamic(nodes.Name(name, "load")) if known is None else known
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
