"""The fallback inlines byte for byte like premailer's own transform, whatever the page."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from templates.compiler.fallback import FastInliner
from templates.compiling import compile_edition
from templates.email import Edition, Reader
from templates.errors import TemplateError
from templates.inlining import inline

HERE = Path(__file__).parent


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = _module(HERE / "test_compiler_equality.py")
GENERATED = _module(HERE / "test_compiler_generated.py")
GRAMMAR = _module(HERE.parent / "simulation" / "compiler_grammar.py")
FAST = FastInliner()  # one for all: what it remembers of one page must not show in another


def outcome(inliner: object, html: str) -> str:
    try:
        return inliner(html)  # type: ignore[operator,no-any-return]
    except TemplateError as error:
        return f"{type(error).__name__}: {error}"


def assert_same_bytes(edition: Edition, readers: list[Reader]) -> None:
    for reader in readers:
        try:
            html = compile_edition(edition).render(reader).html
        except TemplateError:
            continue  # there is no page
        assert outcome(FAST.inline, html) == outcome(inline, html)
        assert outcome(FAST.inline, html) == outcome(inline, html)  # remembered


@pytest.mark.parametrize("name", CASES.PAGES)
def test_a_tricky_page_has_the_same_bytes(name: str) -> None:
    document = CASES.whole(CASES.page(CASES.PAGES[name][1]))

    assert_same_bytes(CASES.edition_of(document), list(CASES.PEOPLE.values()))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(GENERATED.documents(), st.lists(GENERATED.people, min_size=2, max_size=2))
def test_a_generated_page_has_the_same_bytes(document: str, readers: list[Reader]) -> None:
    fields = GENERATED.FIELDS

    assert_same_bytes(Edition(document, GENERATED.CALM, {"name": "C"}, "", fields), readers)


def test_pages_of_a_harder_grammar_have_the_same_bytes() -> None:
    values = {"first_name": "Ada", "city": "Rome", "vip": True, "n": 2, "colour": "red"}
    readers = [Reader({**values, "tags": tags}, {}) for tags in (["a", "b", "c"], [])]
    for seed in random.Random(7).sample(range(100_000), 40):  # noqa: S311 -- chance, no secret
        document = GRAMMAR.Page(seed).document()
        edition = Edition(document, GENERATED.CALM, {"name": "C"}, "", GENERATED.FIELDS)
        assert_same_bytes(edition, readers)
