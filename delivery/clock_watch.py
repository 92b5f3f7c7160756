"""Remember when the clock was last seen, and hold the site when it jumped since."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from delivery.holds import put_hold
from delivery.journal import boot_id
from delivery.rules.clock import Sight, find_jump
from delivery.rules.holds import Cause
from delivery.site_facts import read_fact, write_fact

_FACT = "clock"
_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Uptime:
    """How long the machine has been running since a start, sleep included."""

    boot: str
    since_start: timedelta


def read_uptime() -> Uptime:
    """Ask the machine."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Uptime(boot_id(), timedelta(seconds=time.clock_gettime(clock)))


def wants_watching(session: Session, uptime: Uptime, *, now: datetime) -> bool:
    """Tell whether the clock jumped, or was not written down for a minute."""
    seen = read_fact(session, _FACT) or {}
    latest = _latest(seen)
    is_stale = latest is None or seen["boot"] != uptime.boot or now - latest > _EVERY
    return is_stale or bool(_jump(seen, uptime, now))


def watch_clock(session: Session, uptime: Uptime, *, now: datetime) -> bool:
    """Hold the site when the clock jumped since it was last seen; tell whether it did.

    What was last seen stays as it is while the site is held.
    """
    seen = read_fact(session, _FACT) or {}
    jump = _jump(seen, uptime, now)
    if jump:
        put_hold(session, Cause.CLOCK, detail=jump, now=now)
        return True
    write_fact(session, _FACT, _as_fact(now, uptime))
    return False


def forget_clock(session: Session) -> None:
    """Take the clock as right from now on: somebody looked at it."""
    write_fact(session, _FACT, {})


def _jump(seen: dict[str, Any], uptime: Uptime, now: datetime) -> str:
    sight = Sight(now, uptime.since_start)
    return find_jump(sight, latest=_latest(seen), same_start=_same_start(seen, uptime))


def _as_fact(now: datetime, uptime: Uptime) -> dict[str, Any]:
    seconds = uptime.since_start.total_seconds()
    return {"at": now.isoformat(), "boot": uptime.boot, "uptime": seconds}


def _latest(seen: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(seen["at"]) if seen else None


def _same_start(seen: dict[str, Any], uptime: Uptime) -> Sight | None:
    if not seen or not uptime.boot or seen["boot"] != uptime.boot:
        return None
    return Sight(datetime.fromisoformat(seen["at"]), timedelta(seconds=seen["uptime"]))
