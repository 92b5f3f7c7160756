"""Take over what dead workers left behind, as far as their journals tell how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.feedback import apply_outcomes
from campaigns.site import Site
from delivery import outbox
from delivery.models import Delivery
from delivery.outbox import LeftBehind, Recorded, Result, WorkerIdentity
from delivery.rules.journal import Evidence
from delivery.rules.states import POLICY_OF_KIND
from subscribers.store import lock_people


class Journals(Protocol):
    """The journals of hand-overs that lie on this machine."""

    def is_abandoned(self, name: str) -> bool:
        """Tell whether the worker of a journal has ended for certain."""

    def evidence_of(self, name: str) -> Evidence | None:
        """Tell what a journal proves; None while its worker may live, or when unknown."""


class NoJournals:
    """Knows nothing: everything that was marked is in doubt."""

    def is_abandoned(self, name: str) -> bool:
        """Take nobody for dead before the lease is over."""
        return False

    def evidence_of(self, name: str) -> Evidence | None:
        """Prove nothing."""
        return None


def take_over(
    session: Session,
    worker: WorkerIdentity,
    journals: Journals,
    *,
    site: Site,
    now: datetime,
    lease: timedelta,
) -> int:
    """Take over from workers that have ended; tell how many deliveries that concerned.

    What a journal proves is recorded as if the worker had done so. Of what it does not prove,
    the claimed is queued again, and the marked is in doubt.
    """
    outbox.fence_ended_workers(session, now=now, lease=lease, has_ended=journals.is_abandoned)
    evidence_of = lru_cache(maxsize=None)(journals.evidence_of)
    proved = [
        (left, evidence)
        for left in outbox.marked_by_the_dead(session)
        if (evidence := evidence_of(left.journal)) is not None
    ]
    recorded = _record(session, worker, proved, site=site, now=now)
    return len(recorded) + outbox.reap_dead_workers(session, now=now, lease=lease).total


def settle_own(
    session: Session, worker: WorkerIdentity, evidence: Evidence, *, site: Site, now: datetime
) -> int:
    """Record what a worker's own journal proves, should its last round have broken off."""
    left = outbox.marked_by(session, worker)
    pairs = [(one, evidence) for one in left]
    return len(_record(session, worker, pairs, site=site, now=now))


def _record(
    session: Session,
    worker: WorkerIdentity,
    proved: Iterable[tuple[LeftBehind, Evidence]],
    *,
    site: Site,
    now: datetime,
) -> list[Recorded]:
    results = [_result(left, evidence, now) for left, evidence in proved]
    _lock_people_of(session, [result.delivery_id for result in results])
    recorded = outbox.record_outcomes(session, worker, results, now=now) if results else []
    apply_outcomes(session, recorded, site=site, now=now)
    return recorded


def _lock_people_of(session: Session, delivery_ids: Sequence[int]) -> None:
    """Lock the persons first, as every deed on a person does."""
    whose = select(Delivery.subscriber_id).where(Delivery.id.in_(delivery_ids))
    lock_people(session, {one for one in session.scalars(whose) if one is not None})


def _result(left: LeftBehind, evidence: Evidence, now: datetime) -> Result:
    outcome = evidence.outcome_of(left.delivery_id, left.attempt)
    return Result(left.delivery_id, left.attempt, outcome, POLICY_OF_KIND[left.kind], due_at=now)
