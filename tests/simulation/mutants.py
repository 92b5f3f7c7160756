"""Guards taken out of the service on purpose, to see that the simulation can fail at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import and_, false, func, select, update
from sqlalchemy.orm import Session, aliased

from campaigns import (
    braking,
    broadcasting,
    dispatch,
    enrolment,
    facts,
    holding,
    ledger,
    marking,
    queueing,
    store,
)
from campaigns.mailed_days import DayWish
from campaigns.models import Broadcast, Enrolment
from campaigns.rules import guards, series
from campaigns.rules.guards import Go
from campaigns.rules.standing import EnrolmentStatus
from delivery import claiming, journal, outbox, relay_pool
from delivery.journal import JournalFolder, Scribe
from delivery.outbox import Mark, NewDelivery, WorkerIdentity
from delivery.rows import deliveries, workers
from delivery.rules.journal import Evidence, Reading
from delivery.rules.states import POLICY_OF_KIND, Kind, Policy, State
from delivery.sender import Accepted, Outcome
from tests.simulation.relay import ModelSender


def no_compare_and_set(patch: pytest.MonkeyPatch) -> None:
    """Mark whatever was claimed once, whoever holds it now and whatever it has become."""

    def mark_all(
        session: Session, worker: WorkerIdentity, claims: Sequence[Mark], *, now: datetime
    ) -> set[int]:
        outbox.beat(session, worker, now=now)
        for claim in claims:
            mark = update(deliveries).where(deliveries.c.id == claim.delivery_id)
            facts = {"revision_id": claim.revision_id, "context": claim.context}
            session.execute(mark.values(state=State.SENDING, sending_at=now, **facts))
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
    patch.setattr(ledger, "_step_query", ledger._step_query.__wrapped__)  # not as it was made


def no_journal(patch: pytest.MonkeyPatch) -> None:
    """Take over from the dead without reading what they noted."""
    patch.setattr(JournalFolder, "evidence_of", lambda *args: None)
    patch.setattr(Scribe, "evidence", lambda *args: Evidence())


def no_dots(patch: pytest.MonkeyPatch) -> None:
    """Take a hand-over whose answer is not noted for one that never began."""
    told = Evidence.outcome_of

    def outcome_of(evidence: Evidence, delivery_id: int, attempt: int) -> Outcome:
        return told(replace(evidence, dots={}), delivery_id, attempt)

    patch.setattr(Evidence, "outcome_of", outcome_of)


def no_power_cuts(patch: pytest.MonkeyPatch) -> None:
    """Believe that what a journal does not say did not happen, though the power had failed."""
    gather = journal.gather_evidence

    def gathered(readings: Iterable[Reading], *, boot: str) -> Evidence:
        return replace(gather(readings, boot=boot), is_whole=True)

    patch.setattr(journal, "gather_evidence", gathered)


def no_holds(patch: pytest.MonkeyPatch) -> None:
    """Go on whatever is held."""
    patch.setattr(holding.Look, "keeps_back", lambda *args: False)


def no_brake(patch: pytest.MonkeyPatch) -> None:
    """Queue whatever is due, however much that is."""
    patch.setattr(braking, "room_today", lambda *args, **values: 1_000_000)


def no_quota(patch: pytest.MonkeyPatch) -> None:
    """Claim what is due, whatever went today."""
    patch.setattr(claiming, "claimable_today", lambda session, today, *, at_most: at_most)


def any_relay_will_do(patch: pytest.MonkeyPatch) -> None:
    """Give another relay what one has not accepted, whatever it said."""
    patch.setattr(relay_pool, "is_unreached", lambda outcome: not isinstance(outcome, Accepted))


def no_issue_key(patch: pytest.MonkeyPatch) -> None:
    """Let a newsletter be queued for a person as often as somebody thinks of it."""
    count = iter(range(1_000_000))
    patch.setattr(broadcasting, "issue_key", lambda *ids: f"broadcast:{ids}/{next(count)}")


def no_place_in_audience(patch: pytest.MonkeyPatch) -> None:
    """Forget at the first ticks of a newsletter whom it was queued for."""
    queue, ticks = broadcasting._queue, Counter[tuple[datetime, str]]()

    def from_the_start(session: Session, broadcast: Broadcast, **values: Any) -> int:
        broadcast.queued_to = 0
        queued = queue(session, broadcast, **values)
        ticks[broadcast.created_at, broadcast.slug] += 1
        if ticks[broadcast.created_at, broadcast.slug] < 4:
            broadcast.queued_at = None
        return queued

    patch.setattr(broadcasting, "_queue", from_the_start)


def no_round_in_key(patch: pytest.MonkeyPatch) -> None:
    """Key a step by the first way of a person, whatever round they are in."""

    def queue(session: Session, rows: Sequence[NewDelivery]) -> int:
        first = {row.enrolment_id: _first_way(session, row.enrolment_id) for row in rows}
        return outbox.queue_deliveries(
            session,
            [
                replace(row, once_key=f"enrolment:{first[row.enrolment_id]}/step:{row.step_id}")
                if row.kind is Kind.STEP
                else row
                for row in rows
            ],
        )

    patch.setattr(queueing, "queue_deliveries", queue)


def _first_way(session: Session, enrolment_id: int | None) -> int | None:
    this, first = aliased(Enrolment), aliased(Enrolment)
    same = (first.subscriber_id == this.subscriber_id, first.series_id == this.series_id)
    found = select(func.min(first.id)).join(this, and_(*same)).where(this.id == enrolment_id)
    return session.scalar(found)


def no_conditions(patch: pytest.MonkeyPatch) -> None:
    """Plan as if nothing was asked of anybody."""
    patch.setattr(store, "condition_or_none", lambda text: None)


def no_objections(patch: pytest.MonkeyPatch) -> None:
    """Write a letter whatever was asked of its reader."""
    patch.setattr(ledger, "objections_to", lambda *args: {})
