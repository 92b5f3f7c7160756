"""Run a command of Steadypost that kills itself, by SIGKILL, at the n-th time it comes to a point.

`STEADYPOST_CRASH_AT=name:n python tests/crashing.py tick …`. The points are put around the program
from outside: nothing of this is in the program itself.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from delivery.journal import Journal
from delivery.smtp_link import Link
from steadypost.cli import main

BEFORE, AFTER = "before", "after"
POINTS = (
    "before commit",
    "after commit",
    "before journal",
    "after journal",
    "before write",
    "after write",
    "before reply",
    "after reply",
)


class Crash:
    """Counts how often the process came to the point, and ends it there."""

    def __init__(self, wish: str) -> None:
        self.point, _, number = wish.partition(":")
        self._left = count(int(number or 1), -1)

    def at(self, point: str) -> None:
        if point == self.point and next(self._left) == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: type, name: str, word: str) -> None:
        whole: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **named: Any) -> Any:
            self.at(f"{BEFORE} {word}")
            result = whole(*args, **named)
            self.at(f"{AFTER} {word}")
            return result

        setattr(owner, name, watched)


def install(crash: Crash) -> None:
    """Put the points around commits, the journal's writes and the talk with the relay."""
    event.listen(Engine, "commit", lambda _connection: crash.at("before commit"))
    event.listen(Session, "after_commit", lambda _session: crash.at("after commit"))
    crash.around(Journal, "_append", "journal")
    crash.around(Link, "write", "write")
    crash.around(Link, "read_reply", "reply")


if __name__ == "__main__":
    if wish := os.environ.get("STEADYPOST_CRASH_AT"):
        install(Crash(wish))
    main()
