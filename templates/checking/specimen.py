"""An email with every block, to look at a theme by."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).parents[1] / "builtin" / "specimen.md"


def specimen() -> str:
    """Give the document."""
    return _FILE.read_text("utf-8")
