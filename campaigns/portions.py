"""What a step of a tick did, and whether there is more of the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Portion:
    """One portion of work; a full one means that the next tick should follow at once."""

    done: int
    is_full: bool = False
