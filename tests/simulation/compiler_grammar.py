"""Pages nobody would write: a harder grammar for comparing compiled with full rendering.

Nested tables, selectors of every kind premailer moves, classes that readers decide, loops in
loops with `loop.*`, call blocks, conditional comments, unclosed tags. One seed is one page.
"""

# ruff: noqa: E501, S311 -- templates are easier to read on one line; chance, not secrets
from __future__ import annotations

from random import Random

TESTS = (
    *("subscriber.vip", "not subscriber.vip", "subscriber.n > 1", "subscriber.n is odd", "k", "x"),
    *("subscriber.city", "subscriber.city == 'Rome'", "subscriber.city in ['Rome', 'Paris']"),
    *(
        "subscriber.tags",
        "subscriber.tags | length > 1",
        "subscriber.vip and subscriber.n",
        "clinic.name",
    ),
)
TURN_TESTS = (
    *(
        "loop.first",
        "loop.last",
        "loop.index is odd",
        "not loop.last",
        "loop.index0",
        "t",
        "t == 's'",
    ),
    *("loop.length > 1", "loop.revindex == 1", "loop.previtem is defined", "loop.index % 2 == 0"),
)
VALUES = (
    *(
        "subscriber.first_name",
        "subscriber.city or 'nowhere'",
        "subscriber.n",
        "clinic.name",
        "k",
        "x",
    ),
    *(
        "subscriber.first_name | upper | truncate(5)",
        "'yes' if subscriber.vip else 'no'",
        "subscriber.n + 1",
    ),
    *("subscriber.tags | join(',')", "('a' ~ subscriber.n)", "links.view | default('')", "k ~ x"),
)
TURN_VALUES = (
    *("t", "loop.index", "loop.cycle('a', 'b')", "loop.revindex0", "t | upper", "loop.length"),
    *("loop.previtem | default('-')", "loop.nextitem | default('-')"),
)
CLASSES = ("a", "b", "a b", "c", "lead", "b lead")
SIMPLE = (
    "p",
    "td",
    "a",
    "span",
    "li",
    "div",
    ".a",
    ".b",
    ".lead",
    "td.a",
    "p.b",
    "#x",
    "table",
    "tr",
    "h2",
    "*",
)
PSEUDO = (
    "p:first-child",
    "td:last-child",
    "li:nth-child(2)",
    "a:hover",
    "p:not(.a)",
    "tr:first-child td",
)
ATTRIBUTE = ("[title]", "td[align]", "[title='x']", "p[class~=a]", "a[href^='https']", "[width]")
STYLES = (
    *("color:red", "margin:0 1px", "padding:2px;color:#00f", "text-align:center", "width:10px"),
    *(
        "background-color:#abcdef",
        "background:#abc",
        "font-weight:bold !important",
        "vertical-align:top",
    ),
    *(
        "font:bold 12px/14px Arial",
        "border:1px solid #ccc;border-top:0",
        "font-family:'A B', serif",
    ),
    *(
        "background-image:url(https://a.org/i.png)",
        "line-height:1.4",
        "margin-left:2px",
        "color:blue !important",
    ),
)


class Page:
    """One page, written from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._left = 40  # elements
        self._turns = 0  # loops over a reader's values around
        self._loops = 0  # all loops around

    def document(self) -> str:
        """Write the document."""
        one, maybe = self._random.choice, self._random.random
        subject = one(
            ("Hi", "Hi {{ subscriber.first_name }}", "{{ 'A' if subscriber.vip else 'B' }}")
        )
        title = one(
            ("t", "{{ subject }}", "{% if subscriber.vip %}V{% endif %} {{ subscriber.city }}")
        )
        preheader = "<div style='display:none'>{{ preheader }}</div>" if maybe() < 0.3 else ""
        macros = (
            "{% macro box(k, c='a') %}<div class='{{ c }}'>{{ k }}{% if caller is defined %}{{ caller() }}{% endif %}</div>{% endmacro %}"
            "{% macro cell(x) %}<td class='b'>{{ x }}</td>{% endmacro %}"
        )
        body = "".join(self._flow(0) for _ in range(self._random.randint(1, 4)))
        attributes = one(("", " class='a'", " bgcolor='#ffffff'", " style='margin:0'"))
        return (
            f"---\nsubject: \"{subject}\"\n---\n<!doctype html><html lang='en'><head><title>{title}</title>"
            f"<style>{self._sheet()}</style></head><body{attributes}>"
            f"{{% set k = 0 %}}{{% set x = 'x' %}}{macros}{preheader}{body}</body></html>"
        )

    def _sheet(self) -> str:
        return "\n".join(
            f"{self._selector()} {{ {self._random.choice(STYLES)} }}"
            for _ in range(self._random.randint(1, 9))
        )

    def _selector(self) -> str:
        one, chance = self._random.choice, self._random.random()
        if chance < 0.1:
            return one(PSEUDO)
        if chance < 0.22:
            return one(ATTRIBUTE)
        if chance < 0.5:
            return one(SIMPLE)
        if chance < 0.6:
            return f"{one(SIMPLE)}, {one(SIMPLE)}"
        joint = one((" ", " ", " > ", " > ", " + ", " ~ "))
        return f"{one(SIMPLE)}{joint}{one((*SIMPLE, *ATTRIBUTE))}"

    def _test(self) -> str:
        return self._random.choice((*TESTS, *TURN_TESTS) if self._turns else TESTS)

    def _value(self) -> str:
        return self._random.choice((*VALUES, *TURN_VALUES) if self._turns else VALUES)

    def _written(self) -> str:
        return f"{{{{ {self._value()} }}}}"

    def _words(self) -> str:
        one = self._random.choice
        return one(
            ("x", "two words", " ", "&amp;", "", "é", "\n", self._written(), self._written())
        )

    def _attributes(self) -> str:
        names = ("class", "class", "style", "title", "id", "align", "width", "bgcolor", "lang")
        chosen = dict.fromkeys(self._random.sample(names, self._random.choice((0, 0, 1, 1, 2))))
        return (
            "".join(f" {name}={self._attribute(name)}" for name in chosen) + self._whole_attribute()
        )

    def _whole_attribute(self) -> str:
        if self._random.random() > 0.03:
            return ""
        return f' {{% if {self._test()} %}}class="b"{{% endif %}}'

    def _attribute(self, name: str) -> str:
        one, chance = self._random.choice, self._random.random()
        if name == "class":
            if chance < 0.6:
                return f'"{one(CLASSES)}"'
            if chance < 0.8:
                return f"\"{{{{ '{one(CLASSES)}' if {self._test()} else '{one(CLASSES)}' }}}}\""
            return f'"a{{% if {self._test()} %}} b{{% endif %}}"'
        if name == "style":
            own = (
                "color:{{ subscriber.colour }}",
                "width:{{ subscriber.n }}px",
                "margin:0;color:{{ subscriber.colour }}",
            )
            return f'"{one((*own, *(s for s in STYLES if chr(39) not in s)))}"'
        if name == "title":
            return f'"{self._words()}"'
        known = {"id": ("x",), "align": ("left", "right"), "width": ("10", "{{ subscriber.n }}"),
                 "bgcolor": ("#abcdef", "red"), "lang": ("en-GB", "{{ subscriber.city }}")}  # fmt: skip
        return f'"{one(known[name])}"'

    def _flow(self, depth: int) -> str:
        self._left -= 1
        if depth > 6 or self._left < 0:
            return self._words()
        chance = self._random.random()
        if chance < 0.2:
            return self._words()
        if chance < 0.55:
            return self._element(depth)
        if chance < 0.65:
            return self._table(depth)
        return self._statement(depth, self._flow)

    def _several(self, depth: int) -> str:
        return "".join(self._flow(depth + 1) for _ in range(self._random.choice((1, 1, 2, 3))))

    def _element(self, depth: int) -> str:
        tag = self._random.choice(
            ("p", "div", "span", "a", "b", "h2", "ul", "img", "mso", "br", "center")
        )
        marks = self._attributes()
        if tag == "img":
            return f"<img src='https://a.org/{self._random.choice(('i', self._written()))}.png' alt='{self._written()}'{marks}>"
        if tag == "br":
            return "<br>"
        if tag == "mso":
            return f"<!--[if mso]><table><tr><td width='{self._written()}'><![endif]-->{self._several(depth)}<!--[if mso]></td></tr></table><![endif]-->"
        if tag == "ul":
            return f"<ul>{self._statement(depth, self._item)}{self._item(depth)}</ul>"
        if tag == "a":
            marks += f" href='https://a.org/{self._random.choice(('p', self._written()))}'"
        closed = "" if self._random.random() < 0.03 else f"</{tag}>"
        return f"<{tag}{marks}>{self._several(depth)}{closed}"

    def _item(self, depth: int) -> str:
        closed = "" if self._random.random() < 0.08 else "</li>"
        return f"<li{self._attributes()}>{self._flow(depth + 1)}{closed}"

    def _table(self, depth: int) -> str:
        rows = "".join(
            self._statement(depth, self._row) for _ in range(self._random.choice((1, 2)))
        )
        inner = f"<tbody>{rows}</tbody>" if self._random.random() < 0.2 else rows
        return f"<table{self._attributes()}>{inner}</table>"

    def _row(self, depth: int) -> str:
        cells = "".join(
            self._statement(depth, self._cell) for _ in range(self._random.choice((1, 2)))
        )
        return f"<tr{self._attributes()}>{cells}</tr>"

    def _cell(self, depth: int) -> str:
        if self._random.random() < 0.1:
            return f"{{{{ cell({self._value()}) }}}}"
        return f"<td{self._attributes()}>{self._flow(depth + 1)}</td>"

    def _statement(self, depth: int, inside) -> str:  # type: ignore[no-untyped-def]
        kinds = (
            "plain",
            "plain",
            "if",
            "else",
            "known",
            "open",
            "open",
            "set",
            "block",
            "with",
            "box",
            "call",
        )
        match self._random.choice(kinds):
            case "if":
                return f"{{% if {self._test()} %}}{inside(depth + 1)}{{% endif %}}"
            case "else":
                return (
                    f"{{% if {self._test()} %}}{inside(depth + 1)}{{% elif {self._test()} %}}"
                    f"{inside(depth + 1)}{{% else %}}{inside(depth + 1)}{{% endif %}}"
                )
            case "known" if self._loops < 3:
                self._loops += 1
                body = inside(depth + 1)
                self._loops -= 1
                return f"{{% for k in ['u', 'v'] %}}{body}{{% endfor %}}"
            case "open" if self._turns < 2 and self._loops < 3:
                return self._loop(depth, inside)
            case "set":
                return f"{{% set k = {self._value()} %}}{inside(depth + 1)}"
            case "block":
                return f"{{% set x %}}{self._words()}{{% endset %}}{inside(depth + 1)}"
            case "with":
                return f"{{% with k = {self._value()} %}}{inside(depth + 1)}{{% endwith %}}"
            case "box" if inside == self._flow:
                return f"{{{{ box({self._value()}, 'b') }}}}"
            case "call" if inside == self._flow and not self._turns:
                return f"{{% call box({self._value()}) %}}{inside(depth + 1)}{{% endcall %}}"
        return inside(depth + 1)  # type: ignore[no-any-return]

    def _loop(self, depth: int, inside) -> str:  # type: ignore[no-untyped-def]
        self._turns, self._loops = self._turns + 1, self._loops + 1
        body = inside(depth + 1)
        self._turns -= 1
        other = f"{{% else %}}{inside(depth + 1)}" if self._random.random() < 0.3 else ""
        self._loops -= 1
        test = " if t" if self._random.random() < 0.1 else ""
        return f"{{% for t in subscriber.tags{test} %}}{body}{other}{{% endfor %}}"
