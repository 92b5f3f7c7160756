"""Decide where the steps of a series stand after its folder was imported again."""

from __future__ import annotations

from collections.abc import Sequence


def merge_order(wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """Give the keys of all steps in their new order: the wanted ones as they are wanted.

    A known step that is wanted no more stays behind the step it stood behind. People who
    have reached it are there, and what comes next for them must not change by its leaving.
    """
    merged = list(wanted)
    for place, key in enumerate(known):
        if key not in merged:
            behind = merged.index(known[place - 1]) + 1 if place else 0
            merged.insert(behind, key)
    return merged
