"""What is refused names its line, also what is found only in the finished page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from templates.compiler.renderer import CompiledRenderer
from templates.email import Edition
from templates.errors import TemplateError
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

CALM = read_theme("calm")
FRONT = "---\nsubject: Hello\n---\n"  # three lines
BEGIN = "<!doctype html><html><body>\n"
MANY = "{% for n in range(100) %}{% for m in range(30) %}<br>{% endfor %}{% endfor %}"
CALLED = "{% macro one() %}\n<script></script>\n{% endmacro %}\n<p>\n{{ one() }}</p>"
PAGES = {
    "script": ("<p>a</p>\n<script>x</script>", 6),
    "script in a branch": (
        "{% if subscriber.first_name %}\n<p>a</p>\n<script></script>{% endif %}",
        7,
    ),
    "script behind values": (
        "{{ subscriber.first_name }}\n{{ subscriber.note }}\n<script></script>",
        7,
    ),
    "script in a loop": ("{% for n in range(3) %}\n<p>{{ n }}</p>\n\n<form></form>{% endfor %}", 8),
    "script from a macro": (CALLED, 9),  # where it is called
    "tag of many lines": ('<p>a</p>\n<a\n title="x"\n href="ftp://x">b</a>', 6),
    "address of a value": ("<p>\n<a href=\"{{ 'ftp://x' }}\">b</a></p>", 6),
    "comment of many lines": ("<!-- a\n\n<script> -->\n<p>x</p>", 5),
    "link": ('<p>a</p>\n\n<link rel="stylesheet" href="x.css">', 7),
    "import": ("<style>\np{color:red}\n\n@import 'x.css';\n</style>", 8),
    "import in a sheet that stays": (
        "<style data-premailer='ignore'>\n@import 'x.css';</style>",
        6,
    ),
    "style": ('<p>a</p>\n<p style="red">b</p>', 6),
    "too many rules": ("<style>{% for n in range(301) %}\np{color:red}{% endfor %}</style>", 5),
    "too many elements": (f"<p>a</p>\n<p>b</p>\n{MANY}", 7),
    "nothing": ("<!-- x -->", 4),
}


def refusal(page: str, kind: type[Any] = PersonRenderer, theme: Any = CALM) -> str:
    edition = Edition(page, theme, SAMPLE_CLINIC, "digest", frozenset({"note"}))
    reader = replace(SAMPLE_READER, subscriber={"first_name": "Ada", "note": "one\ntwo\nthree"})
    with pytest.raises(TemplateError) as caught:
        kind().render(edition, reader)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name in PAGES if name != "nothing"])
@pytest.mark.parametrize("kind", [PersonRenderer, CompiledRenderer])
def test_what_is_refused_in_a_whole_page_names_its_line(name: str, kind: type[Any]) -> None:
    body, line = PAGES[name]

    assert refusal(f"{FRONT}{BEGIN}{body}\n</body></html>", kind).startswith(
        f"document, line {line}: "
    )


def test_a_page_without_anything_names_the_line_on_which_it_should_begin() -> None:
    told = refusal(f"{FRONT}<!doctype html>{{# nothing #}}")

    assert told == (
        "document, line 4: the email has no HTML at all; write something below the front matter"
    )


def test_blank_lines_above_a_page_are_counted() -> None:
    assert "line 8: <script>" in refusal(f"{FRONT}\n\n\n{BEGIN}<script></script></body></html>")


def test_what_the_theme_does_wrong_names_the_file_of_the_theme_it_lies_in(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "theme.yaml").write_text("based_on: clinical\n")
    mine = read_theme("mine", folder=tmp_path)
    layout = mine.files["layout.html"]
    files = {**mine.files, "layout.html": layout.replace("</body>", "<script></script></body>")}
    line = layout.count("\n", 0, layout.index("</body>")) + 1

    told = refusal(f"{FRONT}Hello", theme=replace(mine, files=files))

    assert told == (
        f"theme 'calm', layout.html: line {line}: <script> does not belong in an email; remove it"
    )


def test_a_theme_built_on_the_shipped_one_of_its_name_tells_the_two_apart(tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    (tmp_path / "calm" / "theme.yaml").write_text("based_on: calm\n")
    (tmp_path / "calm" / "head.css").write_text("a:hover{color:#111111}")

    own = read_theme("calm", folder=tmp_path)

    assert own.owner_of("head.css") == "calm"
    assert own.owner_of("inline.css") == "built-in calm"


NESTED = {
    "brackets": ("a\n\n{{ " + "(" * 300 + "1" + ")" * 300 + " }}", 6),
    "sums": ("a\n\n{{ " + "1+" * 2_000 + "1 }}", 6),
    "sums that Python refuses": ("a\n\n{{ " + "1+" * 250 + "1 }}", 6),
    "conditions": ("a\n\n" + "{% if 1 %}\n" * 100 + "x\n" + "{% endif %}\n" * 100, 104),
    "bold words": ("a\n\n" + "**a *b " * 300 + "x" + "* b**" * 300, 6),
}


@pytest.mark.parametrize("name", NESTED)
def test_what_is_too_deep_names_its_line(name: str) -> None:
    body, line = NESTED[name]

    told = refusal(FRONT + body)

    assert told.startswith(f"document, line {line}: ")
    assert "its brackets or blocks stand too deep inside each other" in told


LONG = {
    "document": ("x\n" * 60_000, 49_992, "the document is too long"),
    "body": ("x\n" * 20_000, 15_004, "the body is too long"),
    "fields": (BEGIN + "{{ 1 }}\n" * 11_000, 10_004, "the Jinja in it is too long"),
}


@pytest.mark.parametrize("name", LONG)
def test_what_is_too_long_names_the_line_on_which_it_becomes_so(name: str) -> None:
    body, line, told = LONG[name]

    assert refusal(FRONT + body).startswith(f"document, line {line}: {told}")


def test_front_matter_that_is_too_long_names_the_line_on_which_it_becomes_so() -> None:
    told = refusal("---\nsubject: a\n" + "# comment of twenty.\n" * 600 + "---\nx")

    assert told.startswith("document, line 478: the front matter is too long")
