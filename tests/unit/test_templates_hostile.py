"""Hostile, broken and careless documents: each is refused quickly, in words, with its line."""

from __future__ import annotations

import time
from typing import Any

import pytest
from markupsafe import Markup

from templates.checking import check_edition
from templates.document import parse_document
from templates.email import Edition, Reader, RenderedEmail
from templates.errors import (
    ActiveContentError,
    BlockError,
    ColourError,
    DocumentError,
    EffortError,
    ForbiddenCharacterError,
    FrontMatterError,
    HeaderLineError,
    JinjaCrossingError,
    JinjaSyntaxError,
    MalformedStyleError,
    MissingValueError,
    NotPlainValueError,
    OutsideStyleError,
    RefusedJinjaError,
    RenderingError,
    TemplateError,
    TooLongError,
    UnknownBlockError,
    UnknownKeyError,
    UnknownNameError,
    UnreadableTextError,
    UnsafeLinkError,
    UnsupportedMarkdownError,
)
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

THEME = read_theme("calm")
FRONT = "---\nsubject: Hello\npreheader: Soon\n---\n"
LIST = Reader({"first_name": "Ada", "tags": ["a", "b"], "big": "x" * 15_000}, SAMPLE_READER.links)


def render(document: str, reader: Reader = LIST, **clinic: Any) -> RenderedEmail:
    edition = Edition(
        document, THEME, {**SAMPLE_CLINIC, **clinic}, attribute_names=frozenset({"city"})
    )
    return PersonRenderer().render(edition, reader)


ESCAPES = {
    "class": ("{{ ''.__class__ }}", "'__class__'"),
    "class of a value": ("{{ subscriber.__class__.__mro__ }}", "'__mro__'"),
    "class by item": ("{{ subscriber['__class__'] }}", "'__class__'"),
    "globals of a macro": ("{{ self.__init__.__globals__ }}", "'__globals__'"),
    "attr filter": ("{{ ''|attr('__class__') }}", "no filter called 'attr'"),
    "map filter": ("{{ tags|map('attr', '__class__') }}", "no filter called 'map'"),
    "format method": ("{{ '{0.__class__}'.format(1) }}", "calling something"),
    "format filter": ("{{ '%1000000000d'|format(1) }}", "no filter called 'format'"),
    "method of a value": ("{{ subscriber.first_name.upper() }}", "calling something"),
    "method by item": ("{{ subscriber['first_name']['upper']() }}", "calling something"),
    "cycler": ("{{ cycler.__init__.__globals__ }}", "'__globals__'"),
    "joiner": ("{{ joiner }}", "no field called 'joiner'"),
    "namespace": ("{% set n = namespace(x=1) %}", "calling something"),
    "lipsum": ("{{ lipsum(n=100000) }}", "calling something"),
    "dict": ("{{ dict(a=1) }}", "calling something"),
    "config": ("{{ config }}", "no field called 'config'"),
    "request": ("{{ request.application }}", "no field called 'request'"),
    "loop hidden": ("{% for n in [1] %}{{ loop._iterable }}{% endfor %}", "'_iterable'"),
    "underscore": ("{{ _environment }}", "'_environment'"),
    "include": ("{% include 'layout.html' %}", "{% include %}"),
    "include of a file": ("{% include '/etc/passwd' %}", "{% include %}"),
    "import": ("{% import 'blocks.html' as b %}", "{% import %}"),
    "from import": ("{% from 'blocks.html' import tip %}", "{% from … import %}"),
    "extends": ("{% extends 'layout.html' %}", "{% extends %}"),
    "block": ("{% block content %}x{% endblock %}", "{% block %}"),
    "macro": ("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}", "{% macro %}"),
    "call": ("{% call x() %}{% endcall %}", "{% call %}"),
    "autoescape off": ("{% autoescape false %}x{% endautoescape %}", "{% autoescape %}"),
    "filter block": ("{% filter upper %}x{% endfilter %}", "{% filter %}"),
    "with": ("{% with a = 1 %}{{ a }}{% endwith %}", "{% with %}"),
    "set block": ("{% set a %}x{% endset %}", "{% set %} … {% endset %}"),
    "safe": ("{{ subscriber.first_name|safe }}", "no filter called 'safe'"),
    "pprint": ("{{ subscriber|pprint }}", "no filter called 'pprint'"),
    "tojson": ("{{ subscriber|tojson }}", "no filter called 'tojson'"),
    "xmlattr": ("{{ {'onclick': 'x'}|xmlattr }}", "no filter called 'xmlattr'"),
    "unknown test": ("{{ 1 is callable }}", "no test called 'callable'"),
    "taking a name": ("{% set blocks = 1 %}", "the name 'blocks'"),
    "taking a field": ("{% for clinic in [1] %}x{% endfor %}", "the name 'clinic'"),
    "star arguments": ("{{ range(*subscriber.tags) }}", "a call with * or **"),
}

BOMBS = {
    "power": ("{{ 9**(9**9) }}", "the power sign **"),
    "power of fields": ("{% set a = 9 %}{{ a**a**a**a }}", "the power sign **"),
    "large number": ("{{ 9999999999999999 }}", "so large a number"),
    "endless number": ("{{ " + "9" * 6000 + " }}", "this cannot be worked out"),
    "infinite number": ("{{ 1e999 }}", "so large a number"),
    "text times number": ("{{ 'a' * 999999999 }}", "multiplying text"),
    "list times number": ("{{ [1] * 999999999 }}", "multiplying text"),
    "field times number": ("{{ subscriber.big * 99999999 }}", "computes with numbers only"),
    "list field times number": ("{{ subscriber.tags * 99999999 }}", "computes with numbers only"),
    "text formatting": ("{{ '%1000000000d' % 1 }}", "computes with numbers only"),
    "products": ("{% set a = 999999999 %}{{ a*a*a*a*a*a*a*a }}", "a number is too large"),
    "large range": ("{% for n in range(99999) %}x{% endfor %}", "turns of a range"),
    "loops": (
        "{% for a in range(999) %}{% for b in range(999) %}x{% endfor %}{% endfor %}",
        "too much work",
    ),
    "loops without words": (
        "{% for a in range(999) %}{% for b in range(999) %}{% set c = 1 %}{% endfor %}{% endfor %}",
        "too much work",
    ),
    "deep loops": (
        "{% for a in 'x' %}{% for b in 'x' %}{% for c in 'x' %}{% for d in 'x' %}"
        "{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
        "so many loops",
    ),
    "recursive loop": ("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "calling"),
    "long words in a loop": (
        "{% for a in range(999) %}" + "words " * 1500 + "{% endfor %}",
        "too much work",
    ),
    "long value in a loop": (
        "{% for a in range(999) %}{{ subscriber.big }}{% endfor %}",
        "too much work",
    ),
    "doubling": (
        "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
        "characters in one value",
    ),
    "doubling by plus": (
        "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
        "characters in one value",
    ),
    "doubling lists": (
        "{% set a = [1] %}" + "{% set a = a + a %}" * 40 + "{{ a|length }}",
        "characters in one value",
    ),
    "doubling by join": (
        "{% set a = 'xxxxxxxxxx' %}" + "{% set a = [a, a]|join %}" * 40 + "{{ a }}",
        "characters in one value",
    ),
    "doubling by replace": (
        "{{ 'aaaaaaaaaa'" + "|replace('a', 'aaaaaaaaaa')" * 12 + " }}",
        "characters in one value",
    ),
    "centred": ("{{ 'a'|center(999999999) }}", "no filter called 'center'"),
    "indented": ("{{ 'a'|indent(999999999) }}", "no filter called 'indent'"),
    "rounded": ("{{ 5|round(-999999999) }}", "-10 to 10 places"),
    "deep brackets": ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "too deep"),
    "deep sums": ("{{ " + "1+" * 15_000 + "1 }}", ""),
    "long literal": ("{{ '" + "x" * 20_000 + "' }}", "a text in quotation marks is too long"),
    "many fields": ("{{1}}" * 14_000, "the body is too long"),
    "many blocks": ("::: tip a\nb\n:::\n" * 1_700, "the Jinja in it is too long"),
    "long body": ("word " * 9_000, "the body is too long"),
    "long document": ("x" * 200_000, "the document is too long"),
    "long paragraph": ("[" * 12_000, "a paragraph is too long"),
}

BROKEN = {
    "unclosed field": ("one\n{{ subscriber.first_name }\n", JinjaSyntaxError, 6, "two braces"),
    "open field": ("one\n\n{{ subscriber.first_name", JinjaSyntaxError, 7, "never closed"),
    "open quotation": ("{{ 'abc }}", JinjaSyntaxError, 5, "quotation mark is missing"),
    "empty field": ("x\n{{ }}", JinjaSyntaxError, 6, "empty"),
    "open comment": ("x\n\n{# never", JinjaSyntaxError, 7, "comment"),
    "open raw": ("{% raw %}x", JinjaSyntaxError, 5, "endraw"),
    "open if": ("a\n\n{% if subscriber.city %}\nb\n", JinjaSyntaxError, 7, "{% endif %}"),
    "open for": ("{% for n in [1] %}\nb\n", JinjaSyntaxError, 5, "{% endfor %}"),
    "lone endif": ("a\nb\n{% endif %}\n", JinjaSyntaxError, 7, "without a beginning"),
    "lone else": ("a\n{% else %}\n", JinjaSyntaxError, 6, "without a beginning"),
    "crossed": (
        "{% if 1 %}{% for n in [1] %}{% endif %}{% endfor %}",
        JinjaSyntaxError,
        5,
        "endif",
    ),
    "unknown tag": ("a\n{% do x %}\n", JinjaSyntaxError, 6, "{% do %} is not known"),
    "missing pipe": ("{{ subscriber.first_name upper }}", JinjaSyntaxError, 5, "not expected"),
    "half in bold": ("**a {% if 1 %} b** c {% endif %}", JinjaCrossingError, 5, "other half"),
    "half in a list": ("- a {% if 1 %}\n- b {% endif %}", JinjaCrossingError, 5, "other half"),
    "half in a tip": ("::: tip\n{% if 1 %}\nx\n:::\n{% endif %}", JinjaCrossingError, 6, "half"),
    "unknown name": ("a\n\n{{ frist_name }}", UnknownNameError, 7, "no field called"),
    "near name": ("{{ subscribr.first_name }}", UnknownNameError, 5, "mean 'subscriber'"),
    "near field": ("a\n\n{{ subscriber.frist_name }}", MissingValueError, 7, "mean 'first_name'"),
    "near clinic": ("{{ clinic.bookin_url }}", MissingValueError, 5, "mean 'booking_url'"),
    "field in a tip": ("::: tip T\nx\n{{ subscriber.nick }}\n:::", MissingValueError, 7, "'nick'"),
    "field in a link": ("a\n[b]({{ links.unsubscrib }})", MissingValueError, 6, "'unsubscribe'"),
    "field on three lines": ("{{\n\nsubscriber.nick }}", MissingValueError, 7, "'nick'"),
    "field of a text": ("{{ subscriber.first_name.upper }}", MissingValueError, 5, "'.upper'"),
    "near filter": ("{{ subscriber.first_name|uppr }}", UnknownNameError, 5, "mean 'upper'"),
    "list as words": ("a\n{{ subscriber.tags }}", RenderingError, 6, "join"),
    "sum of words": ("{{ 1 + subscriber.first_name }}", RenderingError, 5, "numbers only"),
    "nothing divided": ("{{ 1 / 0 }}", RenderingError, 5, "division by zero"),
    "unknown block": ("\n::: tipp Try\nx\n:::", UnknownBlockError, 6, "did you mean 'tip'"),
    "open block": ("x\n::: tip Try\nx", BlockError, 6, "never closed"),
    "lone block end": ("x\n\n:::", BlockError, 7, "never opened"),
    "deep blocks": ("::: tip\n" * 7 + ":::\n" * 7, BlockError, 11, "too deep"),
    "button without address": ("::: button\nx\n:::", BlockError, 5, "needs an address"),
    "button without words": ("::: button https://a.example\n:::", BlockError, 5, "its words"),
    "picture without size": ("::: image https://a.example | b\n:::", BlockError, 5, "560x300"),
    "picture of nothing": ("::: image https://a.example | b | 0x9\n:::", BlockError, 5, "1x1"),
    "one column": ("::: columns\nx\n:::", BlockError, 5, "+++"),
    "statement in address": ("[a]({% if 1 %}x{% endif %})", UnsupportedMarkdownError, 5, "address"),
    "html": ("a\n\n<b>bold</b>", UnsupportedMarkdownError, 7, "'<b…'"),
    "html block": ("<div>\nx\n</div>", UnsupportedMarkdownError, 5, "'<div…'"),
    "script": ("x <script>alert(1)</script>", UnsupportedMarkdownError, 5, "'<script…'"),
    "html comment": ("<!-- x -->", UnsupportedMarkdownError, 5, "'<!--…'"),
    "deep heading": ("# a\n\n### b", UnsupportedMarkdownError, 7, "too deep"),
    "picture in words": ("x\n![a](https://a.example/b.png)", UnsupportedMarkdownError, 6, "image"),
    "link title": ('[a](https://a.example "b")', UnsupportedMarkdownError, 5, "title"),
    "heading as title": ("::: tip # x\ny\n:::", UnsupportedMarkdownError, 5, "only words"),
    "script link": ("a\n[b](javascript:alert(1))", UnsafeLinkError, 6, "javascript"),
    "script link, mixed": ("[b](JaVaScRiPt:alert(1))", UnsafeLinkError, 5, "cannot link"),
    "data link": ("[b](data:text/html,x)", UnsafeLinkError, 5, "cannot link"),
    "file link": ("[b](file:///etc/passwd)", UnsafeLinkError, 5, "cannot link"),
    "link without scheme": ("[b](www.example.org)", UnsafeLinkError, 5, "https://"),
    "link by field": ("a\n[b]({{ 'javascript:x' }})", UnsafeLinkError, 6, "javascript"),
    "button by field": ("::: button {{ 'vbscript:x' }}\ny\n:::", UnsafeLinkError, 5, "vbscript"),
    "picture by field": ("::: image {{ 'data:x' }} | a | 9x9\n:::", UnsafeLinkError, 5, "data:x"),
    "invisible": ("a\n\u202eb", ForbiddenCharacterError, 6, "U+202E"),
    "stand-in": ("a \ufdd00\ufdd1", ForbiddenCharacterError, 5, "U+FDD0"),
    "nul": ("a \x00", ForbiddenCharacterError, 5, "U+0000"),
}

PAGES = {
    "script": ("<script>alert(1)</script>", ActiveContentError),
    "event": ('<p onclick="x">a</p>', ActiveContentError),
    "event by value": ("<p title={{ subscriber.evil }}>a</p>", ActiveContentError),
    "frame": ('<iframe src="https://a.example"></iframe>', ActiveContentError),
    "form": ('<form action="https://a.example"></form>', ActiveContentError),
    "drawing": ("<svg><script>x</script></svg>", ActiveContentError),
    "object": ('<object data="x"></object>', ActiveContentError),
    "base": ('<base href="https://evil.example">', ActiveContentError),
    "refresh": ('<meta http-equiv="refresh" content="0;url=x">', ActiveContentError),
    "sneaky comment": ("<!-- <script>x</script> -->", ActiveContentError),
    "noscript": ("<noscript><p title='</noscript><script>'></noscript>", ActiveContentError),
    "expression": ('<p style="width:expression(alert(1))">a</p>', ActiveContentError),
    "sheet behaviour": ("<style>p{behavior:url(x)}</style>", ActiveContentError),
    "script link": ('<a href="java\nscript:alert(1)">a</a>', UnsafeLinkError),
    "script link by entity": ('<a href="&#106;avascript:alert(1)">a</a>', UnsafeLinkError),
    "script link by value": ('<a href="{{ subscriber.link }}">a</a>', UnsafeLinkError),
    "script picture": ('<img src="javascript:x">', UnsafeLinkError),
    "linked sheet": ('<link rel="stylesheet" href="https://a.example/x.css">', OutsideStyleError),
    "imported sheet": ('<style>@import "https://a.example/x.css";</style>', OutsideStyleError),
    "style without colon": ('<style>p{color:red}</style><p style="p">a</p>', MalformedStyleError),
    "include": ("{% include 'layout.html' %}", RefusedJinjaError),
    "unknown field": ("<p>{{ frist_name }}</p>", UnknownNameError),
    "endless macro": (
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        (EffortError, RenderingError),
    ),
}


@pytest.mark.parametrize("case", [*ESCAPES, *BOMBS])
def test_a_hostile_template_is_refused_at_once(case: str) -> None:
    body, told = {**ESCAPES, **BOMBS}[case]
    began = time.process_time()

    with pytest.raises(DocumentError) as caught:
        render(FRONT + body)

    assert told in str(caught.value)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_document_is_refused_with_its_line(case: str) -> None:
    body, kind, line, told = BROKEN[case]

    with pytest.raises(kind) as caught:
        render(FRONT + body)

    assert caught.value.line == line
    assert str(caught.value).startswith(f"document, line {line}: ")
    assert told in str(caught.value)


@pytest.mark.parametrize("case", PAGES)
def test_a_hostile_page_is_refused(case: str) -> None:
    markup, kind = PAGES[case]
    reader = Reader({"evil": "a onclick=alert(1)", "link": "javascript:x"}, SAMPLE_READER.links)

    with pytest.raises(kind):
        render(f"{FRONT}<!doctype html><html><body><p>a</p>{markup}</body></html>", reader)


@pytest.mark.parametrize(
    "name",
    [
        "Ada\r\nBcc: all@example.org",
        "Ada\nBcc: all@example.org",
        "Ada\u2028Bcc: all@example.org",
        "Ada\u2029\u0085\x0b\x0cBcc: all@example.org",
        "Ada\x00\x1b[31m",
        "\u202eadA",
    ],
)
def test_a_strange_name_cannot_break_out_of_the_subject(name: str) -> None:
    document = FRONT.replace("Hello", "'Hello {{ subscriber.first_name }}'") + "# Hi"

    email = render(document, Reader({"first_name": name}, SAMPLE_READER.links))

    assert email.subject.startswith("Hello ")
    assert email.subject.isprintable()
    assert f"<title>{email.subject}</title>" in email.html


def test_a_name_full_of_html_stays_a_name() -> None:
    name = "<script>alert(1)</script><img src=x onerror=y>\"'&"
    body = "# Hi {{ subscriber.first_name }}\n\n**{{ subscriber.first_name }}**"

    email = render(FRONT + body, Reader({"first_name": name}, SAMPLE_READER.links))

    assert "<script" not in email.html
    assert "&lt;script&gt;" in email.html
    assert name in email.text


def test_a_name_full_of_jinja_and_marks_stays_a_name() -> None:
    name = "{{ 7+7 }} {% if %} \ufdd2quote\ufdd3 ** [a](b)"

    email = render(
        FRONT + "# Hi\n\nDear {{ subscriber.first_name }}!",
        Reader({"first_name": name}, SAMPLE_READER.links),
    )

    assert "Dear {{ 7+7 }} {% if %} quote ** [a](b)!" in email.text
    assert "Dear {{ 7+7 }} {% if %} quote ** [a](b)!" in email.html


def test_signs_that_markdown_puts_together_do_not_become_jinja() -> None:
    email = render(FRONT + "# Hi\n\n\\{\\{ 7+7 \\}\\} and &#123;&#123; 7+7 }}")

    assert "{{ 7+7 }} and {{ 7+7 }}" in email.text
    assert "{{ 7+7 }} and {{ 7+7 }}" in email.html


def test_html_marked_as_safe_by_python_is_escaped_all_the_same() -> None:
    reader = Reader({"first_name": Markup("<b>Ada</b>")}, SAMPLE_READER.links)

    email = render(FRONT + "# Hi {{ subscriber.first_name }}", reader)

    assert "&lt;b&gt;Ada" in email.html


@pytest.mark.parametrize("value", [object(), b"bytes", {"deep": {1, 2}}, [object()], len])
def test_an_object_in_the_context_is_refused(value: object) -> None:
    with pytest.raises(NotPlainValueError, match="give text, a number, a list or a mapping"):
        render(FRONT + "# Hi", Reader({"city": value}, SAMPLE_READER.links))


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(NotPlainValueError, match=r"subscriber\.city\[0\]"):
        render(FRONT + "# Hi", Reader({"city": endless}, SAMPLE_READER.links))


def test_an_attribute_named_like_a_method_is_the_attribute() -> None:
    reader = Reader({"items": "three", "get": "it"}, SAMPLE_READER.links)

    assert (
        "three it" in render(FRONT + "# {{ subscriber.items }} {{ subscriber.get }}", reader).text
    )


def test_a_subject_with_a_control_character_is_refused() -> None:
    subject = "subject: \"{{ 'a' }}\\x07\""

    with pytest.raises(ForbiddenCharacterError, match=r"line 2: .*U\+0007"):
        render(f"---\n{subject}\n---\n# Hi")


def test_a_control_character_left_in_a_header_is_refused() -> None:
    error = HeaderLineError("subject", "\x07", line=2)

    assert str(error) == (
        "document, line 2: the subject has a control character, U+0007; delete it"
    )


def test_line_ends_written_as_escapes_are_only_spaces_in_a_subject() -> None:
    document = "---\nsubject: '{{ \"a\\r\\nBcc: b\" }}'\n---\n# Hi"

    assert render(document).subject == "a Bcc: b"


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (b"---\nsubject: \xff\xfe\n---\n", UnreadableTextError, "line 2: byte 0xff is not UTF-8"),
        (b"\x80", UnreadableTextError, "line 1: byte 0x80"),
        ("# Hi", FrontMatterError, "line 1: no front matter"),
        ("", FrontMatterError, "line 1: no front matter"),
        ("---\nsubject: x\n", FrontMatterError, "line 1: the front matter is never closed"),
        ("---\n---\n# Hi", FrontMatterError, "no subject"),
        ("---\nsubject: ' '\n---\n", FrontMatterError, "line 2: no subject"),
        ("---\nsubject: a\nsubjet: b\n---\n", UnknownKeyError, "line 3: unknown key 'subjet'; did"),
        (
            "---\nsubject: a\nsubject: b\n---\n",
            FrontMatterError,
            "line 3: 'subject' stands here tw",
        ),
        ("---\nsubject: {{ a }}, b\n---\n", FrontMatterError, "quotation marks"),
        ("---\nsubject: {{ a }}\n---\n", FrontMatterError, "'subject' must be text"),
        ("---\nsubject: a: b\n---\n", FrontMatterError, "line 2: this is not YAML"),
        ("---\n- a\n---\n", FrontMatterError, "line 2: write the front matter as"),
        ("---\n? [a]\n: b\n---\n", FrontMatterError, "a key must be one word"),
        ("---\nsubject: " + "[" * 4000 + "\n---\n", FrontMatterError, "this is not YAML"),
        ("---\nsubject: " + "x" * 20_000 + "\n---\n", TooLongError, "the front matter is too long"),
        ("---\nsubject: &a x\npreheader: [*a, *a]\n---\n", FrontMatterError, "must be text"),
    ],
)
def test_unreadable_front_matter_is_refused(
    content: str | bytes, kind: type[DocumentError], told: str
) -> None:
    with pytest.raises(kind) as caught:
        parse_document(content, name="01-hello.md")

    assert str(caught.value).startswith("01-hello.md")
    assert told in str(caught.value)


def test_a_colour_that_is_none_is_refused() -> None:
    with pytest.raises(ColourError, match="the clinic's accent colour is no colour: 'red;}'"):
        render(FRONT + "# Hi", accent="red;}")


def test_what_cannot_be_rendered_is_a_finding_and_no_crash() -> None:
    edition = Edition(FRONT + "{{ 9**9 }}", THEME, SAMPLE_CLINIC)

    (finding,) = check_edition(edition, SAMPLE_READER)

    assert "the power sign" in finding.message


def test_every_error_is_a_template_error() -> None:
    for body, *_ in (*ESCAPES.values(), *BROKEN.values()):
        with pytest.raises(TemplateError):
            render(FRONT + body)
