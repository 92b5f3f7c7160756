"""The template of what is left: words and the parts a reader decides, as Jinja's own nodes.

Nothing is written as source and read again, so no quoting can go wrong. It is compiled in the
same environment as the original, so what is left means what it meant there. What was refused
before is not checked again; the budget for work is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from jinja2 import Template, nodes, pass_environment
from markupsafe import Markup, escape

from templates.compiler.parts import Attribute, Choice, Field, Part, Parts, Repeat, Words
from templates.compiler.styles import OpenStyle
from templates.compiler.treatments import BLOCK, LINK, NAME, SOURCE, STYLE
from templates.compiler.values import GLUE, WRITTEN, UnprovableError, glued
from templates.effort import EffortCounter
from templates.errors import UnsafeLinkError
from templates.links import check_link
from templates.safe_markup import SOURCES
from templates.sandbox import EmailEnvironment, finish_value

Filters: TypeAlias = Mapping[str, Callable[..., Any]]
# Addresses that come out of a parser and a writer as they went in.
_PLAIN_LINK = re.compile(r"(?:https?://[A-Za-z0-9.-]+|mailto:|tel:)[A-Za-z0-9._~:/?#@!$*+,;=%()-]*")
NUMBERED: Final = frozenset({STYLE, BLOCK})
_PLAIN_VALUE: Final = re.compile(r"[!-~]*")


class ReaderError(UnprovableError):
    """A reader's value is one for which the compiled form is not proven; the fallback takes it."""


class ResidualEnvironment(EmailEnvironment):
    """The environment of emails, for nodes that were checked when they were source."""

    def __init__(self, *, autoescape: bool, styles: Sequence[OpenStyle] = (), filters: Filters = MappingProxyType({})) -> None:
        super().__init__({}, autoescape=autoescape)
        self._styles = styles
        self.filters |= {
            GLUE: _glue,
            WRITTEN: _as_written,
            LINK: _link,
            SOURCE: _source,
            NAME: _anchor,
            STYLE: self._style,
            **filters,
        }

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        EffortCounter().visit(source)
        return super(EmailEnvironment, self)._generate(source, name, filename, defer_init)

    def _style(self, written: str, number: int) -> Markup:
        return self._styles[number](str(written))


def compile_parts(
    parts: Parts, environment: ResidualEnvironment, words: Callable[[str], str] = str
) -> Template:
    """Compile what is left of a page.

    Raises:
        UnprovableError: a part cannot be written as Jinja.
    """
    tree = nodes.Template(residual_nodes(parts, words), lineno=1)
    tree.set_environment(environment)
    return environment.from_string(tree)


def residual_nodes(parts: Parts, words: Callable[[str], str]) -> list[nodes.Node]:
    """Write parts as Jinja's nodes."""
    body: list[nodes.Node] = []
    for part in parts:
        written = _node(part, words)
        if isinstance(written, nodes.Expr):
            if not body or not isinstance(body[-1], nodes.Output):
                body.append(nodes.Output([], lineno=_line(part)))
            output = body[-1]
            assert isinstance(output, nodes.Output)  # noqa: S101 -- just put there
            output.nodes.append(written)
        else:
            body.append(written)
    return body


def _node(part: Part, words: Callable[[str], str]) -> nodes.Node:
    match part:
        case Words():
            return nodes.TemplateData(words(part.text), lineno=1)
        case Field():
            return part.expr
        case Attribute():
            number = [nodes.Const(part.number)] if part.filter in NUMBERED else []
            return nodes.Filter(
                glued(part.parts), part.filter, number, [], None, None, lineno=_line(part)
            )
        case Choice():
            yes, no = residual_nodes(part.yes, words), residual_nodes(part.no, words)
            return nodes.If(part.test, yes, [], no, lineno=_line(part))
        case Repeat():
            return _loop(part, words)


def _loop(part: Repeat, words: Callable[[str], str]) -> nodes.For:
    body = residual_nodes(part.body, words)
    # The loop gets a name of its own, which loops inside do not hide.
    naming = nodes.Assign(
        nodes.Name(part.loop_name, "store"), nodes.Name("loop", "load"), lineno=_line(part)
    )
    otherwise = residual_nodes(part.otherwise, words)
    return nodes.For(
        part.target, part.items, [naming, *body], otherwise, part.test, False, lineno=_line(part)
    )


def _line(part: Part) -> int:
    return part.place.line or 1


@pass_environment
def _as_written(environment: EmailEnvironment, value: Any) -> str:
    """Finish and escape a value like the ones that are written alone."""
    finished = finish_value(value)  # not the environment's own way, which may encode
    return escape(finished) if environment.autoescape else str(finished)


@pass_environment
def _glue(environment: EmailEnvironment, parts: list[Any]) -> str:
    text = "".join(parts)
    return Markup(text) if environment.autoescape else text  # noqa: S704 -- escaped each


def _link(written: str) -> Markup:
    """Check an address that stands in the page as the inliner would, and write it as it would."""
    text = _unescaped(written)
    if _PLAIN_LINK.fullmatch(text):
        return escape(text)
    address = check_link(text)
    if address != text or not _PLAIN_LINK.fullmatch(address):
        raise ReaderError("an address is of an unusual form")
    return escape(text)


def _source(written: str) -> Markup:
    text = _unescaped(written)
    if not text:
        return Markup("")
    if not SOURCES.fullmatch(text):
        raise UnsafeLinkError(text)
    if not _PLAIN_LINK.fullmatch(text):
        raise ReaderError("an address is of an unusual form")
    return escape(text)


def _anchor(written: str) -> Markup:
    text = _unescaped(written)
    if not _PLAIN_VALUE.fullmatch(text):
        raise ReaderError("an anchor is of an unusual form")
    return escape(text)


_ENTITIES: Final[Mapping[str, str]] = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&#34;": '"',
    "&#39;": "'",
    "&quot;": '"',
}
_ENTITY = re.compile(r"&(?:#?\w+;)?")


def _unescaped(written: str) -> str:
    if "&" not in written:
        return str(written)
    return _ENTITY.sub(_character, str(written))


def _character(found: re.Match[str]) -> str:
    if found[0] not in _ENTITIES:
        raise ReaderError("an address is written with an unusual entity")
    return _ENTITIES[found[0]]
