"""What the relay said about a group of letters, until the database knows it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.drafting import Draft
from campaigns.feedback import apply_outcomes
from campaigns.rules.aftermath import HALTS_SERIES
from campaigns.rules.guards import relay_pause
from campaigns.site import Site
from delivery import outbox
from delivery.models import Delivery
from delivery.outbox import ClaimedDelivery, Recorded, Result, WorkerIdentity
from delivery.rows import IS_IN_HAND
from delivery.rules.states import POLICY_OF_KIND, State
from delivery.sender import Outcome, Refused, Uncertain
from subscribers.store import lock_people

_LEFT_BEHIND = Uncertain("the round before broke off before the answer was recorded", relay="")


@dataclass(frozen=True)
class Answered:
    """Letters that were handed over, with the outcome of each, and when the last one was known."""

    pairs: tuple[tuple[Draft, Outcome], ...]
    at: datetime
    is_relay_wide: bool = False  # the relay says "not now" to everybody

    @property
    def ids(self) -> tuple[int, ...]:
        """Name the deliveries."""
        return tuple(draft.claim.id for draft, _ in self.pairs)

    @property
    def people(self) -> set[int]:
        """Name the persons, for a bounce changes more than its delivery."""
        return {draft.person.id for draft, _ in self.pairs}

    def results(self) -> list[Result]:
        """Put the outcomes as the outbox wants them."""
        return [
            _result(draft.claim, outcome, self.at, is_relay_wide=self.is_relay_wide)
            for draft, outcome in self.pairs
        ]

    def halted_campaigns(self, recorded: Sequence[Recorded]) -> dict[tuple[str, int], str]:
        """Name the series and broadcasts whose other emails would be refused as well, and why."""
        refusals = {
            delivery.delivery_id: delivery
            for delivery in recorded
            if delivery.reply_class in HALTS_SERIES and isinstance(delivery.outcome, Refused)
        }
        return {
            campaign: f"another email of the {campaign[0]} was refused: {refusal.reason}"
            for draft, _ in self.pairs
            if (campaign := draft.campaign) and (refusal := refusals.get(draft.claim.id))
        }


NOTHING_ANSWERED = Answered((), datetime(1, 1, 1, tzinfo=UTC))


def record_answers(
    session: Session, worker: WorkerIdentity, answered: Answered, *, site: Site
) -> list[Recorded]:
    """Write down what became of a group, with everything that follows from it.

    The caller has locked the persons, as every deed on a person does first: a hard bounce and an
    unsubscribe in the same moment would otherwise each hold what the other wants.
    """
    if not answered.pairs:
        return []
    recorded = outbox.record_outcomes(session, worker, answered.results(), now=answered.at)
    apply_outcomes(session, recorded, site=site, now=answered.at)
    return recorded


def settle_leftovers(
    session: Session, worker: WorkerIdentity, *, site: Site, now: datetime
) -> list[Recorded]:
    """Clear the worker's own hands, should its last round have broken off.

    The reaper cannot do it while the worker lives. What was only claimed goes back to the queue;
    what was marked may have gone, and is dealt with like any other lost answer.
    """
    whose = select(Delivery.subscriber_id).where(IS_IN_HAND, Delivery.owner == worker.id)
    lock_people(session, {one for one in session.scalars(whose) if one is not None})
    outbox.release_claims(session, worker, None, now=now)
    in_hand = select(Delivery.id, Delivery.attempt, Delivery.kind).where(
        IS_IN_HAND, Delivery.owner == worker.id, Delivery.state == State.SENDING
    )
    lost = [
        Result(row.id, row.attempt, _LEFT_BEHIND, POLICY_OF_KIND[row.kind])
        for row in session.execute(in_hand)
    ]
    recorded = outbox.record_outcomes(session, worker, lost, now=now) if lost else []
    apply_outcomes(session, recorded, site=site, now=now)
    return recorded


def _result(
    claim: ClaimedDelivery, outcome: Outcome, at: datetime, *, is_relay_wide: bool
) -> Result:
    policy, again = POLICY_OF_KIND[claim.kind], at + relay_pause(claim.attempt)
    return Result(claim.id, claim.attempt, outcome, policy, again, is_relay_wide)
