"""The rows behind the outbox: how they are locked, and how a verdict is written to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    case,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from delivery.models import Delivery, Worker
from delivery.rules.outcomes import Verdict
from delivery.rules.states import State
from storage.arrays import given_values, many, run
from storage.base import RowId

deliveries = cast(Table, Delivery.__table__)
workers = cast(Table, Worker.__table__)

# As literals: only then is the partial index used whatever the kind of plan.
IS_QUEUED: ColumnElement[bool] = deliveries.c.state == literal_column("'queued'")
IS_SET_ASIDE: ColumnElement[bool] = deliveries.c.state.in_(
    [literal_column("'held'"), literal_column("'uncertain'")]
)
IS_HELD: ColumnElement[bool] = and_(IS_SET_ASIDE, deliveries.c.state == literal_column("'held'"))
IS_URGENT: ColumnElement[bool] = deliveries.c.kind.in_(  # somebody sits and waits for it
    [literal_column("'confirmation'"), literal_column("'notice'")]
)
IS_AWAITED: ColumnElement[bool] = deliveries.c.is_awaited  # as each store's index has it
IS_IN_HAND: ColumnElement[bool] = deliveries.c.state.in_(
    [literal_column("'claimed'"), literal_column("'sending'")]
)

_TERMINAL_NOW = frozenset({State.SENT, State.REJECTED, State.UNCERTAIN})


@dataclass(frozen=True)
class Change:
    """A verdict for one row, and what the relay said."""

    delivery_id: int
    attempt: int
    before: State
    verdict: Verdict
    relay: str = ""
    reply: str = ""


def locked(*conditions: ColumnElement[bool]) -> CTE:
    """Choose deliveries and lock them in the order of their ids, so that nobody deadlocks.

    SQLite has taken the lock of the whole database already and knows no other. There the order
    must not look like that of the table: it would read all of it to save sorting a few rows.
    """
    chosen = select(deliveries.c.id).where(*conditions).order_by(deliveries.c.id + 0)
    return chosen.with_for_update().cte("chosen")


def move_all(session: Session, *conditions: ColumnElement[bool], **values: Any) -> int:
    """Change every delivery that meets the conditions; tell how many there were."""
    chosen = locked(*conditions)
    statement = update(deliveries).where(deliveries.c.id.in_(select(chosen.c.id))).values(**values)
    # Counted by what comes back: SQLite's driver has no count for an UPDATE that begins with WITH.
    return len(session.execute(statement.returning(deliveries.c.id)).all())


def lock_rows(session: Session, delivery_ids: Collection[int]) -> None:
    """Lock deliveries in the order of their ids, before a statement that takes them in its own.

    SQLite has taken the lock of the whole database already.
    """
    if session.get_bind().dialect.name != "sqlite":
        run(session, _locking, ids=many(delivery_ids))


@cache
def _locking(dialect: str) -> Select[Any]:
    chosen = select(deliveries.c.id).where(deliveries.c.id.in_(given_values(dialect, "ids", RowId)))
    return chosen.order_by(deliveries.c.id).with_for_update()


def in_states(states: Collection[State]) -> ColumnElement[bool]:
    """Make the condition that a delivery is in one of these states."""
    return deliveries.c.state.in_(sorted(states))


def save_changes(session: Session, changes: Sequence[Change], *, now: datetime) -> None:
    """Write verdicts, each only where its attempt is still the last and its state unchanged."""
    if changes:
        session.execute(_SAVE, [_values_of(change, now) for change in changes])


# Who never went gets the Date of the hand-over that will be the first.
_WHEN_MARKED = case(
    (bindparam("new_never_went", type_=Boolean) == true(), None), else_=deliveries.c.sending_at
)
_SAVE = (
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("row_id"),
        deliveries.c.attempt == bindparam("row_attempt"),
        deliveries.c.state == bindparam("row_before"),
    )
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                "state",
                "reason",
                "due_at",
                "deferred_since",
                "doubt_count",
                "done_at",
                "relay",
                "reply",
            )
        }
        | {"owner": None, "sending_at": _WHEN_MARKED}
    )
)


def _values_of(change: Change, now: datetime) -> dict[str, Any]:
    verdict = change.verdict
    return {
        "row_id": change.delivery_id,
        "row_attempt": change.attempt,
        "row_before": change.before,
        "new_state": verdict.state,
        "new_reason": verdict.reason,
        "new_due_at": verdict.due_at,
        "new_deferred_since": verdict.deferred_since,
        "new_doubt_count": verdict.doubt_count,
        "new_done_at": now if verdict.state in _TERMINAL_NOW else None,
        "new_never_went": verdict.never_went,
        "new_relay": change.relay,
        "new_reply": change.reply,
    }
