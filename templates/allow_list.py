"""What Jinja may do in an email: a list of what is allowed, checked before anything is compiled.

Compiling already folds constants, so `{{ 9**(9**9) }}` would hang there. Parsing does not, hence:
parse, check against this list, and only then compile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from jinja2 import nodes

from templates.errors import RefusedJinjaError, TooLongError, UnknownNameError
from templates.values import FILTERS, TESTS

LARGEST_NUMBER = 1_000_000_000
LONGEST_LITERAL = 10_000
MOST_NODES = 20_000
DEEPEST_LOOP = 3
GIVEN_NAMES = frozenset({"range", "caller", "super", "loop"})  # by Jinja, not by the context
RESERVED_NAMES = frozenset({"blocks", "side", "self"}) | GIVEN_NAMES  # what we write uses them
LOOP_CALLS = frozenset({"cycle", "changed"})

EXPRESSIONS = (
    *(nodes.Name, nodes.Const, nodes.TemplateData, nodes.List, nodes.Tuple, nodes.Dict),
    *(nodes.Pair, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
    *(nodes.Neg, nodes.Pos, nodes.Concat, nodes.Call, nodes.Keyword),
)
WRITING = (nodes.Template, nodes.Output, nodes.If, nodes.For, nodes.Assign)
PAGE = (nodes.AssignBlock, nodes.Macro, nodes.CallBlock, nodes.With)
LAYOUT = (nodes.Block, nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)


@dataclass(frozen=True)
class Rules:
    """What one kind of source may hold."""

    kinds: tuple[type[nodes.Node], ...]
    advice: str
    may_call_macros: bool = True


MARKDOWN_RULES = Rules(
    (*EXPRESSIONS, *WRITING),
    "use fields {{ … }}, and {% if %}, {% for %} and {% set %}",
    may_call_macros=False,
)
HTML_RULES = Rules((*EXPRESSIONS, *WRITING, *PAGE), "an email is one document and loads no other")
THEME_RULES = Rules(
    (*EXPRESSIONS, *WRITING, *PAGE, *LAYOUT), "a theme shows values and computes nothing"
)

# How Jinja's node types are called by the people who write them.
SPOKEN = {
    "Pow": "the power sign **",
    "AssignBlock": "{% set %} … {% endset %}",
    "Macro": "{% macro %}",
    "CallBlock": "{% call %}",
    "FilterBlock": "{% filter %}",
    "With": "{% with %}",
    "Block": "{% block %}",
    "Extends": "{% extends %}",
    "Include": "{% include %}",
    "Import": "{% import %}",
    "FromImport": "{% from … import %}",
    "Scope": "{% autoescape %}",
    "NSRef": "setting a field of something",
}


def check_tree(tree: nodes.Template, rules: Rules) -> None:
    """See that a parsed source holds nothing but what is allowed.

    Raises:
        RefusedJinjaError: it holds something else; the line is that of the source.
        UnknownNameError: it uses a filter or test that does not exist.
    """
    for count, node in enumerate(_walk(tree)):
        if count > MOST_NODES:
            raise TooLongError(
                "the Jinja in it", count, limit=MOST_NODES, line=node.lineno, unit="pieces"
            )
        if not isinstance(node, rules.kinds):
            name = type(node).__name__
            raise RefusedJinjaError(SPOKEN.get(name, name), rules.advice, line=node.lineno)
        _check_node(node)
        if isinstance(node, nodes.Call):
            _check_call(node, rules)
    _check_loops(tree, depth=0)


def check_names(tree: nodes.Template, known: Collection[str]) -> None:
    """See that every name used is a field that exists or was set in the source itself.

    Raises:
        UnknownNameError: a name is neither.
        RefusedJinjaError: the source sets a name that has a meaning already.
    """
    given = set(known)
    own = dict(_own_names(tree))
    for name, line in own.items():
        if name in given | RESERVED_NAMES:
            advice = "it has a meaning already; choose another name"
            raise RefusedJinjaError(f"the name '{name}'", advice, line=line)
    everything = own.keys() | given
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name not in everything | GIVEN_NAMES:
            raise UnknownNameError("field", node.name, known=everything, line=node.lineno)


def _own_names(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    for node in tree.find_all(nodes.Name):
        if node.ctx != "load":
            yield node.name, node.lineno
    for macro in tree.find_all(nodes.Macro):
        yield macro.name, macro.lineno


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _check_node(node: nodes.Node) -> None:
    match node:
        case nodes.Const():
            _check_literal(node.value, node.lineno)
        case nodes.Getattr():
            _check_attribute(node.attr, node.lineno)
        case nodes.Getitem(arg=nodes.Const(value=str() as key)):
            _check_attribute(key, node.lineno)
        case nodes.Filter():
            _check_known("filter", node.name, known=FILTERS, line=node.lineno)
        case nodes.Test():
            _check_known("test", node.name, known=TESTS, line=node.lineno)
        case nodes.Mul():
            _check_factors(node)
        case nodes.Name():
            _check_attribute(node.name, node.lineno)
        case nodes.Include() | nodes.Extends() | nodes.Import() | nodes.FromImport():
            _check_loading(node)
        case _:
            pass


def _check_literal(value: object, line: int) -> None:
    if isinstance(value, str) and len(value) > LONGEST_LITERAL:
        raise TooLongError(
            "a text in quotation marks", len(value), limit=LONGEST_LITERAL, line=line
        )
    if isinstance(value, int | float) and not abs(value) <= LARGEST_NUMBER:
        raise RefusedJinjaError(
            "so large a number", f"keep numbers under {LARGEST_NUMBER:,}", line=line
        )


def _check_attribute(name: str, line: int) -> None:
    if name.startswith("_"):
        raise RefusedJinjaError(f"'{name}'", "fields do not begin with an underscore", line=line)


def _check_known(kind: str, name: str, *, known: Collection[str], line: int) -> None:
    if name not in known:
        raise UnknownNameError(kind, name, known=known, line=line)


def _check_factors(node: nodes.Mul) -> None:
    for factor in (node.left, node.right):
        text = isinstance(factor, nodes.Const) and isinstance(factor.value, str)
        if text or isinstance(factor, nodes.List | nodes.Tuple | nodes.TemplateData | nodes.Concat):
            raise RefusedJinjaError(
                "multiplying text or a list", "write it out instead", line=node.lineno
            )


def _check_call(node: nodes.Call, rules: Rules) -> None:
    """Allow `range`, the helpers of a loop and, outside Markdown, macros."""
    if not _is_allowed_call(node.node, rules):
        raise RefusedJinjaError(
            "calling something with ( )", "use a filter: {{ name | upper }}", line=node.lineno
        )
    if node.dyn_args or node.dyn_kwargs:
        raise RefusedJinjaError("a call with * or **", "name every value", line=node.lineno)


def _is_allowed_call(called: nodes.Expr, rules: Rules) -> bool:
    match called:
        case nodes.Name(name="range"):
            return True
        case nodes.Name():
            return rules.may_call_macros
        case nodes.Getattr(node=nodes.Name(name="loop"), attr=attr):
            return attr in LOOP_CALLS
        case nodes.Getattr(node=nodes.Name()):  # a macro of an imported file
            return rules.may_call_macros
    return False


def _check_loading(
    node: nodes.Include | nodes.Extends | nodes.Import | nodes.FromImport,
) -> None:
    if not isinstance(node.template, nodes.Const):
        raise RefusedJinjaError(
            "choosing a file by a value", "name the file in quotation marks", line=node.lineno
        )


def _check_loops(node: nodes.Node, depth: int) -> None:
    if isinstance(node, nodes.For):
        depth += 1
        if node.recursive:
            raise RefusedJinjaError("a recursive loop", "use a plain loop", line=node.lineno)
        if depth > DEEPEST_LOOP:
            raise RefusedJinjaError(
                "so many loops inside each other", f"keep to {DEEPEST_LOOP}", line=node.lineno
            )
    for child in node.iter_child_nodes():
        _check_loops(child, depth)
