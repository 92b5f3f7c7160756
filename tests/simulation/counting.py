"""Add up what went wrong in all seeds, in whatever process they were played."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

TOTALS = "simulated"
_SHOWN = (
    "crash", "stall", "outage", "refused", "unknown_commit", "database_down", "relay_down",
    "relay_busy", "reset", "refusal", "resets after the dot", "jump", "deed", "unsubscribe",
    "come back", "suppress", "erase", "edit", "choose", "fenced", "ticks", "sent",
    "deliveries uncertain",
)  # fmt: skip


def summary(reports: Iterable[Any]) -> list[str]:
    """Say how many seeds were played and how often each trouble came; nothing if none was."""
    totals = Counter[str]()
    for report in reports:
        for name, value in report.user_properties:
            if name == TOTALS:
                totals.update(value)
    if not totals:
        return []
    lines = [f"{totals[name]:12,} {name.replace('_', ' ')}" for name in _SHOWN]
    return [f"{totals['seeds']:12,} seeds", *lines]
