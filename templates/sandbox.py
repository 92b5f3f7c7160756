"""The Jinja environments that marketers' documents and owners' themes run in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import DictLoader, StrictUndefined, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from markupsafe import Markup

from templates.allow_list import THEME_RULES, check_tree
from templates.document import FORBIDDEN
from templates.effort import JOIN, PAY, EffortCounter, current_effort, pay_for_pieces
from templates.errors import DocumentError, EffortError, RenderingError, suggest
from templates.kept_code import KeptCode
from templates.values import FILTERS, LARGEST_RESULT, LONGEST_VALUE, TESTS, joined, short_range

CONTEXT_NAMES = ("subscriber", "clinic", "series", "links", "subject", "preheader", "theme")
LOOP_FIELDS = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0"}
    | {"previtem", "nextitem", "cycle", "changed"}
)
_KEPT_CODE = {is_escaping: KeptCode() for is_escaping in (True, False)}  # it is in the code
LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")


class MissingField(StrictUndefined):
    """A field without a value: says which one was probably meant."""

    @property
    def _undefined_message(self) -> str:
        name = str(self._undefined_name)
        if isinstance(self._undefined_obj, Mapping):
            return f"there is no field '{name}' here; {suggest(name, self._undefined_obj)}"
        if self._undefined_obj is missing:
            return f"there is no field called '{name}'; {suggest(name, CONTEXT_NAMES)}"
        return f"there is nothing called '{name}' inside this value; remove '.{name}'"


class EmailEnvironment(ImmutableSandboxedEnvironment):
    """Jinja over plain values: no attributes, no methods, a budget, every value cleaned."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, sources: Mapping[str, str], *, autoescape: bool) -> None:
        self.sources = dict(sources)
        super().__init__(
            loader=DictLoader(self.sources),
            autoescape=autoescape,
            undefined=MissingField,
            finalize=finish_value,
            auto_reload=False,
            keep_trailing_newline=True,
            bytecode_cache=_KEPT_CODE[autoescape],
        )
        self.globals = {"range": short_range}
        self.filters = {**FILTERS, PAY: pay_for_pieces, JOIN: joined}
        self.tests = dict(TESTS)

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        try:
            check_tree(source, THEME_RULES)
        except DocumentError as error:
            raise error.within(name or "") from error.__cause__
        EffortCounter().visit(source)
        return super()._generate(source, name, filename, defer_init)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look into mappings, loops and macro files; nothing else has anything inside."""
        if isinstance(obj, Mapping):
            return self._item(obj, attribute)
        if isinstance(obj, LoopContext) and attribute in LOOP_FIELDS:
            return getattr(obj, attribute)
        if isinstance(obj, TemplateModule):
            return getattr(obj, attribute, None) or self.undefined(obj=obj, name=attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Look into mappings, lists and text."""
        if isinstance(obj, Mapping):
            return self._item(obj, argument)
        if isinstance(obj, list | tuple | str) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except LookupError:
                pass
        return self.undefined(obj=obj, name=argument)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call macros, blocks, `range` and the helpers of a loop."""
        if not __self._may_call(__obj):
            raise SecurityError("only macros can be called")
        return __context.call(__obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute with numbers; `+` may put two texts or lists together."""
        if operator == "+" and isinstance(left, str | list) and isinstance(right, str | list):
            if len(left) + len(right) > LONGEST_VALUE:
                raise EffortError("characters in one value", LONGEST_VALUE)
        elif not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise RenderingError(f"'{operator}' computes with numbers only")
        result = self.binop_table[operator](left, right)
        if isinstance(result, int | float) and abs(result) > LARGEST_RESULT:
            raise RenderingError("a number is too large")
        return result

    def _item(self, obj: Mapping[Any, Any], key: Any) -> Any:
        try:
            return obj[key]
        except (LookupError, TypeError):
            return self.undefined(obj=obj, name=key)

    @staticmethod
    def _may_call(obj: Any) -> bool:
        owner = getattr(obj, "__self__", None)
        is_loop_helper = isinstance(owner, LoopContext) and obj.__name__ in {"cycle", "changed"}
        return obj is short_range or isinstance(obj, Macro | BlockReference) or is_loop_helper


def finish_value(value: Any) -> Any:
    """Write nothing for an absent value; count what is written; take out what cannot be seen.

    A name with a line end or a mark that turns the reading direction must not rearrange an email.
    """
    if not isinstance(value, str):
        if value is None:
            return ""
        if isinstance(value, list | tuple | Mapping):
            raise RenderingError("a list or group of values is no text; use {{ … | join(', ') }}")
        value = str(value)
    current_effort().pay_characters(len(value))
    if FORBIDDEN.search(value) or "\r" in value:
        cleaned = FORBIDDEN.sub("", LINE_ENDS.sub("\n", value))
        return Markup(cleaned) if isinstance(value, Markup) else cleaned  # noqa: S704 -- was Markup before
    return value
