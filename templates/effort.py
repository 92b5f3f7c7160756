"""A budget for one rendering: turns of loops, calls of macros, characters written.

Loops inside loops inside a long document multiply, so every turn pays for the pieces it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from jinja2 import nodes, pass_context
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

from templates.errors import EffortError

MOST_PIECES: Final = 50_000
MOST_CHARACTERS: Final = 1_000_000  # ten times what Gmail shows
PAY: Final = "pay for pieces"  # filter names nobody can type
JOIN: Final = "join with ~"


class Effort:
    """What is left to spend in one rendering."""

    def __init__(self) -> None:
        self._pieces, self._characters = MOST_PIECES, MOST_CHARACTERS

    def pay_pieces(self, count: int) -> None:
        """Pay for pieces of a template that are about to be worked on."""
        self._pieces -= count
        if self._pieces < 0:
            raise EffortError("pieces", MOST_PIECES)

    def pay_characters(self, count: int) -> None:
        """Pay for characters written."""
        self._characters -= count
        if self._characters < 0:
            raise EffortError("characters", MOST_CHARACTERS)


_CURRENT: ContextVar[Effort] = ContextVar("effort")


@contextmanager
def limited_effort() -> Iterator[Effort]:
    """Give what happens inside one budget."""
    effort = Effort()
    token = _CURRENT.set(effort)
    try:
        yield effort
    finally:
        _CURRENT.reset(token)


def current_effort() -> Effort:
    """Give the budget of the rendering that is going on; compiling has one of its own."""
    return _CURRENT.get(None) or Effort()


@pass_context  # keeps Jinja from working it out once, at compile time
def pay_for_pieces(_context: Context, pieces: int, characters: int) -> str:
    """Pay, as a filter."""
    effort = current_effort()
    effort.pay_pieces(pieces)
    effort.pay_characters(characters)
    return ""


class EffortCounter(NodeTransformer):
    """Puts a payment at the start of every loop, macro and call block, and tames `~`."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """Let every turn pay."""
        return self._with_payment(node)

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        """Let every call pay."""
        return self._with_payment(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:
        """Let every use of the block's content pay."""
        return self._with_payment(node)

    def visit_Concat(self, node: nodes.Concat, *args: Any, **kwargs: Any) -> nodes.Node:
        """Join by a filter that looks at the size."""
        self.generic_visit(node)
        parts = nodes.List(list(node.nodes))
        return _at(nodes.Filter(parts, JOIN, [], [], None, None), node.lineno)

    def _with_payment(self, node: Any) -> nodes.Node:
        pieces = sum(len(output.nodes) for output in node.find_all(nodes.Output)) + 1
        characters = sum(len(words.data) for words in node.find_all(nodes.TemplateData))
        self.generic_visit(node)
        price = nodes.Const(characters)
        pay = nodes.Filter(nodes.Const(pieces), PAY, [price], [], None, None)
        node.body.insert(0, _at(nodes.ExprStmt(pay), node.lineno))
        return node  # type: ignore[no-any-return]  # the three node types share no base with a body


def _at(node: nodes.Node, line: int) -> nodes.Node:
    return node.set_lineno(line)
