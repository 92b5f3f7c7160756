"""A stage for tests of the checks: one email, and what is found in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from templates.checking.checks import check_edition
from templates.checking.findings import Finding
from templates.compiler.renderer import CompiledRenderer
from templates.email import Edition, Reader
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

FOOT = '{{ clinic.postal_address }} <a href="{{ links.unsubscribe }}">leave</a>'


def edition_of(
    body: str, *, subject: str = "Hello", preheader: str = "A word before", fields: Any = ()
) -> Edition:
    """Make an edition in the theme calm."""
    document = f"---\nsubject: {subject}\npreheader: {preheader}\n---\n{body}"
    return Edition(
        document, read_theme("calm"), SAMPLE_CLINIC, str(hash(document)), frozenset(fields)
    )


def whole_page(body: str, *, styles: str = "", kept: str = "") -> str:
    """Write an email in whole HTML, with everything it needs."""
    return (
        f"<!doctype html><html><head><style>\n{styles}\n</style>\n"
        f'<style data-premailer="ignore">\n{kept}\n</style></head>\n'
        f"<body><h1>a</h1>\n{body}\n{FOOT}</body></html>"
    )


def found_by(rule: str, edition: Edition, reader: Reader = SAMPLE_READER) -> list[Finding]:
    """Give the findings of one rule."""
    renderer = CompiledRenderer()
    report = renderer.report(edition, reader)
    findings = check_edition(edition, reader, renderer=renderer, report=report)
    return [finding for finding in findings if finding.rule == rule]


def nameless() -> Reader:
    """Give a reader of whom nothing is known."""
    return replace(SAMPLE_READER, subscriber={})
