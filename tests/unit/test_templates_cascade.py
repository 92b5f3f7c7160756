"""Which declaration wins, and that its neighbours know: by premailer and by the fast way alike."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from templates.cascade import merge_styles
from templates.compiler.fallback import FastInliner
from templates.inlining import inline

WAYS: dict[str, Callable[[str], str]] = {"premailer": inline, "fast": FastInliner().inline}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Callable[[str], str]:
    return WAYS[request.param]


@pytest.mark.parametrize(
    ("css", "tag", "style"),
    [
        # what is written last stands last, so a shorthand beats the longhand before it
        (
            "p{margin:0} p{margin-bottom:9px} p.x{margin:2px}",
            "p class=x",
            "margin-bottom:9px; margin:2px",
        ),
        (
            "p{border:0} p{border-top:1px solid red} p.x{border:2px solid red}",
            "p class=x",
            "border-top:1px solid red; border:2px solid red",
        ),
        ("p{margin:0} p.x{margin-top:3px}", "p class=x", "margin:0; margin-top:3px"),
        (
            "p{margin:0;margin-top:3px}",
            'p style="margin:1px"',
            "margin-top:3px; margin:1px",
        ),
        # what is important beats what is not, wherever it stands
        ("p{color:red !important} p.x{color:blue}", "p class=x", "color:red !important"),
        ("p{color:red !important}", 'p style="color:blue"', "color:red !important"),
        (
            "p{color:red !important} p.x{color:blue !important}",
            "p class=x",
            "color:blue !important",
        ),
        ("p{color:red} p.x{color:unset}", "p class=x", ""),
        # tags in capitals are tags; classes in capitals are others
        ("P.x{top:1px} BODY P{left:0}", "p class=x", "left:0; top:1px"),
        ("p.X{top:1px} #A p{left:0}", "p class=x", ""),
        ('P[title="Ada"]{top:1px}', 'p title="Ada"', "top:1px"),
    ],
)
def test_the_winner_stands_where_it_was_written_last(
    way: Callable[[str], str], css: str, tag: str, style: str
) -> None:
    html = way(f"<!doctype html><html><head><style>{css}</style></head><body><{tag}>a</p></body>")

    found = re.search(r'<p[^>]*? style="([^"]*)"', html)

    assert (found[1] if found else "") == style


def test_a_style_alone_is_merged_with_nothing() -> None:
    assert merge_styles("color: red; top: 0", [], []) == "color:red; top:0"
    assert merge_styles(None, [[("top", "0")]], [""]) == "top:0"
