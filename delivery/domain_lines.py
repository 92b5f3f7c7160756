"""Keep the limits of receiving domains: the lines are rows, shared by all workers and machines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from delivery.models import DomainLine
from delivery.rules.domain_pace import DomainLimits, Limit, Line, take_place
from storage.base import JsonObject

PLACE = "waits its turn: "  # begins the reason of mail whose due time is its place in a line
_lines = cast(Table, DomainLine.__table__)
_FORGOTTEN_AFTER = timedelta(days=2)  # longer than any stretch that is counted


@dataclass(frozen=True)
class Wish:
    """A mail that would go now, were there no limit."""

    delivery_id: int
    domain: str  # as A-label
    place: datetime | None = None  # the one it was given before
    must_go: bool = False  # somebody sits and waits for it


@dataclass(frozen=True)
class Wait:
    """A mail that is put back to its place in the line."""

    delivery_id: int
    until: datetime
    reason: str


def take_places(
    session: Session, limits: DomainLimits, wishes: Sequence[Wish], *, now: datetime
) -> list[Wait]:
    """Let each mail go or give it a place in its domain's line; list those that wait."""
    limited = [
        (wish, *found) for wish in wishes if (found := limits.limit_of(wish.domain)) is not None
    ]
    if not limited:
        return []
    before = _locked_lines(session, sorted({name for _, name, _ in limited}), now=now)
    after, waits = dict(before), []
    for wish, name, limit in limited:
        place = wish.place.timestamp() if wish.place else None
        until, after[name] = take_place(
            after[name], limit, now=now.timestamp(), place=place, must_go=wish.must_go
        )
        if until is not None:
            waits.append(Wait(wish.delivery_id, _moment(until), _reason(name, limit)))
    _save(session, {name: line for name, line in after.items() if line is not before[name]})
    return waits


_HAS_OLD = select(exists().where(_lines.c.free_at < bindparam("before")))


def has_forgotten_lines(session: Session, *, now: datetime) -> bool:
    """Tell whether `forget_lines` would find any."""
    return bool(session.scalar(_HAS_OLD, {"before": now - _FORGOTTEN_AFTER}))


def forget_lines(session: Session, *, now: datetime) -> int:
    """Forget domains that had no mail for days: a name alone may tell who is on a list."""
    old = select(_lines.c.name).where(_lines.c.free_at < now - _FORGOTTEN_AFTER)
    chosen = old.order_by(_lines.c.name).with_for_update(skip_locked=True).cte("chosen")
    gone = delete(_lines).where(_lines.c.name.in_(select(chosen.c.name)))
    return len(session.execute(gone.returning(_lines.c.name)).all())


def _locked_lines(session: Session, names: Sequence[str], *, now: datetime) -> dict[str, Line]:
    """Lock the lines, in the order of their names; new ones are made."""
    found = _read(session, names)
    if missing := [name for name in names if name not in found]:
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        rows = [{"name": name, "free_at": now, "gone": {}} for name in missing]
        new = dialect.insert(_lines).values(rows)
        session.execute(new.on_conflict_do_nothing(index_elements=["name"]))
        found |= _read(session, missing)
    return found


def _read(session: Session, names: Sequence[str]) -> dict[str, Line]:
    rows = select(_lines).where(_lines.c.name.in_(names)).order_by(_lines.c.name)
    return {
        row.name: Line(
            row.free_at.timestamp(), {int(cell): count for cell, count in row.gone.items()}
        )
        for row in session.execute(rows.with_for_update())
    }


_SAVE = (
    update(_lines)
    .where(_lines.c.name == bindparam("line"))
    .values(free_at=bindparam("new_free_at"), gone=bindparam("new_gone", type_=JsonObject))
)


def _save(session: Session, changed: dict[str, Line]) -> None:
    if changed:
        session.execute(_SAVE, [_values_of(name, line) for name, line in changed.items()])


def _values_of(name: str, line: Line) -> dict[str, Any]:
    gone = {str(cell): count for cell, count in line.gone.items()}
    return {"line": name, "new_free_at": _moment(line.free_at), "new_gone": gone}


def _moment(seconds: float) -> datetime:
    """Round up: who comes at that moment must not come before it."""
    return datetime.fromtimestamp(math.ceil(seconds * 1000) / 1000, UTC)


def _reason(name: str, limit: Limit) -> str:
    return f"{PLACE}{name} gets {limit.count} mails a {limit.unit}"
