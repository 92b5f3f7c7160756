"""The template of what is left: words and the parts a reader decides, as Jinja's own nodes.

Nothing is written as source and read again, so no quoting can go wrong. It is compiled in the
same environment as the original, so what is left means what it meant there. What was refused
before is not checked again; the budget for work is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeGuard
from urllib.parse import quote

from jinja2 import Template, nodes, pass_environment
from jinja2.compiler import CodeGenerator
from markupsafe import Markup, escape

from templates.compiler.entities import ReaderError, unescaped
from templates.compiler.parts import (
    Attribute,
    Choice,
    Field,
    Part,
    Parts,
    Repeat,
    Words,
    everything_in,
)
from templates.compiler.styles import OpenStyle
from templates.compiler.treatments import BLOCK, LINE, LINK, NAME, PIECE, SOURCE, STYLE
from templates.compiler.values import (
    GLUE,
    WRITTEN,
    glued,
    names_in,
    signature,
)
from templates.effort import EffortCounter, current_effort
from templates.errors import UnsafeLinkError
from templates.links import INVISIBLE, check_link
from templates.safe_markup import SOURCES
from templates.sandbox import EmailEnvironment, finish_value
from templates.values import link

Filters: TypeAlias = Mapping[str, Callable[..., Any]]
# Addresses that come out of a parser and a writer as they went in.
_PLAIN_LINK = re.compile(
    r"(?:https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?=[/?#]|\Z)|mailto:|tel:)"
    r"[A-Za-z0-9._~:/?#@!$*+,;=%()-]*"
)
_PLAIN_PIECE = re.compile(r"[A-Za-z0-9._~:/?#@!$*+,;=%()-]*")
SENT: Final = "as it is sent"
SENT_LINK: Final = "a whole link as it is sent"
SENT_LINE: Final = "a whole link on its line as it is sent"
FINISHED: Final = "_finished"  # no name in a template begins with an underscore
NUMBERED: Final = frozenset({STYLE, BLOCK})
_PLAIN_VALUE: Final = re.compile(r"[!-~]*")


class _CodeGenerator(CodeGenerator):
    """Writes a value that has a name as it is: it was finished and escaped when it was named."""

    def _output_child_pre(self, node: nodes.Expr, frame: Any, finalize: Any) -> None:
        if not _is_finished(node):
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node: nodes.Expr, frame: Any, finalize: Any) -> None:
        if not _is_finished(node):
            super()._output_child_post(node, frame, finalize)


def _is_finished(node: nodes.Expr) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in (SENT_LINK, SENT_LINE)
    return isinstance(node, nodes.Name) and node.name.startswith(FINISHED)


class ResidualEnvironment(EmailEnvironment):
    """The environment of emails, for nodes that were checked when they were source."""

    code_generator_class = _CodeGenerator

    def __init__(
        self,
        *,
        autoescape: bool,
        styles: Sequence[OpenStyle] = (),
        filters: Filters = MappingProxyType({}),
    ) -> None:
        super().__init__({}, autoescape=autoescape)
        self._styles = styles
        self.filters |= {
            GLUE: _glue,
            WRITTEN: _as_written,
            **ATTRIBUTE_WRITERS,
            STYLE: self._style,
            "link": _checked_link,
            SENT: self.sent,
            SENT_LINK: self._sent_link,
            SENT_LINE: self._sent_line,
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

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look into mappings without asking twice; anything else as ever."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def sent(self, written: str) -> str:
        """Give a finished value as it goes into the output."""
        return written

    def _sent_link(self, url: object) -> str:
        """Do all that is done to an address of a page that is one link; most need no more."""
        if _is_plain_link(url):
            return self.sent(url)
        return self._finished(_link(_as_written(self, _checked_link(url))))

    def _sent_line(self, url: object) -> str:
        """Do all that is done to a line of the text that is one link."""
        if _is_plain_link(url):
            return self.sent(f"{url}\n")
        return self._finished(self.filters[LINE](_as_written(self, _checked_link(url))))

    def _finished(self, value: Any) -> str:
        assert self.finalize is not None  # noqa: S101 -- every environment of emails has it
        finished = self.finalize(value)
        return escape(finished) if self.autoescape else str(finished)

    def _style(self, written: str, number: int) -> Markup:
        return self._styles[number](str(written))


def compile_parts(
    parts: Parts, environment: ResidualEnvironment, words: Callable[[str], str] = str
) -> Template:
    """Compile what is left of a page.

    Raises:
        UnprovableError: a part cannot be written as Jinja.
    """
    writing = _Writing(repeated_values(parts), words)
    tree = nodes.Template([*writing.namings(), *writing.write(parts)], lineno=1)
    tree.set_environment(environment)
    return environment.from_string(tree)


def value_of(part: Field | Attribute) -> nodes.Filter:
    """Write the value of a part as an expression that needs nothing more done to it."""
    if isinstance(part, Field):
        return nodes.Filter(part.expr, WRITTEN, [], [], None, None, lineno=_line(part))
    number = [nodes.Const(part.number)] if part.filter in NUMBERED else []
    return nodes.Filter(glued(part.parts), part.filter, number, [], None, None, lineno=_line(part))


def repeated_values(parts: Parts) -> dict[str, nodes.Filter]:
    """Find values that are written several times, and once at least for everybody.

    Those are worked out once. What only a branch uses is left there: it may have no value.
    """
    written = [part for part in everything_in(parts) if isinstance(part, Field | Attribute)]
    counts = Counter(signature(value_of(part)) for part in written)
    always = [value_of(part) for part in parts if isinstance(part, Field | Attribute)]
    return {name: value for value in always if counts[name := signature(value)] > 1}


class _Writing:
    """Writes parts as Jinja's nodes."""

    def __init__(self, repeated: Mapping[str, nodes.Filter], words: Callable[[str], str]) -> None:
        self._repeated, self._words = repeated, words
        self._names = {value: f"{FINISHED}{n}" for n, value in enumerate(repeated)}

    def namings(self) -> list[nodes.Node]:
        """Give names to the values that are written several times."""
        return [
            nodes.Assign(
                nodes.Name(name, "store"),
                nodes.Filter(self._repeated[value], SENT, [], [], None, None, lineno=1),
                lineno=1,
            )
            for value, name in self._names.items()
        ]

    def write(self, parts: Parts) -> list[nodes.Node]:
        """Write parts."""
        body: list[nodes.Node] = []
        for part in parts:
            written = self._node(part)
            if isinstance(written, nodes.Expr):
                if not body or not isinstance(body[-1], nodes.Output):
                    body.append(nodes.Output([], lineno=_line(part)))
                output = body[-1]
                assert isinstance(output, nodes.Output)  # noqa: S101 -- just put there
                output.nodes.append(written)
            else:
                body.append(written)
        return body

    def _node(self, part: Part) -> nodes.Node:
        match part:
            case Words():
                return nodes.TemplateData(self._words(part.text), lineno=1)
            case Field() | Attribute():
                value = value_of(part)
                if name := self._names.get(signature(value)):
                    return nodes.Name(name, "load", lineno=_line(part))
                if whole := _whole_link(part):
                    return whole
                return part.expr if isinstance(part, Field) else value
            case Choice():
                yes, no = self.write(part.yes), self.write(part.no)
                return nodes.If(part.test, yes, [], no, lineno=_line(part))
            case Repeat():
                return self._loop(part)

    def _loop(self, part: Repeat) -> nodes.For:
        # The loop gets a name of its own, which loops inside do not hide.
        naming = nodes.Assign(
            nodes.Name(part.loop_name, "store"), nodes.Name("loop", "load"), lineno=_line(part)
        )
        body, otherwise = self.write(part.body), self.write(part.otherwise)
        is_named = any(part.loop_name in names_in(node) for node in body)
        return nodes.For(
            part.target,
            part.items,
            [naming, *body] if is_named else body,
            otherwise,
            part.test,
            False,
            lineno=_line(part),
        )


def _line(part: Part) -> int:
    return part.place.line or 1


def _whole_link(part: Field | Attribute) -> nodes.Filter | None:
    """Write an address that is one checked link, and nothing beside it, by one filter."""
    if not isinstance(part, Attribute) or part.filter not in _WHOLE:
        return None
    match part.parts:
        case (Field(nodes.Filter(name="link", args=[], kwargs=[]) as checked),):
            name = _WHOLE[part.filter]
            return nodes.Filter(checked.node, name, [], [], None, None, lineno=_line(part))
    return None


_WHOLE: Final = {LINK: SENT_LINK, LINE: SENT_LINE}


def _is_plain_link(url: object) -> TypeGuard[str]:
    """Tell a link that comes out of every step as it went in; it is paid for here."""
    if type(url) is not str or not _PLAIN_LINK.fullmatch(url):
        return False
    current_effort().pay_characters(len(url))
    return True


@pass_environment
def _as_written(environment: EmailEnvironment, value: Any) -> str:
    """Finish and escape a value like the ones that are written alone."""
    finished = finish_value(value)  # not the environment's own way, which may encode
    return escape(finished) if environment.autoescape else str(finished)


@pass_environment
def _glue(environment: EmailEnvironment, parts: list[Any]) -> str:
    text = "".join(parts)
    return Markup(text) if environment.autoescape else text  # noqa: S704 -- escaped each


def _checked_link(url: object) -> str:
    """Do what the filter `link` does, which lets these addresses through as they are."""
    return url if type(url) is str and _PLAIN_LINK.fullmatch(url) else link(url)


def _link(written: str) -> Markup:
    """Check an address that stands in the page as the inliner would, and write it as it would."""
    text = unescaped(written)
    if _PLAIN_LINK.fullmatch(text):
        return escape(text)
    address = check_link(text)
    if address != text or not _PLAIN_LINK.fullmatch(address):
        raise ReaderError("an address is of an unusual form")
    return escape(text)


def _piece(written: str) -> Markup:
    """Write what stands in an address after its host, encoded as the inliner's writer does.

    Raises:
        UnsafeLinkError: it holds a character that is not seen.
    """
    text = unescaped(written)
    if _PLAIN_PIECE.fullmatch(text):
        return escape(text)
    if INVISIBLE.search(text):
        raise UnsafeLinkError(text)
    return escape("".join(c if "!" <= c <= "~" else quote(c) for c in text))


def _source(written: str) -> Markup:
    text = unescaped(written)
    if not text:
        return Markup("")
    if not SOURCES.fullmatch(text):
        raise UnsafeLinkError(text)
    if not _PLAIN_LINK.fullmatch(text):
        raise ReaderError("an address is of an unusual form")
    return escape(text)


def _anchor(written: str) -> Markup:
    text = unescaped(written)
    if not _PLAIN_VALUE.fullmatch(text):
        raise ReaderError("an anchor is of an unusual form")
    return escape(text)


ATTRIBUTE_WRITERS: Final[Mapping[str, Callable[[str], Markup]]] = {
    LINK: _link,
    SOURCE: _source,
    NAME: _anchor,
    PIECE: _piece,
}
