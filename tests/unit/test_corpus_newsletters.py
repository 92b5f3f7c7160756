"""Whole newsletters in the manners of the trade: compiled, and equal to what they were."""

from __future__ import annotations

import quopri
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from delivery.message import Letter, compose
from templates.checking import Level, check_edition
from templates.compiler.canonical import canonical
from templates.compiler.renderer import CompiledRenderer, difference_between
from templates.email import Reader
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC
from tests.newsletter_stage import ADA, NEWSLETTERS, PEOPLE, newsletter

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOW = dict.fromkeys(NEWSLETTERS, "compiled once") | {
    "table-of-everything": "compiled in variants",
}


@pytest.fixture(params=NEWSLETTERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PEOPLE)
def reader(request: pytest.FixtureRequest) -> Reader:
    return PEOPLE[request.param]


def test_there_are_newsletters_of_every_manner() -> None:
    assert [
        *("float-grid", "from-a-word-processor", "hybrid-ghost-tables", "receipt"),
        *("single-column", "table-of-everything"),
    ] == NEWSLETTERS


def test_compiled_it_is_what_rendering_and_then_inlining_gives(name: str) -> None:
    compiled, person = CompiledRenderer(), PersonRenderer()

    for reader in [*PEOPLE.values(), *PEOPLE.values()]:  # the first time a variant is tried out
        ours, theirs = (each.render(newsletter(name), reader) for each in (compiled, person))
        assert canonical(ours.html) == canonical(theirs.html)
        assert difference_between(ours, theirs) == ""


def test_the_report_tells_how_it_is_compiled_and_names_the_lines(name: str) -> None:
    report = CompiledRenderer().report(newsletter(name), ADA)

    assert report.how == HOW[name]
    assert len(report.inlined) >= 5
    assert all(key.place.startswith("document, line") for key in report.keys)
    for remark in report.in_full:
        assert remark.place.startswith("document, line")
        assert remark.what.startswith("the plain text part: ")  # never the HTML


def test_every_variant_serves_its_readers_without_the_fallback(name: str) -> None:
    renderer = CompiledRenderer()

    for reader in PEOPLE.values():
        renderer.render(newsletter(name), reader)
        assert renderer.compilation(newsletter(name), reader).variants.count >= 1


def test_the_text_part_says_the_same_in_plain_lines(name: str, reader: Reader) -> None:
    text = CompiledRenderer().render(newsletter(name), reader).text

    assert reader.links["unsubscribe"] in text
    assert str(SAMPLE_CLINIC["postal_address"]) in text
    for left_over in ("{{", "{%", "None", "<td", "<p", "&nbsp;", "::: "):
        assert left_over not in text
    assert "\n\n\n" not in text
    assert [line for line in text.splitlines() if len(line) > 72 and "://" not in line] == []


def test_nothing_about_it_stops_sending(name: str, reader: Reader) -> None:
    found = check_edition(newsletter(name), reader)

    assert [finding for finding in found if finding.level is Level.STOPS] == []


def test_its_message_is_valid_and_holds_what_was_rendered(name: str, reader: Reader) -> None:
    encoded = CompiledRenderer().render_encoded(newsletter(name), reader)
    rendered = CompiledRenderer().render(newsletter(name), reader)

    raw = compose(
        Letter(
            from_name=encoded.from_name or "Riverside Clinic",
            from_address="hello@riverside.example",
            to_address="ada@example.org",
            subject=encoded.subject,
            text=encoded.text,
            html=encoded.html,
            message_id="<1.abc@riverside.example>",
            date=NOW,
        )
    )

    assert re.search(rb"[^\r]\n|\r[^\n]|[^\x00-\x7f]", raw) is None
    assert max(map(len, raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n"))) <= 76
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    text, html = message.iter_parts()
    assert message["Subject"] == rendered.subject
    assert not [*message.defects, *text.defects, *html.defects]
    assert text.get_content().replace("\r\n", "\n").strip() == rendered.text.strip()
    assert canonical(html.get_content().replace("\r\n", "\n")) == canonical(rendered.html)
    assert quopri.decodestring(encoded.html).decode().count("<body") == 1


def test_who_it_is_from_may_depend_on_the_reader() -> None:
    renderer, edition = CompiledRenderer(), newsletter("table-of-everything")

    names = {name: renderer.render(edition, each).from_name for name, each in PEOPLE.items()}

    assert names == {"Ada": "Mara", "Ben": "Riverside Clinic", "Cleo": "Riverside Clinic"}
