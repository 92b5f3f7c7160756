"""Evaluation of expressions: worked out where everything is known, written down where not.

What is known is computed by Jinja's own environment with its own filters and tests, so that it
means here exactly what it means there.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import Undefined, nodes
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext

from templates.compiler.frames import Frame
from templates.compiler.parts import Words
from templates.compiler.values import (
    UNSET,
    BlockValue,
    Dynamic,
    Fragment,
    MacroValue,
    Mixed,
    Module,
    UnprovableError,
    Value,
    as_expression,
    is_known,
    is_open_inside,
    may_hold_markup,
    signature,
)
from templates.effort import JOIN
from templates.sandbox import EmailEnvironment
from templates.values import short_range

_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
    "in": lambda one, other: one in other,
    "notin": lambda one, other: one not in other,
}
_SIGNS: Final[Mapping[type[nodes.BinExpr], str]] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
}


class Expressions:
    """Works out expressions; statements and macros build on it."""

    def __init__(
        self, environment: EmailEnvironment, *, decisions: Mapping[str, object], top_names: set[str]
    ) -> None:
        self.environment = environment
        self.decisions: dict[str, object] = dict(decisions)
        self.top_names = top_names
        self._context = Context(environment, {}, None, {})
        self._eval_context = EvalContext(environment)

    def evaluate(self, node: nodes.Node, frame: Frame) -> Value:
        """Work out an expression as far as it is known.

        Raises:
            UnprovableError: it does something that is not compiled.
        """
        match node:
            case nodes.Const():
                return node.value
            case nodes.TemplateData():
                return node.data
            case nodes.Name():
                return self._name(node, frame)
            case nodes.List() | nodes.Tuple():
                return self._sequence(node, frame)
            case nodes.Dict():
                return self._dictionary(node, frame)
            case nodes.Getattr() | nodes.Getitem():
                return self._inside(node, frame)
            case nodes.Filter() | nodes.Test():
                return self._filter_or_test(node, frame)
            case nodes.Compare():
                return self._compare(node, frame)
            case nodes.Call():
                return self.call(node, frame)
        return self._operation(node, frame)

    def call(self, node: nodes.Call, frame: Frame) -> Value:
        """Call a macro, a block, `range` or a helper of a loop."""
        raise NotImplementedError

    def _operation(self, node: nodes.Node, frame: Frame) -> Value:
        match node:
            case nodes.And() | nodes.Or():
                return self._and_or(node, frame)
            case nodes.Not():
                truth = self.truth(node.node, frame)
                return Dynamic(nodes.Not(truth.expr)) if isinstance(truth, Dynamic) else not truth
            case nodes.CondExpr():
                return self._conditional(node, frame)
            case nodes.Concat():
                return self._concat(node, frame)
            case nodes.BinExpr():
                return self._binary(node, frame)
            case nodes.Neg() | nodes.Pos():
                return self._signed(node, frame)
        raise UnprovableError(f"{type(node).__name__} is not compiled", frame.place(node))

    def truth(self, node: nodes.Node, frame: Frame) -> bool | Dynamic:
        """Tell whether an expression holds; a key that was decided counts as known."""
        return self.truth_of(self.evaluate(node, frame), frame, node)

    def truth_of(self, value: Value, frame: Frame, node: nodes.Node) -> bool | Dynamic:
        """Tell whether a value counts as true."""
        if isinstance(value, Fragment):
            if any(isinstance(part, Words) and part.text for part in value.parts):
                return True
            value = Dynamic(as_expression(value))
        if isinstance(value, Dynamic):
            decided = self.decided(value, "truth")
            return value if decided is None else bool(decided[0])
        if isinstance(value, Mixed):
            return bool(value.items)
        return bool(value) if is_known(value) else True

    def decided(self, value: Dynamic, kind: str) -> tuple[object] | None:
        """Give what a key was decided to be."""
        name = f"{kind}:{signature(value.expr)}"
        if name not in self.decisions:
            return None
        decision = self.decisions[name]
        # What could not be worked out for a reader stays open: perhaps nothing reaches it.
        return None if isinstance(decision, Exception) else (decision,)

    def _name(self, node: nodes.Name, frame: Frame) -> Value:
        missing = object()
        value = frame.scope.find(node.name, missing)
        if value is UNSET:
            raise UnprovableError(
                f"'{node.name}' is set on one way of a condition only", frame.place(node)
            )
        if value is not missing:
            return value
        if node.name == "self":
            raise UnprovableError("'self' is not compiled", frame.place(node))
        if node.name == "super" and frame.block is not None:
            return BlockValue(frame.block[0], frame.block[1] + 1, frame)
        return self.environment.undefined(name=node.name)

    def _sequence(self, node: nodes.List | nodes.Tuple, frame: Frame) -> Value:
        items = tuple(self.evaluate(item, frame) for item in node.items)
        is_tuple = isinstance(node, nodes.Tuple)
        if all(map(is_known, items)):
            return items if is_tuple else list(items)
        return Mixed(items, is_tuple)

    def _dictionary(self, node: nodes.Dict, frame: Frame) -> Value:
        pairs = [
            (self.evaluate(pair.key, frame), self.evaluate(pair.value, frame))
            for pair in node.items
        ]
        if all(is_known(key) and is_known(value) for key, value in pairs):
            return dict(pairs)
        written = [nodes.Pair(as_expression(key), as_expression(value)) for key, value in pairs]
        is_markup = any(may_hold_markup(value) for _, value in pairs)
        return Dynamic(nodes.Dict(written), is_markup)

    def _inside(self, node: nodes.Getattr | nodes.Getitem, frame: Frame) -> Value:
        value = self.evaluate(node.node, frame)
        if isinstance(value, Module):
            return self._member(value, node, frame)
        if isinstance(node, nodes.Getattr):
            if is_open_inside(value):
                inner = as_expression(value)
                return Dynamic(
                    nodes.Getattr(inner, node.attr, "load", lineno=node.lineno),
                    may_hold_markup(value),
                )
            return self.environment.getattr(value, node.attr)
        return self._item(value, node, frame)

    def _member(self, value: Module, node: nodes.Getattr | nodes.Getitem, frame: Frame) -> Value:
        if not isinstance(node, nodes.Getattr):
            raise UnprovableError("a file or block is chosen by a value", frame.place(node))
        if node.attr in value.exports:
            return value.exports[node.attr]
        return self.environment.undefined(obj=value, name=node.attr)

    def _item(self, value: Value, node: nodes.Getitem, frame: Frame) -> Value:
        argument: Value
        if isinstance(node.arg, nodes.Slice):
            bounds = [
                None if part is None else self.evaluate(part, frame)
                for part in (node.arg.start, node.arg.stop, node.arg.step)
            ]
            known, written = all(map(is_known, bounds)), nodes.Slice(*map(as_expression, bounds))
            argument = slice(*bounds) if known else None
        else:
            argument = self.evaluate(node.arg, frame)
            known, written = is_known(argument), None
        if known and isinstance(value, Mixed) and isinstance(argument, int):
            return self.environment.getitem(value.items, argument)
        if known and is_known(value):
            return self.environment.getitem(value, argument)
        arg = written if written is not None else as_expression(argument)
        inner = as_expression(value)
        return Dynamic(
            nodes.Getitem(inner, arg, "load", lineno=node.lineno), may_hold_markup(value)
        )

    def _filter_or_test(self, node: nodes.Filter | nodes.Test, frame: Frame) -> Value:
        value = self.evaluate(_written_before(node), frame)
        if isinstance(value, MacroValue | BlockValue | Module) and node.name == "defined":
            return True
        args = [self.evaluate(arg, frame) for arg in node.args]
        kwargs = {str(pair.key): self.evaluate(pair.value, frame) for pair in node.kwargs}
        everything = [value, *args, *kwargs.values()]
        if all(map(is_known, everything)):
            if isinstance(node, nodes.Test):
                return self.environment.call_test(node.name, value, args, kwargs, self._context)
            return self.environment.call_filter(
                node.name, value, args, kwargs, self._context, self._eval_context
            )
        written = type(node)(
            as_expression(value),
            node.name,
            [as_expression(arg) for arg in args],
            [nodes.Keyword(key, as_expression(arg)) for key, arg in kwargs.items()],
            None,
            None,
            lineno=node.lineno,
        )
        is_markup = isinstance(node, nodes.Filter) and any(map(may_hold_markup, everything))
        return Dynamic(written, is_markup)

    def _compare(self, node: nodes.Compare, frame: Frame) -> Value:
        values = [self.evaluate(node.expr, frame)]
        values += [self.evaluate(operand.expr, frame) for operand in node.ops]
        if all(map(is_known, values)):
            return self._compare_known([operand.op for operand in node.ops], values)
        first, *others = [as_expression(value) for value in values]
        operands = [
            nodes.Operand(operand.op, expr) for operand, expr in zip(node.ops, others, strict=True)
        ]
        return Dynamic(nodes.Compare(first, operands, lineno=node.lineno))

    @staticmethod
    def _compare_known(operators: list[str], values: list[Value]) -> Value:
        result: Value = True
        for name, one, other in zip(operators, values, values[1:], strict=False):
            result = _COMPARISONS[name](one, other)
            if not result:
                break
        return result

    def _and_or(self, node: nodes.And | nodes.Or, frame: Frame) -> Value:
        left = self.evaluate(node.left, frame)
        truth = self.truth_of(left, frame, node)
        if isinstance(truth, bool):
            stops = truth if isinstance(node, nodes.Or) else not truth
            return left if stops else self.evaluate(node.right, frame)
        right = self.evaluate(node.right, frame)
        both = type(node)(as_expression(left), as_expression(right), lineno=node.lineno)
        return Dynamic(both, may_hold_markup(left) or may_hold_markup(right))

    def _conditional(self, node: nodes.CondExpr, frame: Frame) -> Value:
        truth = self.truth(node.test, frame)
        if isinstance(truth, bool):
            if truth:
                return self.evaluate(node.expr1, frame)
            if node.expr2 is None:
                # Jinja's rule: what an `if` without `else` leaves out is empty, never an error.
                return Undefined(f"the value on line {node.lineno} has no 'else' and is none")
            return self.evaluate(node.expr2, frame)
        yes = self.evaluate(node.expr1, frame)
        no = None if node.expr2 is None else self.evaluate(node.expr2, frame)
        written = nodes.CondExpr(
            truth.expr,
            as_expression(yes),
            None if node.expr2 is None else as_expression(no),
            lineno=node.lineno,
        )
        return Dynamic(written, may_hold_markup(yes) or may_hold_markup(no))

    def _concat(self, node: nodes.Concat, frame: Frame) -> Value:
        values = [self.evaluate(part, frame) for part in node.nodes]
        if all(map(is_known, values)):
            return self.environment.filters[JOIN](values)
        parts = [as_expression(value) for value in values]
        return Dynamic(nodes.Concat(parts, lineno=node.lineno), any(map(may_hold_markup, values)))

    def _binary(self, node: nodes.BinExpr, frame: Frame) -> Value:
        sign = _SIGNS.get(type(node))
        if sign is None:
            raise UnprovableError(f"{type(node).__name__} is not compiled", frame.place(node))
        left, right = self.evaluate(node.left, frame), self.evaluate(node.right, frame)
        if is_known(left) and is_known(right):
            return self.environment.call_binop(self._context, sign, left, right)
        written = type(node)(as_expression(left), as_expression(right), lineno=node.lineno)
        return Dynamic(written, may_hold_markup(left) or may_hold_markup(right))

    def _signed(self, node: nodes.Neg | nodes.Pos, frame: Frame) -> Value:
        value = self.evaluate(node.node, frame)
        if is_known(value):
            return -value if isinstance(node, nodes.Neg) else +value
        return Dynamic(type(node)(as_expression(value), lineno=node.lineno))

    def call_known(self, called: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Call `range` or a loop's helper with values that are known."""
        owner = getattr(called, "__self__", None)
        is_helper = isinstance(owner, LoopContext) and called.__name__ in {"cycle", "changed"}
        if called is short_range or is_helper:
            return called(*args, **kwargs)
        raise UnprovableError("something is called that is no macro")


def _written_before(node: nodes.Filter | nodes.Test) -> nodes.Expr:
    """Give what a filter or test is applied to."""
    if node.node is None:
        raise UnprovableError("a filter stands without a value")
    return node.node
