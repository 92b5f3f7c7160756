"""The filters and tests that emails may use, each made safe against values of any size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.tests import TESTS as JINJA_TESTS
from markupsafe import Markup

from templates.errors import EffortError, RenderingError
from templates.links import check_link

LONGEST_VALUE: Final = 20_000  # characters one value may have
LARGEST_RESULT: Final = 10**15
MOST_TURNS: Final = 1_000  # of a `range`


def replace(text: object, old: object, new: object) -> str:
    """Replace one stretch of text by another, if the result is of a sensible size."""
    before, sought, put = str(text), str(old), str(new)
    size = len(before) + (before.count(sought) * max(0, len(put) - len(sought)))
    _check_size(size)
    return before.replace(sought, put)


def rounded(value: float, precision: int = 0) -> float:
    """Round a number; with more places than a number has, Python would compute for ever."""
    if not -10 <= precision <= 10:
        raise RenderingError("a number is rounded to -10 to 10 places")
    return round(value, precision)


def joined(parts: list[Any], separator: object = "") -> str:
    """Put values after each other with something between them; keep what is escaped so."""
    texts = [part if isinstance(part, str) else str(part) for part in parts]
    between = separator if isinstance(separator, str) else str(separator)
    _check_size(sum(map(len, texts)) + len(between) * len(texts))
    if any(isinstance(text, Markup) for text in texts):
        return Markup.escape(between).join(texts)
    return between.join(texts)


def short_range(*bounds: int) -> range:
    """Count, as far as an email can need it."""
    numbers = range(*bounds)
    if len(numbers) > MOST_TURNS:
        raise EffortError("turns of a range", MOST_TURNS)
    return numbers


def link(url: object) -> str:
    """Let an address through that a mail program may open.

    Raises:
        UnsafeLinkError: it is anything but http, https, mailto or tel.
    """
    return check_link(str(url))


def _check_size(size: int) -> None:
    if size > LONGEST_VALUE:
        raise EffortError("characters in one value", LONGEST_VALUE)


_KEPT_FILTERS = (
    *("abs", "capitalize", "d", "default", "e", "escape", "first", "float", "int", "last"),
    *("length", "count", "list", "lower", "max", "min", "reverse", "sort", "string"),
    *("striptags", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount"),
)
_KEPT_TESTS = (
    *("boolean", "defined", "divisibleby", "eq", "equalto", "==", "even", "false", "float"),
    *("ge", ">=", "gt", "greaterthan", ">", "in", "integer", "iterable", "le", "<=", "lower"),
    *("lt", "lessthan", "<", "mapping", "ne", "!=", "none", "number", "odd", "sequence"),
    *("string", "true", "undefined", "upper"),
)
_ALL_FILTERS: Mapping[str, Any] = JINJA_FILTERS  # Jinja types some of them as bare functions
_ALL_TESTS: Mapping[str, Any] = JINJA_TESTS
FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    **{name: _ALL_FILTERS[name] for name in _KEPT_FILTERS},
    "replace": replace,
    "round": rounded,
    "join": joined,
    "link": link,
}
TESTS: Final[Mapping[str, Callable[..., Any]]] = {name: _ALL_TESTS[name] for name in _KEPT_TESTS}
