"""Send what is queued: claim a batch, write the letters, then mark, hand over and record in groups.

A group is marked in the transaction that records the one before, so each costs one commit, and a
crash leaves at most one group in doubt. Writing and sending happen outside any transaction.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from delivery.sender import Deferred, Outcome, RelayDown, Sender
from storage.database import Database
from templates.email import Renderer

LOG = logging.getLogger(__name__)
BATCH = 200
_WAIT = Event().wait
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
) -> SendReport:
    """Send up to `limit` due deliveries; give back what is claimed when `keep_going` ends.

    One worker sends in one thread at a time. `pause` waits some seconds between tries to
    record what a relay said while the database does not answer.

    Raises:
        SendingStoppedError: the database failed; nothing was sent that is not marked.
        WorkerFencedError: the worker was given up for dead; register again.
    """
    desk = Desk(site, renderer)
    turn = _Round(database, sender, desk, worker, clock=clock, keep_going=keep_going, pause=pause)
    try:
        turn.run(limit)
    except DBAPIError as error:
        raise SendingStoppedError(_why(error)) from error
    return turn.tally.report()


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
    tally: Tally = field(default_factory=Tally)
    answered: Answered = NOTHING_ANSWERED  # not recorded yet
    halted: dict[int, str] = field(default_factory=dict)  # reason by series id
    marked_at: datetime = NOTHING_ANSWERED.at

    def run(self, limit: int) -> None:
        """Send batch after batch until there is nothing due or a reason to stop."""
        with self.database.transaction() as session:
            doubtful = settle_leftovers(session, self.worker, site=self.desk.site, now=self.clock())
        self.tally.count_recorded(doubtful)
        left = limit
        while left > 0 and self._may_go_on():
            with self.database.transaction() as session:
                size = min(left, BATCH)
                claims = outbox.claim_batch(session, self.worker, now=self.clock(), limit=size)
            if not claims:
                return
            left -= len(claims)
            self._send(claims)

    def _may_go_on(self) -> bool:
        return self.tally.relay_down is None and self.keep_going()

    def _send(self, claims: Sequence[ClaimedDelivery]) -> None:
        waiting = deque(self._write(claims))
        while waiting and self._may_go_on():
            group = [waiting.popleft() for _ in range(min(len(waiting), self.sender.connections))]
            self._hand_over(self._record_and_mark(group))
        self._record_and_mark([])
        self._give_back(waiting)

    def _write(self, claims: Sequence[ClaimedDelivery]) -> list[Draft]:
        """Write the letters of a whole batch first: a slow page must not widen what is in doubt."""
        with self.database.reading() as session:
            facts = read_facts(session, claims, site=self.desk.site)
        drafts: list[Draft] = []
        turned_down: dict[int, NotNow] = {}
        for claim in claims:
            if not self._may_go_on():
                break
            written = self.desk.write(claim, facts, now=self.clock())
            if isinstance(written, Draft):
                drafts.append(written)
            else:
                turned_down[claim.id] = written
        self._set_aside(turned_down)
        return drafts

    def _set_aside(self, verdicts: Mapping[int, NotNow]) -> None:
        if verdicts:
            with self.database.transaction() as session:
                # Who was taken for dead must not cancel or hold what others have in hand.
                outbox.beat(session, self.worker, now=self.clock())
                set_aside(session, self.worker, verdicts, now=self.clock())
            self.tally.count_turned_down(verdicts)

    def _hand_over(self, drafts: Sequence[Draft]) -> None:
        """Hand over what is marked. Should this raise, the marks become uncertain, never more."""
        if not drafts:
            return
        outcomes = self._send_in_time(drafts)
        self.answered = Answered(tuple(zip(drafts, outcomes, strict=True)), self.clock())
        down = [outcome for outcome in outcomes if isinstance(outcome, RelayDown)]
        if len(down) == len(outcomes):  # one connection too many is no reason to stop
            self.tally.relay_down = down[0]

    def _send_in_time(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """Send, unless this process stood still since the mark: others may have gone on since.

        The sender's own deadline begins only now, and cannot see a commit that took an hour.
        """
        if self.clock() - self.marked_at >= _SOON_ENOUGH:
            return [_TOO_LATE] * len(drafts)
        return self.sender.send([draft.handover for draft in drafts])

    def _record_and_mark(self, group: Sequence[Draft]) -> Sequence[Draft]:
        """Record the answers to the last group and mark the next one, or do neither.

        When it fails, nothing of the group may be sent.
        """
        try:
            with self.database.transaction() as session:
                recorded = self._record(session)
                marked = self._mark(session, group, recorded)
        except Exception as error:  # whatever it is, the answers are true
            self._record_patiently(error)
            raise
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
        halted = self.halted | self.answered.halted_series(recorded)
        stopped: dict[int, NotNow] = {
            draft.claim.id: Hold(halted[draft.step.series_id])
            for draft in group
            if draft.step and draft.step.series_id in halted
        }
        going = [draft for draft in group if draft.claim.id not in stopped]
        self.marked_at = self.clock()
        marked = mark_group(session, self.worker, going, now=self.marked_at)
        set_aside(session, self.worker, stopped, now=self.clock())
        return Marked(marked.ours, {**marked.turned_down, **stopped})

    def _note(self, recorded: Sequence[Recorded]) -> None:
        """Keep in mind what is committed now."""
        self.halted |= self.answered.halted_series(recorded)
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
                    recorded = self._record(session)
            except SQLAlchemyError:  # also when the pages have every connection in use
                continue
            self._note(recorded)
            return
        if self.answered.pairs:
            ids = ", ".join(map(str, self.answered.ids))
            LOG.error("could not record the answers to deliveries=%s", ids)
            raise OutcomesNotRecordedError(self.answered.ids, _why(cause)) from cause

    def _give_back(self, drafts: Iterable[Draft]) -> None:
        """Give back what is still claimed: the relay, or the wish to stop, came between."""
        if self._may_go_on():
            return
        now, down = self.clock(), self.tally.relay_down
        if down is not None:
            reason = f"the relay cannot be used: {down.reply}"
            back = {d.claim.id: PutBack(now + relay_pause(d.claim.attempt), reason) for d in drafts}
            self._set_aside(back)
        with self.database.transaction() as session:
            outbox.release_claims(session, self.worker, None, now=now)


def _why(error: Exception) -> str:
    """Take the first line of what the driver said: the others may hold addresses."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said).strip().partition("\n")[0]
