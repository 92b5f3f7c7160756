"""Hand messages to an SMTP relay, over several connections that are kept and used again."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

from delivery.pacer import Pacer
from delivery.relay import RelaySettings, Security, Timeouts
from delivery.rules.portions import next_portion
from delivery.rules.stages import Stage
from delivery.sender import Deferred, Handover, NoWitness, Outcome, RelayDown, Sending, Witness
from delivery.smtp_link import Clock, stopwatch
from delivery.smtp_opening import Opened, RelayUnusableError, open_link
from delivery.smtp_session import Session, StaleLinkError

__all__ = ["RelayReport", "RelaySettings", "Security", "SmtpSender", "Timeouts"]

LOG = logging.getLogger("steadypost.delivery")
_MOST_AHEAD = 64  # marks in one commit; more would save little
_ONE_GROUP = timedelta(seconds=5)  # is to take no longer: its messages all wait from its mark on


@dataclass(frozen=True)
class RelayReport:
    """What a look at the relay found, in plain words."""

    usable: bool
    text: str
    needs_operator: bool = False  # waiting will not help


class SmtpSender:
    """A sender with one thread for each connection; nothing of it is shared but the queue."""

    def __init__(
        self,
        settings: RelaySettings,
        *,
        clock: Clock = stopwatch,
        witness: Witness = NoWitness(),  # noqa: B008 - it keeps nothing
    ) -> None:
        self._settings, self._clock, self._witness = settings, clock, witness
        self._idle: list[Session] = []
        self._lock = Lock()
        self._threads = self._new_threads()
        self._ahead = settings.connections
        self._pacer = Pacer(
            settings.name,
            per_second=settings.messages_per_second,
            connections=settings.connections,
            clock=clock,
        )

    @property
    def connections(self) -> int:
        """How many messages may be in flight at once."""
        return self._settings.connections

    @property
    def ahead(self) -> int:
        """How many messages may be marked together: more than connections only with a witness.

        Never more than its pace lets go soon, for they wait with the mark on them.
        """
        ahead = self.connections if isinstance(self._witness, NoWitness) else self._ahead
        return int(min(ahead, self._pacer.most_in(_ONE_GROUP.total_seconds())))

    def stopwatch(self) -> float:
        """Read the clock of the hand-over deadline."""
        return self._clock()

    def start(self, handovers: Sequence[Handover], *, since: float) -> Sending:
        """Begin to hand over a group of messages.

        More than `connections` are taken too: the others wait for a free connection, but
        never past the hand-over deadline.
        """
        lanes = min(len(handovers), self._pacer.lanes)
        group = _Group(handovers, lanes, since + self._settings.timeouts.handover)
        running = [self._threads.submit(self._work, group) for _ in range(lanes)]
        return _Running(self, group, running, self._clock())

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Hand over a group of messages, counting from this call."""
        return self.start(handovers, since=self._clock()).outcomes()

    def learn_pace(self, count: int, seconds: float) -> None:
        """Choose the size of the next groups by how long one took."""
        pace = {"took": timedelta(seconds=seconds), "wanted": _ONE_GROUP}
        portion = next_portion(self._ahead, sent=count, least=self.connections, **pace)
        self._ahead = max(self.connections, min(portion, _MOST_AHEAD))

    def check(self) -> RelayReport:
        """Open a session and describe it, without sending anything."""
        deadline = self._clock() + self._settings.timeouts.connect
        try:
            opened = open_link(self._settings, clock=self._clock, deadline=deadline)
        except RelayUnusableError as error:
            text = f"relay {self._settings.name} cannot be used: {error.reply} (at {error.stage})"
            return RelayReport(False, text, error.needs_operator)
        report = RelayReport(True, self._description(opened))
        Session(opened, self._settings, self._clock).quit()
        return report

    def close(self) -> None:
        """End open sessions politely; the sender may be used again afterwards."""
        with self._lock:
            threads, self._threads = self._threads, self._new_threads()
        self._end_idle()
        threads.shutdown()

    def _end_idle(self) -> None:
        with self._lock:
            sessions, self._idle = self._idle, []
        for session in sessions:
            session.quit()

    def _new_threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._settings.connections, "steadypost-smtp")

    def _description(self, opened: Opened) -> str:
        settings, tls = self._settings, opened.link.tls_version
        parts = [
            f"encrypted with {tls}" if tls else "not encrypted",
            f"logged in as {settings.username}" if settings.username else "without login",
            f"offers {', '.join(sorted(opened.extensions)) or 'no extensions'}",
        ]
        return f"relay {settings.name} answers ({opened.greeting}): {'; '.join(parts)}"

    def _work(self, group: _Group) -> None:
        """Take messages of the group until none is left, over one connection after the other."""
        while (position := group.take()) is not None:
            try:
                outcome = self._outcome(group.handovers[position], group.deadline)
                group.ended = self._clock()
            except RelayUnusableError as error:
                self._pacer.note_unusable(error.reply)
                down = RelayDown(str(error), self._settings.name, error.needs_operator)
                if self._idle:  # another lane is done with its connection
                    group.put_back(position)
                    continue
                group.leave(position, down)
                return
            group.put(position, outcome)
            if self._pacer.note(outcome):
                self._end_idle()

    def _outcome(self, handover: Handover, deadline: float) -> Outcome:
        if self._clock() >= deadline:
            late = "hand-over deadline passed before a connection was free"
            return Deferred(late, self._settings.name, stage=Stage.WAITING)
        if not self._pacer.wait_turn(deadline=deadline):
            late = "hand-over deadline would pass before it is its turn"
            return Deferred(late, self._settings.name, stage=Stage.WAITING)
        session = self._kept_session() or self._new_session(deadline)
        try:
            return self._hand_over(session, handover, deadline)
        except StaleLinkError:
            # Nothing was accepted: once more, and the new connection speaks for itself.
            return self._hand_over(self._new_session(deadline), handover, deadline)

    def _hand_over(self, session: Session, handover: Handover, deadline: float) -> Outcome:
        try:
            return session.hand_over(handover, deadline=deadline)
        except StaleLinkError:
            raise
        except Exception:  # a defect of ours: the others in the group still get their answers
            LOG.exception("hand-over broke off: delivery %s", handover.delivery_id)
            return session.doubt("hand-over broke off")
        finally:
            self._keep(session)

    def _new_session(self, deadline: float) -> Session:
        opened = open_link(self._settings, clock=self._clock, deadline=deadline)
        return Session(opened, self._settings, self._clock, self._witness)

    def _kept_session(self) -> Session | None:
        """Take the connection used last; those that rested too long are ended."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                session = self._idle.pop()
            if session.is_fresh:
                return session
            session.quit()

    def _keep(self, session: Session) -> None:
        if not session.is_open:
            return
        if not session.is_fresh or len(self._idle) >= self._pacer.lanes:
            session.quit()
            return
        with self._lock:
            self._idle.append(session)


@dataclass(frozen=True)
class _Running:
    """A group whose lanes are at work."""

    sender: SmtpSender
    group: _Group
    lanes: Sequence[Future[None]]
    began: float

    def is_over(self) -> bool:
        """Tell whether all lanes are done."""
        return all(lane.done() for lane in self.lanes)

    def outcomes(self) -> list[Outcome]:
        """Wait for all lanes."""
        for lane in self.lanes:
            lane.result()
        if self.lanes:
            self.sender.learn_pace(len(self.group.handovers), self.group.ended - self.began)
        return self.group.outcomes()


class _Group:
    """Messages that wait for a connection, and what became of them."""

    def __init__(self, handovers: Sequence[Handover], lanes: int, deadline: float) -> None:
        self.handovers, self.deadline, self.ended = handovers, deadline, 0.0
        self._waiting = deque(range(len(handovers)))
        self._outcomes: dict[int, Outcome] = {}
        self._lanes = lanes
        self._lock = Lock()

    def take(self) -> int | None:
        """Take the next message; None when all are taken, and the lane is done."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._lanes -= 1
            return None

    def put(self, position: int, outcome: Outcome) -> None:
        """Note what became of a message."""
        with self._lock:
            self._outcomes[position] = outcome

    def put_back(self, position: int) -> None:
        """Let whoever is next take this message."""
        with self._lock:
            self._waiting.appendleft(position)

    def leave(self, position: int, outcome: RelayDown) -> None:
        """End a lane that gets no connection; those that have one take over its message.

        A relay may allow fewer connections than we would like. Only when the last lane has
        none, the relay is down for all that wait.
        """
        with self._lock:
            self._waiting.appendleft(position)
            self._lanes -= 1
            if not self._lanes:
                self._outcomes |= dict.fromkeys(self._waiting, outcome)
                self._waiting.clear()

    def outcomes(self) -> list[Outcome]:
        """List the outcomes in the order of the messages."""
        return [self._outcomes[position] for position in range(len(self.handovers))]
