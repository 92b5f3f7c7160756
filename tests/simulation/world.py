"""The whole world of one seed: a clinic, its workers and people, the relay, and what goes wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import func, select

from campaigns.facts import load_people, moves_of
from campaigns.models import Enrolment
from campaigns.rules.moves import Finished, SendStep, WaitUntil
from campaigns.rules.standing import FirstStep
from campaigns.series_folder import FolderStep, SeriesFolder
from campaigns.site import Site
from campaigns.store import IS_ACTIVE, next_look
from delivery import outbox
from delivery.errors import WorkerFencedError
from delivery.holds import of_reach, open_holds
from delivery.models import Delivery
from delivery.outbox import WorkerIdentity
from delivery.rules.holds import Reach
from delivery.rules.states import State
from scheduler import Parts, run_tick
from storage.database import Database, Session
from tests.simulation.baton import Baton, Clock
from tests.simulation.deeds import LIST, ZONES, Deeds
from tests.simulation.faults import CALM, Crash, Process, Rates, SeamedDatabase, Seams
from tests.simulation.records import Book
from tests.simulation.relay import ModelRelay, ModelSender
from tests.simulation.renderer import PlainRenderer, document

LEASE = timedelta(seconds=60)
EVERY = timedelta(seconds=5)
SMALL_BATCH = 3  # so that batches are claimed while mail is on its way
LONGEST_DRAIN = timedelta(days=400)


class Abandoned(Exception):
    """The world did not come to rest in time."""


@dataclass
class World:
    """One seed's world."""

    seed: int
    database: Database
    site: Site
    rates: Rates | None = None  # None: drawn by the dice
    least_workers: int = 1
    dice: Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = dice = Random(self.seed)  # noqa: S311  (dice that fall the same each time)
        day = timedelta(days=dice.randrange(365), hours=dice.randrange(24))
        self.clock = Clock(datetime(2026, 1, 1, tzinfo=UTC) + day)
        self.baton = Baton(dice, self.clock, before_leap=self._before_leap)
        self.troubles = self.rates or Rates.drawn(dice)
        connections = dice.choice((1, 2, 4))
        self.seams = Seams(dice, self.clock, self.baton, CALM, most_in_flight=connections)
        self.relay = ModelRelay(self.seams)
        self.book = Book()
        zones = tuple(dice.sample(ZONES, 2))
        self.deeds = Deeds(dice, self.clock, self.database, self.site, self.seams, self.book, zones)
        self.seams.act, self.seams.outage = self.deeds.anything, self._outage
        self.seams.attention = self._wake_somebody
        self.off_until = self.clock.now
        self.workers: list[WorkerLife] = []
        self._beaten_at = self.started = self.clock.now

    @property
    def totals(self) -> Counter[str]:
        return self.seams.totals

    def play(self) -> None:
        """Let things go wrong for some weeks, then let the rest come to its end."""
        try:
            self._set_up()
            self.seams.rates = self.troubles
            self._trouble()
            self._drain()
        finally:
            self.baton.stop()
            self._count()

    def wait(self, seconds: float) -> None:
        """Wait between tries to write down what a relay said."""
        self.seams.pass_by(in_doubt=self.seams.process.in_flight)
        self.seams.take_time(timedelta(seconds=seconds), in_doubt=self.seams.process.in_flight)

    def next_occasion(self) -> datetime:
        """Find the first moment at which the rules, as they are now, see something to do."""
        now = self.clock.now
        with self.database.reading() as session:
            due = select(func.min(Delivery.due_at)).where(Delivery.state == State.QUEUED)
            moments = [session.scalar(due)]
            ways = session.execute(select(Enrolment.subscriber_id, Enrolment.id).where(IS_ACTIVE))
            people = {row.subscriber_id for row in ways}
            for person in load_people(session, people, site=self.site, now=now):
                for move in moves_of(person, site=self.site, now=now).values():
                    if isinstance(move, WaitUntil):
                        moments.append(move.at)
                    elif isinstance(move, SendStep | Finished):
                        moments.append(next_look(session))
        return min(
            (at for at in moments if at is not None), default=datetime.max.replace(tzinfo=UTC)
        )

    def _set_up(self) -> None:
        for name, waits in (("welcome", (0, 7, 7)), ("advice", (1, 3, 7))):
            steps = tuple(self._step(name, n, wait) for n, wait in enumerate(waits, start=1))
            first = self.dice.choice((FirstStep.AT_ONCE, FirstStep.NEXT_SLOT))
            if name == "welcome" or self.dice.random() < 0.7:
                priority = self.dice.choice((50, 100))
                self.deeds.publish(
                    SeriesFolder(name, "A series", steps, LIST, first_step=first, priority=priority)
                )
        for _ in range(self.dice.randrange(2, 6)):
            self.deeds.add_person()
        for number in range(max(self.dice.choice((1, 2, 2, 3)), self.least_workers)):
            life = WorkerLife(self, f"worker-{number + 1}")
            self.workers.append(life)
            actor = self.baton.add(life.name, life.live, at=self.clock.now)
            life.process = self.seams.processes[actor] = Process(actor)

    def _step(self, slug: str, number: int, wait: int) -> FolderStep:
        key = f"part-{number}"
        return FolderStep(key, f"{key}.md", wait, document(slug, key))

    def _trouble(self) -> None:
        """Let people act and things break, from time to time and at the worst moments."""
        end = self.clock.now + timedelta(days=self.dice.choice((12, 20, 30)))
        busy = self.dice.choice((0.2, 1.0, 3.0))  # days between deeds
        while self.clock.now < end:
            self.baton.rest(timedelta(days=self.dice.expovariate(1 / busy)))
            if self.seams.rates.deed:
                self.deeds.anything()

    def _drain(self) -> None:
        """End all trouble: one healthy worker goes on, and staff release what was held."""
        self.seams.rates, self.seams.relay_down_until = CALM, None
        self.seams.database_down_until = None
        for life in self.workers[1:]:
            life.process.actor.order = Crash()
            life.is_retired = True
            self.baton.wake(life.process.actor, self.clock.now)
        self.off_until = self.clock.now
        self.deeds.resume_all()
        end = self.clock.now + LONGEST_DRAIN
        while self.clock.now < end:
            self.baton.wake(self.workers[0].process.actor, self.clock.now)
            self.baton.rest(timedelta(days=30))
            if not self.deeds.release_held() and self._is_at_rest():
                return
        raise Abandoned(f"seed {self.seed}: still open after {LONGEST_DRAIN.days} quiet days")

    def _is_at_rest(self) -> bool:
        open_states = [State.QUEUED, State.CLAIMED, State.SENDING, State.HELD]
        with self.database.reading() as session:
            has_open = select(func.count()).where(Delivery.state.in_(open_states))
            return next_look(session) is None and not session.scalar(has_open)

    def _outage(self) -> None:
        """Switch everything off, for days or weeks."""
        days = self.dice.choice((1, 3, 8, 25)) * self.dice.random()
        self.off_until = self.clock.now + timedelta(days=days)
        for life in self.workers:
            life.process.actor.order = Crash()
            self.baton.wake(life.process.actor, self.clock.now)

    def _wake_somebody(self) -> None:
        """Let idle workers look around soon: in truth they do so every few seconds."""
        for life in self.workers:
            if life.process.is_idle and self.dice.random() < 0.3:
                soon = timedelta(seconds=self.dice.choice((0, 3, 90, 3600)))
                self.baton.wake(life.process.actor, self.clock.now + soon)

    def _before_leap(self, moment: datetime) -> None:
        """Let those who live show life beside their ticks, as the scheduler does."""
        if moment - self._beaten_at < LEASE / 2:
            return
        self.clock.now = max(self.clock.now, moment)
        self._beaten_at = self.clock.now
        until = self.seams.database_down_until
        if until is not None and moment < until:
            return
        for life in self.workers:
            if life.identity is not None and not (life.process.is_stalled or life.process.is_down):
                life.show_life(life.identity)

    def _count(self) -> None:
        totals = self.totals
        totals["sent"] = len(self.relay.accepted)
        totals["resets after the dot"] = self.relay.resets_after_dot
        with self.database.reading() as session:
            states = select(Delivery.state, func.count()).group_by(Delivery.state)
            for state, count in session.execute(states):
                totals[f"deliveries {state}"] = count


@dataclass(eq=False)
class WorkerLife:
    """What one worker process does, life after life."""

    world: World
    name: str
    identity: WorkerIdentity | None = None
    is_retired: bool = False
    process: Process = field(init=False)
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        world = self.world
        self.parts = Parts(
            SeamedDatabase(world.database.engine, seams=world.seams),
            world.site,
            ModelSender(world.relay, world.seams, world.seams.most_in_flight),
            PlainRenderer(),
            world.clock,
            lease=LEASE,
        )

    def live(self) -> None:
        """Work until the process dies; another one takes its place after a while."""
        while True:
            try:
                self._work()
            except Crash:
                self._be_dead()

    def show_life(self, worker: WorkerIdentity) -> None:
        """Do what runs beside the tick: it goes on while the tick waits for a relay."""
        with self.world.database.transaction() as session:
            try:
                outbox.beat(session, worker, now=self.world.clock())
            except WorkerFencedError:
                return

    def _be_dead(self) -> None:
        world, process = self.world, self.process
        self.identity = None
        process.answered.clear()
        process.in_flight = process.flying = 0
        process.is_idle, process.is_down = False, True
        minutes = world.dice.choice((0.05, 1, 5, 100, 3000)) * world.dice.random()
        back = max(world.clock.now + timedelta(minutes=minutes), world.off_until)
        while True:
            try:
                if self.is_retired:
                    world.baton.rest_until(datetime.max.replace(tzinfo=UTC))
                world.baton.rest_until(back)
            except Crash:
                back = max(back, world.off_until)
                continue
            break
        process.is_down = False

    def _work(self) -> None:
        while True:
            sent = self._tick()
            if self.world.seams.happens("quit"):
                self._sign_off()
            if not sent:
                self._idle()

    def _tick(self) -> int:
        """Do as `Scheduler` does: show life, or report for work; then tick."""
        world = self.world
        try:
            with self.parts.database.transaction() as session:
                self._begin(session)
        except Exception:  # the database does not answer; at the next tick perhaps
            return 0
        assert self.identity is not None
        patience = world.dice.choice((1, 3, 1000, 1000))
        left = iter(range(patience))
        now = world.clock()
        report = run_tick(
            self.parts, self.identity, now=now, keep_going=lambda: next(left, None) is not None
        )
        world.totals["ticks"] += 1
        for step in report.steps:
            if step.failure:
                world.totals[f"failed: {step.name}"] += 1
        return report.sent

    def _begin(self, session: Session) -> None:
        host, now = self.name, self.world.clock()
        try:
            if self.identity is not None:
                outbox.beat(session, self.identity, now=now)
                return
        except WorkerFencedError:
            self.world.totals["fenced"] += 1
        self.identity = outbox.register_worker(session, host=host, process_id=1, now=now)

    def _sign_off(self) -> None:
        worker = self.identity
        if worker is None:
            return
        try:
            with self.parts.database.transaction() as session:
                outbox.retire_worker(session, worker, now=self.world.clock())
        except Exception:  # it leaves all the same, and will be given up for dead
            self.world.totals["left without a word"] += 1
        self.identity = None

    def _idle(self) -> None:
        """Rest until something may be due; in truth ticks that find nothing lie in between."""
        self.process.is_idle = True
        try:
            self.world.baton.rest_until(self._next_moment())
        finally:
            self.process.is_idle = False

    def _next_moment(self) -> datetime:
        """Find when a tick may have something to do; the many before it would find nothing."""
        world, now = self.world, self.world.clock.now
        earliest = min(world.next_occasion(), now + timedelta(days=20))
        at_least = now + world.dice.choice(
            (EVERY, EVERY, timedelta(minutes=20), timedelta(hours=2))
        )
        if len(world.workers) > 1 and world.dice.random() < 0.4:  # others will be there in time
            at_least += timedelta(days=2 * world.dice.random())
        if self._is_held():  # ticks find it so until staff come
            at_least = max(at_least, now + timedelta(days=world.dice.random()))
        for until in (world.seams.relay_down_until, world.seams.database_down_until):
            if until is not None and until > now:
                at_least = max(at_least, now + (until - now) * world.dice.random())
        return max(earliest, at_least)

    def _is_held(self) -> bool:
        with self.world.database.reading() as session:
            return bool(of_reach(open_holds(session), Reach.SITE, Reach.SENDING))
