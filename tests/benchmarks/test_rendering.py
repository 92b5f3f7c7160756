"""What compiling once is worth: ratios measured in one run, on a newsletter of 25 KB.

python -m pytest tests/benchmarks/test_rendering.py -s --timeout=0 -p no:randomly
"""

# ruff: noqa: E501 -- a page is easier to read on its own lines
from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import jinja2
import premailer
import pytest

from delivery.headers import address_header, message_id_header, text_header, uris_header
from templates.compiler.renderer import CompiledRenderer, difference_between
from templates.context import build_context
from templates.email import Edition, Reader
from templates.rendering import PersonRenderer
from templates.theme import read_theme
from templates.values import FILTERS, TESTS

ROUNDS = 5
TOKENS = {
    "page": "background-color:#f3f1ec", "card": "background-color:#ffffff;border:1px solid #ded8cc",
    "lead": "font-size:18px;line-height:29px;color:#2a3330", "quiet": "font-size:13px;color:#68706c",
    "head": "font-family:Georgia, serif;font-size:28px;line-height:36px;color:#1d4f45",
    "link": "color:#1d4f45;text-decoration:underline", "cell": "padding:18px 24px;vertical-align:top",
    "date": "font-size:12px;letter-spacing:1px;color:#7a817d", "tag": "padding:2px 8px;color:#1d4f45",
    "row": "border-bottom:1px solid #e7e2d8", "num": "text-align:right;font-weight:bold",
}  # fmt: skip
SHEET = "\n".join(
    [
        "body{margin:0;padding:0;background-color:#f3f1ec}",
        "p{margin:0 0 14px;font-family:Arial, sans-serif;font-size:16px;line-height:25px;color:#2a3330}",
        "table{border-collapse:collapse}",
        "td{font-family:Arial, sans-serif}",
        "h1,h2{font-weight:normal;margin:0 0 12px}",
        "a{color:#1d4f45}",
        "a:hover{color:#000000}",
        "li{margin:0 0 6px;font-size:15px}",
        *[f".{name}{{{style}}}" for name, style in TOKENS.items()],
        *[f".card .{name}{{line-height:{18 + n}px}}" for n, name in enumerate(TOKENS)],
        *[f"td.{name}{{padding:{n}px {n + 2}px}}" for n, name in enumerate(TOKENS)],
        *[f".footer .{name}{{color:#68706c}}" for name in TOKENS],
        *[f"table .{name} a{{font-weight:bold}}" for name in list(TOKENS)[:9]],
        "@media (max-width:480px){.cell{padding:10px !important}.head{font-size:22px !important}}",
        "@media (prefers-color-scheme:dark){.page{background-color:#111111 !important}}",
    ]
)
STORIES = [
    {"title": f"Story number {n} of this month", "url": f"https://news.example/stories/{n}",
     "teaser": "A few plain sentences about sleep, warmth and moving a little every day. " * 2,
     "tags": ["sleep", "warmth", "walking"][: n % 3 + 1]}
    for n in range(11)
]  # fmt: skip
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ subject }}</title><style>SHEET</style></head>
<body class="page">
{% macro tag(text) %}<span class="tag">{{ text }}</span>{% endmacro %}
{% macro story(item, n) %}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr class="row"><td class="cell">
<p class="date">No. {{ n }} for {{ subscriber.first_name }}</p>
<h2 class="head"><a class="link" href="{{ item.url }}?r={{ subscriber.key }}">{{ item.title }}</a></h2>
<p class="lead">{{ item.teaser }}</p>
<p>{% for text in item.tags %}{{ tag(text) }}{% if not loop.last %} {% endif %}{% endfor %}</p>
<p><a class="link" href="{{ item.url }}/read">Read on</a> or
<a class="link" href="{{ item.url }}/save?r={{ subscriber.key }}">save it, {{ subscriber.first_name }}</a></p>
</td></tr></table>
{% endmacro %}
<div class="quiet">{{ preheader }}</div>
<table role="presentation" width="600" align="center" class="card"><tr><td class="cell">
<h1 class="head">{{ clinic.name }}</h1>
<p class="lead">Hello {{ subscriber.first_name or "there" }}{% if subscriber.city %} in {{ subscriber.city }}{% endif %},</p>
{% if subscriber.is_member %}<p class="lead">thank you for being a member since {{ subscriber.since }}.</p>
{% else %}<p class="lead">become a <a class="link" href="{{ clinic.website }}">member</a>.</p>{% endif %}
{% for item in stories %}{{ story(item, loop.index) }}{% endfor %}
<table role="presentation" width="100%">
{% for visit in subscriber.visits %}<tr class="row"><td class="cell">{{ visit.day }}</td><td class="num">{{ visit.minutes }} min</td></tr>
{% endfor %}</table>
<ul>{% for n in range(8) %}<li>Reminder {{ n + 1 }}: <a class="link" href="https://news.example/tips/{{ n }}">a tip for a better evening</a></li>{% endfor %}</ul>
</td></tr></table>
<table role="presentation" class="footer"><tr><td class="quiet"><p class="quiet">{{ clinic.name }}, {{ clinic.postal_address }}</p>
<p class="quiet"><a class="link" href="{{ links.unsubscribe }}">Unsubscribe</a> <a class="link" href="{{ links.view }}">Read in your browser</a></p>
</td></tr></table>
</body></html>
"""
CLINIC = {
    "name": "Riverside Clinic",
    "postal_address": "12 Mill Lane",
    "website": "https://riverside.example",
}


def edition() -> Edition:
    page = PAGE.replace("SHEET", SHEET).replace(
        "{% for item in stories %}", f"{{% for item in {STORIES!r} %}}"
    )
    text = "Hello {{ subscriber.first_name }},\\n\\nread on at https://news.example\\n"
    front = f'---\nsubject: News for {{{{ subscriber.first_name }}}}\npreheader: This month\ntext: "{text}"\n---\n'
    fields = frozenset({"city", "is_member", "since", "visits", "key"})
    return Edition(front + page, read_theme("calm"), CLINIC, "bench", fields)


def reader(n: int) -> Reader:
    visits = [{"day": f"{day} March", "minutes": 30 + day} for day in range(1, 4)]
    return Reader(
        {"first_name": f"Reader {n}", "city": "Riverside", "is_member": n % 2 == 0, "since": 2020,
         "visits": visits, "key": f"k{n:06}"},
        {"unsubscribe": f"https://post.example/u/{n:020}", "view": f"https://post.example/m/{n:020}"},
    )  # fmt: skip


def microseconds(work: Callable[[int], Any], times: int) -> float:
    """Measure processor time for one piece of work, the median of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for n in range(times):
            work(n)
        rounds.append((time.process_time() - begin) / times * 1e6)
    return statistics.median(rounds)


@pytest.fixture(scope="module")
def renderer() -> CompiledRenderer:
    compiled = CompiledRenderer()
    for n in range(4):
        email = compiled.render(edition(), reader(n))
        assert difference_between(email, PersonRenderer().render(edition(), reader(n))) == ""
        assert 23_000 < len(email.html) < 30_000
    assert compiled.compilation(edition(), reader(0)).variants.count == 1
    return compiled


def report(name: str, value: float, goal: str) -> None:
    print(f"\n{name}: {value:,.2f} (goal {goal})", end="")  # noqa: T201 -- what it is for


@pytest.mark.slow
def test_compiled_rendering_beats_rendering_and_inlining(renderer: CompiledRenderer) -> None:
    made, person = edition(), PersonRenderer()
    compiled = microseconds(lambda n: renderer.render(made, reader(n)), 500)
    encoded = microseconds(lambda n: renderer.render_encoded(made, reader(n)), 500)
    own = microseconds(lambda n: person.render(made, reader(n)), 8)
    jinja = plain_jinja(made)
    full = microseconds(lambda n: premailer.transform(jinja(n), cssutils_logging_level=50), 8)
    fallback = microseconds(lambda n: renderer.render_in_full(made, reader(n)), 12)
    plain = microseconds(jinja, 100)

    report("compiled, µs", compiled, "60")
    report("compiled and encoded, µs", encoded, "-")
    report("fallback, µs", fallback, "-")
    report("jinja2 + premailer as it comes, µs", full, "-")
    report("jinja2 + premailer as PersonRenderer calls it, µs", own, "-")
    report("jinja2 alone, µs", plain, "-")
    report("jinja2 + premailer as it comes / compiled", full / compiled, "at least 400")
    report("PersonRenderer / compiled", own / compiled, "-")
    report("PersonRenderer / fallback", own / fallback, "-")
    report("compiled / jinja2 alone", compiled / plain, "at most 0.3")
    report("jinja2 + premailer as it comes / fallback", full / fallback, "-")
    assert full / compiled >= 400
    assert compiled / plain <= 0.3


def plain_jinja(made: Edition) -> Callable[[int], str]:
    """Give Jinja alone: no sandbox, no budget, nothing checked."""
    environment = jinja2.Environment(autoescape=True)
    environment.filters |= dict(FILTERS)
    environment.tests |= dict(TESTS)
    template = environment.from_string(made.document.split("---\n", 2)[2])

    def render(n: int) -> str:
        context = build_context(made, reader(n))
        return template.render(context, subject="News", preheader="This month")

    return render


@pytest.mark.slow
def test_assembling_what_is_encoded_beats_the_standard_writer(renderer: CompiledRenderer) -> None:
    made = edition()
    emails = [renderer.render_encoded(made, reader(n)) for n in range(20)]
    plain = [renderer.render(made, reader(n)) for n in range(20)]

    def assemble(n: int) -> bytes:
        email = emails[n]
        head = [
            address_header("From", "news@clinic.example", name="Riverside Clinic"),
            address_header("To", f"reader{n}@example.org"),
            text_header("Subject", email.subject),
            message_id_header(f"<{n}.a@clinic.example>"),
            uris_header("List-Unsubscribe", [f"https://post.example/u/{n}"]),
        ]
        parts = [b"Content-Type: text/plain\r\n\r\n", email.text, b"\r\n--=_b\r\n", email.html]
        return b"".join([*head, b"MIME-Version: 1.0\r\n\r\n--=_b\r\n", *parts, b"\r\n--=_b--\r\n"])

    def standard(n: int) -> bytes:
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = (
            "Riverside Clinic <news@clinic.example>",
            f"r{n}@example.org",
        )
        message["Subject"], message["Message-ID"] = plain[n].subject, f"<{n}.a@clinic.example>"
        message.set_content(plain[n].text, cte="quoted-printable")
        message.add_alternative(plain[n].html, subtype="html", cte="quoted-printable")
        return message.as_bytes()

    ratio = microseconds(standard, 10) / microseconds(lambda n: assemble(n % 20), 1_000)
    report("EmailMessage.as_bytes / assembling", ratio, "at least 25")
    assert ratio >= 25
