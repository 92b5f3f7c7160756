"""What time is it? The steps of a tick, and the clock that calls for one every few seconds.

It owns *when*, never *what*. Every step asks the rows what is due, and may run twice unharmed.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, TypeVar

from campaigns.braking import queue_within_brake
from campaigns.broadcasting import has_due_broadcasts, queue_due_broadcasts
from campaigns.dispatch import send_queued
from campaigns.enrolment import (
    end_enrolments_of_leavers,
    enrol_newcomers,
    has_leavers,
    has_newcomers,
)
from campaigns.holding import (
    QUEUE_STEPS,
    TAKE_OVER,
    has_failing_series,
    hold_after_failures,
    hold_failing_series,
    look_at_holds,
    note_relay,
)
from campaigns.portions import Portion
from campaigns.publishing import has_changes, publish_changes
from campaigns.queueing import has_confirmations, queue_confirmations, queue_due_steps
from campaigns.rules.brake import Brake
from campaigns.site import Site
from campaigns.store import has_due_enrolments
from campaigns.succession import Journals, NoJournals, settle_own, take_over
from delivery import outbox
from delivery.clicks import has_opened_in_doubt, settle_opened
from delivery.clock_watch import Uptime
from delivery.domain_lines import forget_lines, has_forgotten_lines
from delivery.errors import WorkerFencedError
from delivery.journal import Scribe
from delivery.outbox import WorkerIdentity as Worker
from delivery.provenance import check_provenance
from delivery.rules import portions
from delivery.rules.journal import Evidence
from delivery.sender import HasRelays, Sender
from delivery.site_facts import site_id
from delivery.ticks import SEND, StepReport, TickReport, keep_report
from delivery.watch import RelayWatch
from storage.database import Database, Session
from templates.email import Renderer

LOG = logging.getLogger("steadypost.scheduler")
KeepGoing = Callable[[], bool]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Parts:
    """What a tick works with."""

    database: Database
    site: Site
    sender: Sender
    renderer: Renderer
    clock: Callable[[], datetime]
    lease: timedelta = timedelta(seconds=60)  # silence after which a worker counts as dead
    proof: Renderer | None = None  # for texts nobody has tried yet: a renderer with limits
    watch: RelayWatch = field(default_factory=RelayWatch)
    scribe: Scribe | None = None  # keeps the journal of hand-overs; the sender has it too
    brake: Brake | None = None  # None: as much as is due, for rehearsals
    uptime: Callable[[], Uptime] | None = None  # None: the clock is not the machine's

    def evidence(self) -> Evidence:
        """Tell what the journal of this process proves about its own worker."""
        return self.scribe.evidence() if self.scribe else Evidence()

    @property
    def proving(self) -> Renderer:
        """Give the renderer for texts that nobody has tried yet."""
        return self.proof or self.renderer

    @property
    def journals(self) -> Journals:
        """Give the journals that lie here."""
        return self.scribe.folder if self.scribe else NoJournals()


def run_tick(
    parts: Parts,
    worker: Worker,
    *,
    now: datetime,
    keep_going: KeepGoing = lambda: True,
    portion: int = portions.MOST,
    only_sends: bool = False,
) -> TickReport:
    """Do everything that is due, step by step; a step that fails does not keep the others.

    With `only_sends` somebody else plans: what is queued is sent, and nothing is decided.
    """
    plan: dict[str, _Step] = {} if only_sends else _plan(parts, worker, now)
    look = look_at_holds(parts.database, parts.uptime, now=now)
    done = [
        _attempt(name, _do_if_wanted, parts, step)
        for name, step in plan.items()
        if not look.keeps_back(name)
    ]
    if not look.keeps_back(SEND):
        done.append(_attempt(SEND, _send, parts, worker, keep_going, portion))
    report = TickReport(now, (*done, *look.reports))
    hold_after_failures(parts.database, report.failures, now=now)
    _attempt("keep the report", _alone, parts, lambda s: keep_report(s, worker, report))
    return report


@dataclass(frozen=True)
class _Step:
    """One step before sending: a question that takes no lock, and a transaction of its own."""

    is_wanted: Callable[[Session], bool]
    deed: Callable[[Session], int | Portion]


def _plan(parts: Parts, worker: Worker, now: datetime) -> dict[str, _Step]:
    """Name the steps before sending, in order."""
    site, renderer = parts.site, parts.proving
    return {
        TAKE_OVER: _Step(
            lambda s: _may_take_over(parts, worker, s, now),
            lambda s: _take_over(parts, worker, s, now),
        ),
        "publish changes": _Step(
            lambda s: has_changes(s, site=site, now=now),
            lambda s: publish_changes(s, site=site, renderer=renderer, now=now),
        ),
        "enrol newcomers": _Step(
            lambda s: has_newcomers(s, site=site),
            lambda s: enrol_newcomers(s, site=site, now=now),
        ),
        "end leavers": _Step(has_leavers, lambda s: end_enrolments_of_leavers(s, now=now)),
        "queue confirmations": _Step(
            lambda s: has_confirmations(s, now=now),
            lambda s: queue_confirmations(s, site=site, now=now),
        ),
        QUEUE_STEPS: _Step(
            lambda s: has_due_enrolments(s, now=now),
            lambda s: _queue_steps(parts, s, now),
        ),
        "queue broadcasts": _Step(
            lambda s: has_due_broadcasts(s, now=now),
            lambda s: queue_due_broadcasts(s, site=site, now=now),
        ),
        "hold failing series": _Step(has_failing_series, lambda s: hold_failing_series(s, now=now)),
        "tidy": _Step(
            lambda s: _is_untidy(s, now),
            lambda s: _tidy(s, now),
        ),
    }


def _is_untidy(session: Session, now: datetime) -> bool:
    has_old = outbox.has_old(session, now=now) or has_forgotten_lines(session, now=now)
    return has_old or has_opened_in_doubt(session)


def _tidy(session: Session, now: datetime) -> int:
    forgotten = outbox.expire_old(session, now=now) + forget_lines(session, now=now)
    return forgotten + settle_opened(session, now=now)


def _queue_steps(parts: Parts, session: Session, now: datetime) -> Portion:
    if parts.brake is None:
        return queue_due_steps(session, site=parts.site, now=now)
    return queue_within_brake(session, parts.brake, site=parts.site, now=now)


def _may_take_over(parts: Parts, worker: Worker, session: Session, now: datetime) -> bool:
    has_ended, lease = parts.journals.is_abandoned, parts.lease
    return outbox.may_take_over(session, worker, now=now, lease=lease, has_ended=has_ended)


def _take_over(parts: Parts, worker: Worker, session: Session, now: datetime) -> int:
    """Settle what this worker left open in its last round, and what dead ones left for ever."""
    site, journals = parts.site, parts.journals
    own = settle_own(session, worker, parts.evidence(), site=site, now=now)
    lease = parts.lease
    return own + take_over(session, worker, journals, site=site, now=now, lease=lease)


def _do_if_wanted(parts: Parts, step: _Step) -> int | Portion:
    """Ask first, for nobody waits for a question; most ticks have nothing to do."""
    with parts.database.reading() as session:
        if not step.is_wanted(session):
            return 0
    return _alone(parts, step.deed)


def _alone(parts: Parts, deed: Callable[[Session], Made]) -> Made:
    """Do something in a transaction of its own."""
    with parts.database.transaction() as session:
        return deed(session)


def _attempt(name: str, work: Callable[..., Any], *with_these: Any) -> StepReport:
    try:
        done = work(*with_these)
    except Exception as error:  # the world may fail in any way; the next tick tries again
        LOG.debug("step of a tick failed", exc_info=True)
        return StepReport.failed(name, error)
    if isinstance(done, Portion):
        return StepReport(name, done.done, is_full=done.is_full)
    return done if isinstance(done, StepReport) else StepReport(name, done)


def _send(parts: Parts, worker: Worker, keep_going: KeepGoing, portion: int) -> StepReport:
    report = send_queued(
        parts.database,
        parts.sender,
        parts.site,
        renderer=parts.renderer,
        worker=worker,
        clock=parts.clock,
        keep_going=keep_going,
        limit=portion,
        watch=parts.watch,
    )
    down, sent = report.relay_down, report.sent
    aside = parts.sender.troubles() if isinstance(parts.sender, HasRelays) else ()
    if down or sent:
        _alone(parts, lambda s: note_relay(s, down, sent=sent, now=parts.clock(), aside=aside))
    return StepReport.of_sending(sent, down, is_full=report.put_back > 0)


@contextmanager
def employed(parts: Parts) -> Iterator[Worker]:
    """Be a worker for the length of a block; afterwards nothing is left in its hands."""
    worker = _sign_on(parts)
    try:
        yield worker
    finally:
        _sign_off(parts, worker)


def _sign_on(parts: Parts) -> Worker:
    about: dict[str, Any] = {"host": socket.gethostname(), "process_id": os.getpid()}
    about["journal"] = _alone(parts, lambda s: _begin_journal(parts, s))
    return _alone(parts, lambda s: outbox.register_worker(s, **about, now=parts.clock()))


def _begin_journal(parts: Parts, session: Session) -> str:
    if parts.scribe is None:
        return ""
    now, lease = parts.clock(), parts.lease
    why = check_provenance(session, parts.scribe.folder, now=now, lease=lease)
    if why:
        LOG.error("paused: %s; 'steadypost resume' shows what would be sent, and asks", why)
    return parts.scribe.begin(site_id(session))


def _sign_off(parts: Parts, worker: Worker) -> int:
    given_back = _alone(parts, lambda s: outbox.retire_worker(s, worker, now=parts.clock()))
    if parts.scribe:
        parts.scribe.end()
    return given_back


class Scheduler:
    """Calls for a tick every few seconds. APScheduler only ticks: it keeps and decides nothing."""

    def __init__(self, parts: Parts, *, every: timedelta, only_sends: bool = False) -> None:
        self._parts, self._every, self._portion = parts, every, portions.FIRST
        self._only_sends = only_sends
        self._worker: Worker | None = None
        self._stopping = Event()
        self.ask_to_stop = self._stopping.set  # returns at once, so a signal may call it
        self._failing: dict[str, str] = {}
        self._ticker: Any = None

    def start(self) -> None:
        """Begin, with the first tick at once."""
        from apscheduler.schedulers.background import BackgroundScheduler

        defaults = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        ticker = self._ticker = BackgroundScheduler(timezone=UTC, job_defaults=defaults)
        seconds = self._every.total_seconds()
        ticker.add_job(self.work, "interval", seconds=seconds, next_run_time=datetime.now(UTC))  # noqa: TID251
        # Beside the tick, which may wait for a slow relay longer than the lease.
        ticker.add_job(_attempt, "interval", ("beat", self._show_life), seconds=seconds)
        ticker.start()

    def stop(self) -> None:
        """Finish what is in hand, give back the rest, and leave."""
        self.ask_to_stop()
        if self._ticker is not None and self._ticker.running:
            self._ticker.shutdown(wait=True)
        self._parts.sender.close()
        if self._worker is not None:
            self._say(_attempt("sign off", _sign_off, self._parts, self._worker))

    def work(self) -> None:
        """Tick, and again without a pause while there is more to do and nobody asked to stop."""
        while not self._stopping.is_set() and self._tick():
            pass

    def _tick(self) -> bool:
        begin = _attempt("report for work", self._begin)
        if self._worker is None or begin.failure:
            self._say(begin)
            return False
        began, going = time.monotonic(), lambda: not self._stopping.is_set()
        now, portion, least = self._parts.clock(), self._portion, self._parts.sender.connections
        report = run_tick(
            self._parts,
            self._worker,
            now=now,
            keep_going=going,
            portion=portion,
            only_sends=self._only_sends,
        )
        pace = {"took": timedelta(seconds=time.monotonic() - began), "wanted": self._every}
        self._portion = portions.next_portion(portion, sent=report.sent, least=least, **pace)
        self._say(*report.steps)
        return report.sent > 0 or report.is_full

    def _begin(self) -> int:
        """Show life; report for work at first, and after having been taken for dead."""
        try:
            self._show_life()
        except WorkerFencedError:
            self._worker = None
        if self._worker is None:
            self._worker = _sign_on(self._parts)
        return 0

    def _show_life(self) -> int:
        if (worker := self._worker) is not None:
            _alone(self._parts, lambda s: outbox.beat(s, worker, now=self._parts.clock()))
        return 0

    def _say(self, *steps: StepReport) -> None:
        """Log a failure when it is new, not again at every tick."""
        failures = {step.name: step.failure for step in steps if step.failure}
        for name, failure in failures.items() - self._failing.items():
            LOG.error("could not %s: %s; tried again at every tick", name, failure)
        self._failing = failures
