"""Guards taken out of the service on purpose, to see that the simulation can fail at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import false, update
from sqlalchemy.orm import Session

from campaigns import dispatch, enrolment, facts, ledger, marking
from campaigns.mailed_days import DayWish
from campaigns.rules import guards, series
from campaigns.rules.guards import Go
from campaigns.rules.standing import EnrolmentStatus
from delivery import outbox
from delivery.outbox import Mark, WorkerIdentity
from delivery.rows import workers
from delivery.rules.states import POLICY_OF_KIND, Kind, Policy
from tests.simulation.relay import ModelSender


def no_compare_and_set(patch: pytest.MonkeyPatch) -> None:
    """Mark whatever was claimed once, whoever holds it now and whatever it has become."""

    def mark_all(
        session: Session, worker: WorkerIdentity, claims: Sequence[Mark], *, now: datetime
    ) -> set[int]:
        outbox.beat(session, worker, now=now)
        if claims:
            session.execute(outbox._MARK, [outbox._values_of(claim, now) for claim in claims])
        return {claim.delivery_id for claim in claims}

    patch.setattr(outbox, "mark_sending", mark_all)


def no_fence(patch: pytest.MonkeyPatch) -> None:
    """Let a worker go on that was given up for dead."""

    def beat(session: Session, worker: WorkerIdentity, *, now: datetime) -> None:
        session.execute(update(workers).where(workers.c.id == worker.id).values(heartbeat_at=now))

    patch.setattr(outbox, "beat", beat)


def no_pointer_guard(patch: pytest.MonkeyPatch) -> None:
    """Mark without a look at how far the enrolment has come."""
    patch.setattr(marking, "before_marking", lambda *args, **values: Go())


def no_due_rule(patch: pytest.MonkeyPatch) -> None:
    """Plan every step for now, whatever its wait."""
    patch.setattr(series._Case, "_wait", property(lambda case: 0))


def no_day_guard(patch: pytest.MonkeyPatch) -> None:
    """Give everybody the day they ask for, and write it down if it is free."""
    take = marking.take_days

    def take_all(session: Session, wishes: Collection[DayWish]) -> set[int]:
        take(session, wishes)
        return {wish.delivery_id for wish in wishes}

    patch.setattr(marking, "take_days", take_all)


def no_busy_days(patch: pytest.MonkeyPatch) -> None:
    """Plan as if nobody had had a mail today."""
    patch.setattr(facts, "_mailed_days", lambda *args, **values: _Nothing())


class _Nothing(dict[int, set[Any]]):
    def __missing__(self, key: int) -> set[Any]:
        return set()


def no_suppression_check(patch: pytest.MonkeyPatch) -> None:
    """Mark without a look at the suppressed addresses."""
    patch.setattr(marking, "suppressed_among", lambda *args: set())


def no_consent_check(patch: pytest.MonkeyPatch) -> None:
    """Mark without a look at the subscription."""
    patch.setattr(marking, "check_consent", lambda *args: Go())


def no_cancelling(patch: pytest.MonkeyPatch) -> None:
    """Let who leaves keep what is queued for them."""
    patch.setattr(enrolment, "cancel_for_enrolments", lambda *args, **values: 0)


def retry_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """Send a step again when nobody knows whether it arrived."""
    patch.setitem(POLICY_OF_KIND, Kind.STEP, Policy.AT_LEAST_ONCE)


def reset_is_a_refusal(patch: pytest.MonkeyPatch) -> None:
    """Take a link lost after the final dot for a 451, as RFC 5321 advises."""
    patch.setattr(ModelSender, "doubts_resets", False)


def no_deadline(patch: pytest.MonkeyPatch) -> None:
    """Send what was marked however long ago."""
    patch.setattr(ModelSender, "has_deadline", False)
    patch.setattr(dispatch, "_SOON_ENOUGH", timedelta(days=9999))


def no_soon_enough(patch: pytest.MonkeyPatch) -> None:
    """Call the sender however long ago the mark was made."""
    patch.setattr(dispatch, "_SOON_ENOUGH", timedelta(days=9999))


def no_second_last_step(patch: pytest.MonkeyPatch) -> None:
    """Refuse the last step of a series once it has been in doubt."""
    patch.setattr(guards, "_FOR_A_RETRY", frozenset({EnrolmentStatus.ACTIVE}))


def no_forgetting(patch: pytest.MonkeyPatch) -> None:
    """Take a step that was cancelled in a retry for one that was had."""
    patch.setattr(ledger, "_WAS_CANCELLED", false())
