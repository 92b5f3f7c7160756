"""Send what is queued: claim a batch, write the letters, mark them in groups, hand over, record.

While one group is on its way the letters of the next are written. A group is marked in the
transaction that records the one before, so each costs one commit. How large a group may be is
the sender's affair: all of it is in doubt after a crash, unless a witness knows more.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from campaigns.answered import NOTHING_ANSWERED, Answered, record_answers, settle_leftovers
from campaigns.drafting import Desk, Draft, read_facts
from campaigns.errors import OutcomesNotRecordedError, SendingStoppedError
from campaigns.marking import Marked, mark_group, set_aside
from campaigns.rules.guards import Hold, NotNow, PutBack, relay_pause
from campaigns.site import Site
from campaigns.tally import SendReport, Tally
from delivery import outbox
from delivery.outbox import ClaimedDelivery, Recorded, WorkerIdentity
from delivery.rules.stages import Stage
from delivery.sender import AllAnswered, Deferred, RelayDown, Sender, Sending
from delivery.watch import RelayWatch
from storage.database import Database
from subscribers.store import lock_people
from templates.email import Renderer

LOG = logging.getLogger(__name__)
BATCH = 500
_WAIT = Event().wait
_LONGEST_WAIT = timedelta(milliseconds=100)  # of answers, while slow pages are written
_SOON_ENOUGH = timedelta(seconds=30)  # between a mark and the call of the sender
_TOO_LATE = Deferred("not handed over: too long after the mark", relay="", stage=Stage.WAITING)
_PATIENCE = (0.0, 0.2, 1.0, 5.0, 15.0)  # seconds before each try to record what a relay said


def send_queued(
    database: Database,
    sender: Sender,
    site: Site,
    *,
    renderer: Renderer,
    worker: WorkerIdentity,
    clock: Callable[[], datetime],
    keep_going: Callable[[], bool] = lambda: True,
    limit: int = 500,
    pause: Callable[[float], object] = _WAIT,
    watch: RelayWatch | None = None,
) -> SendReport:
    """Send up to `limit` due deliveries; give back what is claimed when `keep_going` ends.

    One worker sends in one thread at a time. `pause` waits some seconds between tries to
    record what a relay said while the database does not answer. `watch` remembers the relay
    from one call to the next.

    Raises:
        SendingStoppedError: the database failed; nothing was sent that is not marked.
        WorkerFencedError: the worker was given up for dead; register again.
    """
    desk = Desk(site, renderer)
    turn = _Round(
        database,
        sender,
        desk,
        worker,
        clock=clock,
        keep_going=keep_going,
        pause=pause,
        watch=watch or RelayWatch(),
    )
    try:
        turn.run(limit)
    except DBAPIError as error:
        raise SendingStoppedError(_why(error)) from error
    return turn.tally.report()


@dataclass(frozen=True)
class _Flight:
    """A group that is marked and with the sender."""

    drafts: Sequence[Draft]
    sending: Sending
    since: datetime


@dataclass
class _Round:
    """One call of `send_queued`: what is in hand, and what came of it so far."""

    database: Database
    sender: Sender
    desk: Desk
    worker: WorkerIdentity
    clock: Callable[[], datetime]
    keep_going: Callable[[], bool]
    pause: Callable[[float], object]
    watch: RelayWatch
    tally: Tally = field(default_factory=Tally)
    in_hand: dict[int, ClaimedDelivery] = field(default_factory=dict)  # claimed and not marked
    ready: deque[Draft] = field(default_factory=deque)  # the written ones among them
    flight: _Flight | None = None
    answered: Answered = NOTHING_ANSWERED  # not recorded yet
    halted: dict[tuple[str, int], str] = field(default_factory=dict)  # reason by campaign
    marked_at: datetime = NOTHING_ANSWERED.at

    def run(self, limit: int) -> None:
        """Send batch after batch until there is nothing due or a reason to stop."""
        with self.database.transaction() as session:
            doubtful = settle_leftovers(session, self.worker, site=self.desk.site, now=self.clock())
        self.tally.count_recorded(doubtful)
        try:
            self._send_batches(limit)
            while self.ready and self._may_go_on():
                self._take_turn()
            self._take_turn(at_most=0)
        except Exception as error:  # whatever it is, the answers are true
            self._land()
            self._record_patiently(error)
            raise
        self._give_back()

    def _send_batches(self, limit: int) -> None:
        while limit > 0 and self._may_go_on():
            size = min(limit, BATCH)
            now, site = self.clock(), self.desk.site
            today = site.quota.today(now, site.zone)
            with self.database.transaction() as session:
                claims = outbox.claim_batch(session, self.worker, now=now, limit=size, today=today)
            if claims:
                self.in_hand |= {claim.id: claim for claim in claims}
                self._write(claims)
            limit = limit - size if len(claims) == size else 0  # nothing more is due

    def _may_go_on(self) -> bool:
        return self.tally.relay_down is None and self.keep_going()

    def _write(self, claims: Sequence[ClaimedDelivery]) -> None:
        """Write the letters of a batch, and send those that are ready as soon as it is worth it."""
        with self.database.reading() as session:
            facts = read_facts(session, claims, site=self.desk.site)
        turned_down: dict[int, NotNow] = {}
        for claim in claims:
            if not self._may_go_on():
                break
            written = self.desk.write(claim, facts, now=self.clock())
            if isinstance(written, Draft):
                self.ready.append(written)
            else:
                turned_down[claim.id] = written
                del self.in_hand[claim.id]
            if len(self.ready) >= self.sender.ahead or self._is_overdue():
                self._take_turn()
        self._set_aside(turned_down)

    def _is_overdue(self) -> bool:
        """Tell whether answers wait to be recorded while a slow page is written."""
        flight = self.flight
        if flight is None or self.clock() - flight.since < _LONGEST_WAIT:
            return False
        return flight.sending.is_over()

    def _take_turn(self, at_most: int | None = None) -> None:
        """Wait for what is on its way, then record it and let the next group go."""
        self._land()
        size = self.sender.ahead if at_most is None else at_most
        going = self._may_go_on() if size else False
        group = [self.ready.popleft() for _ in range(min(len(self.ready), size) if going else 0)]
        for draft in group:
            del self.in_hand[draft.claim.id]
        since = self.sender.stopwatch()  # before the mark: its commit may take its time
        self._take_off(self._record_and_mark(group), since)

    def _set_aside(self, verdicts: Mapping[int, NotNow]) -> None:
        if verdicts:
            with self.database.transaction() as session:
                # Who was taken for dead must not cancel or hold what others have in hand.
                outbox.beat(session, self.worker, now=self.clock())
                set_aside(session, self.worker, verdicts, now=self.clock())
            self.tally.count_turned_down(verdicts)

    def _take_off(self, drafts: Sequence[Draft], since: float) -> None:
        """Hand over what is marked. Should this raise, the marks become uncertain, never more.

        Unless this process stood still since the mark: others may have gone on since.
        """
        if not drafts:
            return
        if self.clock() - self.marked_at >= _SOON_ENOUGH:
            sending: Sending = AllAnswered([_TOO_LATE] * len(drafts))
        else:
            sending = self.sender.start([draft.handover for draft in drafts], since=since)
        self.flight = _Flight(drafts, sending, self.clock())

    def _land(self) -> None:
        """Wait for the answers to the group that is on its way."""
        if self.flight is None:
            return
        flight, self.flight = self.flight, None
        outcomes = flight.sending.outcomes()
        trouble = self.watch.note([draft.handover for draft in flight.drafts], outcomes)
        pairs = tuple(zip(flight.drafts, outcomes, strict=True))
        self.answered = Answered(pairs, self.clock(), is_relay_wide=trouble is not None)
        self.tally.relay_down = self.tally.relay_down or trouble
        down = [outcome for outcome in outcomes if isinstance(outcome, RelayDown)]
        if len(down) == len(outcomes):  # one connection too many is no reason to stop
            self.tally.relay_down = down[0]

    def _record_and_mark(self, group: Sequence[Draft]) -> Sequence[Draft]:
        """Record the answers to the last group and mark the next one, or do neither.

        When it fails, nothing of the group may be sent.
        """
        if not (group or self.answered.pairs):
            return []
        with self.database.transaction() as session:
            # Everybody at once: two workers that lock some more people later may both wait.
            lock_people(session, self.answered.people | {one.person.id for one in group})
            recorded = self._record(session)
            marked = self._mark(session, group, recorded)
        self._note(recorded)
        self.tally.count_turned_down(marked.turned_down)
        return marked.ours

    def _record(self, session: Session) -> list[Recorded]:
        return record_answers(session, self.worker, self.answered, site=self.desk.site)

    def _mark(
        self, session: Session, group: Sequence[Draft], recorded: Sequence[Recorded]
    ) -> Marked:
        if not group:
            return Marked([], {})
        halted = self.halted | self.answered.halted_campaigns(recorded)
        stopped: dict[int, NotNow] = {
            draft.claim.id: Hold(halted[draft.campaign])
            for draft in group
            if draft.campaign in halted
        }
        going = [draft for draft in group if draft.claim.id not in stopped]
        self.marked_at = self.clock()
        marked = mark_group(
            session, self.worker, going, now=self.marked_at, limits=self.desk.site.domain_limits
        )
        set_aside(session, self.worker, stopped, now=self.clock())
        return Marked(marked.ours, {**marked.turned_down, **stopped})

    def _note(self, recorded: Sequence[Recorded]) -> None:
        """Keep in mind what is committed now."""
        self.halted |= self.answered.halted_campaigns(recorded)
        self.answered = NOTHING_ANSWERED
        self.tally.count_recorded(recorded)

    def _record_patiently(self, cause: Exception) -> None:
        """Keep what the relay said, and try again for a while to write it down.

        Raises:
            OutcomesNotRecordedError: it could not be; these deliveries will count as uncertain.
        """
        for seconds in _PATIENCE if self.answered.pairs else ():
            self.pause(seconds)
            try:
                with self.database.transaction() as session:
                    lock_people(session, self.answered.people)
                    recorded = self._record(session)
            except SQLAlchemyError:  # also when the pages have every connection in use
                continue
            self._note(recorded)
            return
        if self.answered.pairs:
            ids = ", ".join(map(str, self.answered.ids))
            LOG.error("could not record the answers to deliveries=%s", ids)
            raise OutcomesNotRecordedError(self.answered.ids, _why(cause)) from cause

    def _give_back(self) -> None:
        """Give back what is still claimed: the relay, or the wish to stop, came between."""
        if self._may_go_on():
            return
        now, down = self.clock(), self.tally.relay_down
        if down is not None:
            reason = f"the relay cannot be used: {down.reply}"
            self._set_aside(
                {
                    claim.id: PutBack(now + relay_pause(claim.attempt), reason)
                    for claim in self.in_hand.values()
                }
            )
        with self.database.transaction() as session:
            outbox.release_claims(session, self.worker, None, now=now)


def _why(error: Exception) -> str:
    """Take the first line of what the driver said: the others may hold addresses."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said).strip().partition("\n")[0]
