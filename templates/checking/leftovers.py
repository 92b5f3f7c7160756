"""What became of the style sheet: where its rules stand, and what the inliner dropped."""

from __future__ import annotations

from collections.abc import Iterator

from templates.checking.checked_email import CheckedEmail, Place
from templates.checking.findings import Finding, Level
from templates.compiler.report import CompileReport


def check_dropped(checked: CheckedEmail, report: CompileReport) -> Iterator[Finding]:
    """Name every declaration that nobody will see."""
    for dropped in report.dropped:
        selector, _, name = dropped.rpartition(": ")
        place = place_of_rule(checked, selector)
        yield Finding(
            Level.LOOK,
            "dropped",
            f"'{name}' of '{selector}' is written in a way that cannot be put into the email, so "
            "nobody sees it; write it in an older way, like #1f5c50 for a colour",
            place.file,
            place.line,
        )


def places_of_rules(checked: CheckedEmail, report: CompileReport) -> dict[str, Place]:
    """Find where every selector of a report is written, and every rule that stayed in the head."""
    selectors = (*report.inlined, *report.unmatched, *map(prelude_of, report.kept))
    return {selector: place_of_rule(checked, selector) for selector in selectors}


def place_of_rule(checked: CheckedEmail, selector: str) -> Place:
    """Find where a rule is written: alone, or in a list of selectors."""
    written = (f"{selector} {{", f"{selector}{{", f"{selector},", f", {selector}")
    return checked.place_of(*written, in_styles=True)


def prelude_of(rule: str) -> str:
    """Give what stands before the brace of a rule."""
    return rule.partition("{")[0].strip()
