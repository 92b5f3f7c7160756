"""Compile then render equals render then inline, for templates nobody wrote."""

# ruff: noqa: E501 -- templates are easier to read on one line
from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from templates.compiler.canonical import canonical
from templates.compiler.renderer import CompiledRenderer, difference_between
from templates.email import Edition, Reader
from templates.errors import TemplateError
from templates.rendering import PersonRenderer
from templates.theme import read_theme

CALM = read_theme("calm")
CONDITIONS = (
    *("subscriber.vip", "subscriber.n", "not subscriber.vip", "subscriber.n == 2", "clinic.name"),
    *("subscriber.city and subscriber.vip", "subscriber.n is odd", "k", "subscriber.tags"),
    *("subscriber.city == 'Rome' or subscriber.n > 1", "subscriber.tags | length > 1"),
)
VALUES = (
    *("subscriber.first_name", "subscriber.city or 'nowhere'", "subscriber.n", "clinic.name", "k"),
    *("subscriber.first_name | upper", "'yes' if subscriber.vip else 'no'", "subscriber.n + 1"),
    *("subscriber.tags | join(',')", "('a' ~ subscriber.n)", "links.view | default('')"),
)
CLASSES = ("a", "b", "a b", "c")
SELECTORS = (
    *("p", ".a", ".b", "p.a", "div .b", "div > p", "#x", "td", "tr td.a", "li", "ul li", "a"),
    *("p + p", ".a ~ p", "[title]", "span", "p[align=left]", "p:first-child"),
)
STYLES = (
    *("color:red", "margin:0 1px", "padding:2px;color:#00f", "text-align:center", "width:10px"),
    *("background-color:#abc", "font-weight:bold !important", "font:bold 12px/14px Arial"),
)


def braces(expression: str) -> str:
    return f"{{{{ {expression} }}}}"


values = st.sampled_from(VALUES).map(braces)
conditions = st.sampled_from(CONDITIONS)
words = st.sampled_from(("x", "two words", " ", "&amp;", "", "é", "\n"))


@st.composite
def attributes(draw: st.DrawFn) -> str:
    written = []
    for name in draw(
        st.lists(
            st.sampled_from(["class", "id", "style", "title", "href", "align"]),
            max_size=2,
            unique=True,
        )
    ):
        match name:
            case "class":
                plain = st.sampled_from(CLASSES)
                chosen = st.tuples(conditions, plain, plain).map(
                    lambda t: braces(f"'{t[1]}' if {t[0]} else '{t[2]}'")
                )
                written.append(f'class="{draw(st.one_of(plain, plain, chosen))}"')
            case "id":
                written.append('id="x"')
            case "style":
                value = st.sampled_from(
                    ("color:{{ subscriber.colour }}", "width:{{ subscriber.n }}px", *STYLES)
                )
                written.append(f'style="{draw(value)}"')
            case "title":
                written.append(f'title="{draw(st.one_of(words, values))}"')
            case "href":
                written.append(f'href="https://a.org/{draw(st.one_of(st.just("p"), values))}"')
            case "align":
                written.append('align="left"')
    if draw(st.integers(0, 30)) == 0:
        written.append(f"{{% if {draw(conditions)} %}}class='b'{{% endif %}}")
    return "".join(f" {text}" for text in written)


@st.composite
def elements(draw: st.DrawFn, inside: st.SearchStrategy[str]) -> str:
    shape = draw(st.sampled_from(("p", "div", "span", "a", "b", "table", "ul", "img")))
    marks = draw(attributes())
    content = draw(inside)
    if shape == "img":
        return f"<img src='https://a.org/i.png' alt='{draw(values)}'{marks}>"
    if shape == "table":
        row = f"<tr><td{marks}>{content}</td><td>{draw(words)}</td></tr>"
        return f"<table>{draw(wrapped(st.just(row)))}</table>"
    if shape == "ul":
        return f"<ul>{draw(wrapped(st.just(f'<li{marks}>{content}</li>')))}<li>z</li></ul>"
    if draw(st.integers(0, 25)) == 0:
        return f"<{shape}{marks}>{content}"  # never closed
    return f"<{shape}{marks}>{content}</{shape}>"


@st.composite
def wrapped(draw: st.DrawFn, inside: st.SearchStrategy[str]) -> str:
    content = draw(inside)
    match draw(st.sampled_from(("plain", "if", "else", "for", "open", "set", "macro", "with"))):
        case "if":
            return f"{{% if {draw(conditions)} %}}{content}{{% endif %}}"
        case "else":
            other = draw(inside)
            return f"{{% if {draw(conditions)} %}}{content}{{% elif {draw(conditions)} %}}e{{% else %}}{other}{{% endif %}}"
        case "for":
            return f"{{% for k in [0, 1] %}}{content}{{{{ loop.index }}}}{{% endfor %}}"
        case "open":
            return f"{{% for k in subscriber.tags %}}{content}{{% else %}}none{{% endfor %}}"
        case "set":
            return f"{{% set k = {draw(st.sampled_from(VALUES))} %}}{content}"
        case "macro":
            return (
                f"{{% macro m(k) %}}{content}{{% endmacro %}}"
                f"{{{{ m(1) }}}}{{{{ m({draw(st.sampled_from(VALUES))}) }}}}"
            )
        case "with":
            return f"{{% with k = {draw(st.sampled_from(VALUES))} %}}{content}{{% endwith %}}"
    return content


pieces = st.recursive(
    st.one_of(words, values),
    lambda inner: st.lists(
        st.one_of(elements(inner), wrapped(inner), inner), min_size=1, max_size=3
    ).map("".join),
    max_leaves=12,
)
sheets = st.lists(
    st.tuples(st.sampled_from(SELECTORS), st.sampled_from(STYLES)), min_size=1, max_size=6
).map(lambda rules: "\n".join(f"{selector}{{{style}}}" for selector, style in rules))


@st.composite
def documents(draw: st.DrawFn) -> str:
    body = "".join(draw(st.lists(pieces, min_size=1, max_size=4)))
    return (
        "---\nsubject: Hi {{ subscriber.first_name }}\n---\n<!doctype html><html><head>"
        f"<title>t</title><style>{draw(sheets)}</style></head><body>{{% set k = 0 %}}{body}</body></html>"
    )


names = st.one_of(st.sampled_from(("Ada", "", "<b>&amp;", 'O\'Neil "x"')), st.text(max_size=8))
people = st.builds(
    lambda **fields: Reader(fields, {"view": "https://post.example/m/x"}),
    first_name=names,
    city=st.sampled_from(("", "Rome", "Paris")),
    vip=st.booleans(),
    n=st.integers(0, 3),
    tags=st.lists(st.sampled_from(("s", "t<", "")), max_size=3),
    colour=st.sampled_from(("red", "#ff0000", "#ABC", "rgb(1,2,3)", "")),
)
FIELDS = frozenset({"city", "vip", "n", "tags", "colour"})


def outcome(renderer: Any, edition: Edition, reader: Reader) -> Any:
    try:
        return renderer.render(edition, reader)
    except TemplateError as error:
        return str(error)


def check(document: str, readers: list[Reader]) -> None:
    edition = Edition(document, CALM, {"name": "Clinic"}, "digest", FIELDS)
    compiled, person = CompiledRenderer(), PersonRenderer()
    compiled._try_out = lambda *_: None  # type: ignore[method-assign]  # without its safety net
    for reader in readers:
        ours, theirs = outcome(compiled, edition, reader), outcome(person, edition, reader)
        if isinstance(ours, str) or isinstance(theirs, str):
            assert ours == theirs
        else:
            assert canonical(ours.html) == canonical(theirs.html)
            assert difference_between(ours, theirs) == ""


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(documents(), st.lists(people, min_size=3, max_size=3))
def test_a_generated_page_is_equal_for_everybody(document: str, readers: list[Reader]) -> None:
    check(document, readers)
