"""Every hostile piece in every place of a document, watched: `make simulate` runs this."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def _short_version() -> ModuleType:
    path = Path(__file__).parents[1] / "unit" / "test_compiler_hostile_limits.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_hundreds_of_hostile_documents_take_little_and_open_nothing(tmp_path: Path) -> None:
    short = _short_version()

    short.assert_harmless(short.watch(tmp_path, everywhere=True))
