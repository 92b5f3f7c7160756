"""Hostile templates in many places: compiled, each is refused in the words of the full rendering."""

# ruff: noqa: E501 -- templates are easier to read on one line
from __future__ import annotations

import importlib.util
import socket
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from templates.compiler.renderer import CompiledRenderer
from templates.email import Edition
from templates.errors import TemplateError
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC


def _cases() -> ModuleType:
    path = Path(__file__).parent / "test_templates_hostile.py"
    spec = importlib.util.spec_from_file_location("hostile_templates", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOSTILE = _cases()
PIECES: dict[str, Any] = {**HOSTILE.ESCAPES, **HOSTILE.BOMBS}
PLACES = {
    "text": "---\nsubject: Hello\n---\nHi {{ subscriber.first_name }} PIECE",
    "subject": "---\nsubject: |-\n  Hello PIECE\n---\nx",
    "a branch": "---\nsubject: Hello\n---\n{% if subscriber.first_name %}\nPIECE\n{% endif %}",
    "a page": "---\nsubject: Hello\n---\n<!doctype html><html><body><p>{{ subscriber.first_name }}PIECE</p></body></html>",
    "an attribute": "---\nsubject: Hello\n---\n<!doctype html><html><body><p title='PIECE'>{{ subscriber.first_name }}</p></body></html>",
    "a loop": "---\nsubject: Hello\n---\n<!doctype html><html><body>{% for t in subscriber.tags %}PIECE{% endfor %}</body></html>",
}


def refusal(renderer: Any, edition: Edition) -> str | None:
    try:
        renderer.render(edition, HOSTILE.LIST)
    except TemplateError as error:
        return str(error)
    return None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", PIECES)
def test_a_hostile_template_is_refused_compiled_as_it_is_in_full(
    name: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece = PIECES[name][0]
    document = PLACES[place].replace("PIECE", piece)
    edition = Edition(document, HOSTILE.THEME, SAMPLE_CLINIC, "digest", frozenset({"tags", "big"}))
    monkeypatch.setattr(socket, "socket", None)  # whoever opens one fails
    begin = time.process_time()

    found = refusal(CompiledRenderer(), edition)

    assert time.process_time() - begin < 6  # 2 on a quiet machine; being measured costs too
    assert found == refusal(PersonRenderer(), edition)


def test_there_are_three_hundred_hostile_templates() -> None:
    assert len(PIECES) * len(PLACES) >= 300
