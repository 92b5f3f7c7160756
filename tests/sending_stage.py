"""A stage for tests of sending: a series, people on their way through it, and a clock to move."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from campaigns.dispatch import send_queued
from campaigns.models import Enrolment, MailedDay, Revision, Series, Step, Surroundings
from campaigns.rules.standing import FirstStep, Origin
from campaigns.site import Site
from campaigns.tally import SendReport
from delivery import outbox
from delivery.memory import MemorySender
from delivery.models import Delivery
from delivery.outbox import NewDelivery, WorkerIdentity
from delivery.rules.states import Kind, State
from delivery.sender import Handover, Outcome, Sender
from delivery.watch import RelayWatch
from storage.database import Database
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.rules.standing import Standing
from templates.email import Edition, EncodedEmail, Reader, RenderedEmail
from templates.rendering import PersonRenderer
from templates.theme import read_theme

RENDERER = PersonRenderer()  # keeps what it compiled over all tests

DOCUMENT = """\
---
subject: {subject}
preheader: Five minutes that help.
---
# Hello {{{{ subscriber.first_name or "there" }}}}

A line about {subject}.

::: button {{{{ clinic.booking_url }}}}
Book a visit
:::
"""


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Stage:
    """One clinic with a database, a way out and one worker."""

    database: Database
    site: Site
    clock: Clock
    sender: MemorySender = field(default_factory=MemorySender)
    watch: RelayWatch = field(default_factory=RelayWatch)
    worker: WorkerIdentity = field(init=False)

    def __post_init__(self) -> None:
        self.worker = self.hire()

    def hire(self) -> WorkerIdentity:
        with self.database.transaction() as session:
            return outbox.register_worker(session, host="here", process_id=1, now=self.clock.now)

    def add_list(self, slug: str = "weekly") -> int:
        with self.database.transaction() as session:
            found = MailingList(slug=slug, title="Your weekly series", created_at=self.clock.now)
            session.add(found)
            session.flush()
            return found.id

    def add_series(
        self,
        list_id: int,
        *,
        slug: str = "welcome",
        waits: Sequence[int] = (0, 7, 7),
        document: str = DOCUMENT,
        **values: Any,
    ) -> tuple[Series, list[Step]]:
        """Publish a series whose steps are called one, two, three."""
        with self.database.transaction() as session:
            series = Series(
                slug=slug,
                title="Your weekly series",
                list_id=list_id,
                theme="calm",
                send_hour=9,
                first_step=FirstStep.AT_ONCE,
                created_at=self.clock.now,
                changed_at=self.clock.now,
                **values,
            )
            session.add(series)
            session.flush()
            steps = [
                Step(
                    series_id=series.id,
                    key=f"step-{place}",
                    file="",
                    position=place,
                    wait_days=wait,
                )
                for place, wait in enumerate(waits, start=1)
            ]
            session.add_all(steps)
            session.flush()
            for step in steps:
                text = document.format(subject=f"{slug} {step.key}")
                self.publish(session, step, text)
        return series, steps

    def publish(
        self, session: Session, step: Step, text: str, *, clinic: dict[str, Any] | None = None
    ) -> None:
        theme = read_theme("calm")
        clinic = dict(self.site.clinic) if clinic is None else clinic
        digest = f"look-{hash(str(clinic)) & 0xFFFFFFFF:08x}"
        if session.get(Surroundings, digest) is None:
            files = {"name": theme.name, "files": dict(theme.files)}
            session.add(
                Surroundings(digest=digest, theme=files, clinic=clinic, created_at=self.clock.now)
            )
            session.flush()
        revision = Revision(
            step_id=step.id,
            digest=f"text-{hash((text, digest)) & 0xFFFFFFFFFFFF:012x}",
            document=text,
            surroundings=digest,
            created_at=self.clock.now,
        )
        session.add(revision)
        session.flush()
        step.revision_id = revision.id
        session.merge(step)

    def add_reader(self, name: str, list_id: int, **values: Any) -> Subscription:
        """Add a person who has confirmed a list."""
        then = self.clock.now - timedelta(days=1)
        with self.database.transaction() as session:
            about = {"email": f"{name}@example.org", "first_name": name.title(), **values}
            person = Subscriber(**about, created_at=then, changed_at=then)
            session.add(person)
            session.flush()
            subscription = Subscription(
                subscriber_id=person.id,
                list_id=list_id,
                standing=Standing.CONFIRMED,
                requested_at=then,
                confirmed_at=then,
            )
            session.add(subscription)
        return subscription

    def enrol(self, subscription: Subscription, series: Series, **values: Any) -> int:
        with self.database.transaction() as session:
            enrolment = Enrolment(
                subscriber_id=subscription.subscriber_id,
                series_id=series.id,
                enrolled_at=self.clock.now,
                look_at=self.clock.now,
                **{"origin": Origin.STAFF, **values},
            )
            session.add(enrolment)
            session.flush()
            return enrolment.id

    def queue_step(self, subscription: Subscription, enrolment_id: int, step: Step) -> int:
        """Queue one step; give the delivery's id."""
        return self._queue(
            NewDelivery(
                once_key=f"enrolment:{enrolment_id}/step:{step.id}",
                kind=Kind.STEP,
                due_at=self.clock.now,
                created_at=self.clock.now,
                subscriber_id=subscription.subscriber_id,
                enrolment_id=enrolment_id,
                step_id=step.id,
            )
        )

    def queue_confirmation(self, subscription: Subscription) -> int:
        return self._queue(
            NewDelivery(
                once_key=f"confirm:subscription:{subscription.id}/asking:{subscription.asking}",
                kind=Kind.CONFIRMATION,
                due_at=self.clock.now,
                created_at=self.clock.now,
                subscriber_id=subscription.subscriber_id,
                subscription_id=subscription.id,
                document="confirmation",
            )
        )

    def queue_notice(self, subscription: Subscription) -> int:
        return self._queue(
            NewDelivery(
                once_key=f"notice:subscription:{subscription.id}/at:now",
                kind=Kind.NOTICE,
                due_at=self.clock.now,
                created_at=self.clock.now,
                subscriber_id=subscription.subscriber_id,
                subscription_id=subscription.id,
                document="already-subscribed",
            )
        )

    def _queue(self, row: NewDelivery) -> int:
        with self.database.transaction() as session:
            outbox.queue_deliveries(session, [row])
            return session.scalars(
                select(Delivery.id).where(Delivery.once_key == row.once_key)
            ).one()

    def send(
        self,
        *,
        sender: Sender | None = None,
        worker: WorkerIdentity | None = None,
        database: Database | None = None,
        keep_going: Callable[[], bool] = lambda: True,
        limit: int = 500,
        renderer: Any = RENDERER,
        pause: Callable[[float], object] = lambda seconds: None,
    ) -> SendReport:
        return send_queued(
            database or self.database,
            sender or self.sender,
            self.site,
            renderer=renderer,
            worker=worker or self.worker,
            clock=self.clock,
            keep_going=keep_going,
            limit=limit,
            pause=pause,
            watch=self.watch,
        )

    def delivery(self, delivery_id: int) -> Delivery:
        with self.database.reading() as session:
            return session.get_one(Delivery, delivery_id)

    def enrolment(self, enrolment_id: int) -> Enrolment:
        with self.database.reading() as session:
            return session.get_one(Enrolment, enrolment_id)

    def mailed_days(self) -> list[tuple[int, date, int]]:
        with self.database.reading() as session:
            rows = session.scalars(select(MailedDay)).all()
            return sorted((row.subscriber_id, row.day, row.delivery_id) for row in rows)

    def states(self) -> dict[int, State]:
        with self.database.reading() as session:
            return {
                row.id: row.state for row in session.execute(select(Delivery.id, Delivery.state))
            }

    def change(self, model: type[Any], key: int, **values: Any) -> None:
        """Change a row as somebody else would."""
        with self.database.transaction() as session:
            row = session.get_one(model, key)
            for name, value in values.items():
                setattr(row, name, value)


def read(message: bytes) -> EmailMessage:
    """Read a message with the standard parser."""
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


@dataclass
class InterruptedRenderer:
    """Renders, and lets something happen elsewhere right before the first email."""

    deed: Callable[[], object]
    is_done: bool = False

    def render(self, edition: Edition, reader: Reader) -> RenderedEmail:
        if not self.is_done:
            self.is_done = True
            self.deed()
        return RENDERER.render(edition, reader)

    def render_encoded(self, edition: Edition, reader: Reader) -> EncodedEmail:
        self.render(edition, reader)
        return RENDERER.render_encoded(edition, reader)


class InterruptedSender(MemorySender):
    """Takes a group, lets something happen elsewhere, and only then answers."""

    def __init__(self, deed: Callable[[], object], *, connections: int = 10) -> None:
        super().__init__(connections=connections)
        self.deed = deed

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        outcomes = super().send(handovers)
        self.deed()
        return outcomes


class Crash(BaseException):
    """The process dies here."""


def crash() -> None:
    raise Crash


@dataclass(frozen=True)
class RefusingDatabase(Database):
    """Refuses some of the writing transactions at their commit: those counted here, from 1."""

    refused: frozenset[int] = frozenset()
    begun: list[int] = field(default_factory=list)
    cause: Exception = field(default_factory=lambda: Exception("database is locked"))

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        self.begun.append(len(self.begun) + 1)
        with super().transaction() as session:
            yield session
            if self.begun[-1] in self.refused:
                raise OperationalError("COMMIT", None, self.cause)
