"""The processes of a world, life after life, and the machine they run on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from delivery import outbox
from delivery.clock_watch import Uptime
from delivery.errors import WorkerFencedError
from delivery.models import Worker
from delivery.outbox import WorkerIdentity
from delivery.ticks import TickReport
from scheduler import Parts, _sign_off, _sign_on, run_tick
from tests.simulation.baton import Clock
from tests.simulation.faults import Crash, Process, SeamedDatabase

if TYPE_CHECKING:
    from tests.simulation.world import World

LEASE = timedelta(seconds=60)
EVERY = timedelta(seconds=5)
JUMPS = tuple(
    timedelta(hours=hours) for hours in (-9000, -30, -3, -0.2, 1.5, 5, 30, 24 * 9, 24 * 400)
)


@dataclass
class Machine:
    """What the service sees of time: a wall clock that may be wrong, and the machine's counter."""

    clock: Clock
    skew: timedelta = timedelta(0)
    starts: int = 1

    def __post_init__(self) -> None:
        self._began = self.clock.now

    def wall(self) -> datetime:
        return self.clock.now + self.skew

    def boot(self) -> str:
        return f"start-{self.starts}"

    def uptime(self) -> Uptime:
        return Uptime(self.boot(), self.clock.now - self._began)


@dataclass(eq=False)
class WorkerLife:
    """What one worker process does, life after life."""

    world: World
    name: str
    identity: WorkerIdentity | None = None
    journal: str = ""  # its name, of the latest
    is_retired: bool = False
    quiet: tuple[int, int] = (0, 0)  # ticks since so many changes that found nothing to do
    process: Process = field(init=False)
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        world = self.world
        database = SeamedDatabase(world.database.engine, seams=world.seams)
        self.parts = world.parts_for(database)

    def live(self) -> None:
        """Work until the process dies; another one takes its place after a while."""
        while True:
            try:
                self._work()
            except Crash:
                self.world.changes += 1
                self._be_dead()

    def lose_notes(self, share: float) -> None:
        """Take the last lines out of the journal of this process, and half of one."""
        name, folder = self.journal, self.world.journals
        if folder is None or not name:
            return
        path = folder / f"{name}.0.journal"
        lines = path.read_bytes().splitlines(keepends=True)
        kept = len(lines) - int(len(lines) * share)
        path.write_bytes(b"".join(lines[:kept]) + b"".join(lines[kept : kept + 1])[:9])

    def show_life(self, worker: WorkerIdentity) -> None:
        """Do what runs beside the tick: it goes on while the tick waits for a relay."""
        with self.world.database.transaction() as session:
            try:
                outbox.beat(session, worker, now=self.world.machine.wall())
            except WorkerFencedError:
                return

    def _be_dead(self) -> None:
        world, process = self.world, self.process
        self.identity = None
        if self.parts.scribe is not None:
            self.parts.scribe.end()  # its lock ends with the process
        process.answered.clear()
        process.in_flight = process.flying = process.dotted = 0
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
        world = self.world
        while True:
            sent = self._tick()
            if world.seams.happens("quit"):
                self._sign_off()
            # The next tick follows at once in truth; mostly it finds nothing any more.
            if not sent or world.dice.random() < 0.7:
                self._idle()

    def _tick(self) -> int:
        """Do as `Scheduler` does: show life, or report for work; then tick."""
        world = self.world
        try:
            self._begin()
        except Exception:  # the database does not answer; at the next tick perhaps
            return 0
        assert self.identity is not None
        patience = world.dice.choice((1, 3, 1000, 1000))
        left = iter(range(patience))
        now = world.machine.wall()
        report = run_tick(
            self.parts, self.identity, now=now, keep_going=lambda: next(left, None) is not None
        )
        self._note(report)
        return report.sent

    def _note(self, report: TickReport) -> None:
        totals = self.world.totals
        totals["ticks"] += 1
        for step in report.steps:
            if step.failure:
                totals[f"failed: {step.name}"] += 1
        if any(step.done or step.failure for step in report.steps if step.name != "go on"):
            self.world.changes += 1
        else:
            totals["quiet ticks"] += 1
        changes, ticks = self.quiet
        self.quiet = self.world.changes, ticks + 1 if changes == self.world.changes else 0

    def _begin(self) -> None:
        if self.identity is not None:
            try:
                with self.parts.database.transaction() as session:
                    outbox.beat(session, self.identity, now=self.world.machine.wall())
                return
            except WorkerFencedError:
                self.world.totals["fenced"] += 1
                self.identity = None
        self.identity = _sign_on(self.parts)
        with self.world.database.reading() as session:
            self.journal = session.get_one(Worker, self.identity.id).journal

    def _sign_off(self) -> None:
        worker = self.identity
        if worker is None:
            return
        try:
            _sign_off(self.parts, worker)
        except Exception:  # it leaves all the same, and will be given up for dead
            self.world.totals["left without a word"] += 1
            if self.parts.scribe is not None:
                self.parts.scribe.end()
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
        occasion = world.next_occasion()
        pause = world.dice.choice((EVERY, EVERY, timedelta(minutes=20), timedelta(hours=2)))
        at_least = now + pause
        # What one tick after the other leaves alone waits for something else to happen.
        again = min(pause * 4 ** min(self.quiet[1], 8), timedelta(days=2))
        earliest = now + again if occasion.is_now else now + timedelta(days=20)
        earliest = min(earliest, occasion.next_at)
        if world.has_others(self) and world.dice.random() < 0.4:  # they will be there in time
            at_least += timedelta(days=2 * world.dice.random())
        if world.is_held():  # ticks find it so until staff come
            at_least = max(at_least, now + timedelta(days=10 * world.dice.random()))
        for until in (world.seams.way_out_at, world.seams.database_down_until):
            if until is not None and until > now:
                at_least = max(at_least, now + (until - now) * world.dice.random())
        return max(earliest, at_least)
