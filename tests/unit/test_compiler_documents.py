"""Documents in Markdown and layouts of several files, compiled and in full, for several people."""

# ruff: noqa: E501 -- documents are easier to read on one line
from __future__ import annotations

import quopri
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates.compiler.renderer import CompiledRenderer, difference_between
from templates.email import Edition, Reader, Theme
from templates.errors import MissingValueError, TemplateError
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC
from templates.theme import read_theme

CALM = read_theme("calm")
LINKS = {"unsubscribe": "https://post.example/u/a", "view": "https://post.example/m/a?b=1&c=2"}
FIELDS = frozenset({"city", "vip", "tags", "url"})
ADA = Reader(
    {
        "first_name": "Ada",
        "city": "London",
        "vip": True,
        "tags": ["x", "y"],
        "url": "https://a.org",
    },
    LINKS,
    {"title": "Weekly", "part": 2, "parts": 6},
)
BEN = Reader(
    {"first_name": "", "tags": []}, {**LINKS, "preferences": "https://post.example/p/" + "x" * 80}
)
CLEO = Reader(
    {
        "first_name": "Cléo\n <b>",
        "city": "A town of a very long name that has to be wrapped somewhere",
        "tags": ["only"],
        "vip": 1,
        "url": "mailto:cleo@example.org",
    },
    {},
)
PEOPLE = (ADA, BEN, CLEO)

DOCUMENTS = {
    "greeting": "# Hello {{ subscriber.first_name or 'there' }}\n\nNice to see you.",
    "paragraphs": "Dear {{ subscriber.first_name }},\n\nhow is {{ subscriber.city or 'home' }}, where "
    "the weather is nearly always as fine as it can be at this time of the year?\n\nBye.",
    "links": "See [one](https://a.org/1) and [two](https://a.org/2), {{ subscriber.first_name }}.\n\n"
    "And [three](https://a.org/3).",
    "personal link": "[Yours]({{ links.unsubscribe | default('https://a.org') }}) and [b](https://a.org/b).",
    "link in a choice": "{% if subscriber.vip %}\nSee [one](https://a.org/1).\n{% endif %}\n\n"
    "See [two](https://a.org/2).",
    "choice of blocks": "{% if subscriber.vip %}\n## For you\n\nA paragraph.\n{% else %}\nAnother.\n{% endif %}\n\nEnd.",
    "choice at both ends": "{% if subscriber.vip %}\nFirst.\n{% endif %}\n\nMiddle.\n\n{% if subscriber.city %}\nLast.\n{% endif %}",
    "only a choice": "{% if subscriber.vip %}\nFirst.\n{% endif %}",
    "choice in words": "Hello{% if subscriber.city %} from {{ subscriber.city }}{% endif %}, all.",
    "tip": "::: tip Try {{ subscriber.first_name or 'it' }}\nA paragraph for {{ subscriber.city }}.\n\n- a\n- b\n:::",
    "button": "::: button https://a.org/{{ subscriber.city | urlencode }}\nGo, {{ subscriber.first_name }}\n:::",
    "known button": "::: button https://a.org/x\nGo\n:::\n\nText.",
    "image": "::: image https://a.org/i.png | For {{ subscriber.first_name }} | 560x300\n:::",
    "quote": "> {{ subscriber.first_name }} said **this** and that.",
    "columns": "::: columns\nLeft {{ subscriber.city }}\n+++\nRight\n:::",
    "divider": "a\n\n***\n\nb {{ subscriber.vip }}",
    "list": "- one\n- {{ subscriber.city }}\n- three",
    "numbers": "3. one\n4. {{ subscriber.city }}\n\nText.",
    "two lists": "- one\n\nText\n\n1. two {{ subscriber.vip }}\n",
    "list joined by a choice": "- one\n{% if subscriber.vip %}\n- two\n{% endif %}\n- three",
    "list in a choice": "Text\n\n{% if subscriber.vip %}\n- one\n- two\n{% endif %}\n\nText",
    "list in a loop": "{% for tag in subscriber.tags %}\n- {{ tag }}\n{% endfor %}",
    "paragraphs in a loop": "{% for tag in subscriber.tags %}\nTag {{ tag }}, [x](https://a.org).\n{% endfor %}",
    "known loop": "{% for n in [1, 2] %}\nNumber {{ n }} {{ subscriber.city }}.\n{% endfor %}",
    "names": "{% set who = subscriber.first_name or 'you' %}\nHello {{ who }}. {{ who | upper }}",
    "hard break": "One  \n{{ subscriber.city }}  \nthree",
    "clinic": "{{ clinic.name }} {{ clinic.phone }} at {{ clinic.website }}",
    "series": "Part {{ series.part | default('?') }} of {{ series.parts | default('?') }}",
    "missing": "{{ links.preferences }}",
    "address as words": "[https://a.org](https://a.org) {{ subscriber.city }}",
    "mail": "[Write](mailto:a@b.org) {{ subscriber.city }}, then [c](https://c.org)",
    "value before a link": "{{ subscriber.url }}[](https://a.org) x",
    "long words": "x" * 90 + " {{ subscriber.city }} " + "y" * 80,
}
LAYOUTS = {
    "super": {
        "layout.html": "{% extends 'base.html' %}{% block head %}{{ super() }}<title>{{ subject }}</title>"
        "{% endblock %}{% block body %}<p>{{ subscriber.first_name }}</p>{% block content %}{% endblock %}"
        "{{ super() }}{% endblock %}",
        "base.html": "<!doctype html><html><head>{% block head %}<meta charset='utf-8'><style>p{color:red}"
        "</style>{% endblock %}</head><body>{% block body %}<p>{{ clinic.name }}</p>{% endblock %}</body></html>",
    },
    "include": {
        "layout.html": "<!doctype html><html><head><title>t</title><style>{% include 'a.css' %}</style></head>"
        "<body>{% set greeting = 'Dear ' ~ subscriber.first_name %}{% for n in [1, 2] %}"
        "{% include 'part.html' %}{% endfor %}{% block content %}{% endblock %}</body></html>",
        "a.css": "p { color: {{ theme.ink }} } .part { margin: 0 }",
        "part.html": "<p class='part'>{{ greeting }} {{ n }}</p>{% set greeting = 'x' %}",
    },
    "import": {
        "layout.html": "{% import 'm.html' as m %}{% from 'm.html' import row as line %}<!doctype html><html>"
        "<head><title>t</title><style>.row{color:red}</style></head><body>{{ m.row(subscriber.city) }}"
        "{{ line('k') }}{% block content %}{% endblock %}</body></html>",
        "m.html": "{% set hidden = 1 %}{% macro row(x, y='d') %}<p class='row'>{{ x }}{{ y }}</p>{% endmacro %}",
    },
    "import with context": {
        "layout.html": "{% import 'm.html' as m with context %}<!doctype html><html><head><title>t</title>"
        "<style>.row{color:red}</style></head><body>{{ m.row() }}{% block content %}{% endblock %}"
        "</body></html>",
        "m.html": "{% macro row() %}<p class='row'>{{ subscriber.city }}{{ clinic.name }}</p>{% endmacro %}",
    },
}
REFUSED = {
    "loop in a file": ("{% for n in [1] %}{% include 'x.html' %}{% endfor %}", "{{ loop.index }}"),
    "underscore": ("{% include 'x.html' %}", "{% set _a = 1 %}{{ _a }}"),
    "power": ("{% include 'x.html' %}", "{{ 9 ** 9 }}"),
    "self": ("{% block a %}{% endblock %}{{ self.a() }}", ""),
    "no block further up": ("{% block a %}{{ super() }}{% endblock %}", ""),
    "missing file": ("{% include 'y.html' %}", ""),
    "no such macro": ("{% from 'x.html' import row %}{{ row() }}", ""),
    "file by value": ("{% include clinic.name %}", ""),
}
COMPILED = Edition("", CALM, SAMPLE_CLINIC, "digest", FIELDS)


def document(body: str) -> str:
    front = (
        "subject: Hi {{ subscriber.first_name or 'there' }}\npreheader: From {{ subscriber.city }}"
    )
    return f"---\n{front}\n---\n{body}"


def check_equal(edition: Edition, people: tuple[Reader, ...] = PEOPLE) -> CompiledRenderer:
    compiled, person = CompiledRenderer(), PersonRenderer()
    for reader in people:
        try:
            theirs = person.render(edition, reader)
        except TemplateError as error:
            with pytest.raises(type(error), match=r"line \d"):
                compiled.render(edition, reader)
            continue
        ours, encoded = compiled.render(edition, reader), compiled.render_encoded(edition, reader)
        assert difference_between(ours, theirs) == ""
        assert decoded(encoded.html) == ours.html
        assert decoded(encoded.text) == ours.text
        assert (encoded.subject, encoded.preheader) == (ours.subject, ours.preheader)
    return compiled


def decoded(body: bytes) -> str:
    return quopri.decodestring(body).replace(b"\r\n", b"\n").decode()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_equal_for_everybody(name: str) -> None:
    edition = replace(COMPILED, document=document(DOCUMENTS[name]))

    check_equal(edition)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_of_several_files_is_equal_for_everybody(name: str) -> None:
    theme = Theme("own", {**CALM.files, **LAYOUTS[name]})
    edition = replace(
        COMPILED, document=document("Hello *{{ subscriber.first_name }}*"), theme=theme
    )

    renderer = check_equal(edition)

    assert renderer.compilation(edition, ADA).variants.count == 1


@pytest.mark.parametrize("name", REFUSED)
def test_what_jinja_would_refuse_is_refused_compiled_too(name: str) -> None:
    layout, file = REFUSED[name]
    page = f"<!doctype html><html><body>{layout}{{{{ subscriber.city }}}}</body></html>"
    theme = Theme("own", {**CALM.files, "layout.html": page, "x.html": file})
    edition = replace(COMPILED, document=document("x"), theme=theme)

    with pytest.raises(TemplateError) as refused:
        PersonRenderer().render(edition, ADA)
    with pytest.raises(TemplateError) as compiled:
        CompiledRenderer().render(edition, ADA)

    assert str(compiled.value) == str(refused.value)


@pytest.mark.parametrize(
    "path", sorted(Path("templates/builtin").rglob("*.md")), ids=lambda path: path.stem
)
def test_what_is_built_in_is_compiled_without_keys_and_comes_out_byte_for_byte(path: Path) -> None:
    edition = replace(COMPILED, document=path.read_text())
    reader = replace(
        ADA,
        links={
            **LINKS,
            "confirm": "https://post.example/c/a",
            "preferences": "https://post.example/p/a",
        },
    )

    renderer = check_equal(edition, (reader,))

    assert renderer.render(edition, reader) == PersonRenderer().render(edition, reader)
    assert renderer.compilation(edition, reader).variants.keys() == []
    assert renderer.compilation(edition, reader).variants.count == 1


def test_whoever_lacks_a_value_gets_the_error_with_its_line() -> None:
    edition = replace(COMPILED, document=document("One\n\n{{ links.preferences }}"))
    renderer = CompiledRenderer()

    assert renderer.render(edition, BEN).html.count("/p/xxx") > 0
    with pytest.raises(
        MissingValueError, match="document, line 7: there is no field 'preferences'"
    ):
        renderer.render(edition, ADA)


def test_an_edition_without_a_digest_is_rendered_in_full() -> None:
    edition = replace(COMPILED, document=document("x"), digest="")

    assert CompiledRenderer().render(edition, ADA) == PersonRenderer().render(edition, ADA)


blocks = st.sampled_from(list(DOCUMENTS.values()))


@settings(max_examples=30, deadline=None)
@given(st.lists(blocks, min_size=2, max_size=4))
def test_documents_put_together_are_equal_for_everybody(bodies: list[str]) -> None:
    edition = replace(COMPILED, document=document("\n\n".join(bodies)))

    check_equal(edition)
