"""A clock that stands still until it is told to move on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock


class VirtualClock:
    """Tell the demo's time; safe to read from any thread."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._lock = Lock()

    def __call__(self) -> datetime:
        """Read the time as aware UTC."""
        with self._lock:
            return self._now

    def move_to(self, moment: datetime) -> timedelta:
        """Move on to a moment, never back; tell how far that was."""
        with self._lock:
            step = max(moment.astimezone(UTC) - self._now, timedelta(0))
            self._now += step
            return step
