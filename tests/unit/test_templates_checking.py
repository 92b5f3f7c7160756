"""What is found wrong with an email before it goes out."""

from __future__ import annotations

from typing import Any

import pytest

from templates.checking import Level, check_edition
from templates.email import Edition, Reader
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

THEME = read_theme("calm")
IN_SUBJECT = (Level.KNOW, "personal-in-subject")


def found(
    body: str = "# Hi",
    *,
    front: str = "subject: Hello",
    reader: Reader = SAMPLE_READER,
    **clinic: Any,
) -> list[tuple[Level, str]]:
    """Name what is found, without what the theme itself asks of mail programs."""
    front = front if "preheader" in front else f"{front}\npreheader: A word before"
    edition = Edition(f"---\n{front}\n---\n{body}", THEME, {**SAMPLE_CLINIC, **clinic})
    findings = check_edition(edition, reader)
    return [(one.level, one.rule) for one in findings if one.rule != "client-support"]


def test_nothing_is_found_in_a_good_email() -> None:
    assert found() == []


def test_a_missing_way_to_unsubscribe_stops_sending() -> None:
    reader = Reader({}, {"view": "https://post.example.org/m/x"})

    assert found(reader=reader) == [(Level.STOPS, "unsubscribe-link")]


def test_a_confirmation_mail_needs_no_way_to_unsubscribe() -> None:
    assert found(reader=Reader({}, {"confirm": "https://post.example.org/confirm/x"})) == []


@pytest.mark.parametrize("address", ["", "  ", None])
def test_a_missing_postal_address_stops_sending(address: str | None) -> None:
    assert found(postal_address=address)[0] == (Level.STOPS, "postal-address")


def test_a_postal_address_may_have_lines() -> None:
    assert found(postal_address="12 Mill Lane\nRiverside") == []


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("'{{ subscriber.city }}'", [(Level.STOPS, "subject-empty"), IN_SUBJECT]),
        ("x" * 78, []),
        ("x" * 79, [(Level.LOOK, "subject-long")]),
    ],
)
def test_subjects_are_measured(subject: str, expected: list[tuple[Level, str]]) -> None:
    reader = Reader({"city": ""}, SAMPLE_READER.links)

    assert found(front=f"subject: {subject}", reader=reader) == expected


@pytest.mark.parametrize(
    ("paragraphs", "expected"),
    [
        (100, []),
        (400, [(Level.LOOK, "size")]),
        (520, [(Level.STOPS, "size")]),
    ],
)
def test_the_size_is_measured_as_it_travels(
    paragraphs: int, expected: list[tuple[Level, str]]
) -> None:
    assert found("# Hi\n\n" + "A short one.\n\n" * paragraphs) == expected


def test_links_without_encryption_are_found() -> None:
    assert found("# Hi\n\n[a](http://a.example) [b](https://b.example)") == [(Level.LOOK, "https")]


def test_pictures_without_words_are_found() -> None:
    page = (
        '<!doctype html><html><body><h1>a</h1><img src="https://a.example/b.png">'
        '{{ clinic.postal_address }}<a href="{{ links.unsubscribe }}">leave</a></body></html>'
    )

    assert found(page, front="subject: a\ntext: b") == [(Level.LOOK, "alt")]
    assert found("# Hi\n\n::: image https://a.example/b.png | | 9x9\n:::") == [(Level.KNOW, "alt")]


@pytest.mark.parametrize("body", ["no heading", "# one\n\n# two"])
def test_one_main_heading_is_wanted(body: str) -> None:
    assert found(body) == [(Level.LOOK, "heading")]


def test_a_whole_page_needs_everything_the_theme_would_have_given() -> None:
    assert found("<!doctype html><html><body><p>a</p></body></html>") == [
        (Level.STOPS, "unsubscribe-link"),
        (Level.STOPS, "postal-address"),
        (Level.LOOK, "heading"),
        (Level.LOOK, "text-part"),
    ]


def test_what_does_not_render_is_the_only_finding() -> None:
    assert found("{{ nobody }}") == [(Level.STOPS, "renders")]


def test_a_finding_says_what_to_do() -> None:
    edition = Edition("---\nsubject: a\n---\n# b", THEME, {**SAMPLE_CLINIC, "postal_address": ""})

    (finding, *_) = check_edition(edition, SAMPLE_READER)

    assert finding.message == "the clinic has no postal address; add it to its facts"
