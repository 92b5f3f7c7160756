"""Evaluation of calls: macros and call blocks are unfolded where they are called."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from jinja2 import nodes
from markupsafe import Markup

from templates.compiler.expressions import Expressions
from templates.compiler.frames import Frame
from templates.compiler.parts import Part, Parts, Words, joined_words
from templates.compiler.values import (
    BlockValue,
    Dynamic,
    Fragment,
    MacroValue,
    Scope,
    UnprovableError,
    Value,
    as_expression,
    is_known,
)
from templates.effort import current_effort
from templates.values import short_range

DEEPEST_CALL = 40


class Calls(Expressions):
    """Works out calls."""

    _calls_open = 0

    @abstractmethod
    def run(self, body: Sequence[nodes.Node], frame: Frame, out: list[Part]) -> None:
        """Execute statements."""

    def call(self, node: nodes.Call, frame: Frame) -> Value:
        """Call a macro, a block, `range` or a helper of a loop."""
        called = self.evaluate(node.node, frame)
        if isinstance(called, MacroValue | BlockValue):
            return self.written(self.parts_of_call(called, node, frame))
        args = [self.evaluate(arg, frame) for arg in node.args]
        kwargs = {pair.key: self.evaluate(pair.value, frame) for pair in node.kwargs}
        if is_known(called) and all(map(is_known, [*args, *kwargs.values()])):
            return self.call_known(called, args, kwargs)
        return self._call_later(called, node, args, frame)

    def _call_later(
        self, called: Value, node: nodes.Call, args: list[Value], frame: Frame
    ) -> Value:
        if node.kwargs:
            raise UnprovableError("a call names a reader's value", frame.place(node))
        if called is short_range:
            name: nodes.Expr = nodes.Name("range", "load")
        elif isinstance(called, Dynamic) and _is_cycle(called.expr):
            name = called.expr
        elif getattr(called, "__name__", "") == "cycle":
            return called(*args)  # a known turn picks one of the values, known or not
        else:
            raise UnprovableError("what is called depends on the reader", frame.place(node))
        written = [as_expression(arg) for arg in args]
        return Dynamic(nodes.Call(name, written, [], None, None, lineno=node.lineno))

    def written(self, parts: Parts) -> Value:
        """Give what a macro or set block wrote as a value."""
        parts = joined_words(parts)
        if any(not isinstance(part, Words) for part in parts):
            return Fragment(parts)
        text = "".join(part.text for part in parts if isinstance(part, Words))
        return Markup(text) if self.environment.autoescape else text  # noqa: S704 -- a macro's own

    def parts_of_call(
        self,
        called: MacroValue | BlockValue,
        node: nodes.Call,
        frame: Frame,
        *,
        caller: MacroValue | None = None,
    ) -> Parts:
        """Unfold a call."""
        self._calls_open += 1
        if self._calls_open > DEEPEST_CALL:
            raise UnprovableError("macros call each other too deep", frame.place(node))
        try:
            if isinstance(called, BlockValue):
                return self.parts_of_block(called)
            scope = self._bind(called, node, frame, caller)
            out: list[Part] = []
            current_effort().pay_pieces(1 + len(called.node.body))
            self.run(called.node.body, called.frame.inside(scope), out)
            return tuple(out)
        finally:
            self._calls_open -= 1

    def parts_of_block(self, block: BlockValue) -> Parts:
        """Unfold a block, or the one it overrides."""
        overrides = block.frame.run.blocks.get(block.name, [])
        if block.depth >= len(overrides):
            raise UnprovableError(f"there is no block '{block.name}' further up")
        source, node = overrides[block.depth]
        run = block.frame.run
        inner = Frame(Scope(run.top), run, source, (block.name, block.depth))
        out: list[Part] = []
        self.run(node.body, inner, out)
        return tuple(out)

    def _bind(
        self, macro: MacroValue, node: nodes.Call, frame: Frame, caller: MacroValue | None
    ) -> Scope:
        """Give a macro's parameters their values, as Jinja does."""
        scope = Scope(macro.frame.scope)
        inner = macro.frame.inside(scope)
        parameters = [target.name for target in macro.node.args]
        given = [self.evaluate(arg, frame) for arg in node.args]
        named = {pair.key: self.evaluate(pair.value, frame) for pair in node.kwargs}
        if len(given) > len(parameters) or set(named) - set(parameters[len(given) :]):
            raise UnprovableError(
                f"'{macro.name}' is called with values it does not take", frame.place(node)
            )
        bound = dict(zip(parameters, given, strict=False)) | named
        first_default = len(parameters) - len(macro.node.defaults)
        scope.own["caller"] = caller or self.environment.undefined(
            "No caller defined", name="caller"
        )
        for index, name in enumerate(parameters):
            if name in bound:
                scope.own[name] = bound[name]
            elif index >= first_default:
                scope.own[name] = self.evaluate(macro.node.defaults[index - first_default], inner)
            else:
                scope.own[name] = self.environment.undefined(
                    f"parameter {name!r} was not provided", name=name
                )
        return scope


def _is_cycle(expr: nodes.Expr) -> bool:
    return (
        isinstance(expr, nodes.Getattr)
        and expr.attr == "cycle"
        and isinstance(expr.node, nodes.Name)
        and expr.node.name.startswith("loop")
    )
