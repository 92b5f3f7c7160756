"""Play a rehearsal: readers come and act, ticks happen, and the clock moves on to what is next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from campaigns.closing import emails_of
from campaigns.store import load_labels, look_again, next_look
from delivery.models import Delivery
from delivery.outbox import WorkerIdentity, beat
from delivery.rules.states import Kind
from delivery.store import oldest_due_at
from scheduler import employed, run_tick
from steadypost.demo.people import Client, Habit
from steadypost.errors import ExitCode, TickFailedError
from steadypost.rehearsal.stage import Stage
from storage.database import Session
from subscribers.models import Subscriber
from subscribers.rules.preferences import PreferenceChange
from subscribers.rules.standing import Pace
from subscribers.signup import SignUp, change_preferences, confirm, request_subscription
from subscribers.store import find_subscriber

LONGEST = timedelta(days=1500)
_SHORTEST_STEP = timedelta(minutes=1)
_PAUSE = timedelta(weeks=2)
_ACTS_AFTER_PART = 2


@dataclass(frozen=True)
class RehearsedMail:
    """One email of the series that an invented reader got."""

    reader: Client
    at: datetime
    step_key: str
    part: int
    raw: bytes


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal showed."""

    stage: Stage
    mails: list[RehearsedMail]
    ended_at: datetime

    def of(self, reader: Client) -> list[RehearsedMail]:
        """List what one reader got."""
        return [mail for mail in self.mails if mail.reader is reader]


def rehearse(stage: Stage) -> Rehearsal:
    """Play until everybody has had the series.

    Raises:
        TickFailedError: a step of a tick failed.
    """
    readers = [_ReaderLife(stage, client) for client in stage.cast]
    with employed(stage.parts) as worker:
        while True:
            for reader in readers:
                reader.act()
            _tick(stage, worker)
            upcoming = _next_moment(stage, readers)
            if upcoming is None or upcoming - stage.conditions.start > LONGEST:
                break
            stage.clock.move_to(_after_an_outage(stage, upcoming))
    return Rehearsal(stage, _mails(stage), stage.clock())


class _ReaderLife:
    """One invented reader: comes, confirms, and may pause or slow down."""

    def __init__(self, stage: Stage, client: Client) -> None:
        self._stage, self._client = stage, client
        self.arrives = stage.conditions.start + client.arrives
        self._has_come = self._has_acted = False

    def act(self) -> None:
        """Do what this reader would do now, once."""
        now = self._stage.clock()
        with self._stage.parts.database.transaction() as session:
            if not self._has_come and self.arrives <= now:
                self._has_come = True
                self._sign_up(session, now)
            if self._has_come and not self._has_acted and self._wants_to_act():
                self._has_acted = True
                self._follow_habit(session, now)

    def _sign_up(self, session: Session, now: datetime) -> None:
        client, keys = self._client, self._stage.parts.site.keys
        wish = SignUp(
            client.email,
            self._stage.folder.list_slug,
            first_name=client.first_name,
            time_zone=client.zone,
            weekday=client.weekday,
            hour=client.hour,
        )
        asked = request_subscription(session, wish, keys=keys, now=now)
        assert asked.subscription is not None  # noqa: S101  (nobody was here before)
        confirm(session, asked.subscription.public_id, asking=None, keys=keys, now=now)

    def _wants_to_act(self) -> bool:
        got = [mail for mail in self._stage.sender.accepted if mail.recipient == self._client.email]
        return self._client.habit is not Habit.READS and len(got) >= _ACTS_AFTER_PART

    def _follow_habit(self, session: Session, now: datetime) -> None:
        person = find_subscriber(session, self._client.email)
        assert person is not None  # noqa: S101
        pause_until = (now + _PAUSE).date()
        change = (
            PreferenceChange(paused_until=pause_until)
            if self._client.habit is Habit.PAUSES
            else PreferenceChange(pace=Pace.TWO_WEEKS)
        )
        change_preferences(session, person, change, keys=self._stage.parts.site.keys, now=now)
        look_again(session, subscriber_id=person.id, now=now)


def _tick(stage: Stage, worker: WorkerIdentity) -> None:
    now = stage.clock()  # it leaps, and a worker that was silent for so long would count as dead
    with stage.parts.database.transaction() as session:
        beat(session, worker, now=now)
    report = run_tick(stage.parts, worker, now=now)
    failures = {step.name: step.failure for step in report.steps if step.failure}
    if failures:
        raise TickFailedError(failures, exit_code=ExitCode.FAULT)


def _next_moment(stage: Stage, readers: list[_ReaderLife]) -> datetime | None:
    now = stage.clock()
    upcoming = [reader.arrives for reader in readers if reader.arrives > now]
    with stage.parts.database.reading() as session:
        upcoming += [at for at in (next_look(session), oldest_due_at(session)) if at is not None]
    if not upcoming:
        return None
    return max(min(upcoming), now + _SHORTEST_STEP)


def _after_an_outage(stage: Stage, moment: datetime) -> datetime:
    outage = stage.conditions.outage
    return outage.ends if outage and outage.begins <= moment < outage.ends else moment


def _mails(stage: Stage) -> list[RehearsedMail]:
    """Put what was handed over beside the rows that say what it was."""
    clients = {client.email: client for client in stage.cast}
    with stage.parts.database.reading() as session:
        keys = load_labels(session).steps
        wanted = (
            select(Delivery.id, Delivery.done_at, Delivery.step_id, Subscriber.email)
            .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
            .where(Delivery.kind == Kind.STEP)
        )
        rows = {row.id: row for row in session.execute(wanted)}
    parts = {step.key: part for part, step in enumerate(emails_of(stage.folder), start=1)}
    return [
        RehearsedMail(
            reader=clients[row.email],
            at=row.done_at,
            step_key=keys[row.step_id],
            part=parts[keys[row.step_id]],
            raw=handover.message,
        )
        for handover in stage.sender.accepted
        if (row := rows.get(handover.delivery_id)) is not None and row.done_at is not None
    ]
