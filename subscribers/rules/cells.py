"""Cells of a CSV file that a spreadsheet would take for a formula."""

from __future__ import annotations

import re

# What makes a spreadsheet calculate instead of show (OWASP "CSV injection", also after white
# space and in full width), perhaps behind apostrophes that were put there for the same reason.
_LIVE = re.compile(r"'*(\s*[=+\-@＝＋－＠]|[\t\r\n\x00])")


def protect_cell(text: str) -> str:
    """Put an apostrophe before a cell that would calculate; `bare_cell` takes it away again."""
    return f"'{text}" if _LIVE.match(text) else text


def bare_cell(text: str) -> str:
    """Take away the one apostrophe that protects a cell; the cell stays what it is: text."""
    return text[1:] if text.startswith("'") and _LIVE.match(text) else text
