"""The plain text part: written from the blocks, wrapped with the real values in it."""

from __future__ import annotations

import pytest

from templates.email import Edition, Reader
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

THEME = read_theme("calm")


def text_of(body: str, **subscriber: object) -> str:
    edition = Edition(
        f"---\nsubject: Hello\n---\n{body}",
        THEME,
        SAMPLE_CLINIC,
        attribute_names=frozenset({"city"}),
    )
    reader = Reader({"first_name": "Ada", **subscriber}, SAMPLE_READER.links)
    text = PersonRenderer().render(edition, reader).text
    return text.partition("Riverside Clinic\n\n")[2].partition("\n\n-----")[0]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("# Hi {{ subscriber.first_name }}", "Hi Ada\n~~~~~~"),
        ("## Below", "Below\n-----"),
        ("a **b** *c*\nd", "a b c d"),
        ("a  \nb", "a\nb"),
        ("- a\n- b", "- a\n- b"),
        ("- a\n\n- b", "- a\n\n- b"),
        ("8. a\n9. b\n10. c", "8. a\n9. b\n10. c"),
        ("- a\n  - b\n- c", "- a\n  - b\n- c"),
        ("> a\n>\n> b", "> a\n>\n> b"),
        ("a\n\n---\n\nb", "a\n\n" + " " * 33 + "* * *\n\nb"),
        ("::: tip Try it\na\n\nb\n:::", "  TRY IT\n  a\n\n  b"),
        ("::: tip\na\n:::", "  a"),
        ("::: button https://a.example\nGo there\n:::", "Go there:\nhttps://a.example"),
        ("::: image https://a.example/b.png | A room | 9x9\n:::", "[Picture: A room]"),
        ("a\n::: image https://a.example/b.png | | 9x9\n:::\nb", "a\n\nb"),
        ("::: columns\na\n+++\nb\n:::", "a\n\nb"),
        ("a [b](https://c.example) d", "a b [1] d\n\n[1] https://c.example"),
        (
            "[a](https://a.example) [b](https://b.example)\n\n[c](https://c.example)",
            "a [1] b [2]\n\n[1] https://a.example\n[2] https://b.example\n\n"
            "c [3]\n\n[3] https://c.example",
        ),
        (
            "- [a](https://a.example)\n- [b](https://b.example)\n\nc",
            "- a [1]\n- b [2]\n\n[1] https://a.example\n[2] https://b.example\n\nc",
        ),
        (
            "::: tip T\n[a](https://a.example)\n:::\nb",
            "  T\n  a [1]\n\n[1] https://a.example\n\nb",
        ),
        ("<https://a.example>", "https://a.example"),
        ("[us](mailto:a@b.example)", "us (a@b.example)"),
        ("[call](tel:+4420)", "call (+4420)"),
        ("[a@b.example](mailto:a@b.example)", "a@b.example"),
        ("[a]({{ subscriber.city }})", "a"),
        ("::: button {{ subscriber.city }}\nGo\n:::\na", "a"),
        ("{% for n in [1, 2] %}\n1. n{{ n }}\n{% endfor %}", "1. n1\n2. n2"),
        ("{ a } {b} <c &amp; \\*d\\*", "{ a } {b} <c & *d*"),
    ],
)
def test_blocks_become_text(body: str, text: str) -> None:
    assert text_of(body) == text


def test_lines_are_wrapped_at_72_with_the_real_values_in_them() -> None:
    body = "Hello {{ subscriber.first_name }}, " + "these are words. " * 20

    for name in ("Ada", "Maximiliana Theodora von und zu Hohenstein-Weissenfels"):
        lines = text_of(body, first_name=name).splitlines()
        assert max(map(len, lines)) <= 72
        assert min(map(len, lines[:-1])) > 50


def test_long_addresses_are_never_broken() -> None:
    address = "https://a.example/" + "x" * 120

    assert f"[1] {address}" in text_of(f"[a]({address})")


def test_wrapped_lines_of_lists_and_quotes_keep_their_place() -> None:
    words = "word " * 30

    assert text_of(f"- {words}").splitlines()[1].startswith("  word")
    assert all(line.startswith("> ") for line in text_of(f"> {words}").splitlines())
    assert all(line.startswith("  ") for line in text_of(f"::: tip T\n{words}\n:::").splitlines())


def test_a_link_in_a_branch_that_is_not_taken_leaves_no_note_and_no_number() -> None:
    body = (
        "{% if subscriber.city %}\n[a](https://a.example)\n{% endif %}\n\n"
        "[b](https://b.example){% if subscriber.city %} [c](https://c.example){% endif %}"
    )

    assert text_of(body) == "b [1]\n\n[1] https://b.example"
    assert "[3] https://c.example" in text_of(body, city="Ulm")


def test_the_text_has_every_link_that_the_html_has() -> None:
    body = (
        "[a](https://a.example/1) <https://a.example/2>\n\n::: button https://a.example/3\nc\n:::"
    )
    edition = Edition(f"---\nsubject: a\n---\n{body}", THEME, SAMPLE_CLINIC)

    email = PersonRenderer().render(edition, SAMPLE_READER)

    for number in (1, 2, 3):
        assert f"https://a.example/{number}" in email.html
        assert f"https://a.example/{number}" in email.text


def test_the_whole_text_of_an_email() -> None:
    edition = Edition("---\nsubject: a\n---\n# Hi\n\nWords.", THEME, SAMPLE_CLINIC)

    assert PersonRenderer().render(edition, SAMPLE_READER).text == (
        "Riverside Clinic · Part 3 of 6\n\nHi\n~~\n\nWords.\n\n"
        + "-" * 72
        + "\n\nYou get this email because you asked Riverside Clinic for “Your weekly\nseries”.\n\n"
        "Change the day or pause:\nhttps://post.example.org/p/sample\n\n"
        "Unsubscribe:\nhttps://post.example.org/u/sample\n\n"
        "Read in your browser:\nhttps://post.example.org/m/sample\n\n"
        "Riverside Clinic\n12 Mill Lane, Riverside RV1 2AB\n\n"
        "General information, not medical advice.\n"
    )
