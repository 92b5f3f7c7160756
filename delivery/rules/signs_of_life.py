"""When does a worker count as dead?"""

from __future__ import annotations

from datetime import datetime, timedelta

# Clocks of several machines differ by seconds. A sign of life a day ahead of us was given by a
# clock that was wrong then; believed, nobody would take over from this worker until that day.
NOT_OF_THIS_CLOCK = timedelta(days=1)


def is_silent(heartbeat_at: datetime, *, now: datetime, lease: timedelta) -> bool:
    """Tell whether a worker's last sign of life is too old, or cannot be right."""
    return heartbeat_at < now - lease or heartbeat_at > now + NOT_OF_THIS_CLOCK
