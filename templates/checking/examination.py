"""One email looked at from all sides: by the checks, by the compiler, by everybody it is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from templates.checking.checked_email import CheckedEmail, Place
from templates.checking.checks import check_edition, finding_of
from templates.checking.everyone import NamedReader, check_everyone
from templates.checking.faults import faults_in
from templates.checking.findings import Finding, gravest_first
from templates.checking.leftovers import places_of_rules
from templates.compiler.child import GuardedRenderer
from templates.compiler.renderer import CompiledRenderer
from templates.compiler.report import CompileReport
from templates.email import Edition, Reader
from templates.errors import TemplateError


@dataclass(frozen=True)
class Examination:
    """What was found of one email."""

    subject: str  # as the sample reader gets it; '' when nobody gets it
    findings: tuple[Finding, ...]  # the gravest first
    report: CompileReport | None  # None when it cannot be compiled at all
    places: Mapping[str, Place] = field(default_factory=dict)  # where the rules of it stand


def examine(
    edition: Edition,
    sample: Reader,
    people: Iterable[NamedReader],
    *,
    renderer: CompiledRenderer | GuardedRenderer,
) -> Examination:
    """Look at an edition as a sample reader gets it, then render it for everybody it is for.

    The edition needs a digest: without one, nothing is compiled.
    """
    try:
        email = renderer.render(edition, sample)
        report = renderer.report(edition, sample)
    except TemplateError as error:
        return Examination("", _why_not(edition, sample, error), None)
    findings = check_edition(edition, sample, renderer=renderer, report=report)
    said = {(finding.level, finding.rule) for finding in findings}
    findings += check_everyone(edition, people, renderer=renderer, said=said)
    # People bring variants of their own, and reasons why there is none.
    report = renderer.report(edition, sample)
    places = places_of_rules(CheckedEmail(edition, sample, email), report)
    return Examination(email.subject, tuple(gravest_first(findings)), report, places)


def _why_not(edition: Edition, sample: Reader, error: TemplateError) -> tuple[Finding, ...]:
    """Name every fault of a document that cannot be rendered."""
    try:
        faults = faults_in(edition, sample)
    except TemplateError as other:  # the theme is at fault too
        return tuple(gravest_first([finding_of(error), finding_of(other)]))
    return tuple(gravest_first(finding_of(each) for each in faults or (error,)))
