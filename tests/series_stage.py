"""A stage for tests of series: whole ticks, and answers about what went to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.broadcasting import queue_due_broadcasts
from campaigns.enrolment import end_enrolments_of_leavers, enrol_newcomers
from campaigns.issues import load_coming
from campaigns.models import Broadcast, Enrolment, Step
from campaigns.queueing import queue_confirmations, queue_due_steps
from campaigns.store import next_look
from delivery.models import Delivery
from delivery.rules.states import Kind, State
from subscribers.models import Subscriber
from templates.compiler.transfer import encoded_email
from templates.email import Edition, EncodedEmail, Reader, RenderedEmail
from tests.sending_stage import Stage


class PlainRenderer:
    """Renders the subject only: for tests that are about time, not about looks."""

    def render(self, edition: Edition, reader: Reader) -> RenderedEmail:
        text = f"part {reader.series.get('part', '')}"
        return RenderedEmail(text, "", f"<p>{text}</p>", text)

    def render_encoded(self, edition: Edition, reader: Reader) -> EncodedEmail:
        return encoded_email(self.render(edition, reader))


@dataclass(frozen=True)
class Went:
    """One step that was sent."""

    at: datetime
    address: str
    series_id: int
    step_key: str


@dataclass
class SeriesStage(Stage):
    """One clinic, looked after by ticks."""

    def tick(self) -> None:
        """Do what the scheduler does at the present moment."""
        self.plan()
        self.send(renderer=PlainRenderer())

    def tick_with_looks(self) -> None:
        """Do the same, and render the whole emails."""
        self.plan()
        self.send()

    def plan(self) -> None:
        """Do what a tick does before it sends."""
        site, now = self.site, self.clock.now
        self.do(lambda s: enrol_newcomers(s, site=site, now=now))
        self.do(lambda s: end_enrolments_of_leavers(s, now=now))
        self.do(lambda s: queue_confirmations(s, site=site, now=now))
        self.do(lambda s: queue_due_steps(s, site=site, now=now))
        self.do(lambda s: queue_due_broadcasts(s, site=site, now=now))

    def run_until(self, end: datetime) -> None:
        """Tick now, and at each moment at which something may be due."""
        while self.clock.now <= end:
            self.tick()
            upcoming = self.next_moment()
            if upcoming is None:
                break
            self.clock.now = upcoming
        self.clock.now = end

    def next_moment(self) -> datetime | None:
        with self.database.reading() as session:
            queued = select(func.min(Delivery.due_at)).where(Delivery.state == State.QUEUED)
            moments = [next_look(session), session.scalar(queued)]
            moments += [
                one.begins_at for one in load_coming(session, now=self.clock.now) if one.begins_at
            ]
        upcoming = [moment for moment in moments if moment is not None]
        return max(min(upcoming), self.clock.now) if upcoming else None

    def queue(self) -> int:
        """Queue due steps only; tell how many."""
        portion = self.do(lambda s: queue_due_steps(s, site=self.site, now=self.clock.now))
        return int(portion.done)

    def do(self, deed: Callable[[Session], Any]) -> Any:
        """Do something in a transaction of its own."""
        with self.database.transaction() as session:
            return deed(session)

    def ask(self, question: Callable[[Session], Any]) -> Any:
        """Read something."""
        with self.database.reading() as session:
            return question(session)

    def went(self) -> list[Went]:
        """List the steps that were sent, in order."""
        wanted = (
            select(Delivery.done_at, Subscriber.email, Step.series_id, Step.key)
            .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
            .join(Step, Step.id == Delivery.step_id)
            .where(Delivery.kind == Kind.STEP, Delivery.state == State.SENT)
            .order_by(Delivery.done_at, Subscriber.email, Step.series_id)
        )
        return [Went(*row) for row in self.ask(lambda s: s.execute(wanted).all())]

    def broadcasts_went(self) -> list[tuple[str, str, datetime]]:
        """List the broadcasts that were sent, in order: name, address, moment."""
        wanted = (
            select(Broadcast.slug, Subscriber.email, Delivery.done_at)
            .join(Delivery, Delivery.broadcast_id == Broadcast.id)
            .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
            .where(Delivery.state == State.SENT)
            .order_by(Delivery.done_at, Subscriber.email)
        )
        return [tuple(row) for row in self.ask(lambda s: s.execute(wanted).all())]

    def once_keys(self) -> list[tuple[str, State]]:
        """List every delivery by its once key."""
        wanted = select(Delivery.once_key, Delivery.state).order_by(Delivery.id)
        return [tuple(row) for row in self.ask(lambda s: s.execute(wanted).all())]

    def enrolments(self) -> list[Enrolment]:
        wanted = select(Enrolment).order_by(Enrolment.id)
        return list(self.ask(lambda s: s.scalars(wanted).all()))
