"""Leave steps out for people, each by name and with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models import SkippedStep
from subscribers.store import insert_new


@dataclass(frozen=True)
class Skip:
    """One step that is left out for one person."""

    enrolment_id: int
    step_id: int
    at: datetime
    reason: str
    counts_from: datetime | None = None  # None: the wait does not start anew


def skip_steps(session: Session, skips: Sequence[Skip]) -> int:
    """Leave these steps out; those that are left out already stay as they are. Tell how many."""
    if not skips:
        return 0
    statement = insert_new(session, SkippedStep).returning(SkippedStep.step_id)
    return len(session.execute(statement, [asdict(skip) for skip in skips]).all())


def skips_of(session: Session, enrolment_ids: Sequence[int]) -> list[SkippedStep]:
    """List what was left out on some ways, the oldest first."""
    wanted = select(SkippedStep).where(SkippedStep.enrolment_id.in_(enrolment_ids))
    return list(session.scalars(wanted.order_by(SkippedStep.at, SkippedStep.step_id)))
