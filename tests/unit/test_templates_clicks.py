"""Links that go past the clinic's page: which, how they are numbered, both ways of rendering."""

# ruff: noqa: E501 -- pages are easier to read on one line
from __future__ import annotations

import re

import pytest

from templates.compiler.canonical import canonical
from templates.compiler.renderer import CompiledRenderer
from templates.destinations import addresses_of
from templates.email import Edition, Reader
from templates.errors import MissingValueError, UnsafeLinkError
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

CALM = read_theme("calm")
PAGE = "https://post.riverside.example/c/"
ADA = Reader(
    {"first_name": "Ada", "n": 2, "tags": ["a", "b"]}, {**SAMPLE_READER.links, "click": "tok"}
)
BEN = Reader({"first_name": "", "n": 0, "tags": []}, {**SAMPLE_READER.links, "click": "ben"})
WHOLE = """<!doctype html><html><head><title>t</title><style>a{color:red}</style></head><body>
<a href="https://a.example/1?x=1&amp;y=2">one</a> <A class='x' HREF='https://a.example/2'>two</A>
{% if subscriber.n > 1 %}<a href="https://a.example/3">three</a>{% endif %}
<a href="{{ clinic.booking_url }}">book</a> <a href="https://a.example/{{ subscriber.n }}">mine</a>
{% set x = '<a href="https://a.example/no">' %}{{ x }} <a href="mailto:a@b.example">m</a> <a href="#top">t</a>
<a href="https://post.riverside.example/signup/weekly">ours</a><a href="https://a.example/4">https://a.example/4</a>
<!--[if mso]><a href="https://a.example/5">five</a><![endif]--><a
href="{{ links.unsubscribe }}">u</a><a data-href="https://a.example/no" href="https://a.example/6">six</a>
</body></html>"""


def edition(body: str, page: str = PAGE) -> Edition:
    fields = frozenset({"n", "tags"})
    return Edition(
        f"---\nsubject: Hello\n---\n{body}", CALM, SAMPLE_CLINIC, f"digest {page}", fields, page
    )


def links_in(body: str, reader: Reader = ADA) -> list[str]:
    """Give the ends of the links that go past the page; both ways of rendering agree."""
    made, compiled = edition(body), CompiledRenderer()
    full = PersonRenderer().render(made, reader)
    ours = compiled.render(made, reader)
    assert canonical(ours.html) == canonical(full.html)
    assert (ours.text, compiled.compilation(made, reader).variants.count) == (full.text, 1)
    assert PAGE not in full.text
    return re.findall(rf"[\"']{re.escape(PAGE)}([^\"']*)[\"']", full.html)


def test_links_and_buttons_are_numbered_in_the_order_they_are_written() -> None:
    body = "[a](https://a.example/1) [b](https://a.example/1)\n\n::: button https://a.example/2\nGo\n:::"

    assert links_in(body) == ["tok1", "tok2", "tok3"]
    assert addresses_of(edition(body).document, {}) == (
        "https://a.example/1",
        "https://a.example/1",
        "https://a.example/2",
    )


@pytest.mark.parametrize(
    "body",
    [
        "[a]({{ links.unsubscribe }}) [b]({{ links.preferences }}) [c]({{ links.view }})",
        "[a](mailto:a@b.example) [b](tel:+441234) [c](#top)",
        "[a](https://a.example/{{ subscriber.n }})",
        "{% for t in ['x', 'y'] %}\n[a](https://a.example/{{ t }})\n{% endfor %}",
        "[a]({{ clinic.accent }}) {% set clinic_link = 'https://a.example' %}[b]({{ clinic_link }})",
    ],
)
def test_what_is_not_the_same_page_for_everybody_is_left_alone(body: str) -> None:
    assert links_in(body) == []
    assert addresses_of(edition(body).document, SAMPLE_CLINIC) == ()


@pytest.mark.parametrize(
    "body",
    [
        "[a](https://post.riverside.example/signup/weekly)",
        "[https://a.example/1](https://a.example/1)",
        "[www.a.example](https://a.example/1)",
    ],
)
def test_our_own_pages_and_addresses_that_are_shown_keep_their_number_and_their_address(
    body: str,
) -> None:
    assert links_in(f"{body} [b](https://a.example/2)") == ["tok2"]


def test_a_link_of_the_clinic_is_the_same_for_everybody() -> None:
    body = "[a]({{ clinic.booking_url }}) [b]({{ clinic.website }}/new)\n\n::: button {{ clinic.learn_more_url or 'https://a.example' }}\nGo\n:::"

    assert links_in(body) == ["tok1", "tok2", "tok3"]
    assert addresses_of(edition(body).document, SAMPLE_CLINIC) == (
        "https://riverside.example/book",
        "https://riverside.example/new",
        "https://riverside.example/learn",
    )


def test_a_loop_and_a_condition_of_the_readers_keep_the_numbers() -> None:
    body = "{% for t in subscriber.tags %}\n[a](https://a.example/1) {{ t }}\n{% endfor %}\n\n[b](https://a.example/2)"

    assert links_in(body) == ["tok1", "tok1", "tok2"]
    assert links_in(body, BEN) == ["ben2"]


def test_a_whole_page_is_numbered_in_its_source() -> None:
    addresses = addresses_of(edition(WHOLE).document, SAMPLE_CLINIC)

    assert [address.removeprefix("https://a.example/") for address in addresses] == [
        *("1?x=1&y=2", "2", "3", "https://riverside.example/book"),
        *("https://post.riverside.example/signup/weekly", "4", "5", "6"),
    ]
    assert links_in(WHOLE) == ["tok1", "tok2", "tok3", "tok4", "tok7", "tok8"]
    assert links_in(WHOLE, BEN) == ["ben1", "ben2", "ben4", "ben7", "ben8"]


def test_a_page_that_shows_jinjas_signs_is_left_as_it_is() -> None:
    page = WHOLE.replace(
        "</body>", "{% raw %}<a href='https://a.example/7'>{{ x }}</a>{% endraw %}</body>"
    )

    assert links_in(page) == []
    assert addresses_of(edition(page).document, SAMPLE_CLINIC) == ()


def test_an_address_that_may_not_be_linked_to_is_refused_as_ever() -> None:
    for body in ("[a](javascript:alert(1))", "[a]({{ 'javascript:x' }})", "[a](/relative)"):
        with pytest.raises(UnsafeLinkError, match="line 4"):
            PersonRenderer().render(edition(body), ADA)


def test_a_reader_without_a_way_on_is_an_error_with_its_line() -> None:
    with pytest.raises(MissingValueError, match="line 4: there is no field 'click'"):
        CompiledRenderer().render(edition("[a](https://a.example/1)"), SAMPLE_READER)


@pytest.mark.parametrize(
    "address", ["/a", "a.html", "//a.example/a", "?a", "www.a.example", "../a"]
)
@pytest.mark.parametrize(
    "body",
    [
        "<a href='ADDRESS'>x</a>",
        "<img src='ADDRESS' alt=''>",
        "<table><tr><td background='ADDRESS'>x</td></tr></table>",
        "<a href='{{ subscriber.first_name and \"ADDRESS\" }}'>x</a>",
    ],
)
def test_an_address_that_only_a_website_could_complete_is_refused(body: str, address: str) -> None:
    page = f"<!doctype html><html><body>{body.replace('ADDRESS', address)}</body></html>"

    for renderer in (PersonRenderer(), CompiledRenderer()):
        with pytest.raises(UnsafeLinkError, match="use an address that begins with https://"):
            renderer.render(edition(page, page=""), ADA)
