"""Write the letters of claimed deliveries: facts are read first, rendering needs no database."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from campaigns.answers import load_answer_editions
from campaigns.editions import load_editions
from campaigns.issues import IssueFacts, load_issues
from campaigns.ledger import (
    AnswerFacts,
    Membership,
    Person,
    StepFacts,
    load_answers,
    load_steps,
)
from campaigns.letters import (
    Posting,
    answer_letter,
    answer_reader,
    issue_context,
    issue_letter,
    reader_of,
    step_context,
    step_letter,
    step_links,
)
from campaigns.rules.broadcasts import before_issue
from campaigns.rules.due_dates import Days
from campaigns.rules.guards import (
    Cancel,
    Consent,
    DayPlan,
    Go,
    Hold,
    MarkPlan,
    NotNow,
    before_writing,
)
from campaigns.rules.series import AT_ONCE_FOR, StepPlan, wait_of
from campaigns.rules.time_zones import zone_of
from campaigns.site import Site
from delivery.errors import DeliveryError
from delivery.message import Letter, compose_signed
from delivery.outbox import ClaimedDelivery
from delivery.rules.addresses import needs_smtputf8, wire_address
from delivery.rules.envelope import envelope_sender
from delivery.rules.states import Kind
from delivery.sender import Handover
from subscribers.rules.standing import Standing
from templates.email import Edition, Renderer
from templates.errors import TemplateError

NO_POSTAL_ADDRESS = (
    "the clinic's postal address is empty; set it in the settings, publish, then release this"
)
LOG = logging.getLogger(__name__)
_ANSWERS = frozenset({Kind.CONFIRMATION, Kind.NOTICE})
_ERASED = Cancel("the person, the step or the series is gone")
_NO_READER = Cancel("the person or the broadcast is gone")


class StepPart(NamedTuple):
    """What only a step of a series brings along."""

    series_id: int
    enrolment_id: int
    enrolled_at: datetime
    revision_id: int | None
    context: dict[str, Any]
    plan: MarkPlan


@dataclass(frozen=True)
class IssuePart:
    """What only a broadcast brings along."""

    broadcast_id: int
    revision_id: int | None
    context: dict[str, Any]
    plan: DayPlan


class Draft(NamedTuple):
    """A letter ready to be handed over, and what its marking relies on."""

    claim: ClaimedDelivery
    handover: Handover
    person: Person
    membership: Membership
    needs: Consent
    step: StepPart | None = None
    issue: IssuePart | None = None

    @property
    def day_plan(self) -> MarkPlan | DayPlan | None:
        """Give how another day is found, should today's be taken; None: it needs no day."""
        part = self.step or self.issue
        return part.plan if part else None

    @property
    def campaign(self) -> tuple[str, int] | None:
        """Name the series or the broadcast it is of; None: it answers a person."""
        if self.step:
            return "series", self.step.series_id
        return ("broadcast", self.issue.broadcast_id) if self.issue else None


@dataclass(frozen=True)
class BatchFacts:
    """Everything a batch of claims is written from."""

    steps: Mapping[int, StepFacts]  # by delivery id
    issues: Mapping[int, IssueFacts]
    answers: Mapping[int, AnswerFacts]
    editions: Mapping[int, Edition]  # by revision id
    answer_editions: Mapping[tuple[int, str], Edition]  # by list id and document


def read_facts(session: Session, claims: Sequence[ClaimedDelivery], *, site: Site) -> BatchFacts:
    """Read what a batch of claims is written from."""
    steps = load_steps(session, [claim.id for claim in claims if claim.kind is Kind.STEP])
    issues = load_issues(session, [claim.id for claim in claims if claim.kind is Kind.BROADCAST])
    answers = load_answers(session, [claim.id for claim in claims if claim.kind in _ANSWERS])
    sendable: list[StepFacts | IssueFacts] = [*steps.values(), *issues.values()]
    revisions = {facts.revision_id for facts in sendable if facts.revision_id is not None}
    wanted = {
        (answers[claim.id].membership.list_id, claim.document)
        for claim in claims
        if claim.id in answers
    }
    return BatchFacts(
        steps=steps,
        issues=issues,
        answers=answers,
        editions=load_editions(
            session,
            revisions,
            attribute_names=site.attribute_names,
            click_page=site.click_page,
        ),
        answer_editions=load_answer_editions(session, wanted, site=site),
    )


@dataclass(frozen=True)
class Desk:
    """Writes letters for one site."""

    site: Site
    renderer: Renderer

    def write(self, claim: ClaimedDelivery, facts: BatchFacts, *, now: datetime) -> Draft | NotNow:
        """Write one letter, or say why it cannot go now; never raises for one person's sake.

        What is wrong with one letter must not keep back the others.
        """
        try:
            return self._write(claim, facts, now)
        except (TemplateError, DeliveryError) as error:
            return Hold(str(error))
        except Exception as error:  # a defect of ours; the others still go
            LOG.exception("could not write delivery=%d", claim.id)
            return Hold(f"a defect of this program: {type(error).__name__}: {error}")

    def _write(self, claim: ClaimedDelivery, facts: BatchFacts, now: datetime) -> Draft | NotNow:
        if claim.kind is Kind.STEP:
            step = facts.steps.get(claim.id)
            if step is None:
                return _ERASED
            edition = facts.editions.get(step.revision_id or 0)
            return self._write_step(claim, step, edition=edition, now=now)
        if claim.kind is Kind.BROADCAST:
            issue = facts.issues.get(claim.id)
            if issue is None:
                return _NO_READER
            edition = facts.editions.get(issue.revision_id or 0)
            return self._write_issue(claim, issue, edition=edition, now=now)
        if claim.kind in _ANSWERS:
            answer = facts.answers.get(claim.id)
            if answer is None:
                return _ERASED
            edition = facts.answer_editions.get((answer.membership.list_id, claim.document))
            return self._write_answer(claim, answer, edition=edition)
        return Hold(f"this program cannot send a {claim.kind} yet")

    def _write_step(
        self, claim: ClaimedDelivery, step: StepFacts, *, edition: Edition | None, now: datetime
    ) -> Draft | NotNow:
        plan = plan_of(step, site=self.site)
        verdict = before_writing(step.view, plan, paused_until=step.person.paused_until, now=now)
        if not isinstance(verdict, Go):
            return verdict
        if edition is None:
            return Hold("the step has no published text; publish it, then release this")
        if not str(edition.clinic.get("postal_address", "")).strip():
            return Hold(NO_POSTAL_ADDRESS)
        context = step_context(step, attribute_names=self.site.attribute_names)
        links = step_links(step.membership, step.person, delivery=claim, site=self.site)
        email = self.renderer.render_encoded(edition, reader_of(context, links))
        return Draft(
            claim=claim,
            handover=self._handover(
                claim, step_letter(email, step, _posting(claim), site=self.site)
            ),
            person=step.person,
            membership=step.membership,
            needs=Consent(Standing.CONFIRMED),
            step=StepPart(
                series_id=step.series_id,
                enrolment_id=step.enrolment_id,
                enrolled_at=step.enrolled_at,
                revision_id=step.revision_id,
                context=context,
                plan=plan,
            ),
        )

    def _write_issue(
        self, claim: ClaimedDelivery, issue: IssueFacts, *, edition: Edition | None, now: datetime
    ) -> Draft | NotNow:
        rhythm = issue.rhythm(self.site)
        verdict = before_issue(issue.view, rhythm, calendar=self.site.calendar, now=now)
        if not isinstance(verdict, Go):
            return verdict
        if edition is None:
            return Hold("the broadcast has no published text; create it again, then release this")
        if not str(edition.clinic.get("postal_address", "")).strip():
            return Hold(NO_POSTAL_ADDRESS)
        context = issue_context(issue, attribute_names=self.site.attribute_names)
        links = step_links(issue.membership, issue.person, delivery=claim, site=self.site)
        email = self.renderer.render_encoded(edition, reader_of(context, links))
        letter = issue_letter(email, issue, _posting(claim), site=self.site)
        plan = issue.view.plan
        hour = plan.begins_at.astimezone(rhythm.zone).hour if plan.hour is None else plan.hour
        day_plan = DayPlan(hour, Days(rhythm.zone, self.site.calendar))
        return Draft(
            claim=claim,
            handover=self._handover(claim, letter),
            person=issue.person,
            membership=issue.membership,
            needs=Consent(Standing.CONFIRMED),
            issue=IssuePart(issue.broadcast_id, issue.revision_id, context, day_plan),
        )

    def _write_answer(
        self, claim: ClaimedDelivery, answer: AnswerFacts, *, edition: Edition | None
    ) -> Draft | NotNow:
        if edition is None:
            return Hold(f"no mail of this name ships with the program: {claim.document!r}")
        reader = answer_reader(answer, kind=claim.kind, site=self.site)
        email = self.renderer.render_encoded(edition, reader)
        letter = answer_letter(email, answer, _posting(claim), site=self.site)
        return Draft(
            claim=claim,
            handover=self._handover(claim, letter),
            person=answer.person,
            membership=answer.membership,
            needs=_needed(claim.kind, answer),
        )

    def _handover(self, claim: ClaimedDelivery, letter: Letter) -> Handover:
        bounces = self.site.identity.bounce_address
        return Handover(
            delivery_id=claim.id,
            envelope_sender=envelope_sender(
                self.site.keys, claim.public_id, bounce_address=bounces
            ),
            recipient=wire_address(letter.to_address),
            message=compose_signed(letter, self.site.signer),
            is_canonical=letter.is_encoded,
            needs_smtputf8=needs_smtputf8(letter.to_address),
            attempt=claim.attempt,
            once_key=claim.once_key,
        )


def plan_of(step: StepFacts, *, site: Site) -> MarkPlan:
    """Gather what the rules look at once more before a step is marked."""
    person, asked = step.person, step.asked_at
    is_first = step.pointer.last_step_id in (None, step.step_id)
    is_at_once = is_first and step.starts_at_once
    return MarkPlan(
        step_id=step.step_id,
        planned_on=step.pointer.last_step_id,
        wait_days=wait_of(StepPlan(step.step_id, step.wait_days), person.pace),
        hour=step.send_hour if person.hour is None else person.hour,
        days=Days(zone_of(person.time_zone, site.zone), site.calendar),
        free_until=(asked or step.queued_at) + AT_ONCE_FOR if asked or is_at_once else None,
        is_asked_for=asked is not None,
    )


def _needed(kind: Kind, answer: AnswerFacts) -> Consent:
    """Name the standing an answer is for; a confirmation belongs to one asking."""
    if kind is Kind.CONFIRMATION:
        return Consent(Standing.UNCONFIRMED, answer.asking)
    return Consent(Standing.CONFIRMED)


def _posting(claim: ClaimedDelivery) -> Posting:
    return Posting(claim.public_id, claim.message_date, claim.kind)
