"""Addresses are looked at: can they be followed, and do they give anybody away?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from templates.checking.findings import Level
from tests.checking_stage import edition_of, found_by, whole_page


@pytest.mark.parametrize(
    ("url", "rule", "level"),
    [
        ("http://a.org", "https", Level.LOOK),
        ("https://example.com/x", "link-nowhere", Level.LOOK),
        ("https://localhost/x", "link-nowhere", Level.LOOK),
        ("https://intranet/x", "link-nowhere", Level.LOOK),
        ("mailto:nobody", "link-broken", Level.LOOK),
        ("https://a.org/migraine-help", "health-in-address", Level.KNOW),
    ],
)
def test_an_address_with_a_fault_is_found_with_its_line(url: str, rule: str, level: Level) -> None:
    found = found_by(rule, edition_of(f"# Hi\n\n[a link]({url})"))

    assert [(one.level, one.line) for one in found] == [(level, 7)]
    assert url in found[0].message


def test_an_address_that_cannot_be_read_stops_sending() -> None:
    (found,) = found_by("link-broken", edition_of(whole_page('<a href="https://a.org:x/">b</a>')))

    assert found.level is Level.STOPS


@pytest.mark.parametrize(
    "url", ["https://a.org/b?c=d#e", "tel:+4420794600", "mailto:a@b.org?subject=c"]
)
def test_good_addresses_are_left_alone(url: str) -> None:
    edition = edition_of(f"# Hi\n\n[a link]({url})")

    for rule in ("https", "link-nowhere", "link-broken", "health-in-address"):
        assert found_by(rule, edition) == []


def test_an_address_from_the_clinics_facts_is_found_where_the_fact_is_named() -> None:
    edition = edition_of("# Hi\n\n[book]({{ clinic.booking_url }})")
    edition = replace(edition, clinic={**edition.clinic, "booking_url": "http://a.org/book"})

    assert [one.line for one in found_by("https", edition)] == [7]


@pytest.mark.parametrize(
    "body",
    [
        "[more](https://a.org/?n={{ subscriber.first_name }})",
        "{% set n = subscriber.first_name %}\n\n[more](https://a.org/{{ n | lower }})",
        "::: button https://a.org/{{ subscriber.first_name }}\nMore\n:::",
    ],
)
def test_a_personal_fact_in_an_address_wants_a_look(body: str) -> None:
    (found,) = found_by("personal-in-address", edition_of(f"# Hi\n\n{body}"))

    assert (found.level, found.line) == (Level.LOOK, 7)
    assert found.message == (
        "an address has {{ subscriber.first_name }} in it, so every server on the way can write "
        "down who clicked; leave it out"
    )


def test_the_readers_own_links_are_nobodys_fault() -> None:
    assert found_by("personal-in-address", edition_of("# Hi {{ subscriber.first_name }}")) == []


@pytest.mark.parametrize("words", ["hands.jpg", "IMG_2041", "image 3"])
def test_words_for_a_picture_that_are_a_file_name_want_a_look(words: str) -> None:
    edition = edition_of(f"# Hi\n\n::: image https://a.org/b.png | {words} | 9x9\n:::")

    (found,) = found_by("alt", edition)

    assert (found.level, found.line) == (Level.LOOK, 7)
    assert "are a file name" in found.message
