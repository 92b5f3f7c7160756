"""One baton for many actors: whoever holds it runs, and passes it on by the dice of a seed.

Every actor is a thread, but only the holder of the baton ever runs, so a seed always leads to the
same story. Time is virtual: when all rest, the clock moves on to the first who wants to wake.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import Lock, Thread

NOTHING_TO_DO = timedelta(0)


class Stopped(BaseException):
    """The play is over: the actor goes home."""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now


@dataclass(eq=False)
class Actor:
    """One thread that acts when it holds the baton."""

    name: str
    wake_at: datetime
    order: BaseException | None = None  # raised in it as soon as it holds the baton again
    go: Lock = field(default_factory=Lock)
    thread: Thread | None = None

    def __post_init__(self) -> None:
        self.go.acquire()


class Baton:
    """The only right to run; `before_leap` is called with the moment the clock will leap to."""

    def __init__(
        self, dice: Random, clock: Clock, *, before_leap: Callable[[datetime], None]
    ) -> None:
        self.clock = clock
        self._dice, self._before_leap = dice, before_leap
        self.director = self.holder = Actor("director", clock.now)
        self.actors = [self.director]
        self._failure: BaseException | None = None

    def add(self, name: str, life: Callable[[], None], *, at: datetime) -> Actor:
        """Add an actor, who begins to live at a moment."""
        actor = Actor(name, at)
        actor.thread = Thread(target=self._live, args=(actor, life), name=name, daemon=True)
        self.actors.append(actor)
        actor.thread.start()
        return actor

    def rest(self, length: timedelta) -> None:
        """Let others act, and go on after a while, or when somebody wakes us."""
        self.rest_until(self.clock.now + length)

    def rest_until(self, moment: datetime) -> None:
        me = self.holder
        me.wake_at = moment
        self._hand_to(self._choose(), me)
        if me is self.director and self._failure is not None:
            raise self._failure
        if me.order is not None:
            order, me.order = me.order, None
            raise order

    def wake(self, actor: Actor, at: datetime) -> None:
        """Let a resting actor wake earlier than it wanted."""
        actor.wake_at = min(actor.wake_at, at)

    def stop(self) -> None:
        """Send everybody home; only the director may."""
        for actor in [actor for actor in self.actors if actor is not self.director]:
            actor.order = Stopped()
            self._hand_to(actor, self.director)
            if actor.thread is not None:
                actor.thread.join()

    def _choose(self) -> Actor:
        while not (ready := [one for one in self.actors if one.wake_at <= self.clock.now]):
            moment = min(one.wake_at for one in self.actors)
            self._before_leap(moment)
            self.clock.now = max(self.clock.now, min(one.wake_at for one in self.actors))
        return ready[0] if len(ready) == 1 else self._dice.choice(ready)

    def _hand_to(self, heir: Actor, me: Actor) -> None:
        if heir is me:
            return
        self.holder = heir
        heir.go.release()
        me.go.acquire()

    def _live(self, actor: Actor, life: Callable[[], None]) -> None:
        actor.go.acquire()
        try:
            if actor.order is not None:
                raise actor.order
            life()
        except Stopped:
            pass
        except BaseException as error:  # a defect of the simulation, or of what it plays
            self._failure = error
            self.director.wake_at = self.clock.now
        self.actors.remove(actor)
        self.holder = self.director
        self.director.go.release()
