"""Tell what a check found: to people in a few lines, to programs in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from steadypost.checking import Check, Kind
from steadypost.wording import counted
from templates.checking.checked_email import Place
from templates.checking.examination import Examination
from templates.checking.findings import Finding, Level
from templates.checking.leftovers import prelude_of
from templates.compiler.report import CompileReport

_LONGEST_LIST = 3  # files named one by one


@dataclass(frozen=True)
class _Seen:
    """A finding, and the emails it was made in."""

    finding: Finding
    places: tuple[Place, ...]


def as_data(check: Check) -> dict[str, Any]:
    """Give a check for programs; `docs/how-to/check-an-email.md` describes it."""
    return {
        "checked": check.name,
        "kind": check.kind,
        "people": check.people,
        "level": check.level,
        "findings": [
            {
                "level": seen.finding.level,
                "rule": seen.finding.rule,
                "message": seen.finding.message,
                "places": [asdict(place) for place in seen.places],
            }
            for seen in _merged(check)
        ],
        "emails": [
            {
                "step": step.key,
                "file": step.file,
                "subject": step.examination.subject,
                "compiled": _report_as_data(step.examination, step.file),
            }
            for step in check.steps
        ],
    }


def in_words(check: Check, *, is_full: bool = False) -> Iterator[str]:
    """Say what was found, the gravest first, then how the emails compile; in full when asked."""
    yield _headline(check)
    found = _merged(check)
    for level in Level:
        lines = [seen for seen in found if seen.finding.level is level]
        if lines:
            yield ""
            yield str(level)
            yield from (f"  {_spoken(seen, check)}" for seen in lines)
    yield ""
    for step in check.steps:
        if step.examination.report is not None:
            yield from _compiled(step.file, step.examination, is_full=is_full)
    yield _verdict(check)


def _headline(check: Check) -> str:
    what = f"{check.kind} {check.name}"
    if check.kind in (Kind.SERIES, Kind.FOLDER):
        what += f": {counted(len(check.steps), 'email')}"
    if not any(step.examination.report for step in check.steps):
        return what
    if check.people:
        return f"{what}, as {_everybody(check.people)}"
    return f"{what}, as an invented person gets it: nobody is there to ask"


def _everybody(people: int) -> str:
    return "the 1 person it is for gets it" if people == 1 else f"all {people:,} people get it"


def _verdict(check: Check) -> str:
    if check.level is Level.STOPS:
        return "put right what stops sending, then check again"
    if check.level is Level.LOOK:
        return "nothing stops sending; please look at what is named above"
    return "nothing stands in the way"


def _merged(check: Check) -> list[_Seen]:
    """Say what several emails share once, with every place; the gravest first."""
    places: dict[Finding, list[Place]] = {}
    for step in check.steps:
        for found in step.examination.findings:
            place = Place(found.file or step.file, found.line)
            shared = Finding(found.level, found.rule, found.message)
            if place not in places.setdefault(shared, []):
                places[shared].append(place)
    order = list(Level)
    return sorted(
        (_Seen(finding, tuple(found)) for finding, found in places.items()),
        key=lambda seen: order.index(seen.finding.level),
    )


def _spoken(seen: _Seen, check: Check) -> str:
    emails = {step.file for step in check.steps}
    if len(seen.places) > _LONGEST_LIST:
        is_everywhere = {place.file for place in seen.places} == emails
        where = f"{'all' if is_everywhere else 'in'} {len(seen.places)} emails"
    else:
        where = " and ".join(_place(place) for place in seen.places)
    return f"{where}: {seen.finding.message}"


def _place(place: Place) -> str:
    return f"{place.file}, line {place.line}" if place.line else place.file


def _compiled(file: str, looked: Examination, *, is_full: bool) -> Iterator[str]:
    report = looked.report
    assert report is not None  # noqa: S101 -- asked before
    html, text = (report.sizes.get(f"{part} as it is sent", 0) for part in ("html", "text"))
    sizes = f"; {html:,} bytes of HTML and {text:,} of text" if html else ""
    yield f"{file}: {report.how}{sizes}"
    for remark in (*report.keys, *report.in_full):
        yield f"  {remark.place}: {remark.what}"
    if is_full:
        yield from _in_full(report, looked, file)


def _in_full(report: CompileReport, looked: Examination, file: str) -> Iterator[str]:
    for part, size in report.sizes.items():
        if not part.endswith("as it is sent"):
            yield f"  {size:,} bytes {part}"
    for selector, count in report.inlined.items():
        where = _rule(selector, looked, file)
        yield f"  moved to {counted(count, 'element')}: {where}"
    for selector in report.unmatched:
        yield f"  fits nothing in this email: {_rule(selector, looked, file)}"
    for rule in report.kept:
        yield f"  stays in the head: {_rule(prelude_of(rule), looked, file)}"
    for dropped in report.dropped:
        yield f"  dropped: {dropped}"


def _rule(selector: str, looked: Examination, file: str) -> str:
    place = looked.places.get(selector, Place())
    shown = " ".join(selector.split())
    return f"{shown} ({_place(Place(place.file or file, place.line))})" if place.line else shown


def _report_as_data(looked: Examination, file: str) -> dict[str, Any] | None:
    report = looked.report
    if report is None:
        return None

    def placed(selector: str) -> dict[str, Any]:
        place = looked.places.get(selector, Place())
        return {"rule": selector, "file": place.file or file, "line": place.line}

    return {
        "how": report.how,
        "sizes": dict(report.sizes),
        "inlined": [{**placed(rule), "elements": count} for rule, count in report.inlined.items()],
        "unmatched": [placed(rule) for rule in report.unmatched],
        "kept": [placed(prelude_of(rule)) for rule in report.kept],
        "dropped": list(report.dropped),
        "keys": [asdict(remark) for remark in report.keys],
        "in_full": [asdict(remark) for remark in report.in_full],
    }
