"""What may go wrong, how often, and where: at every seam between the service and the world.

A seam is a place where something else can happen in between: before and after each transaction,
and between the stages of a hand-over. There, and only there, actors take turns, processes die or
stand still, and people act.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from storage.database import Database
from tests.simulation.baton import Actor, Baton, Clock

if TYPE_CHECKING:
    from tests.simulation.relay import Acceptance


class Crash(BaseException):
    """The process dies here; what is not committed is lost."""


class DefectError(BaseException):
    """The simulation itself is at fault."""


@dataclass(frozen=True)
class Rates:
    """How likely each trouble is, at each occasion for it."""

    crash: float = 0.0  # at any seam
    stall: float = 0.0  # at any seam
    refused: float = 0.0  # a transaction that fails, at its beginning or its commit
    unknown_commit: float = 0.0  # committed, but the answer is lost
    database_down: float = 0.0  # for a while, at any seam
    relay_down: float = 0.0
    relay_busy: float = 0.0  # it refuses everybody for now, for a while
    outage: float = 0.0  # everything is off, for days or weeks
    refusal: float = 0.0  # 4yz or 5yz at any stage
    reset: float = 0.0  # the link is lost, at any stage
    slow: float = 0.0  # a stage that takes a minute or more
    deed: float = 0.0  # somebody acts at this very moment
    quit: float = 0.0  # a worker is asked to stop
    jump: float = 0.0  # the wall clock is set wrong, when people act

    @classmethod
    def drawn(cls, dice: Random) -> Rates:
        """Draw the temper of one run: some are calm, some absurd."""
        heat = dice.choice((0.3, 1.0, 2.0, 4.0))
        most = Rates(
            crash=0.01,
            stall=0.006,
            refused=0.008,
            unknown_commit=0.003,
            database_down=0.001,
            relay_down=0.004,
            relay_busy=0.003,
            outage=0.001,
            refusal=0.03,
            reset=0.04,
            slow=0.03,
            deed=0.02,
            quit=0.02,
            jump=0.06,
        )
        chances = {name: dice.random() * value * heat for name, value in vars(most).items()}
        return replace(
            most, **{n: dice.choice((0.0, chance, chance)) for n, chance in chances.items()}
        )


CALM = Rates()
_NO_COMMIT = (*4 * ("database is locked",), "disk I/O error")  # the disk holds the site


@dataclass(eq=False)
class Process:
    """One worker process, as the world sees it."""

    actor: Actor
    is_stalled: bool = False
    is_down: bool = False
    is_idle: bool = False
    last_commit: int = 0  # sequence number
    last_commit_at: datetime | None = None
    in_flight: int = 0  # messages handed over whose outcome is not written down
    flying: int = 0  # those of them whose outcome is not known yet
    dotted: int = 0  # those whose dot may be out, and whose answer is not in the journal
    answered: list[Acceptance] = field(default_factory=list)  # said 250, not written down


@dataclass
class Seams:
    """Where the actors take turns and the dice fall."""

    dice: Random
    clock: Clock
    baton: Baton
    rates: Rates
    most_in_flight: int  # connections of one worker
    totals: Counter[str] = field(default_factory=Counter)
    processes: dict[Actor, Process] = field(default_factory=dict)
    sequence: int = 0
    may_be_in_doubt: int = 0
    trusts_journal: bool = False  # who takes over reads the journal of the dead
    left_to_journal: int = 0  # hand-overs that only the journals can vouch for
    database_down_until: datetime | None = None
    relays: tuple[str, ...] = ()  # names
    relays_down_until: dict[str, datetime] = field(default_factory=dict)
    relays_busy_until: dict[str, datetime] = field(default_factory=dict)
    act: Callable[[], None] = lambda: None  # what people and staff do
    outage: Callable[[], None] = lambda: None
    attention: Callable[[], None] = lambda: None  # something happened that others should see

    @property
    def way_out_at(self) -> datetime:
        """Give the first moment at which a relay is there."""
        return min(self.relays_down_until.get(name, self.clock.now) for name in self.relays)

    @property
    def process(self) -> Process:
        return self.processes[self.baton.holder]

    def happens(self, trouble: str) -> bool:
        chance: float = getattr(self.rates, trouble)
        if chance == 0.0 or self.dice.random() >= chance:
            return False
        self.totals[trouble] += 1
        return True

    def pass_by(self, *, in_doubt: int) -> None:
        """Let others take their turn; the process may die or stand still here.

        `in_doubt` is how many messages nobody could vouch for, should it be so.
        """
        if self.happens("deed"):
            self._let_somebody_act()
        if self.happens("outage"):
            self.outage()
        if self.happens("relay_down"):
            hours = self.dice.choice((0.1, 1, 5, 30, 200, 500))
            until = self.clock.now + timedelta(hours=hours * self.dice.random())
            self.relays_down_until[self.dice.choice(self.relays)] = until
        if self.happens("relay_busy"):
            hours = self.dice.choice((0.1, 1, 5, 30))
            until = self.clock.now + timedelta(hours=hours * self.dice.random())
            self.relays_busy_until[self.dice.choice(self.relays)] = until
        if self.happens("database_down"):
            seconds = self.dice.choice((2, 30, 600, 20_000))
            self.database_down_until = self.clock.now + timedelta(seconds=seconds)
        if self.happens("crash"):
            self._die(in_doubt)
        if self.happens("stall"):
            self._stand_still(in_doubt)
        else:
            self.take_time(timedelta(milliseconds=self.dice.randrange(200)), in_doubt=in_doubt)

    def _let_somebody_act(self) -> None:
        try:
            self.act()
        except Exception as error:  # must not be taken for a failure of the tick
            raise DefectError from error

    def take_time(self, length: timedelta, *, in_doubt: int) -> None:
        """Let time pass while the process lives and says so; the power may fail meanwhile."""
        try:
            self.baton.rest(length)
        except Crash:
            self.may_be_in_doubt += in_doubt
            raise

    def die_if(self, *, in_doubt: int) -> None:
        """Let the process die where nobody else can act."""
        if self.happens("crash"):
            self._die(in_doubt)

    def _stand_still(self, in_doubt: int) -> None:
        """Stop the whole process, its sign of life too: it may be given up for dead."""
        process, minutes = self.process, self.dice.choice((0.5, 1.5, 3, 10, 60, 1500, 6000, 15_000))
        self.may_be_in_doubt += in_doubt
        process.is_stalled = True
        self.attention()
        try:
            self.baton.rest(timedelta(minutes=minutes * (0.5 + self.dice.random())))
        finally:
            process.is_stalled = False

    def lose_journals(self) -> None:
        """Count what only the journals could vouch for as in doubt."""
        self.may_be_in_doubt += self.left_to_journal
        self.left_to_journal = 0

    def _die(self, in_doubt: int) -> None:
        noted = min(in_doubt, self.process.dotted) if self.trusts_journal else in_doubt
        self.may_be_in_doubt += noted
        self.left_to_journal += in_doubt - noted
        self.attention()
        raise Crash


@dataclass(frozen=True)
class SeamedDatabase(Database):
    """The real database, with a seam before and after each transaction."""

    seams: Seams = field(kw_only=True)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        seams = self.seams
        process = seams.process
        seams.pass_by(in_doubt=process.in_flight)
        self._refuse()
        with super().transaction() as session:
            yield session
            seams.die_if(in_doubt=process.in_flight)
            if seams.happens("refused"):
                seams.may_be_in_doubt += process.in_flight
                why = seams.dice.choice(_NO_COMMIT)
                raise OperationalError("COMMIT", None, Exception(why))
            written = self._written_down(session, process)
        self._note_commit(process, written)
        if seams.happens("unknown_commit"):
            seams.may_be_in_doubt += seams.most_in_flight
            raise OperationalError("COMMIT", None, Exception("the connection was lost"))
        seams.pass_by(in_doubt=seams.most_in_flight)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self.seams.pass_by(in_doubt=self.seams.process.in_flight)
        self._refuse()
        with super().reading() as session:
            yield session

    def _refuse(self) -> None:
        seams = self.seams
        until = seams.database_down_until
        if (until is not None and seams.clock.now < until) or seams.happens("refused"):
            seams.may_be_in_doubt += seams.process.in_flight
            raise OperationalError("BEGIN", None, Exception("the database does not answer"))

    def _written_down(self, session: Session, process: Process) -> bool:
        """Tell whether this commit makes the last answers of the relay known to the service."""
        from delivery.models import Delivery
        from delivery.rules.states import State

        if not process.answered:
            return False
        known = session.get(Delivery, process.answered[0].delivery_id, populate_existing=True)
        return known is None or known.state is State.SENT

    def _note_commit(self, process: Process, written: bool) -> None:
        self.seams.sequence += 1
        process.last_commit = self.seams.sequence
        process.last_commit_at = self.seams.clock.now
        if written:
            for acceptance in process.answered:
                acceptance.known_at = self.seams.sequence
            process.answered.clear()
        process.in_flight = process.flying
