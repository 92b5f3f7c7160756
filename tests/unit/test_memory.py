"""What a process of the service does with the objects it keeps."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from steadypost.memory import settle_memory


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_is_here_at_the_start_is_not_gone_through_again() -> None:
    kept = [["kept"]]

    settle_memory()

    assert gc.get_freeze_count() > 0
    assert not any(one is kept for one in gc.get_objects())


def test_what_comes_later_is_still_collected() -> None:
    settle_memory()
    circle: list[object] = []
    circle.append(circle)
    del circle

    assert gc.collect() >= 1
