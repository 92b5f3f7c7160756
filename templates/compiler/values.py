"""What an expression is worth before the reader is known: a value, or Jinja left to be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jinja2 import Undefined, nodes
from markupsafe import Markup

from templates.compiler.parts import Choice, Field, Part, Parts, Place, Words
from templates.errors import TemplateError

GLUE = "written one after the other"  # filter names nobody can type
WRITTEN = "as it is written"


class UnprovableError(TemplateError):
    """Compiling cannot be proven right; the fallback renders this edition."""

    def __init__(self, why: str, place: Place = Place()) -> None:  # noqa: B008 -- frozen
        self.why, self.place = why, place
        super().__init__(why)


@dataclass(frozen=True)
class Dynamic:
    """An expression that only a reader gives a value."""

    expr: nodes.Expr
    is_markup: bool = False  # its value may hold tags that the inliner would have to see


@dataclass(frozen=True)
class Fragment:
    """What a macro or a set block wrote, as far as that is known."""

    parts: Parts


@dataclass(frozen=True)
class Mixed:
    """A list of which some values are open."""

    items: tuple[Value, ...]
    is_tuple: bool = False


@dataclass(frozen=True, eq=False)
class Module:
    """An imported file: its macros and values by name."""

    exports: Mapping[str, Value]


@dataclass(frozen=True, eq=False)
class MacroValue:
    """A macro, or the content of a call block, with the names it was written among."""

    node: nodes.Macro | nodes.CallBlock
    name: str
    frame: Any  # the Frame it stands in; frames hold values, hence no import here


@dataclass(frozen=True, eq=False)
class BlockValue:
    """A block that can be called: `super()` or `self.name()`."""

    name: str
    depth: int
    frame: Any


@dataclass(frozen=True, eq=False)
class Unset:
    """A name that only one way of a condition sets."""


UNSET = Unset()

Value: TypeAlias = Any  # one of the above, or a plain value that is known


OPEN_KINDS = (Dynamic, Fragment, Mixed, Module, MacroValue, BlockValue, Unset)


@dataclass
class Scope:
    """Names and what they are worth; what is not found here is looked for further out."""

    outer: Scope | None
    own: dict[str, Value] = field(default_factory=dict)

    def find(self, name: str, missing: object) -> Value:
        """Find what a name is worth."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.own:
                return scope.own[name]
            scope = scope.outer
        return missing


def is_known(value: Value) -> bool:
    """Tell whether a value is known now."""
    return not isinstance(value, OPEN_KINDS)


def is_open_inside(value: Value) -> bool:
    """Tell whether a value is left to be run, so that what is done with it is too."""
    return isinstance(value, Dynamic | Fragment | Mixed)


def may_hold_markup(value: Value) -> bool:
    """Tell whether a value may bring tags of its own with it."""
    match value:
        case Dynamic():
            return value.is_markup
        case Fragment():
            return True
        case Mixed():
            return any(map(may_hold_markup, value.items))
        case Markup():
            return "<" in value
    return False


def as_expression(value: Value) -> nodes.Expr:
    """Write a value as Jinja.

    Raises:
        UnprovableError: it is nothing that Jinja can write down.
    """
    match value:
        case Dynamic():
            return value.expr
        case Fragment():
            return glued(value.parts)
        case Mixed():
            items = [as_expression(item) for item in value.items]
            return nodes.Tuple(items, "load") if value.is_tuple else nodes.List(items)
    return _constant(value)


def _constant(value: Value) -> nodes.Expr:
    match value:
        case Markup():
            return nodes.MarkSafe(nodes.Const(str(value)))
        case None | bool() | int() | float() | str():
            return nodes.Const(value)
        case Undefined() if type(value) is Undefined:  # left out by an `if` without `else`
            return nodes.CondExpr(nodes.Const(False), nodes.Const(""), None)
        case Mapping():
            return nodes.Dict(
                [nodes.Pair(_constant(key), _constant(item)) for key, item in value.items()]
            )
        case tuple():
            return nodes.Tuple([_constant(item) for item in value], "load")
        case Sequence():
            return nodes.List([_constant(item) for item in value])
    raise UnprovableError(f"a {type(value).__name__} is used together with a reader's value")


def glued(parts: Parts) -> nodes.Expr:
    """Write parts as one expression that gives what they would write.

    Raises:
        UnprovableError: a loop is among them.
    """
    if len(parts) == 1:
        return _glued(parts[0])  # finished and escaped by itself
    return nodes.Filter(
        nodes.List([_glued(part) for part in parts]), GLUE, [], [], None, None, lineno=_line(parts)
    )


def _glued(part: Part) -> nodes.Expr:
    match part:
        case Words():
            return nodes.MarkSafe(nodes.Const(part.text))
        case Field():
            return nodes.Filter(part.expr, WRITTEN, [], [], None, None, lineno=part.place.line)
        case Choice():
            return nodes.CondExpr(
                part.test, glued(part.yes), glued(part.no), lineno=part.place.line
            )
    raise UnprovableError("a loop over a reader's values writes into a value", part.place)


def _line(parts: Parts) -> int:
    return parts[0].place.line if parts else 0


def signature(expr: nodes.Node) -> str:
    """Name an expression by what it says."""
    return repr(expr)


def names_in(expr: nodes.Node) -> set[str]:
    """Give the names an expression reads."""
    found = {node.name for node in expr.find_all(nodes.Name)}
    return found | ({expr.name} if isinstance(expr, nodes.Name) else set())
