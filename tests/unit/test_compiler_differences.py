"""The differences between compiled and full rendering that docs/compile-once.md names."""

from __future__ import annotations

import pytest

from templates.compiler.canonical import canonical
from templates.compiler.renderer import CompiledRenderer
from templates.email import Edition, Reader
from templates.errors import EffortError
from templates.rendering import PersonRenderer
from templates.theme import read_theme

FIELDS = frozenset({"city", "tags"})


def edition(body: str) -> Edition:
    document = f"---\nsubject: Hello\n---\n{body}"
    return Edition(document, read_theme("calm"), {"name": "Clinic"}, "digest", FIELDS)


def page(body: str) -> Edition:
    return edition(f"<!doctype html><html><body>{body}</body></html>")


@pytest.mark.parametrize(
    ("made", "name", "ours", "theirs"),
    [
        (page("<p>{{ subscriber.first_name }}</p>"), 'A "B"', "A &#34;B&#34;", 'A "B"'),
        (edition("Hello {{ subscriber.first_name }}"), "A \n B", "A \n B", "A\nB"),
        (
            edition("One\n\n{{ subscriber.city }}\n\nTwo {{ subscriber.first_name }}"),
            "x",
            "Two",
            "Two",
        ),
    ],
    ids=["quotation marks", "line ends in a value", "an empty value"],
)
def test_a_known_difference_has_no_effect_on_what_is_read(
    made: Edition, name: str, ours: str, theirs: str
) -> None:
    reader = Reader({"first_name": name})

    compiled = CompiledRenderer().render(made, reader).html
    full = PersonRenderer().render(made, reader).html

    assert ours in compiled
    assert theirs in full
    assert canonical(compiled) == canonical(full)


def test_work_that_is_done_once_is_not_counted_for_each_reader() -> None:
    many = "{{ '' }}" * 40
    made = page(
        f"{{% for n in range(900) %}}{many}{{% endfor %}}"
        f"{{% for t in subscriber.tags %}}{many}{{% endfor %}}"
    )
    few, lots = Reader({"tags": ["a"]}), Reader({"tags": ["a"] * 400})
    renderer = CompiledRenderer()
    renderer.render(made, few)

    with pytest.raises(EffortError):
        PersonRenderer().render(made, lots)
    assert renderer.render(made, lots).html.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p>a</p>", "<p>b</p>"),
        ("<p>a <b>b</b></p>", "<p>a<b>b</b></p>"),
        ("<p class='a'>x</p>", "<p class='b'>x</p>"),
        ("<p style='color:red;color:blue'>x</p>", "<p style='color:blue;color:red'>x</p>"),
        ("<p>a<!-- b --></p>", "<p>a</p>"),
        ("<table><tr><td>a</td></tr></table>", "<table><tr><td>a</td><td></td></tr></table>"),
    ],
)
def test_the_comparison_sees_what_a_reader_would_see(one: str, other: str) -> None:
    frame = "<!doctype html><html><body>{}</body></html>"

    assert canonical(frame.format(one)) != canonical(frame.format(other))
