"""Pages of a harder grammar, with the compiler's safety net taken away; `make simulate` runs it.

PAGES_TO_WRITE says how many, FIRST_PAGE where to begin; any other beginning is as good.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from templates.compiler.renderer import CompiledRenderer
from templates.email import Edition, Reader
from templates.errors import TemplateError
from templates.theme import read_theme

HERE = Path(__file__).parent


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GRAMMAR = _module(HERE / "compiler_grammar.py")
GENERATED = _module(HERE.parent / "unit" / "test_compiler_generated.py")
HOW_MANY = int(os.environ.get("PAGES_TO_WRITE", "1000"))
FIRST = int(os.environ.get("FIRST_PAGE", "0"))
VIEW = {"view": "https://post.example/m/x"}
PEOPLE = [
    Reader(
        {"first_name": name, "city": city, "vip": vip, "n": n, "tags": tags, "colour": colour}, VIEW
    )
    for name, city, vip, n, tags, colour in (
        ("Ada", "Rome", True, 3, ["s", "t<", "u"], "red"),
        ("", "", False, 0, [], ""),
        ("<b>&amp;'\"", "Paris", False, 2, ["s"], "#ABC"),
        ("Eve", "Oslo", True, 1, ["", "s"], "rgb(1,2,3)"),
    )
]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FIRST, FIRST + HOW_MANY, 100))
def test_pages_of_a_harder_grammar_are_equal_for_everybody(first: int) -> None:
    for seed in range(first, first + 100):
        GENERATED.check(GRAMMAR.Page(seed).document(), PEOPLE)


def is_compiled(seed: int) -> bool:
    document = GRAMMAR.Page(seed).document()
    edition = Edition(document, read_theme("calm"), {}, "digest", GENERATED.FIELDS)
    renderer = CompiledRenderer()
    try:
        renderer.render(edition, PEOPLE[0])
    except TemplateError:
        return True  # an error both ways; nothing to compile
    return renderer.compilation(edition, PEOPLE[0]).variants.count > 0


def test_the_grammar_writes_pages_that_are_compiled_and_not_only_the_fallback_again() -> None:
    assert sum(map(is_compiled, range(40))) >= 20
