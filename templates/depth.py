"""On which line does a text stand too deep inside itself?

Jinja reads and compiles brackets and blocks by going down one level for each, and Python refuses
code that is too deep. Neither tells the line; but what was being read last is still on the stack.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Final

from jinja2 import Environment, nodes
from jinja2.parser import Parser

TOO_DEEP: Final = "its brackets or blocks stand too deep inside each other"
_LINES: Final = re.compile(r"debug_info = '([0-9=&]*)'")  # Jinja's own map, in the code it writes


def place_of_depth(error: RecursionError | SyntaxError) -> tuple[str, int]:
    """Find the source and its line at which the stack, or Python's patience, was at an end.

    The line is 0 when Jinja was not at work.
    """
    name, line, code = "", 0, ""
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        given = traceback.tb_frame.f_locals
        acting, node = given.get("self"), given.get("node")
        if isinstance(acting, Parser):
            line = acting.stream.current.lineno
        elif isinstance(acting, Environment):
            name = given.get("name") or name
            code = given["source"] if isinstance(given.get("source"), str) else code
        elif isinstance(node, nodes.Node) and getattr(node, "lineno", None):
            line = node.lineno
        traceback = traceback.tb_next
    return name, line or _line_of_code(code, error)


def _line_of_code(code: str, error: Exception) -> int:
    found = _LINES.search(code)
    if found is None or not isinstance(error, SyntaxError):
        return 0
    pairs = [pair.split("=") for pair in found[1].split("&") if pair]
    above = [int(line) for line, written in pairs if int(written) <= (error.lineno or 0)]
    return above[-1] if above else 0
