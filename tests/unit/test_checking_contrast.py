"""Words that cannot be read are found, by day and in the dark."""

from __future__ import annotations

import pytest

from templates.checking.cascade import colour_in
from templates.checking.findings import Level
from tests.checking_stage import edition_of, found_by, whole_page


@pytest.mark.parametrize(
    ("written", "colour"),
    [
        ("#ABCDEF", "#abcdef"),
        ("#abc", "#aabbcc"),
        ("white", "#ffffff"),
        ("rgb(1, 2, 3)", "#010203"),
        ("rgb(1 2 3)", "#010203"),
        ("#123456 !important", "#123456"),
        ("rgba(1,2,3,.5)", ""),
        ("transparent", ""),
        ("inherit", ""),
    ],
)
def test_colours_are_read_in_every_way_they_are_written(written: str, colour: str) -> None:
    assert colour_in(written) == colour


@pytest.mark.parametrize(
    ("style", "is_found"),
    [
        ("color: #999999", True),
        ("color: #767676", False),
        ("color: #777777; font-size: 24px", False),
        ("color: #777777; font-size: 19px; font-weight: bold", False),
        ("color: #777777; font-size: 19px", True),
        ("color: #ffffff; background-color: #1d5b4f", False),
        ("color: #ffffff; background: #1d5b4f", False),
        ("color: #ffffff; background: url(https://a.org/b.png)", False),
        ("color: #ffffff; display: none", False),
    ],
)
def test_words_are_compared_with_what_lies_behind_them(style: str, is_found: bool) -> None:
    edition = edition_of(whole_page('<p class="x">Words</p>', styles=f".x {{ {style} }}"))

    found = found_by("contrast", edition)

    assert [one.level for one in found] == [Level.LOOK] * is_found


def test_the_finding_quotes_the_words_and_names_the_line_and_the_colours() -> None:
    edition = edition_of(whole_page("<p style='color:#999'>Words to read</p>"))

    (found,) = found_by("contrast", edition)

    assert found.message == (
        "“Words to read” is hard to read: #999999 on #ffffff has a contrast of 2.8, and 4.5 is "
        "needed; make one darker or the other lighter"
    )
    assert "Words to read" in edition.document.splitlines()[found.line - 1]


def test_dark_mode_is_looked_at_as_its_rules_make_it() -> None:
    dark = "@media (prefers-color-scheme: dark) { body { background-color: #000 !important; } }"
    edition = edition_of(whole_page("<p>Words</p>", styles="p { color: #333333 }", kept=dark))

    found = found_by("contrast", edition)

    assert found
    assert all(" in dark mode: " in one.message for one in found)


def test_a_dark_rule_that_is_not_important_is_beaten_by_the_style_at_the_element() -> None:
    dark = "@media (prefers-color-scheme: dark) { p { color: #ffffff; } }"
    edition = edition_of(whole_page("<p>Words</p>", styles="p { color: #333333 }", kept=dark))

    assert found_by("contrast", edition) == []


def test_a_declaration_nobody_will_see_is_named_with_its_line() -> None:
    edition = edition_of(
        whole_page("<p>x</p>", styles="b { color: red }\np { background: rgb(0 0 0 / 50%) }")
    )

    (found,) = found_by("dropped", edition)

    assert found.level is Level.LOOK
    assert found.message.startswith("'background' of 'p' is written in a way that cannot be put ")
    assert "rgb(0 0 0" in edition.document.splitlines()[found.line - 1]
