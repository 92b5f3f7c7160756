"""Words that every command needs."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """Say how many there are: `1 person`, `2 people`, `3 emails`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
