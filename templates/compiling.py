"""An edition made ready: checked, turned into Jinja, compiled; then rendered for any reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from jinja2 import Template, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.exceptions import TemplateError as JinjaError

from templates.allow_list import HTML_RULES, MARKDOWN_RULES, Rules, check_names, check_tree
from templates.blocks import read_body
from templates.clicks import Clicks, written_in_page
from templates.context import build_context
from templates.depth import TOO_DEEP, place_of_depth
from templates.document import Document, parse_document
from templates.effort import limited_effort
from templates.email import Edition, Reader, RenderedEmail, Theme
from templates.errors import (
    DocumentError,
    HeaderLineError,
    JinjaSyntaxError,
    MissingValueError,
    RefusedJinjaError,
    RenderingError,
    TemplateError,
    ThemeFileError,
)
from templates.html_source import write_html
from templates.jinja_source import JinjaSource, source_as_written
from templates.pairing import check_closed
from templates.pieces import PieceKind, protect
from templates.sandbox import CONTEXT_NAMES, EmailEnvironment
from templates.syntax_advice import explain_syntax
from templates.text_layout import lay_out
from templates.text_source import write_text
from templates.tokens import theme_tokens

SUBJECT, PREHEADER, HTML, TEXT = "email/subject", "email/preheader", "email/html", "email/text"
FROM_NAME = "email/from_name"
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
GAPS = re.compile(r"\s*\n\s*")
JOINED_LISTS = re.compile(r"</(ul|ol)>\s*<\1>")
WITHOUT_TEXT: Final = "# {{ subject }}\n\n{{ preheader }}"  # for whole HTML that brings no text
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur", "yi"})


@dataclass(frozen=True)
class CompiledEdition:
    """An edition whose templates are compiled, with the way back from their lines to its own."""

    edition: Edition
    document: Document
    sources: Mapping[str, JinjaSource]
    templates: Mapping[str, Template]
    tokens: Mapping[str, Any]

    def render(self, reader: Reader) -> RenderedEmail:
        """Render the email; its CSS still stands in `<style>`.

        Raises:
            TemplateError: a value is missing or at fault; the text names the line.
        """
        context = self._context(reader)
        from_name = self._header("from_name", FROM_NAME, context)
        html = self._run(HTML, context)
        if not self.document.is_whole_html:
            html = JOINED_LISTS.sub("", GAPS.sub("\n", html))
        text = lay_out(self._run(TEXT, context))
        return RenderedEmail(context["subject"], context["preheader"], html, text, from_name)

    def write_page(self, reader: Reader) -> str:
        """Write the HTML part only, with every gap as it comes; errors as in `render`."""
        return self._run(HTML, self._context(reader))

    def _context(self, reader: Reader) -> dict[str, Any]:
        context = build_context(self.edition, reader)
        context["theme"] = self.tokens
        context["language"] = language = context["clinic"]["language"] or "en"
        context["direction"] = "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"
        context["subject"] = self._header("subject", SUBJECT, context)
        context["preheader"] = self._header("preheader", PREHEADER, context)
        return context

    def _header(self, header: str, source: str, context: Mapping[str, Any]) -> str:
        line = " ".join(self._run(source, context).split())
        if stray := CONTROL.search(line):
            raise HeaderLineError(header, stray[0], line=self.document.front.lines.get(header))
        return line

    def _run(self, source: str, context: Mapping[str, Any]) -> str:
        template = self.templates[source]
        with limited_effort(), _errors_placed(self.edition.theme, self.sources):
            return "".join(template.root_render_func(template.new_context(dict(context))))


def compile_edition(edition: Edition) -> CompiledEdition:
    """Check and compile an edition.

    Raises:
        TemplateError: the document or theme is at fault; the text names the line.
    """
    document = parse_document(edition.document)
    try:
        return _compile(edition, document)
    except RecursionError as error:
        raise RenderingError(TOO_DEEP, line=document.body_line) from error


def _compile(edition: Edition, document: Document) -> CompiledEdition:
    tokens = theme_tokens(edition.theme, edition.clinic)
    html = write_page(document, Clicks(edition.clinic, page=edition.click_page))
    front = document.front
    text = front.text if document.is_whole_html else document.body
    text_line = front.lines.get("text", 1) if document.is_whole_html else document.body_line
    texts = {
        SUBJECT: _read_line(front.subject, front.lines.get("subject", 1)),
        PREHEADER: _read_line(front.preheader, front.lines.get("preheader", 1)),
        FROM_NAME: _read_line(front.from_name, front.lines.get("from_name", 1)),
        TEXT: _write_text((text.strip("\n") and text) or WITHOUT_TEXT, text_line),
    }
    sources = {HTML: html, **texts}
    templates = _load(edition, {HTML: html}, autoescape=True)
    templates |= _load(edition, texts, autoescape=False)
    return CompiledEdition(edition, document, sources, templates, tokens)


def write_page(document: Document, clicks: Clicks) -> JinjaSource:
    """Write the HTML part of a document as Jinja source.

    Raises:
        DocumentError: it is at fault.
    """
    body, line = document.body, document.body_line
    if document.is_whole_html:
        _check_source(body, line, HTML_RULES)
        return source_as_written(written_in_page(body, clicks), first_line=line)
    _check_source(body, line, MARKDOWN_RULES)
    return write_html(read_body(body, first_line=line), clicks)


def _write_text(body: str, line: int) -> JinjaSource:
    _check_source(body, line, MARKDOWN_RULES)
    return write_text(read_body(body, first_line=line))


def _read_line(text: str, line: int) -> JinjaSource:
    _check_source(text, line, MARKDOWN_RULES)
    return source_as_written(text, first_line=line)


_READING = EmailEnvironment({}, autoescape=True)


def _check_source(text: str, first_line: int, rules: Rules) -> None:
    """See that Jinja understands what was written and that it is allowed, before it is used."""
    pieces = protect(text, first_line=first_line).pieces
    statements = [piece for piece in pieces if piece.kind is PieceKind.STATEMENT]
    if rules is MARKDOWN_RULES:
        check_closed(statements)
    try:
        tree = _READING.parse(text)
        check_tree(tree, rules)
        check_names(tree, CONTEXT_NAMES)
    except TemplateSyntaxError as error:
        line = first_line + error.lineno - 1
        raise JinjaSyntaxError(explain_syntax(error.message or ""), line=line) from error
    except DocumentError as error:
        raise error.at_offset(first_line - 1) from error.__cause__
    except RecursionError as error:
        line = first_line + max(place_of_depth(error)[1], 1) - 1
        raise RenderingError(TOO_DEEP, line=line) from error
    except (ValueError, OverflowError, MemoryError) as error:
        raise RenderingError(str(error), line=first_line) from error


def _load(
    edition: Edition, sources: Mapping[str, JinjaSource], *, autoescape: bool
) -> dict[str, Template]:
    texts = {name: source.text for name, source in sources.items()}
    environment = EmailEnvironment({**edition.theme.files, **texts}, autoescape=autoescape)
    with _errors_placed(edition.theme, sources):
        return {name: environment.get_template(name) for name in sources}


@contextmanager
def _errors_placed(theme: Theme, sources: Mapping[str, JinjaSource]) -> Iterator[None]:
    """Turn whatever goes wrong into an error that names the marketer's line, or the theme's."""
    try:
        yield
    except TemplateSyntaxError as error:
        misread = JinjaSyntaxError(explain_syntax(error.message or ""))
        raise _placed(misread, (error.name or "", error.lineno), theme, sources) from error
    except Exception as error:
        place, problem = _place(error, sources), _in_words(error)
        if isinstance(error, RecursionError | SyntaxError) and not place[0]:
            place, problem = place_of_depth(error), RenderingError(TOO_DEEP)
        raise _placed(problem, place, theme, sources) from error


def _in_words(error: Exception) -> TemplateError:
    if isinstance(error, TemplateError):
        return error
    if isinstance(error, UndefinedError):
        return MissingValueError(str(error.message))
    if isinstance(error, SecurityError):
        return RefusedJinjaError("this", str(error.message))
    if isinstance(error, JinjaError):
        return RenderingError(str(error.message))
    return RenderingError(f"{error}" or type(error).__name__)


def _place(error: Exception, sources: Mapping[str, JinjaSource]) -> tuple[str, int]:
    """Find the template and line at fault: the document's own, else the theme's."""
    if isinstance(error, DocumentError) and error.name != "document":
        return error.name, error.line or 1  # found while compiling: no template was running yet
    places = list(_places(error.__traceback__))
    ours = [(name, line) for name, line in places if _is_ours(name, line, sources)]
    return (ours or places or [("", 0)])[-1]


def _is_ours(name: str, line: int, sources: Mapping[str, JinjaSource]) -> bool:
    # A line without a document line is the `extends` that every email begins with.
    return name in sources and sources[name].document_line(line) is not None


def _placed(
    error: TemplateError, place: tuple[str, int], theme: Theme, sources: Mapping[str, JinjaSource]
) -> TemplateError:
    name, line = place
    if not isinstance(error, DocumentError) or not name:
        return error
    if name in sources:
        error.line, error.name = sources[name].document_line(line), "document"
        return error
    return ThemeFileError(theme.owner_of(name), name, problem=f"line {line}: {error.problem}")


def _places(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    """Give the template lines on the way to an error, outermost first."""
    while traceback is not None:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            line = template.get_corresponding_lineno(traceback.tb_lineno)
            yield template.name or "", line
        traceback = traceback.tb_next
