"""Generated templates in thousands: `make simulate` runs this, the unit test a little of it.

TEMPLATES_TO_GENERATE says how many.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def _short_version() -> ModuleType:
    path = Path(__file__).parents[1] / "unit" / "test_compiler_generated.py"
    spec = importlib.util.spec_from_file_location("generated_templates", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SHORT = _short_version()
HOW_MANY = int(os.environ.get("TEMPLATES_TO_GENERATE", "3000"))


@pytest.mark.slow
@settings(max_examples=HOW_MANY, deadline=None, suppress_health_check=list(HealthCheck))
@given(SHORT.documents(), st.lists(SHORT.people, min_size=3, max_size=3))
def test_thousands_of_generated_pages_are_equal_for_everybody(document: str, readers: list) -> None:  # type: ignore[type-arg]
    SHORT.check(document, readers)
