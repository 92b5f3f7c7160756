"""Evaluation of statements: loops over known things are unrolled, files and blocks put in place.

What a reader decides stays: both ways of a condition and one turn of a loop are executed, with
the reader's values as expressions. A name set in a branch becomes a conditional expression.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import nodes
from jinja2.runtime import LoopContext
from markupsafe import Markup, escape

from templates.allow_list import THEME_RULES, check_tree
from templates.compiler.frames import Frame, Run
from templates.compiler.macros import Calls
from templates.compiler.parts import Choice, Field, Part, Parts, Repeat, Words, joined_words
from templates.compiler.values import (
    UNSET,
    BlockValue,
    Dynamic,
    Fragment,
    MacroValue,
    Mixed,
    Module,
    Scope,
    UnprovableError,
    Value,
    as_expression,
    is_known,
    is_open_inside,
    may_hold_markup,
    signature,
)
from templates.effort import current_effort
from templates.sandbox import EmailEnvironment


class Statements(Calls):
    """Executes a template as far as it is known."""

    def __init__(self, environment: EmailEnvironment, **known: Any) -> None:
        self.splits: dict[str, dict[str, nodes.Expr]] = known.pop("splits", {})
        super().__init__(environment, **known)
        self._trees: dict[str, nodes.Template] = {}
        self._depth = 0  # of loops over readers' values, across macros and files

    def page(self, name: str, given: dict[str, Value]) -> Parts:
        """Execute a template and give the page.

        Raises:
            UnprovableError: something in it is not compiled.
        """
        top = Scope(Scope(Scope(None, dict(self.environment.globals)), dict(given)))
        return joined_words(self._file(name, Run(top)))

    def _file(self, name: str, run: Run) -> Parts:
        """Execute a file, then the layout it extends, which takes over the page."""
        tree = self._tree(name)
        for block in tree.find_all(nodes.Block):
            run.blocks.setdefault(block.name, []).append((name, block))
        out: list[Part] = []
        frame = Frame(run.top, run, name)
        for position, node in enumerate(tree.body):
            if isinstance(node, nodes.Extends):
                self._run_silently(tree.body[position + 1 :], frame)
                parent = self.evaluate(node.template, frame)
                return (*out, *self._file(str(parent), run))
            self.run([node], frame, out)
        return tuple(out)

    def _run_silently(self, body: Sequence[nodes.Node], frame: Frame) -> None:
        """Execute what stands beside the blocks of a file that extends another: only names."""
        for node in body:
            if isinstance(node, nodes.Include | nodes.Extends | nodes.CallBlock):
                raise UnprovableError("a file that extends another writes too", frame.place(node))
            if not isinstance(node, nodes.Output | nodes.Block):
                self.run([node], frame, [])

    def _tree(self, name: str) -> nodes.Template:
        if name not in self._trees:
            loader = self.environment.loader
            assert loader is not None  # noqa: S101 -- an EmailEnvironment always has one
            source, _, _ = loader.get_source(self.environment, name)
            tree = self.environment.parse(source, name)
            check_tree(tree, THEME_RULES)  # as Jinja's own way into this environment does
            self._trees[name] = tree
        return self._trees[name]

    def run(self, body: Sequence[nodes.Node], frame: Frame, out: list[Part]) -> None:
        """Execute statements."""
        for node in body:
            match node:
                case nodes.Output():
                    self._output(node, frame, out)
                case nodes.If():
                    self._if(node, frame, out)
                case nodes.For():
                    self._for(node, frame, out)
                case nodes.Assign():
                    self._assign(node.target, self.evaluate(node.node, frame), frame)
                case nodes.Block():
                    self._block(node, frame, out)
                case _:
                    self._rarer(node, frame, out)

    def _rarer(self, node: nodes.Node, frame: Frame, out: list[Part]) -> None:
        match node:
            case nodes.AssignBlock():
                self._assign_block(node, frame)
            case nodes.Macro():
                frame.scope.own[node.name] = MacroValue(node, node.name, frame)
            case nodes.CallBlock():
                self._call_block(node, frame, out)
            case nodes.With():
                self._with(node, frame, out)
            case nodes.Scope():
                self.run(node.body, frame.inside(), out)
            case nodes.Include():
                self._include(node, frame, out)
            case nodes.Import() | nodes.FromImport():
                self._import(node, frame)
            case _:
                raise UnprovableError(f"{type(node).__name__} is not compiled", frame.place(node))

    def _output(self, node: nodes.Output, frame: Frame, out: list[Part]) -> None:
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                current_effort().pay_characters(len(child.data))
                out.append(Words(child.data, frame.place(child)))
            else:
                self._write(self.evaluate(child, frame), child, frame, out)

    def _write(self, value: Value, node: nodes.Expr, frame: Frame, out: list[Part]) -> None:
        if isinstance(value, Fragment):
            out.extend(value.parts)
            return
        if is_open_inside(value):
            value = Dynamic(as_expression(value), may_hold_markup(value))
            decided = self.decided(value, "text")
            if decided is None:
                out.append(Field(value.expr, frame.place(node), value.is_markup))
                return
            value = decided[0]
        if not is_known(value):
            raise UnprovableError("a macro is written like a value", frame.place(node))
        out.append(Words(self.finished(value), frame.place(node)))

    def finished(self, value: Value) -> str:
        """Write a known value the way Jinja would."""
        assert self.environment.finalize is not None  # noqa: S101 -- EmailEnvironment sets it
        text = self.environment.finalize(value)
        return str(escape(text)) if self.environment.autoescape else str(text)

    def _if(self, node: nodes.If, frame: Frame, out: list[Part]) -> None:
        truth = self.truth(node.test, frame)
        otherwise: list[nodes.Node] = list(node.else_)
        if node.elif_:
            first, *others = node.elif_
            otherwise = [nodes.If(first.test, first.body, others, node.else_, lineno=first.lineno)]
        if isinstance(truth, bool):
            self.run(node.body if truth else otherwise, frame, out)
            return
        before = dict(frame.scope.own)
        yes: list[Part] = []
        self.run(node.body, frame, yes)
        after_yes, frame.scope.own = frame.scope.own, before
        no: list[Part] = []
        frame.scope.own = dict(before)
        self.run(otherwise, frame, no)
        self._merge_names(truth.expr, after_yes, frame, node)
        place = frame.place(node)
        out.append(Choice(truth.expr, joined_words(tuple(yes)), joined_words(tuple(no)), place))

    def _merge_names(
        self, test: nodes.Expr, after_yes: dict[str, Value], frame: Frame, node: nodes.Node
    ) -> None:
        """Give every name that a branch set the value of whichever branch a reader takes."""
        own, outer = frame.scope.own, frame.scope.outer
        for name in after_yes.keys() | own.keys():
            before = UNSET if outer is None else outer.find(name, UNSET)
            one, other = after_yes.get(name, before), own.get(name, before)
            if one is other:
                continue
            # Set on one way only, and nowhere before: whoever uses it is told so.
            is_half_set = one is UNSET or other is UNSET
            own[name] = UNSET if is_half_set else self._either(test, one, other, frame, node)

    def _either(
        self, test: nodes.Expr, one: Value, other: Value, frame: Frame, node: nodes.Node
    ) -> Value:
        if is_known(one) and is_known(other) and type(one) is type(other) and one == other:
            return one
        place = frame.place(node)
        written = [_parts_of(value, place) for value in (one, other)]
        if written[0] is not None and written[1] is not None:
            return Fragment((Choice(test, written[0], written[1], place),))
        is_markup = may_hold_markup(one) or may_hold_markup(other)
        expr = nodes.CondExpr(test, as_expression(one), as_expression(other), lineno=node.lineno)
        return Dynamic(expr, is_markup)

    def _assign(self, target: nodes.Node, value: Value, frame: Frame) -> None:
        if isinstance(target, nodes.Name):
            frame.scope.own[target.name] = value
            return
        if not isinstance(target, nodes.Tuple):
            raise UnprovableError("a field of a value is set", frame.place(target))
        if isinstance(value, Dynamic | Fragment):
            raise UnprovableError("a reader's value is taken apart", frame.place(target))
        items = list(value.items) if isinstance(value, Mixed) else list(value)
        if len(items) != len(target.items):
            raise UnprovableError("names and values differ in number", frame.place(target))
        for name, item in zip(target.items, items, strict=True):
            self._assign(name, item, frame)

    def _assign_block(self, node: nodes.AssignBlock, frame: Frame) -> None:
        out: list[Part] = []
        self.run(node.body, frame.inside(), out)
        value = self.written(tuple(out))
        if node.filter is not None:
            hidden = "written block"
            inner = frame.inside()
            inner.scope.own[hidden] = value
            value = self.evaluate(_filtered(node.filter, nodes.Name(hidden, "load")), inner)
        self._assign(node.target, value, frame)

    def _call_block(self, node: nodes.CallBlock, frame: Frame, out: list[Part]) -> None:
        called = self.evaluate(node.call.node, frame)
        if not isinstance(called, MacroValue):
            raise UnprovableError("{% call %} calls no macro", frame.place(node))
        caller = MacroValue(node, "caller", frame)
        out.extend(self.parts_of_call(called, node.call, frame, caller=caller))

    def _with(self, node: nodes.With, frame: Frame, out: list[Part]) -> None:
        inner = frame.inside()
        for target, expr in zip(node.targets, node.values, strict=True):
            self._assign(target, self.evaluate(expr, frame), inner)
        self.run(node.body, inner, out)

    def _block(self, node: nodes.Block, frame: Frame, out: list[Part]) -> None:
        block = BlockValue(node.name, 0, frame)
        if node.scoped:
            raise UnprovableError("a scoped block is not compiled", frame.place(node))
        out.extend(self.parts_of_block(block))

    def _include(self, node: nodes.Include, frame: Frame, out: list[Part]) -> None:
        name = self.evaluate(node.template, frame)
        if node.ignore_missing or not isinstance(name, str):
            raise UnprovableError("an optional include is not compiled", frame.place(node))
        outer = frame.scope if node.with_context else self._globals(frame)
        # Jinja hands `loop` on to some files and not to others: whoever uses it is told.
        out.extend(self._file(name, Run(Scope(Scope(outer, {"loop": UNSET})))))

    def _import(self, node: nodes.Import | nodes.FromImport, frame: Frame) -> None:
        name = self.evaluate(node.template, frame)
        outer = frame.scope if node.with_context else self._globals(frame)
        run = Run(Scope(outer))
        self._file(str(name), run)
        exports = {key: value for key, value in run.top.own.items() if key[0] != "_"}
        if isinstance(node, nodes.Import):
            frame.scope.own[node.target] = Module(exports)
            return
        for wanted in node.names:
            key, alias = wanted if isinstance(wanted, tuple) else (wanted, wanted)
            if key not in exports:
                raise UnprovableError(f"'{name}' has no '{key}'", frame.place(node))
            frame.scope.own[alias] = exports[key]

    def _globals(self, frame: Frame) -> Scope:
        return Scope(None, dict(self.environment.globals))

    def _for(self, node: nodes.For, frame: Frame, out: list[Part]) -> None:
        items = self.evaluate(node.iter, frame)
        if isinstance(items, Fragment):
            items = Dynamic(as_expression(items))
        if isinstance(items, Dynamic):
            out.append(self._open_loop(node, items.expr, frame))
            return
        chosen: list[Value] | None = list(items.items if isinstance(items, Mixed) else items)
        if node.test is not None and chosen:
            chosen = self._filtered_items(node, chosen, frame)
            if chosen is None:
                out.append(self._open_loop(node, as_expression(items), frame))
                return
        self._known_loop(node, chosen or [], frame, out)

    def _filtered_items(
        self, node: nodes.For, items: list[Value], frame: Frame
    ) -> list[Value] | None:
        """Keep what a loop's own condition lets through; nothing when a reader decides that."""
        kept = []
        for item in items:
            inner = frame.inside()
            self._assign(node.target, item, inner)
            truth = self.truth(node.test, inner) if node.test is not None else True
            if isinstance(truth, Dynamic):
                return None
            kept += [item] if truth else []
        return kept

    def _known_loop(
        self, node: nodes.For, items: list[Value], frame: Frame, out: list[Part]
    ) -> None:
        for item, loop in LoopContext(items, self.environment.undefined):
            current_effort().pay_pieces(1 + len(node.body))
            inner = frame.inside()
            inner.scope.own["loop"] = loop
            self._assign(node.target, item, inner)
            self.run(node.body, inner, out)
        if not items:
            self.run(node.else_, frame.inside(), out)

    def _open_loop(self, node: nodes.For, items: nodes.Expr, frame: Frame) -> Repeat:
        """Execute one turn of a loop over a reader's values, with the turn's values open."""
        self._depth += 1
        try:
            return self._open_loop_at(self._depth, node, items, frame)
        finally:
            self._depth -= 1

    def _open_loop_at(self, depth: int, node: nodes.For, items: nodes.Expr, frame: Frame) -> Repeat:
        # Names carry the depth, so that a loop inside cannot capture those of this one.
        loop = f"loop{depth}"
        inner = frame.inside()
        target = self._open_target(node.target, depth, inner)
        test: nodes.Expr | None = None
        if node.test is not None:
            truth = self.truth(node.test, inner)
            test = truth.expr if isinstance(truth, Dynamic) else nodes.Const(truth)
        inner.scope.own["loop"] = Dynamic(nodes.Name(loop, "load"))
        key = loop_key(frame.source, node, depth)
        body = self._split_turn(node, inner, list(self.splits.get(key, {}).items()))
        otherwise: list[Part] = []
        self.run(node.else_, frame.inside(), otherwise)
        place = frame.place(node)
        return Repeat(target, items, test, body, joined_words(tuple(otherwise)), place, loop, key)

    def _open_target(self, target: nodes.Node, depth: int, inner: Frame) -> nodes.Expr:
        if isinstance(target, nodes.Name):
            name = f"turn{depth}_{target.name}"
            inner.scope.own[target.name] = Dynamic(nodes.Name(name, "load"))
            return nodes.Name(name, "store")
        if isinstance(target, nodes.Tuple):
            items = [self._open_target(item, depth, inner) for item in target.items]
            return nodes.Tuple(items, "store")
        raise UnprovableError("a loop sets a field of a value", inner.place(target))

    def _split_turn(
        self, node: nodes.For, inner: Frame, splits: list[tuple[str, nodes.Expr]]
    ) -> Parts:
        """Execute a turn once for each way its own keys may be: such as first, and not first."""
        if not splits:
            out: list[Part] = []
            before = dict(inner.scope.own)
            self.run(node.body, inner, out)
            inner.scope.own = before
            return joined_words(tuple(out))
        (name, expr), *others = splits
        ways = []
        for decision in (True, False):
            self.decisions[name] = decision
            ways.append(self._split_turn(node, inner, others))
            del self.decisions[name]
        return (Choice(expr, ways[0], ways[1], inner.place(node)),)


def loop_key(source: str, node: nodes.For, depth: int) -> str:
    """Name a loop, so that it is found again when the page is executed anew."""
    return f"{source}:{node.lineno}:{depth}:{signature(node.iter)}"


def _filtered(filter_: nodes.Filter, value: nodes.Expr) -> nodes.Filter:
    """Put a value in at the inner end of a chain of filters."""
    inner = value if filter_.node is None else _filtered_inner(filter_.node, value)
    return nodes.Filter(
        inner, filter_.name, filter_.args, filter_.kwargs, None, None, lineno=filter_.lineno
    )


def _filtered_inner(node: nodes.Expr, value: nodes.Expr) -> nodes.Expr:
    return _filtered(node, value) if isinstance(node, nodes.Filter) else node


def _parts_of(value: Value, place: Any) -> Parts | None:
    """Give a written value as parts, if it is one that is written unescaped."""
    if isinstance(value, Fragment):
        return value.parts
    if isinstance(value, Markup) or value == "":
        return (Words(str(value), place),)
    return None
