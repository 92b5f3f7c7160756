"""What is found, and how much it matters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters; the gravest first."""

    STOPS = "stops sending"
    LOOK = "please look"
    KNOW = "good to know"


@dataclass(frozen=True)
class Finding:
    """One thing found, and where: in the email's own document unless a file is named."""

    level: Level
    rule: str  # a short permanent name, for programs
    message: str
    file: str = ""  # "calm/inline.css": a file of the theme; "": the document
    line: int = 0  # 0: no single line


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """Order findings by level, and leave out what is said already."""
    order = list(Level)
    return sorted(dict.fromkeys(findings), key=lambda finding: order.index(finding.level))
