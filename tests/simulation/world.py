"""The whole world of one seed: a clinic, its workers and people, the relay, and what goes wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import func, select

from campaigns.facts import load_people, moves_of
from campaigns.models import Broadcast, Enrolment
from campaigns.rules.brake import Brake
from campaigns.rules.broadcasts import BroadcastStatus
from campaigns.rules.moves import Finished, SendStep, WaitUntil
from campaigns.rules.standing import FirstStep
from campaigns.series_folder import FolderStep, SeriesFolder
from campaigns.site import Site
from campaigns.store import IS_ACTIVE, next_look
from delivery.holds import of_reach, open_holds
from delivery.journal import JournalFolder, Scribe
from delivery.models import Delivery
from delivery.relay_pool import Member, RelayPool
from delivery.rules.holds import Reach
from delivery.rules.quota import Quota
from delivery.rules.states import State
from delivery.sender import Sender
from delivery.site_facts import site_id
from scheduler import Parts
from steadypost.resuming import resume_site
from storage.database import Database, Session
from tests.simulation.baton import Baton, Clock
from tests.simulation.deeds import LIST, ZONES, Deeds
from tests.simulation.faults import CALM, Crash, Process, Rates, Seams
from tests.simulation.lives import JUMPS, LEASE, Machine, WorkerLife
from tests.simulation.records import Book
from tests.simulation.relay import NAMES, ModelRelay, ModelSender
from tests.simulation.renderer import PlainRenderer, document
from tests.simulation.wishes import BOOKED, VIP

SMALL_BATCH = 3  # so that batches are claimed while mail is on its way
LONGEST_DRAIN = timedelta(days=400)


NEVER = datetime.max.replace(tzinfo=UTC)
_QUEUED = select(Delivery.due_at).where(Delivery.state == State.QUEUED)
_IS_COMING = Broadcast.status.in_([BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING])
_COMING_NEWS = select(Broadcast.begins_at).where(_IS_COMING, Broadcast.queued_at.is_(None))
_NEXT_NEWS = select(func.min(Broadcast.begins_at)).where(_IS_COMING)


@dataclass(frozen=True)
class Occasion:
    """What there is to do."""

    is_now: bool
    next_at: datetime


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
    journals: Path | None = None  # where hand-overs are noted; None: nowhere
    dice: Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = dice = Random(self.seed)  # noqa: S311  (dice that fall the same each time)
        day = timedelta(days=dice.randrange(365), hours=dice.randrange(24))
        self.clock = Clock(datetime(2026, 1, 1, tzinfo=UTC) + day)
        self.baton = Baton(dice, self.clock, before_leap=self._before_leap)
        self.troubles = self.rates or Rates.drawn(dice)
        self.connections = connections = dice.choice((1, 2, 4))
        if dice.random() < 0.25:
            self.journals = None
        ahead = connections if self.journals is None else dice.choice((connections, 8, 64))
        self.seams = Seams(dice, self.clock, self.baton, CALM, most_in_flight=ahead)
        self.seams.relays = NAMES[: dice.choice((1, 1, 2))]
        self.has_standby = dice.random() < 0.5  # the second relay is there for the first one only
        self.brake = Brake(dice.choice((2, 4)), 2.0) if dice.random() < 0.3 else None
        if dice.random() < 0.25:
            self.site = replace(self.site, quota=Quota(dice.choice((2, 4))))
        self.seams.trusts_journal = self.journals is not None
        self.relay = ModelRelay(self.seams)
        self.book = Book()
        zones = tuple(dice.sample(ZONES, 2))
        self.deeds = Deeds(dice, self.clock, self.database, self.site, self.seams, self.book, zones)
        self.machine = Machine(self.clock)
        self.seams.act, self.seams.outage = self.deeds.anything, self._outage
        self.deeds.resume, self.deeds.is_held = self._resume, self.is_held
        self.seams.attention = self._wake_somebody
        self.off_until = self.clock.now
        self.workers: list[WorkerLife] = []
        self._beaten_at = self.started = self.clock.now
        self.changes = 0  # by people, and by ticks that did anything
        self._seen: tuple[int, list[datetime]] = -1, []  # looks, after so many changes

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

    def parts_for(self, database: Database) -> Parts:
        """Put together what one process works with."""
        machine, connections, ahead = self.machine, self.connections, self.seams.most_in_flight
        scribe = self._scribe()
        senders = {
            name: ModelSender(self.relay, self.seams, connections, ahead, name)
            for name in self.seams.relays
        }
        for one in senders.values():
            one.witness = scribe or one.witness
        order = {name: place * self.has_standby for place, name in enumerate(senders)}
        members = [Member(name, one, order=order[name]) for name, one in senders.items()]
        sender: Sender = RelayPool(members) if len(members) > 1 else members[0].sender
        return Parts(
            database,
            self.site,
            sender,
            PlainRenderer(),
            machine.wall,
            lease=LEASE,
            scribe=scribe,
            uptime=machine.uptime,
            brake=self.brake,
        )

    def _scribe(self) -> Scribe | None:
        if self.journals is None:
            return None

        def person(address: str) -> str:
            return self.site.keys.digest("journal", address)

        return Scribe(JournalFolder(self.journals, person, self.machine.wall))

    def _resume(self) -> None:
        """Set the clock right and let the site go on, as staff do."""
        self.machine.skew = timedelta(0)
        resume_site(self.parts_for(self.database))

    def is_held(self) -> bool:
        """Tell whether something waits until staff come."""
        with self.database.reading() as session:
            return bool(of_reach(open_holds(session), Reach.SITE, Reach.SENDING, Reach.QUEUEING))

    def has_others(self, life: WorkerLife) -> bool:
        """Tell whether another worker is still in service."""
        return any(not one.is_retired for one in self.workers if one is not life)

    def next_occasion(self) -> Occasion:
        """Tell when something is to be done; people are asked again when that may have changed."""
        now = self.clock.now
        with self.database.reading() as session:
            moments = [*session.scalars(_QUEUED), *session.scalars(_COMING_NEWS)]
            changes, looks = self._seen
            if changes != self.changes or min(looks, default=NEVER) <= now:
                looks = self._looks(session)
                self._seen = self.changes, looks
        coming = [at for at in moments + looks if at > now]
        return Occasion(len(coming) < len(moments + looks), min(coming, default=NEVER))

    def _looks(self, session: Session) -> list[datetime]:
        """Ask the rules, as they are now, when they want to look at anybody."""
        now, looks = self.clock.now, list[datetime]()
        people = set(session.scalars(select(Enrolment.subscriber_id).where(IS_ACTIVE)))
        for person in load_people(session, people, site=self.site, now=now):
            for move in moves_of(person, site=self.site, now=now).values():
                if isinstance(move, WaitUntil):
                    looks.append(move.at)
                elif isinstance(move, SendStep | Finished):
                    looks.append(next_look(session) or now)
        return looks

    def _set_up(self) -> None:
        with self.database.transaction() as session:
            site_id(session)  # as the first opening of a site does
        for name, waits in (("welcome", (0, 7, 7)), ("advice", (1, 3, 7))):
            steps = tuple(self._step(name, n, wait) for n, wait in enumerate(waits, start=1))
            first = self.dice.choice((FirstStep.AT_ONCE, FirstStep.NEXT_SLOT))
            if name == "welcome" or self.dice.random() < 0.7:
                priority = self.dice.choice((50, 100))
                folder = SeriesFolder(
                    name, "A series", steps, LIST, first_step=first, priority=priority
                )
                self.deeds.publish(self._with_rules(folder) if name == "advice" else folder)
        for _ in range(self.dice.randrange(2, 6)):
            self.deeds.add_person()
        for number in range(max(self.dice.choice((1, 2, 2, 3)), self.least_workers)):
            life = WorkerLife(self, f"worker-{number + 1}")
            self.workers.append(life)
            actor = self.baton.add(life.name, life.live, at=self.clock.now)
            life.process = self.seams.processes[actor] = Process(actor)

    def _with_rules(self, folder: SeriesFolder) -> SeriesFolder:
        """Let a tag decide about a step, and another one about the end."""
        if self.dice.random() < 0.5:
            self.book.exits.add(folder.slug)
            folder = replace(folder, exit_rule=f"tagged {BOOKED}")
        if self.dice.random() < 0.5:
            first, second, *rest = folder.steps
            second = replace(second, condition=f"tagged {VIP}")
            folder = replace(folder, steps=(first, second, *rest))
        return folder

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
            elif self.is_held() and self.dice.random() < 0.3:
                self.deeds.release_held()
                self._wake_somebody()
            if self.seams.happens("jump"):
                self.machine.skew = self.dice.choice(JUMPS)

    def _drain(self) -> None:
        """End all trouble: one healthy worker goes on, and staff release what was held."""
        self.seams.rates = CALM
        self.seams.relays_down_until.clear()
        self.seams.relays_busy_until.clear()
        self.machine.skew = timedelta(0)
        self.seams.database_down_until = None
        for life in self.workers[1:]:
            life.process.actor.order = Crash()
            life.is_retired = True
            self.baton.wake(life.process.actor, self.clock.now)
        self.off_until = self.clock.now
        self.deeds.resume_all()
        end = self.clock.now + LONGEST_DRAIN
        while self.clock.now < end:
            self.changes += 1  # by those who released what was held
            self.baton.wake(self.workers[0].process.actor, self.clock.now)
            self.baton.rest(timedelta(days=30))
            if not self.deeds.release_held() and self._is_at_rest():
                return
        raise Abandoned(f"seed {self.seed}: still open after {LONGEST_DRAIN.days} quiet days")

    def _is_at_rest(self) -> bool:
        open_states = [State.QUEUED, State.CLAIMED, State.SENDING, State.HELD]
        with self.database.reading() as session:
            has_open = select(func.count()).where(Delivery.state.in_(open_states))
            is_open = session.scalar(has_open) or session.scalar(_NEXT_NEWS)
            return next_look(session) is None and not is_open

    def _outage(self) -> None:
        """Switch everything off, for days or weeks."""
        days = self.dice.choice((1, 3, 8, 25)) * self.dice.random()
        self._cut_power()
        self.off_until = self.clock.now + timedelta(days=days)
        for life in self.workers:
            life.process.actor.order = Crash()
            self.baton.wake(life.process.actor, self.clock.now)

    def _cut_power(self) -> None:
        """Start the machine anew; what the journals noted last was not on the disk yet."""
        self.machine.starts += 1
        self.machine.skew = timedelta(0)  # nobody can tell a clock set wrong while it was off
        self.seams.lose_journals()
        for life in self.workers:
            lost = self.dice.choice((0.0, 0.1, 1.0)) * self.dice.random()
            life.lose_notes(lost)

    def _wake_somebody(self) -> None:
        """Let idle workers look around soon: in truth they do so every few seconds."""
        self.changes += 1
        for life in self.workers:
            if life.process.is_idle and self.dice.random() < 0.12:
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
