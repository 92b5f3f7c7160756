"""Compile then render equals render then inline: tricky pages, several people each."""

# ruff: noqa: E501 -- pages are easier to read on one line
from __future__ import annotations

from typing import Any

import pytest

from templates.compiler.canonical import canonical
from templates.compiler.renderer import CompiledRenderer, difference_between
from templates.email import Edition, Reader, RenderedEmail, Theme
from templates.errors import TemplateError
from templates.rendering import PersonRenderer
from templates.theme import read_theme

CALM = read_theme("calm")
LINKS = {"unsubscribe": "https://post.example/u/a", "view": "https://post.example/m/a?b=1&c=2"}
PEOPLE = {
    "Ada": Reader(
        {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "city": "London",
            "vip": True,
            "n": 3,
            "tags": ["a", "b", "c"],
            "items": [{"name": "One", "price": 2}, {"name": "Two & <b>", "price": 0}],
            "colour": "#FF0000",
            "url": "https://example.org/a",
            "kind": "gold",
        },
        LINKS,
        {"title": "Series", "part": 2, "parts": 4},
    ),
    "Ben": Reader({"first_name": "", "vip": False, "n": 0, "tags": [], "items": []}, {}),
    "Cleo": Reader(
        {
            "first_name": "Cléo <i>\"'&amp;\n x",
            "city": "  ",
            "vip": "yes",
            "n": 1,
            "tags": ["x<y", " "],
            "items": [{"name": "ünï", "price": 7}],
            "colour": "rgb(1, 2, 3)",
            "url": "https://example.org/ä b?c=d&e=f",
            "kind": "iron",
        },
        {"unsubscribe": "https://post.example/u/c"},
    ),
    "Dan": Reader(
        {
            "first_name": "🙂 -- > --> ]]>",
            "city": "Paris",
            "vip": "",
            "n": 12,
            "tags": ["only"],
            "items": [{"name": "", "price": 1}] * 3,
            "colour": "red;background-color:#abc",
            "url": "javascript:alert(1)",
            "kind": "gold rush",
        },
        LINKS,
        {"title": "Series", "part": 2, "parts": 4},
    ),
    "Eve": Reader({"first_name": "Eve", "colour": "no colour", "n": 2, "tags": ["p", "q"]}, LINKS),
}
FIELDS = frozenset({"city", "vip", "n", "tags", "items", "colour", "url", "kind"})
CSS = """
p { color: #112233; margin: 0 0 4px } .gold { font-weight: bold } .iron { color: gray }
#top { padding: 3px } td { background-color: #eee; text-align: center } td.gold { color: gold }
.gold p { margin: 1px } table td p { line-height: 20px } a { color: #00f } li { margin: 2px }
h1, h2 { font-family: serif } h1 { font-size: 20px !important } a:hover { color: red }
@media (max-width: 400px) { p { color: black !important } } .r { text-align: right }
"""
ONCE, KEYED, FULL = "compiled once", "keyed", "in full"

PAGES: dict[str, tuple[str, str]] = {
    # values in text
    "value": (ONCE, "<p>Hi {{ subscriber.first_name }}!</p>"),
    "value or": (ONCE, "<p>Hi {{ subscriber.first_name or 'there' }}!</p>"),
    "value by item": (ONCE, "<p>{{ subscriber['first_name'] }}</p>"),
    "filters": (ONCE, "<p>{{ subscriber.first_name | upper | truncate(9) }}</p>"),
    "default": (ONCE, "<p>{{ links.view | default('none') }}</p>"),
    "joined": (ONCE, "<p>{{ subscriber.tags | join(', ') }}</p>"),
    "joined text": (ONCE, "<p>{{ 'a' ~ subscriber.first_name ~ clinic.name }}</p>"),
    "conditional value": (ONCE, "<p>{{ 'yes' if subscriber.vip else 'no' }}</p>"),
    "left out": (ONCE, "<p>{{ 'a' if 1 > 2 }}{{ subscriber.first_name }}</p>"),
    "left out, joined": (ONCE, "<p>{{ ('a' if 1 > 2) ~ subscriber.first_name }}</p>"),
    "left out, chosen": (ONCE, "<p>{{ ('a' if 1 > 2) if subscriber.vip else 'b' }}</p>"),
    "left out, by default": (ONCE, "<p>{{ ('a' if 1 > 2) | default(subscriber.first_name) }}</p>"),
    "left out, compared": (
        ONCE,
        "{% if ('a' if 1 > 2) == subscriber.first_name %}x{% endif %}<p>y",
    ),
    "left out of a class": (
        ONCE,
        "{% for n in [1, 2, 3] %}<p class='{{ 'gold' if loop.first else 'iron' if loop.last }}'>"
        "{{ subscriber.first_name }}</p>{% endfor %}",
    ),
    "computed": (ONCE, "<p>{{ (subscriber.n or 0) * 2 + 1 }}</p>"),
    "compared": (ONCE, "<p>{{ 'many' if (subscriber.n or 0) > 2 else 'few' }}</p>"),
    "test": (ONCE, "<p>{{ 'odd' if (subscriber.n or 0) is odd }}</p>"),
    "membership": (ONCE, "<p>{{ 'in' if subscriber.city in ['Paris', 'Rome'] else 'out' }}</p>"),
    "slice": (ONCE, "<p>{{ subscriber.first_name[:2] }}</p>"),
    "negative": (ONCE, "<p>{{ -(subscriber.n or 0) }}</p>"),
    "escaped twice": (ONCE, "<p>{{ subscriber.first_name | e }}</p>"),
    "lookup": (ONCE, "<p>{{ {'Paris': 'FR'}[subscriber.city] | default('?') }}</p>"),
    "known list, open index": (ONCE, "<p>{{ ['a', 'b', 'c', 'd'][(subscriber.n or 0) % 4] }}</p>"),
    "raw braces": (ONCE, "<p>{{ '{{' }} {% raw %}{{ x }}{% endraw %} {{ subscriber.n }}</p>"),
    "length": (ONCE, "<p>{{ subscriber.tags | length }}</p>"),
    "sorted": (ONCE, "<p>{{ subscriber.tags | sort | join('-') }}</p>"),
    "between rows": (
        ONCE,
        "<table>{{ subscriber.city }}<tr><td>a</td></tr>{{ subscriber.n }}</table>",
    ),
    "between cells": (ONCE, "<table><tr>{{ subscriber.n }}<td>a</td></tr></table>"),
    "between items": (ONCE, "<ul>{{ subscriber.n }}<li>a</li>{{ subscriber.n }}</ul>"),
    "in title": (ONCE, "<title>"),
    "in comment": (ONCE, "<p>a<!-- for {{ subscriber.city }} --></p>"),
    "in mso": (
        ONCE,
        "<!--[if mso]><table width='{{ subscriber.n }}'><tr><td><![endif]--><p>x</p>"
        "<!--[if mso]></td></tr></table><![endif]-->",
    ),
    "choice in mso": (
        ONCE,
        "<!--[if mso]>{% if subscriber.vip %}<b>{% else %}<i>{% endif %}<![endif]--><p>x</p>",
    ),
    # attributes
    "alt": (ONCE, "<img src='https://example.org/a.png' alt='For {{ subscriber.first_name }}'>"),
    "title with quotes": (ONCE, "<p title='say \"x\" {{ subscriber.first_name }}'>x</p>"),
    "link": (ONCE, "<a href='{{ subscriber.url }}'>x</a>"),
    "link with parts": (ONCE, "<a href='https://example.org/?q={{ subscriber.city }}&x=1'>x</a>"),
    "link filter": (ONCE, "<a href='{{ subscriber.url | link }}'>x</a>"),
    "link chosen": (ONCE, "<a href='{% if subscriber.vip %}https://a.org{% endif %}'>x</a>"),
    "link chosen of two": (
        ONCE,
        "<a href='https://a.org/{% if subscriber.vip %}vip{% else %}{{ subscriber.n }}{% endif %}'>",
    ),
    "many links": (
        ONCE,
        "<a href='{{ links.view | default('') }}'>x</a><a href='{{ links.unsubscribe }}'>y</a>",
    ),
    "source": (ONCE, "<img src='https://example.org/{{ subscriber.n }}.png' alt=''>"),
    "source alone": (ONCE, "<img src='{{ subscriber.url }}' alt=''>"),
    "background": (ONCE, "<table><tr><td background='https://e.org/{{ subscriber.n }}'>"),
    "anchor": (ONCE, "<a name='n{{ subscriber.n }}'>x</a>"),
    "style value": (ONCE, "<p style='color:{{ subscriber.colour or '#123456' }}'>x</p>"),
    "style with unit": (ONCE, "<p style='margin:0;width:{{ subscriber.n or 0 }}px'>x</p>"),
    "style of a cell": (
        ONCE,
        "<table><tr><td style='background-color:{{ subscriber.colour or '#fff' }}'>x</td></tr>",
    ),
    "style aligned": (
        ONCE,
        "<table style='text-align:{{ 'center' if subscriber.vip else 'left' }}'><tr><td>x",
    ),
    "style chosen": (
        ONCE,
        "<p style='color:red;{% if subscriber.vip %}font-weight:bold{% endif %}'>x</p>",
    ),
    "style whole": (ONCE, "<p style='{{ 'color:red' if subscriber.vip else '' }}'>x</p>"),
    "style with font": (ONCE, "<p style=\"font-family:'A B';color:{{ subscriber.colour }}\">x"),
    "style important": (ONCE, "<h1 style='font-size:{{ subscriber.n or 9 }}px'>x</h1>"),
    "style unmatched": (ONCE, "<em style='color:{{ subscriber.colour or 'red' }}'>x</em>"),
    "class": (KEYED, "<p class='{{ subscriber.kind }}'>x</p>"),
    "class chosen": (KEYED, "<p class='a {{ 'gold' if subscriber.vip }}'>x</p>"),
    "class in if": (KEYED, "<p class='{% if subscriber.vip %}gold{% else %}iron{% endif %}'>x</p>"),
    "id": (KEYED, "<p id='{{ subscriber.kind }}'>x</p>"),
    "unquoted": (KEYED, "<p title={{ subscriber.n }}>x</p>"),
    "whole attribute": (KEYED, "<p {% if subscriber.vip %}class='gold'{% endif %}>x</p>"),
    "attribute as value": (KEYED, "<p {{ 'hidden' if subscriber.vip }}>x</p>"),
    "tag name": (KEYED, "<h{{ 1 if subscriber.vip else 2 }}>x</h{{ 1 if subscriber.vip else 2 }}>"),
    "bgcolor": (KEYED, "<table><tr><td bgcolor='{{ subscriber.colour }}'>x</td></tr></table>"),
    "align": (ONCE, "<p align='{{ subscriber.kind }}'>x</p>"),
    "align overwritten": (KEYED, "<p class='r' align='{{ subscriber.kind }}'>x</p>"),
    "width": (ONCE, "<table width='{{ subscriber.n }}'><tr><td>x</td></tr></table>"),
    "boolean attribute": (KEYED, "<table><tr><td nowrap='{{ subscriber.kind }}'>x</td></tr>"),
    "lang": (ONCE, "<p lang='{{ subscriber.kind }}'>x</p>"),
    # across the borders of what HTML takes for one thing
    "entity completed": (KEYED, "<p>&{{ subscriber.kind }};</p>"),
    "entity by number": (KEYED, "<p>&#{{ subscriber.n }};</p>"),
    "entity in attribute": (KEYED, "<p title='&{{ subscriber.kind }};'>x</p>"),
    "entity half in a branch": (KEYED, "<p>&am{% if subscriber.vip %}p;{% endif %}</p>"),
    "entity in style": (ONCE, "<p style='font-family:&quot;A&quot;;color:{{ subscriber.kind }}'>x"),
    "entity in link": (ONCE, "<a href='https://a.org/?a=1&copy={{ subscriber.n }}'>x</a>"),
    "comment without spaces": (KEYED, "<!--{{ subscriber.first_name }}--><p>x</p>"),
    "comment with dashes": (ONCE, "<!-- {{ subscriber.first_name }}--><p>x</p>"),
    "attribute twice": (KEYED, "<p title='{{ subscriber.n }}' title='{{ subscriber.city }}'>x</p>"),
    "attribute selected": (
        KEYED,
        "<style>[data-x=gold]{color:red}</style><p data-x='{{ subscriber.kind }}'>x</p>",
    ),
    "neighbour selected": (
        KEYED,
        "<style>b + i{color:red}</style><p><b>x</b>{% if subscriber.vip %}<u>1</u>{% endif %}<i>y</i>",
    ),
    "neighbour of a loop": (
        FULL,
        "<style>b ~ i{color:red}</style><p>{% for t in subscriber.tags %}<b>x</b>{% endfor %}<i>y</i>",
    ),
    "preformatted": (ONCE, "<pre>{{ subscriber.first_name }}</pre>"),
    "sheet left alone": (
        KEYED,
        "<style data-premailer='ignore'>p{color:{{ subscriber.colour }}}</style><p>x</p>",
    ),
    # choices
    "if": (ONCE, "{% if subscriber.vip %}<p>V</p>{% endif %}"),
    "if else": (ONCE, "{% if subscriber.vip %}<p>V</p>{% else %}<p>N</p>{% endif %}"),
    "elif": (
        ONCE,
        "{% if subscriber.n == 1 %}<p>1</p>{% elif subscriber.n == 3 %}<p>3</p>"
        "{% else %}<p>?</p>{% endif %}",
    ),
    "nested": (
        ONCE,
        "{% if subscriber.vip %}<p>V{% if subscriber.city %} in {{ subscriber.city }}{% endif %}</p>"
        "{% else %}{% if subscriber.n %}<p class='gold'>n</p>{% endif %}{% endif %}",
    ),
    "if in words": (
        ONCE,
        "<p>Hi{% if subscriber.first_name %} {{ subscriber.first_name }}{% endif %}",
    ),
    "if around row": (
        ONCE,
        "<table>{% if subscriber.vip %}<tr><td class='gold'><p>x</p></td></tr>{% endif %}</table>",
    ),
    "if around cell": (
        ONCE,
        "<table><tr>{% if subscriber.vip %}<td>x</td>{% else %}<td>y</td><td>z</td>{% endif %}</tr>",
    ),
    "if in attribute": (ONCE, "<p title='{% if subscriber.vip %}v{% else %}n{% endif %}'>x</p>"),
    "known if": (ONCE, "{% if clinic.name %}<p>{{ clinic.name }}{{ subscriber.n }}</p>{% endif %}"),
    "and or not": (
        ONCE,
        "{% if subscriber.vip and not subscriber.n or clinic.phone %}<p>x</p>{% endif %}",
    ),
    "unbalanced": (KEYED, "{% if subscriber.vip %}<div class='gold'>{% endif %}<p>x</p>"),
    "unbalanced twice": (
        KEYED,
        "{% if subscriber.vip %}<div class='gold'>{% endif %}<p>x</p>"
        "{% if subscriber.vip %}</div>{% endif %}<p>y</p>",
    ),
    "closed in branch": (KEYED, "<p>a{% if subscriber.vip %}</p><p class='gold'>{% endif %}b</p>"),
    "paragraph closed by block": (KEYED, "<p>a{% if subscriber.vip %}<div>b</div>{% endif %}c</p>"),
    "item without end": (KEYED, "<ul>{% if subscriber.vip %}<li>a{% endif %}<li>b</ul>"),
    "cell without end": (KEYED, "<table><tr>{% if subscriber.vip %}<td>a{% endif %}<td>b</table>"),
    "open comment": (
        KEYED,
        "{% if subscriber.vip %}<!-- {% endif %}<p>x</p>{% if subscriber.vip %}-->"
        "{% endif %}<p>y</p>",
    ),
    "open bold": (
        KEYED,
        "<p>{% if subscriber.vip %}<b>{% endif %}x{% if subscriber.vip %}</b>{% endif %}",
    ),
    "style in branch": (
        KEYED,
        "{% if subscriber.vip %}<style>p{color:red}</style>{% endif %}<p>x</p>",
    ),
    "style sheet value": (
        KEYED,
        "<style>em{color:{{ '#f00' if subscriber.vip else '#00f' }}}</style><em>x",
    ),
    "attribute over branch": (
        KEYED,
        "<p title='a{% if subscriber.vip %}' class='gold{% endif %}'>x</p>",
    ),
    "same condition five times": (
        ONCE,
        "{% if subscriber.vip %}<p>1</p>{% endif %}" * 5,
    ),
    "stray end": (ONCE, "{% if subscriber.vip %}</b>{% endif %}<p>x</p>"),
    "empty branch": (ONCE, "{% if subscriber.vip %}{% endif %}<p>x</p>"),
    "after body": (FULL, "<p>x</p></body>{{ subscriber.n }}</html>"),
    # names
    "set": (ONCE, "{% set who = subscriber.first_name or 'you' %}<p>{{ who }} {{ who|upper }}</p>"),
    "set in if": (
        ONCE,
        "{% if subscriber.vip %}{% set k = 'V' %}{% else %}{% set k = 'N' %}{% endif %}<p>{{ k }}</p>",
    ),
    "set changed in if": (
        ONCE,
        "{% set k = 1 %}{% if subscriber.vip %}{% set k = k + 1 %}{% endif %}<p>{{ k }}</p>",
    ),
    "set half": (ONCE, "{% if subscriber.vip %}{% set k = 'V' %}{% endif %}<p>x</p>"),
    "set used half": (
        FULL,
        "{% if subscriber.vip %}{% set k = 'V' %}{% endif %}<p>{{ k|default('') }}</p>",
    ),
    "set in if as class": (
        KEYED,
        "{% set k = 'iron' %}{% if subscriber.vip %}{% set k = 'gold' %}{% endif %}"
        "<p class='{{ k }}'>x</p>",
    ),
    "set in loop stays inside": (
        ONCE,
        "{% set k = 0 %}{% for t in [1, 2] %}{% set k = t + subscriber.n|int %}{% endfor %}<p>{{ k }}",
    ),
    "set tuple": (ONCE, "{% set a, b = subscriber.n, 2 %}<p>{{ a }}{{ b }}</p>"),
    "set block": (
        ONCE,
        "{% set part %}<p class='gold'>{{ subscriber.first_name }}</p>{% endset %}{{ part }}{{ part }}",
    ),
    "set block tested": (
        ONCE,
        "{% set part %}{{ subscriber.city }}{% endset %}{% if part %}<p>{{ part }}</p>{% endif %}",
    ),
    "set block filtered": (
        KEYED,
        "{% set part %}<b>{{ subscriber.kind }}</b>{% endset %}<p>{{ part | upper }}</p>",
    ),
    "set block in if": (
        ONCE,
        "{% set p = '' %}{% if subscriber.vip %}{% set p %}<p class='gold'>x</p>{% endset %}{% endif %}"
        "{{ p }}",
    ),
    "with": (ONCE, "{% with a = subscriber.n, b = 2 %}<p>{{ a }}{{ b }}</p>{% endwith %}"),
    "with hides": (
        ONCE,
        "{% set a = 1 %}{% with a = subscriber.n %}<p>{{ a }}</p>{% endwith %}<p>{{ a }}</p>",
    ),
    # macros
    "macro": (
        ONCE,
        "{% macro row(x, y=2) %}<p class='gold'>{{ x }}{{ y }}</p>{% endmacro %}"
        "{{ row(subscriber.first_name) }}{{ row('<', y=subscriber.n) }}",
    ),
    "macro with class": (
        KEYED,
        "{% macro row(x, kind) %}<p class='{{ kind }}'>{{ x }}</p>{% endmacro %}"
        "{{ row(1, 'gold') }}{{ row(2, 'gold' if subscriber.vip else 'iron') }}",
    ),
    "macro late name": (
        ONCE,
        "{% set x = 1 %}{% macro m() %}{{ x }}{{ subscriber.n }}{% endmacro %}{% set x = 2 %}"
        "<p>{{ m() }}</p>",
    ),
    "macro in macro": (
        ONCE,
        "{% macro a(x) %}<b>{{ x }}</b>{% endmacro %}{% macro b(x) %}{{ a(x) }}{{ a('k') }}"
        "{% endmacro %}<p>{{ b(subscriber.first_name) }}</p>",
    ),
    "macro tested": (
        ONCE,
        "{% macro a() %}{{ subscriber.city }}{% endmacro %}{% if a() %}<p>{{ a() }}</p>{% endif %}",
    ),
    "macro joined": (
        KEYED,
        "{% macro a() %}<b>{{ subscriber.kind }}</b>{% endmacro %}<p>{{ a() ~ '<' }}</p>",
    ),
    "call": (
        ONCE,
        "{% macro box(t) %}<div class='gold'>{{ t }}: {{ caller() }}</div>{% endmacro %}"
        "{% call box(subscriber.n) %}<p>{{ subscriber.first_name }}</p>{% endcall %}",
    ),
    "call with value": (
        ONCE,
        "{% macro two() %}<p>{{ caller('a') }}</p><p>{{ caller('b') }}</p>{% endmacro %}"
        "{% call(half) two() %}{% if half == 'a' %}{{ subscriber.n }}{% else %}B{% endif %}{% endcall %}",
    ),
    "call in loop": (
        ONCE,
        "{% macro box() %}<p>{{ caller() }}</p>{% endmacro %}{% for t in subscriber.tags %}"
        "{% call box() %}{{ t }}{% endcall %}{% endfor %}",
    ),
    # loops
    "known loop": (ONCE, "{% for x in [1, 2, 3] %}<p>{{ x }}{{ subscriber.n }}</p>{% endfor %}"),
    "known loop fields": (
        ONCE,
        "{% for x in 'abc' %}<p class='{{ loop.cycle('gold', 'iron') }}'>{{ loop.index }}/{{ loop.length }}"
        "{% if not loop.last %},{% endif %}{{ loop.previtem|default('') }}{{ subscriber.n }}</p>{% endfor %}",
    ),
    "known loop over open values": (
        ONCE,
        "{% for label, value in [('City', subscriber.city), ('n', subscriber.n)] %}"
        "{% if value %}<p>{{ label }}: {{ value }}</p>{% endif %}{% endfor %}",
    ),
    "loop else": (
        ONCE,
        "{% for x in [] %}<p>{{ x }}</p>{% else %}<p>{{ subscriber.n }}</p>{% endfor %}",
    ),
    "open loop": (ONCE, "{% for t in subscriber.tags %}<p>{{ t }}</p>{% endfor %}"),
    "open loop else": (
        ONCE,
        "{% for t in subscriber.tags %}<p>{{ t }}</p>{% else %}<p class='gold'>none</p>{% endfor %}",
    ),
    "open loop fields": (
        ONCE,
        "<p>{% for t in subscriber.tags %}{{ loop.index }}/{{ loop.length }} {{ t }}"
        "{{ ', ' if not loop.last }}{{ loop.cycle('a', 'b') }}{% endfor %}</p>",
    ),
    "open loop rows": (
        ONCE,
        "<table>{% for i in subscriber['items'] %}<tr><td class='gold'>{{ i.name }}</td>"
        "<td>{{ i.price }}</td></tr>{% endfor %}</table>",
    ),
    "open loop items": (
        ONCE,
        "<ul>{% for t in subscriber.tags %}<li>{{ t }}</li>{% endfor %}</ul>",
    ),
    "open loop first class": (
        ONCE,
        "{% for t in subscriber.tags %}<p class='{{ 'gold' if loop.first else 'iron' }}'>{{ t }}</p>"
        "{% endfor %}",
    ),
    "open loop odd class": (
        ONCE,
        "<table>{% for t in subscriber.tags %}<tr><td class='{% if loop.index is odd %}gold{% endif %}'>"
        "{{ t }}</td></tr>{% endfor %}</table>",
    ),
    "open loop class of value": (
        ONCE,
        "{% for i in subscriber['items'] %}<p class='{{ 'gold' if i.price > 1 else 'iron' }}'>"
        "{{ i.name }}</p>{% endfor %}",
    ),
    "open loop free class": (
        FULL,
        "{% for t in subscriber.tags %}<p class='{{ t }}'>x</p>{% endfor %}",
    ),
    "open loop unclosed items": (
        FULL,
        "<ul>{% for t in subscriber.tags %}<li>{{ t }}{% endfor %}</ul>",
    ),
    "open loop grid": (
        FULL,
        "<table><tr>{% for t in subscriber.tags %}<td>{{ t }}</td>{% if loop.index % 2 == 0 %}</tr><tr>"
        "{% endif %}{% endfor %}</tr></table>",
    ),
    "open loop in loop": (
        ONCE,
        "{% for i in subscriber['items'] %}{% for t in subscriber.tags %}<p>{{ i.name }}{{ t }}"
        "{{ loop.index }}</p>{% endfor %}{{ loop.index }}{% endfor %}",
    ),
    "known loop in open loop": (
        ONCE,
        "{% for t in subscriber.tags %}{% for n in [1, 2] %}<p>{{ t }}{{ n }}</p>{% endfor %}{% endfor %}",
    ),
    "open loop filtered": (
        ONCE,
        "{% for i in subscriber['items'] if i.price %}<p>{{ loop.index }}{{ i.name }}</p>{% endfor %}",
    ),
    "known loop filtered by reader": (
        ONCE,
        "{% for c in ['Paris', 'Rome'] if c == subscriber.city %}<p>{{ c }}</p>{% else %}-{% endfor %}",
    ),
    "open range": (ONCE, "{% for n in range(subscriber.n or 0) %}<p>{{ n }}</p>{% endfor %}"),
    "open loop style": (
        ONCE,
        "{% for t in subscriber.tags %}<p style='width:{{ loop.index }}px'>{{ t }}</p>{% endfor %}",
    ),
    "open loop link": (
        ONCE,
        "{% for t in subscriber.tags %}<a href='https://a.org/{{ loop.index }}'>{{ t }}</a>{% endfor %}",
    ),
    "places beside known things": (
        ONCE,
        "<style>li:first-child{color:red} tr:nth-child(even) td{margin:0} p:not(.a){top:0} [title]{left:0}</style>"
        "<ul><li>{{ subscriber.first_name }}</li><li class='a'>b</li></ul>"
        "<table>{% for n in [1, 2, 3] %}<tr><td>{{ n }} {{ subscriber.first_name }}</td></tr>{% endfor %}</table>"
        "<p class='a' title='x'>{{ subscriber.first_name }}</p><p>b</p>",
    ),
    "places beside a condition": (
        KEYED,
        "<style>li:nth-child(2){color:red}</style><ul>{% if subscriber.vip %}<li>a</li>{% endif %}<li>b</li><li>c</li></ul>",
    ),
    "negation of an open class": (
        KEYED,
        "<style>p:not(.gold){color:red}</style><p class='{% if subscriber.vip %}gold{% endif %}'>a</p>",
    ),
    "places somewhere else than a loop": (
        ONCE,
        "<style>.a li:first-child{color:red}</style><ul class='a'><li>a</li></ul>"
        "<ul>{% for t in subscriber.tags %}<li>{{ t }}</li>{% endfor %}</ul>",
    ),
    "open loop first child": (
        FULL,
        "<style>li:first-child{color:red} tr:first-child td{margin:0}</style><ul>{% for t in subscriber.tags %}"
        "<li>{{ t }}</li>{% endfor %}</ul><table>{% for t in subscriber.tags %}<tr><td>{{ t }}</td></tr>{% endfor %}</table>",
    ),
    "open loop first whole": (
        ONCE,
        "{% for t in subscriber.tags %}{% if loop.first %}<p class='gold'>First: {{ t }}</p>"
        "{% else %}<p class='iron'>{{ t }}</p>{% endif %}{% if loop.last %}<p>end</p>{% endif %}{% endfor %}",
    ),
    "open loop first row": (
        ONCE,
        "<table>{% for t in subscriber.tags %}<tr{% if loop.first %} class='r'{% endif %}>"
        "<td class='{{ 'gold' if loop.first }}'>{{ t }}</td></tr>{% endfor %}</table>",
    ),
    "open loop beside itself": (
        FULL,
        "<style>p + p{margin:9px}</style>{% for t in subscriber.tags %}<p>{{ t }}</p>{% endfor %}",
    ),
    "loop in attribute": (
        ONCE,
        "<p title='{% for t in subscriber.tags %}{{ t }},{% endfor %}'>x</p>",
    ),
    "loop in link": (
        FULL,
        "<a href='https://a.org/{% for t in subscriber.tags %}{{ loop.index }}{% endfor %}'>x</a>",
    ),
    "loop unpacks": (
        ONCE,
        "{% for a, b in [[subscriber.n, 1], [2, subscriber.city]] %}<p>{{ a }}{{ b }}</p>{% endfor %}",
    ),
    "loop over letters": (ONCE, "<p>{% for c in subscriber.first_name %}{{ c }}.{% endfor %}</p>"),
    "loop changed": (
        FULL,
        "{% for t in subscriber.tags %}{% if loop.changed(t) %}<p>{{ t }}</p>{% endif %}{% endfor %}",
    ),
    "macro asked for its caller": (
        ONCE,
        "{% macro box() %}<p>{% if caller is defined %}{{ caller() }}{% else %}-{% endif %}</p>{% endmacro %}"
        "{{ box() }}{% call box() %}{{ subscriber.n }}{% endcall %}",
    ),
    "neighbour by attribute": (
        KEYED,
        "<style>b + i[title~=x]{color:red}</style><p><b>x</b>{% if subscriber.vip %}<u>1</u>{% endif %}"
        "<i title='x y'>y</i>",
    ),
    "word of an attribute": (
        ONCE,
        "<style>i[title~=x]{color:red}</style><p>{% if subscriber.vip %}<u>1</u>{% endif %}<i title='x y'>y",
    ),
    # errors belong to whoever reaches them
    "missing in branch": (FULL, "{% if subscriber.vip %}{{ clinic.nothing }}{% endif %}<p>x</p>"),
    "missing of reader": (ONCE, "<p>{{ links.view }}</p>"),
    "inside of nothing": (ONCE, "{% if subscriber.vip %}{{ subscriber.city.street }}{% endif %}"),
    "script in branch": (FULL, "{% if subscriber.vip %}<script>1</script>{% endif %}<p>x</p>"),
    "malformed style": (ONCE, "<p style='{{ subscriber.kind }}'>x</p>"),
    "too deep": (
        KEYED,
        "{% if subscriber.n == 1 %}<p class='{{ subscriber.city.x }}'>x{% endif %}",
    ),
}


def page(body: str) -> str:
    title = "{{ subscriber.first_name }} & co" if body == "<title>" else "T"
    body = "<p>x</p>" if body == "<title>" else body
    return (
        f"<!doctype html><html><head><meta charset='utf-8'><title>{title}</title>"
        f"<style>{CSS}</style></head><body>{body}</body></html>"
    )


def whole(body: str) -> str:
    return f"---\nsubject: Hello {{{{ subscriber.first_name }}}}\n---\n{body}"


def edition_of(document: str, theme: Theme = CALM) -> Edition:
    return Edition(document, theme, {"name": "Clinic & Co", "phone": "1"}, "digest", FIELDS)


def outcome(renderer: Any, edition: Edition, reader: Reader) -> RenderedEmail | str:
    try:
        return renderer.render(edition, reader)  # type: ignore[no-any-return]
    except TemplateError as error:
        return str(error)


def check_equal(edition: Edition, people: list[Reader]) -> str:
    """Compare both ways for every reader; say how the edition was compiled."""
    compiled, person = CompiledRenderer(), PersonRenderer()
    for reader in people:
        ours, theirs = outcome(compiled, edition, reader), outcome(person, edition, reader)
        if isinstance(ours, str) or isinstance(theirs, str):
            assert ours == theirs
        else:
            assert canonical(ours.html) == canonical(theirs.html)
            assert difference_between(ours, theirs) == ""
    return how_compiled(compiled, edition, people)


def how_compiled(renderer: CompiledRenderer, edition: Edition, people: list[Reader]) -> str:
    ways = set()
    for reader in people:
        variants = renderer.compilation(edition, reader).variants
        if variants.count == 0:
            ways.add(FULL)
        else:
            ways.add(KEYED if variants.keys() else ONCE)
    return ways.pop() if len(ways) == 1 else " and ".join(sorted(ways))


def test_there_are_more_than_a_hundred_tricky_pages_and_most_are_compiled() -> None:
    ways = [how for how, _ in PAGES.values()]

    assert len(ways) >= 100
    assert ways.count(FULL) <= len(ways) / 10


@pytest.mark.parametrize("name", PAGES)
def test_a_tricky_page_is_equal_for_everybody(name: str) -> None:
    how, body = PAGES[name]

    found = check_equal(edition_of(whole(page(body))), list(PEOPLE.values()))

    assert found == how
