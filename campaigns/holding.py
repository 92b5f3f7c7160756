"""Look at what is held before a tick, and hold what its failures say must not go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from campaigns.models import Series, Step
from campaigns.rules.holding import KEPT_BACK, cause_of
from delivery.clock_watch import Uptime, wants_watching, watch_clock
from delivery.errors import WITNESS_FAILED
from delivery.holds import of_reach, open_holds, put_hold, release_holds
from delivery.models import Hold
from delivery.rows import IS_HELD, IS_QUEUED, deliveries, move_all
from delivery.rules.holds import REACH_OF, Cause, Reach
from delivery.rules.states import State
from delivery.sender import RelayDown
from delivery.ticks import SEND, StepReport
from storage.advice import DISK_FAILED
from storage.database import Database

LOG = logging.getLogger(__name__)
TAKE_OVER = "take over"  # what the dead left behind: nothing leaves by it
QUEUE_STEPS = "queue due steps"
_KEEPS_BACK = {Reach.QUEUEING: QUEUE_STEPS, Reach.SENDING: SEND}


@dataclass(frozen=True)
class Look:
    """What is held at the beginning of a tick."""

    reaches: frozenset[Reach] = frozenset()
    reports: tuple[StepReport, ...] = ()

    def keeps_back(self, step: str) -> bool:
        """Tell whether a step of the tick must not be done."""
        if Reach.SITE in self.reaches:
            return step != TAKE_OVER
        return any(step == _KEEPS_BACK.get(reach) for reach in self.reaches)


def look_at_holds(
    database: Database, uptime: Callable[[], Uptime] | None, *, now: datetime
) -> Look:
    """Watch the clock, and read what is held. What cannot be read holds everything."""
    try:
        if uptime is not None:
            _watch_clock(database, uptime(), now=now)
        with database.reading() as session:
            holds = open_holds(session)
    except Exception as error:  # whatever it is, nothing may go on unwatched
        return Look(frozenset({Reach.SITE}), (StepReport.failed("read what is held", error),))
    return Look(frozenset(REACH_OF[hold.cause] for hold in holds), tuple(_reports(holds)))


def _watch_clock(database: Database, uptime: Uptime, *, now: datetime) -> None:
    """Look at the clock at every tick, and write it down every minute: most ticks write nothing."""
    with database.reading() as session:
        if open_holds(session, Cause.CLOCK) or not wants_watching(session, uptime, now=now):
            return
    with database.transaction() as session:
        watch_clock(session, uptime, now=now)


def _reports(holds: Sequence[Hold]) -> list[StepReport]:
    """Say what keeps the tick from going on; a pause that staff asked for is no failure."""
    stopping = of_reach(holds, Reach.SITE, Reach.QUEUEING, Reach.SENDING)
    return [
        StepReport("go on", 0, f"held: {hold.cause}: {hold.detail}; see 'steadypost holds'")
        for hold in stopping
        if hold.cause is not Cause.PAUSED
    ]


def note_relay(
    session: Session,
    down: RelayDown | None,
    *,
    sent: int,
    now: datetime,
    aside: Sequence[RelayDown] = (),
) -> None:
    """Hold what waiting does not put right; note since when a relay is away, until it is back.

    Those aside are down while others take over: that is only told.
    """
    for one in aside:
        put_hold(session, Cause.RELAY_DOWN, subject=one.relay, detail=one.reply, now=now)
    if down is None:
        if sent:
            away = {one.relay for one in aside}
            back = [one for one in open_holds(session, Cause.RELAY_DOWN) if one.subject not in away]
            release_holds(session, [one.id for one in back], now=now)
        return
    if aside and not down.needs_operator:
        return  # each is told by its own name
    if down.reply.startswith(WITNESS_FAILED):
        put_hold(session, Cause.DISK, detail=down.reply, now=now)
        return
    cause = Cause.LOGIN if down.needs_operator else Cause.RELAY_DOWN
    put_hold(session, cause, subject=down.relay, detail=down.reply, now=now)


def hold_after_failures(database: Database, failures: Mapping[str, str], *, now: datetime) -> None:
    """Stop sending when the disk fails: what was synced after that may not be there.

    A disk that is full holds nothing by itself: without room there is no mark, without a mark no
    mail, and it goes on when there is room again.
    """
    broken = [why for why in failures.values() if DISK_FAILED in why.lower()]
    if not broken:
        return
    try:
        with database.transaction() as session:
            put_hold(session, Cause.DISK, detail=broken[0], now=now)
    except Exception as error:  # then nothing can be marked either
        LOG.error("could not hold the site after a failure of the disk: %s", error)


_HAS_HELD_STEP = select(exists().where(IS_HELD, deliveries.c.step_id.is_not(None)))


def has_failing_series(session: Session) -> bool:
    """Tell whether `hold_failing_series` may find anything to do."""
    if session.scalar(_HAS_HELD_STEP):
        return True
    return bool(of_reach(open_holds(session), Reach.SERIES))


def hold_failing_series(session: Session, *, now: datetime) -> int:
    """Hold the series of which a mail is held for a reason all its others share.

    Asked of the rows at every tick. Mail they have queued is kept back before anybody takes it.
    Tells how many mails are kept back by this call.
    """
    rows = (
        select(Series.slug, func.min(deliveries.c.reason).label("reason"))
        .join(Step, Step.id == deliveries.c.step_id)
        .join(Series, Series.id == Step.series_id)
        .where(IS_HELD, deliveries.c.step_id.is_not(None))
        .where(~deliveries.c.reason.startswith(KEPT_BACK))
        .group_by(Series.slug, deliveries.c.reason)
    )
    for row in session.execute(rows).all():
        cause = cause_of(row.reason)
        if cause is not None:
            put_hold(session, cause, subject=row.slug, detail=row.reason, now=now)
    held = of_reach(open_holds(session), Reach.SERIES)
    return sum(_keep_back(session, hold) for hold in held)


def _keep_back(session: Session, hold: Hold) -> int:
    return move_all(
        session,
        IS_QUEUED,
        deliveries.c.step_id.in_(steps_of(hold.subject)),
        state=State.HELD,
        reason=f"{KEPT_BACK}{hold.detail}",
    )


def steps_of(slug: str) -> Select[int]:
    """Choose the ids of a series' steps."""
    return select(Step.id).join(Series, Series.id == Step.series_id).where(Series.slug == slug)
