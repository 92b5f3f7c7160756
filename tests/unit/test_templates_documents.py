"""What marketers write, and the HTML it becomes."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from templates.document import parse_document
from templates.email import Edition, Reader
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

THEME = read_theme("calm")


def content(body: str, **subscriber: object) -> str:
    """Render a body and give the inside of the letter, without styles and layout attributes."""
    edition = Edition(
        f"---\nsubject: Hello\n---\n{body}",
        THEME,
        SAMPLE_CLINIC,
        attribute_names=frozenset({"city", "tags"}),
    )
    reader = Reader({"first_name": "Ada", **subscriber}, SAMPLE_READER.links)
    html = PersonRenderer().render(edition, reader).html
    page = etree.fromstring(html, etree.HTMLParser())
    (card,) = page.xpath("//td[@class='card']")
    etree.strip_attributes(card, "style", "cellpadding", "cellspacing", "border", "role", "class")
    inside = etree.tostring(card, encoding="unicode", method="html", with_tail=False)
    inside = re.sub(r"<!--.*?-->|</?(td|table|tr|div)\b[^>]*>", "", inside, flags=re.DOTALL)
    blocks = r" ?(</?(?:p|h1|h2|ul|ol|li|blockquote)\b[^>]*>) ?"
    return re.sub(blocks, r"\1", " ".join(inside.split())).strip()


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("# Hi\n\nyou", "<h1>Hi</h1><p>you</p>"),
        ("## Below", "<h2>Below</h2>"),
        ("a **b** *c* d\ne", "<p>a <strong>b</strong> <em>c</em> d e</p>"),
        ("a  \nb\\\nc", "<p>a<br> b<br> c</p>"),
        (
            "[a](https://b.example/?c=1&d=2)",
            '<p><a href="https://b.example/?c=1&amp;d=2">a</a></p>',
        ),
        ("<https://b.example>", '<p><a href="https://b.example">https://b.example</a></p>'),
        ("[a](mailto:b@c.example)", '<p><a href="mailto:b@c.example">a</a></p>'),
        ("[a](tel:+44)", '<p><a href="tel:+44">a</a></p>'),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("3. a", '<ol start="3"><li>a</li></ol>'),
        ("- a\n\n  b\n- c", "<ul><li><p>a</p><p>b</p></li><li><p>c</p></li></ul>"),
        ("- a\n  - b", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
        ("> a", "<blockquote><p>a</p></blockquote>"),
        ("a\n\n---\n\nb", "<p>a</p><p>b</p>"),
        ('2 < 3 & 4 > 1 "x"', '<p>2 &lt; 3 &amp; 4 &gt; 1 "x"</p>'),
        ("a \\<b\\> &amp; &copy;", "<p>a &lt;b&gt; &amp; ©</p>"),
        ("`a` ~~b~~ | c |", "<p>`a` ~~b~~ | c |</p>"),
        ("    no code", "<p>no code</p>"),
        ("a\n===", "<p>a ===</p>"),
    ],
)
def test_markdown_becomes_html(body: str, html: str) -> None:
    assert content(body) == html


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ('Hi {{ subscriber.first_name or "you" }}!', "<p>Hi Ada!</p>"),
        ('{{ subscriber.city or "there" }}', "<p>there</p>"),
        ("**{{ subscriber.first_name }}**", "<p><strong>Ada</strong></p>"),
        ("{{ subscriber.first_name|upper }}", "<p>ADA</p>"),
        ("a{% if subscriber.city %} b{% endif %} c", "<p>a c</p>"),
        (
            "a {% if not subscriber.city %}**b**{% else %}c{% endif %}",
            "<p>a <strong>b</strong></p>",
        ),
        ("a\n{% if 1 %}\nb\n{% else %}\nc\n{% endif %}\nd", "<p>a</p><p>b</p><p>d</p>"),
        ("{%- if 1 -%}\n\n# b\n\n{%- endif -%}\nc", "<h1>b</h1><p>c</p>"),
        ("a {# nobody reads this #} b", "<p>a b</p>"),
        ("a\n{# nobody reads this #}\nb", "<p>a b</p>"),
        ("{% for n in [1, 2] %}\n- n{{ n }}\n{% endfor %}", "<ul><li>n1</li><li>n2</li></ul>"),
        ("- a\n{% if 1 %}\n- b\n{% endif %}\n- c", "<ul><li>a</li><li>b</li><li>c</li></ul>"),
        ("{% for n in 'ab' %}{{ loop.index }}{{ n }} {% endfor %}", "<p>1a 2b</p>"),
        ("{% for n in [] %}x{% else %}none{% endfor %}", "<p>none</p>"),
        ("{% set n = 2 %}\n{{ n + 1 }}", "<p>3</p>"),
        ("{% raw %}{{ x }}{% endraw %}", "<p>{{ x }}</p>"),
        ("[a]({{ clinic.booking_url }})", '<p><a href="https://riverside.example/book">a</a></p>'),
        (
            "[a]({{ clinic.booking_url }}?b={{ 'c d'|urlencode }}&e)",
            '<p><a href="https://riverside.example/book?b=c%20d&amp;e">a</a></p>',
        ),
        ("[a]({{ subscriber.city }}) b", "<p>a b</p>"),
        ("{{ 7 // 2 }} {{ 3.14159|round(2) }}", "<p>3 3.14</p>"),
        ("{{ ['a', 'b']|join(', ') }} {{ 'a' ~ 1 }}", "<p>a, b a1</p>"),
        ("{{ 'a b'|replace(' ', '-') }} {{ subscriber['first_name'][0] }}", "<p>a-b A</p>"),
        ("{{ subscriber.nick|default('none') }}", "<p>none</p>"),
        ("{{ 'yes' if subscriber.city is defined else 'no' }}", "<p>yes</p>"),
    ],
)
def test_jinja_works_inside_markdown(body: str, html: str) -> None:
    assert content(body) == html


@pytest.mark.parametrize(
    ("body", "html"),
    [
        (
            "::: tip Try **it**\na\n\n- b\n:::",
            "<p>Try <strong>it</strong></p><p>a</p><ul><li>b</li></ul>",
        ),
        ("::: tip For {{ subscriber.first_name }}\na\n:::", "<p>For Ada</p><p>a</p>"),
        ("::: tip\na\n:::", "<p>a</p>"),
        ("::: tip Now:\na\n:::", "<p>Now:</p><p>a</p>"),
        ("::: button https://a.example\nGo\n:::", '<a href="https://a.example">Go</a>'),
        (
            "::: button {{ clinic.booking_url }}\nGo, {{ subscriber.first_name }}\n:::",
            '<a href="https://riverside.example/book">Go, Ada</a>',
        ),
        ("::: button {{ subscriber.city }}\nGo\n:::\na", "<p>a</p>"),
        (
            "::: image https://a.example/b c.png | A {{ subscriber.first_name }} | 10 x 20\n:::",
            '<img src="https://a.example/b%20c.png" alt="A Ada" width="10" height="20">',
        ),
        (
            "::: image https://a.example/b.png | | 10×20\n:::",
            '<img src="https://a.example/b.png" alt="" width="10" height="20">',
        ),
        ("::: columns\na\n+++\nb\n:::", "<p>a</p><p>b</p>"),
        ("::: columns\n::: tip T\na\n:::\n+++\nb\n:::", "<p>T</p><p>a</p><p>b</p>"),
        (
            "{% if 1 %}\n::: button https://a.example\nGo\n:::\n{% endif %}",
            '<a href="https://a.example">Go</a>',
        ),
        ("::: tip T\n{% if 0 %}\na\n{% endif %}\nb\n:::", "<p>T</p><p>b</p>"),
        ("a\n+++\nb", "<p>a +++ b</p>"),
        ("a ::: b", "<p>a ::: b</p>"),
    ],
)
def test_blocks_become_html(body: str, html: str) -> None:
    assert content(body) == html


def test_an_absent_value_is_written_as_nothing() -> None:
    assert content("a{{ subscriber.city }}b", city=None) == "<p>ab</p>"


def test_the_lines_of_an_email_may_end_as_windows_ends_them() -> None:
    document = parse_document(b"\xef\xbb\xbf---\r\nsubject: a\r\npreheader: b\r\n---\r\n# c\r\n")

    assert (document.front.subject, document.front.preheader) == ("a", "b")
    assert (document.body, document.body_line) == ("# c\n", 5)
    assert document.front.lines == {"subject": 2, "preheader": 3}


def test_values_that_yaml_would_read_as_something_else_stay_text() -> None:
    document = parse_document("---\nsubject: yes\npreheader: 2026-03-02\n---\n")

    assert (document.front.subject, document.front.preheader) == ("yes", "2026-03-02")


def test_a_line_of_three_dashes_in_the_body_is_a_divider_and_no_front_matter() -> None:
    document = parse_document("---\nsubject: a\n---\nb\n\n---\n\nc")

    assert document.body == "b\n\n---\n\nc"


def test_a_whole_html_page_is_used_as_it_is() -> None:
    page = (
        "<!doctype html>\n<html><head><style>p { color: #112233 } a:hover { color: #445566 }"
        "</style></head>\n<body><p>Hi {{ subscriber.first_name }}</p>"
        '{% for n in [1] %}<a href="{{ links.unsubscribe }}">leave</a>{% endfor %}</body></html>'
    )
    document = f"---\nsubject: a\ntext: |\n  # Hi {{{{ subscriber.first_name }}}}\n---\n{page}"

    email = PersonRenderer().render(Edition(document, THEME, SAMPLE_CLINIC), SAMPLE_READER)

    assert '<p style="color:#123">Hi Ada</p>' in email.html
    assert "a:hover{color: #445566}" in email.html
    assert "Hi Ada\n~~~~~~" in email.text
    assert "https://post.example.org/u/sample" in email.text


def test_a_whole_html_page_without_a_text_gives_at_least_the_way_to_it() -> None:
    document = "---\nsubject: News\npreheader: All of it\n---\n<!doctype html><body><p>a</p></body>"

    text = PersonRenderer().render(Edition(document, THEME, SAMPLE_CLINIC), SAMPLE_READER).text

    assert "News\n~~~~\n\nAll of it\n" in text
    assert "Read in your browser:\nhttps://post.example.org/m/sample" in text


def test_macros_work_in_a_whole_html_page() -> None:
    page = "<!doctype html><body>{% macro b(t) %}<b>{{ t }}</b>{% endmacro %}{{ b('<') }}</body>"

    email = PersonRenderer().render(
        Edition(f"---\nsubject: a\n---\n{page}", THEME, SAMPLE_CLINIC), SAMPLE_READER
    )

    assert "<b>&lt;</b>" in email.html
