"""All checks of one email, in the order people read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from templates.checking import (
    client_support,
    content,
    contrast,
    duties,
    header_lines,
    leftovers,
    links,
    wording,
)
from templates.checking.checked_email import CheckedEmail
from templates.checking.findings import Finding, Level, gravest_first
from templates.compiler.report import CompileReport
from templates.email import Edition, Reader, Renderer
from templates.errors import TemplateError
from templates.rendering import PersonRenderer

Check: TypeAlias = Callable[[CheckedEmail], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    *(duties.check_unsubscribe, duties.check_postal_address),
    *(header_lines.check_subject, header_lines.check_preheader, duties.check_size),
    *(links.check_addresses, content.check_pictures, content.check_headings),
    *(duties.check_text_part, wording.check_health_words, wording.check_facts_in_subject),
    *(wording.check_spam_words, contrast.check_contrast, client_support.check_client_support),
)


def check_edition(
    edition: Edition,
    reader: Reader,
    *,
    renderer: Renderer | None = None,
    report: CompileReport | None = None,
) -> list[Finding]:
    """Render an edition for a reader and list what is wrong with the email, gravest first.

    With a compile report, what the inliner dropped is among it.
    """
    chosen = renderer or PersonRenderer()
    try:
        email = chosen.render(edition, reader)
    except TemplateError as error:
        return [finding_of(error)]
    checked = CheckedEmail(edition, reader, email)
    findings = [finding for check in CHECKS for finding in check(checked)]
    findings += links.check_personal_addresses(checked, chosen)
    if report is not None:
        findings += leftovers.check_dropped(checked, report)
    return gravest_first(findings)


def finding_of(error: TemplateError) -> Finding:
    """Turn what keeps an email from being rendered into a finding, with its line."""
    if error.name == "document":
        return Finding(Level.STOPS, "renders", error.problem, line=error.line or 0)
    return Finding(Level.STOPS, "renders", str(error))
