"""What is remembered between emails changes none of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jinja2 import DictLoader, Environment
from premailer import Premailer

from templates.errors import RefusedJinjaError, TemplateError
from templates.inlining import OPTIONS, Inliner
from templates.kept_code import LONGEST_KEPT, KeptCode
from templates.sandbox import EmailEnvironment

Made = Callable[..., int]


class CountingEnvironment(Environment):
    """Counts how often a source is turned into code."""

    made = 0

    def _generate(self, *arguments: object, **more: object) -> str:
        type(self).made += 1
        return super()._generate(*arguments, **more)  # type: ignore[arg-type]


@pytest.fixture
def made_for() -> Made:
    CountingEnvironment.made = 0
    kept = KeptCode(codes_kept=2)

    def made(source: str, wanted: str, name: str = "page") -> int:
        before = CountingEnvironment.made
        environment = CountingEnvironment(loader=DictLoader({name: source}), bytecode_cache=kept)
        assert environment.get_template(name).render(who="Ada") == wanted
        return CountingEnvironment.made - before

    return made


def test_a_source_is_turned_into_code_once(made_for: Made) -> None:
    assert [made_for("for {{ who }}", "for Ada") for _ in range(3)] == [1, 0, 0]


def test_another_source_or_name_has_code_of_its_own(made_for: Made) -> None:
    assert made_for("for {{ who }}", "for Ada") == 1
    assert made_for("to {{ who }}", "to Ada") == 1
    assert made_for("to {{ who }}", "to Ada", name="other") == 1


def test_what_was_not_used_for_longest_is_forgotten(made_for: Made) -> None:
    texts = ["one", "two", "one", "three", "one", "two"]

    assert [made_for(text, text) for text in texts] == [1, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("text", ["", "x" * (LONGEST_KEPT + 1)], ids=["empty", "very long"])
def test_what_is_not_kept_is_made_each_time(made_for: Made, text: str) -> None:
    other = text.replace("x", "y")

    assert [made_for(text, text), made_for(other, other), made_for(text, text)] == [1, 1, 1]


def test_what_is_escaped_and_what_is_not_have_code_of_their_own() -> None:
    said = {"page": "{{ '<b>' }}{{ subject }}"}

    written = [
        EmailEnvironment(said, autoescape=is_escaping).get_template("page").render(subject="<i>")
        for is_escaping in (True, False, True)
    ]

    assert written == ["&lt;b&gt;&lt;i&gt;", "<b><i>", "&lt;b&gt;&lt;i&gt;"]


def test_what_was_refused_is_refused_again() -> None:
    for _ in range(2):
        with pytest.raises(TemplateError) as refused:
            EmailEnvironment(
                {"page": "{% set x = 1 %}{{ x.__class__ }}"}, autoescape=True
            ).get_template("page")
        assert isinstance(refused.value, RefusedJinjaError)


def test_a_sheet_that_was_read_before_says_the_same() -> None:
    sheet = ".a, #b { color: red !important; margin: 0 } .c:hover { color: blue }"

    plain = Premailer(**OPTIONS)._parse_style_rules(sheet, 2)
    first, second = (Inliner(**OPTIONS)._parse_style_rules(sheet, 2) for _ in range(2))

    assert first == second == plain
    assert first[0] is not second[0]  # premailer adds to the list it is given
    assert Inliner(**OPTIONS)._parse_style_rules(sheet, 3) != first  # a later sheet weighs more
