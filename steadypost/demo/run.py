"""Play the demo: clients act, the clock moves on to whatever is next, and so on to the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.store import next_look
from delivery.outbox import WorkerIdentity, beat
from delivery.store import oldest_due_at
from scheduler import employed, run_tick
from steadypost.demo.errors import DemoStuckError, DemoTickError
from steadypost.demo.invariants import LEAST_DAYS_APART, broken_promises
from steadypost.demo.mailbox import ReceivedMail
from steadypost.demo.people import Habit
from steadypost.demo.stage import START, Stage

LONGEST = timedelta(days=200)
_LONGEST_STEP = timedelta(hours=12)  # so that the weeks are seen to pass
_SHORTEST_STEP = timedelta(minutes=1)


@dataclass(frozen=True)
class Ending:
    """How the demo ended: what arrived, and which promises were broken (none, we hope)."""

    mails: list[ReceivedMail]
    broken: list[str]
    ended_at: datetime

    @property
    def days(self) -> int:
        """Tell how many days passed on the demo's clock."""
        return (self.ended_at - START).days

    @property
    def summary(self) -> list[str]:
        """Tell in plain words how it ended."""
        letters = [mail for mail in self.mails if mail.part]
        lines = [
            f"{len(letters)} emails of the series and {len(self.mails) - len(letters)} others "
            f"arrived in {self.days} days.",
        ]
        if self.broken:
            return [*lines, f"{len(self.broken)} PROMISES WERE BROKEN:", *self.broken]
        return [
            *lines,
            "Checked against the mailbox: everybody has each email exactly once, in order, and "
            f"at least {LEAST_DAYS_APART} of their own days apart; nobody got one unasked.",
        ]


def play(stage: Stage, *, seconds_per_week: float, show: Callable[[datetime], None]) -> Ending:
    """Play until every client has had the series.

    Raises:
        DemoTickError: a step of a tick failed.
        DemoStuckError: it does not end.
    """
    pace = _Pace(seconds_per_week)
    with employed(stage.parts) as worker:
        while True:
            _let_clients_act(stage)
            _tick(stage, worker)
            show(stage.clock())
            upcoming = _next_moment(stage)
            if upcoming is None:
                break
            pace.wait(stage.clock.move_to(upcoming))
            if stage.clock() - START > LONGEST:
                raise DemoStuckError(LONGEST.days)
    return _ending(stage)


def expected_mails(stage: Stage) -> int:
    """Count the emails of the series that the clients should get in all."""
    full = [life for life in stage.lives if life.client.habit is not Habit.NEVER_CONFIRMS]
    leavers = sum(life.client.habit is Habit.LEAVES for life in full)
    return len(full) * stage.series_parts - leavers * max(stage.series_parts - 3, 0)


def _ending(stage: Stage) -> Ending:
    mails = stage.mailbox.all()
    clients = [life.client for life in stage.lives]
    broken = broken_promises(clients, mails, parts=stage.series_parts)
    return Ending(mails, broken, stage.clock())


def _let_clients_act(stage: Stage) -> None:
    elapsed = stage.clock() - START
    for life in stage.lives:
        if life.client.arrives <= elapsed:
            life.act()


def _tick(stage: Stage, worker: WorkerIdentity) -> None:
    now = stage.clock()  # it leaps, and a worker that was silent for so long would count as dead
    with stage.parts.database.transaction() as session:
        beat(session, worker, now=now)
    report = run_tick(stage.parts, worker, now=now)
    failed = [step for step in report.steps if step.failure]
    if failed:
        raise DemoTickError(failed[0].name, failed[0].failure)


def _next_moment(stage: Stage) -> datetime | None:
    """Find when anything happens next; None: everything has happened."""
    now = stage.clock()
    arrivals = [START + life.client.arrives for life in stage.lives]
    upcoming = [arrival for arrival in arrivals if arrival > now]
    with stage.parts.database.reading() as session:
        upcoming += [at for at in (next_look(session), oldest_due_at(session)) if at is not None]
    if any(life.has_unread_mail for life in stage.lives):
        upcoming.append(now)
    if not upcoming:
        return None
    return min(max(min(upcoming), now + _SHORTEST_STEP), now + _LONGEST_STEP)


class _Pace:
    """Lets the demo's weeks take their seconds, minus the time the work itself took."""

    def __init__(self, seconds_per_week: float) -> None:
        self._rate = seconds_per_week / timedelta(weeks=1).total_seconds()
        self._until = time.monotonic()

    def wait(self, step: timedelta) -> None:
        """Wait as long as the demo's clock moved on, in the demo's own measure."""
        self._until += step.total_seconds() * self._rate
        rest = self._until - time.monotonic()
        if rest > 0:
            time.sleep(rest)
        else:
            self._until = time.monotonic()
