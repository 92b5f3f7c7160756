"""What the author reads about compiling: places, reasons, sizes."""

from __future__ import annotations

from templates.compiler.renderer import CompiledRenderer
from templates.compiler.report import CompileReport
from templates.email import Edition, Reader
from templates.theme import read_theme

ADA = Reader(
    {"first_name": "Ada", "kind": "gold", "tags": ["a"]}, {"unsubscribe": "https://a.org/u"}
)
SHEET = (
    "p { color: red; background: rgb(0 0 0 / 50%) }\n.gold { margin: 0 }\n.none { margin: 1px }\n"
    "a:hover { color: blue }\n@media (max-width: 400px) { p { color: black } }"
)


def report_on(body: str) -> CompileReport:
    page = f"<!doctype html><html><head><style>{SHEET}</style></head><body>\n{body}\n</body></html>"
    document = f"---\nsubject: Hello\n---\n{page}"
    fields = frozenset({"kind", "tags"})
    edition = Edition(document, read_theme("calm"), {"name": "Clinic"}, "digest", fields)
    return CompiledRenderer().report(edition, ADA)


def test_the_report_tells_what_was_inlined_kept_and_dropped() -> None:
    report = report_on("<p class='gold'>{{ subscriber.first_name }}</p><p>x</p>")

    assert report.how == "compiled once"
    assert report.inlined == {"p": 2, ".gold": 1}
    assert report.unmatched == (".none",)
    assert [rule.partition("{")[0].strip() for rule in report.kept] == [
        "a:hover",
        "@media (max-width: 400px)",
    ]
    assert report.dropped == ("p: background",)
    assert report.keys == report.in_full == ()


def test_the_report_gives_the_sizes_of_what_is_sent_and_of_what_was_written() -> None:
    sizes = report_on("<p>x</p>").sizes

    assert min(sizes["html as it is sent"], sizes["text as it is sent"]) > 100
    assert sizes["written in the document"] > 200


def test_a_key_is_reported_with_its_line_its_field_and_its_reason() -> None:
    report = report_on("<p>one</p>\n<p class='{{ subscriber.kind }}'>x</p>")

    assert report.how == "compiled in variants"
    (key,) = report.keys
    assert key.place == "document, line 10"
    assert key.what == (
        "what is written by subscriber.kind decides: a selector of the style sheet looks at class"
    )


def test_what_is_rendered_in_full_is_reported_with_its_line_and_its_reason() -> None:
    report = report_on(
        "<p>one</p>\n{% for t in subscriber.tags %}<p class='{{ t }}'>x</p>{% endfor %}"
    )

    assert report.how == "rendered in full for each reader"
    (reason,) = report.in_full
    assert reason.place == "document, line 10"
    assert reason.what == (
        "in a loop over a reader's values: a selector of the style sheet looks at class"
    )
