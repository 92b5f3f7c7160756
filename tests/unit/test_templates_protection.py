"""Whatever is written, Jinja and Markdown do not meet, and values are never HTML."""

from __future__ import annotations

import re
from dataclasses import replace

import cssutils
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from templates.email import Edition, Reader
from templates.errors import JinjaSyntaxError, TemplateError
from templates.inlining import inline
from templates.pieces import Piece, PieceKind, protect
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.style_sheets import split_sheet
from templates.text_layout import lay_out
from templates.theme import read_theme

THEME = read_theme("calm")
RENDERER = PersonRenderer()
SIGNS = st.sampled_from(
    [
        *("{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "{", "}", "%", "|", "'", '"', "\\"),
        *("if x", "endif", "for n in [1]", "endfor", "else", "raw", "endraw", "set x = 1"),
        *("subscriber.first_name", "clinic.name", "links.view", " ", "\n", "\n\n", "  "),
        *("*", "**", "_", "# ", "## ", "- ", "1. ", "> ", "---", "[", "](", ")", "!["),
        *(":::", "::: tip a", "::: button ", "::: columns", "+++", "https://a.example/?b=1&c"),
        *("<", ">", "<b>", "</p>", "<!--", "-->", "&amp;", "&#123;", "&", "<https://a.example>"),
        *("é", "漢字", "👩‍⚕️", "\u00a0", "\u200b", "word", "7*7"),
    ]
)
SCRAPS = st.lists(SIGNS | st.text(max_size=6), max_size=30).map("".join)


def edition(body: str) -> Edition:
    return Edition(f"---\nsubject: Hello\n---\n{body}", THEME, SAMPLE_CLINIC)


@settings(max_examples=150, deadline=None)
@given(SCRAPS)
def test_no_body_makes_anything_but_an_email_or_a_template_error(body: str) -> None:
    try:
        email = PersonRenderer().render(edition(body), SAMPLE_READER)
    except TemplateError:
        return

    assert not re.search("[\ufdd0-\ufdef]", email.text + email.html)


@settings(max_examples=100, deadline=None)
@given(SCRAPS)
def test_no_subject_makes_anything_but_one_line_or_a_template_error(subject: str) -> None:
    front = subject.replace("'", "''").replace("\n", " ")
    document = f"---\nsubject: '{front}'\n---\n# Hi"

    try:
        email = PersonRenderer().render(Edition(document, THEME, SAMPLE_CLINIC), SAMPLE_READER)
    except TemplateError:
        return

    assert len(email.subject.splitlines()) <= 1


@settings(max_examples=100, deadline=None)
@given(name=SCRAPS, city=st.text(max_size=20))
def test_no_value_becomes_an_element_or_an_attribute(name: str, city: str) -> None:
    body = (
        "# Hi {{ subscriber.first_name }}\n\n"
        "**{{ subscriber.first_name }}** {% if subscriber.city %}*{{ subscriber.city }}*{% endif %}"
        "\n\n::: tip {{ subscriber.city }}\n- {{ subscriber.first_name }}\n:::\n\n"
        "::: image https://a.example/b.png | {{ subscriber.city }} | 10x10\n:::\n"
    )
    email = replace(edition(body), digest="compiled once for all examples")
    plain = Reader({"first_name": "Ada", "city": "Ulm"}, SAMPLE_READER.links)
    strange = Reader({"first_name": name, "city": f"{city}x"}, SAMPLE_READER.links)

    shapes = [shape(RENDERER.render(email, reader).html) for reader in (plain, strange)]

    assert shapes[0] == shapes[1]


def shape(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """List the elements of a page with the names of their attributes."""
    page = etree.fromstring(html, etree.HTMLParser())
    return [(str(found.tag), tuple(map(str, found.attrib))) for found in page.iter("*")]


@settings(max_examples=100, deadline=None)
@given(SCRAPS)
def test_what_is_protected_can_be_put_together_again(source: str) -> None:
    source = re.sub("[\ufdd0-\ufdef\r]", "", source)

    try:
        protected = protect(source, first_line=7)
    except JinjaSyntaxError:
        return

    assert len(protected.line_numbers) == protected.text.count("\n") + 1
    assert list(protected.line_numbers) == sorted(protected.line_numbers)
    words = "".join(part for part in protected.split(protected.text) if isinstance(part, str))
    assert is_subsequence(words, source)
    for piece in protected.pieces:
        assert piece.source in source
        assert 7 <= piece.line <= 7 + source.count("\n")


def is_subsequence(part: str, whole: str) -> bool:
    signs = iter(whole)
    return all(sign in signs for sign in part)


@settings(max_examples=100, deadline=None)
@given(SCRAPS | st.text())
def test_no_page_makes_anything_but_a_page_or_a_template_error(html: str) -> None:
    try:
        inlined = inline(f"<!doctype html><html><body>{html}</body></html>")
    except TemplateError:
        return

    assert inlined.startswith("<!DOCTYPE html>\n<html")
    assert "<script" not in inlined


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="p{}:;@\"'/*\\(),.a #>-<!\n", max_size=60))
def test_the_inlinable_half_of_any_sheet_has_plain_rules_only(css: str) -> None:
    try:
        sheet = split_sheet(css)
    except TemplateError:
        return

    rules = cssutils.parseString("\n".join(sheet.plain), validate=False)
    assert {rule.typeString for rule in rules} <= {"STYLE_RULE", "COMMENT"}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_no_text_is_lost_by_laying_it_out(text: str) -> None:
    marked = re.sub("[\ufdd0-\ufdef]", "", text)

    assert "".join(lay_out(marked).split()) == "".join(marked.split())


def test_pieces_are_found_with_their_kind_and_line() -> None:
    source = "a {{ b }}\n{% if c -%}\n\n d{# e\n #}\n{%- endif %} {% raw %}{{ f }}{% endraw %}"

    protected = protect(source)

    assert [(piece.kind, piece.source.strip(), piece.line) for piece in protected.pieces] == [
        (PieceKind.FIELD, "b", 1),
        (PieceKind.STATEMENT, "if c", 2),
        (PieceKind.COMMENT, "e", 4),
        (PieceKind.STATEMENT, "endif", 6),
    ]
    assert protected.text == (
        "a \ufdd00\ufdd1\n\ufdd01\ufdd1\n\n d\ufdd02\ufdd1\n\ufdd03\ufdd1 {{ f }}"
    )
    assert protected.line_numbers == (1, 2, 3, 4, 6)


@pytest.mark.parametrize("source", ["{{ '}}' }}", '{{ "%}" }}', "{{ {'a': {'b': 1}}['a'] }}"])
def test_signs_in_quotation_marks_do_not_end_a_piece(source: str) -> None:
    (piece,) = protect(source).split(protect(source).text)

    assert isinstance(piece, Piece)
    assert piece.source == source[2:-2]
