"""How is the site? Gathered from the rows, for `steadypost status` and for monitors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns.forecast import forecast, forecast_soonest
from campaigns.quota import QuotaStatus, read_quota
from campaigns.rules.standing import EnrolmentStatus
from campaigns.store import all_series, count_enrolments, load_labels, name_steps, next_look
from delivery.models import Delivery, Worker
from delivery.rules.states import State
from delivery.store import count_due, counts_by_state, list_in_state, oldest_due_at
from delivery.ticks import list_workers
from scheduler import Parts
from steadypost.holds import HoldStatus, list_holds
from steadypost.settings.worries import worries_about
from steadypost.wording import counted
from storage.database import Session
from subscribers.mailing_lists import all_lists
from subscribers.store import (
    EVERYBODY,
    SubscriberFilter,
    addresses_of,
    count_standings,
    count_subscribers,
)
from subscribers.unfinished import UnfinishedFile, list_unfinished

MOST_NAMED = 100
_LOOK_AHEAD_DAYS = 7
_NEXT_SENDS = 5
_MOST_LOOKED_AHEAD = 1000


@dataclass(frozen=True)
class NamedDelivery:
    """A delivery somebody should know about, by the person's address."""

    id: int
    email: str
    what: str  # the step as `series/step`, else what kind of mail it is
    once_key: str
    since: datetime | None
    reason: str


@dataclass(frozen=True)
class WorkerStatus:
    """A process that sends, or did."""

    id: int
    host: str
    process_id: int
    alive: bool
    heartbeat_at: datetime
    is_silent: bool  # alive by the book, and without a sign of life for longer than its lease


@dataclass(frozen=True)
class Status:
    """Everything `status` tells, but for the relay."""

    at: datetime
    subscribers: int
    suppressed: int
    lists: dict[str, dict[str, int]]  # standings by list
    series: dict[str, dict[str, Any]]
    deliveries: dict[str, int]  # by state
    due_now: int
    due_since: datetime | None
    quota: QuotaStatus | None  # None: no limit of the day
    uncertain: list[NamedDelivery]
    held: list[NamedDelivery]
    holds: list[HoldStatus]
    imports: list[UnfinishedFile]  # broken off, or running just now
    workers: list[WorkerStatus]
    last_tick: dict[str, Any] | None
    next_look: datetime | None  # when the scheduler next expects something to do
    next_sends: list[dict[str, Any]]
    public_url: str

    @property
    def troubles(self) -> list[str]:
        """Say in words what wants somebody's attention."""
        return list(_troubles(self))

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {**asdict(self), "troubles": self.troubles}


def gather_status(parts: Parts, *, now: datetime) -> Status:
    """Read how the site is."""
    with parts.database.reading() as session:
        workers = list_workers(session)
        return Status(
            at=now,
            subscribers=count_subscribers(session, EVERYBODY),
            suppressed=count_subscribers(session, SubscriberFilter(suppressed=True)),
            lists=_lists(session),
            series=_series(session),
            deliveries={state.value: n for state, n in counts_by_state(session).items()},
            due_now=count_due(session, now=now),
            due_since=_past(oldest_due_at(session), now),
            quota=read_quota(session, site=parts.site, now=now),
            uncertain=named_deliveries(session, State.UNCERTAIN),
            held=named_deliveries(session, State.HELD),
            holds=list_holds(session, now=now),
            imports=list_unfinished(session),
            workers=[_worker(worker, now=now, lease=parts.lease) for worker in workers],
            last_tick=_last_tick(workers),
            next_look=next_look(session),
            next_sends=_next_sends(session, parts, now),
            public_url=parts.site.public_url,
        )


def named_deliveries(
    session: Session, state: State, *, limit: int = MOST_NAMED
) -> list[NamedDelivery]:
    """List deliveries in one state by the addresses of their people."""
    found = list_in_state(session, state, limit=limit)
    emails = addresses_of(session, [row.subscriber_id for row in found if row.subscriber_id])
    steps = name_steps(session, [row.step_id for row in found if row.step_id])
    broadcasts = load_labels(session).broadcasts
    names = {row.id: steps.get(row.step_id or 0, row.kind.value) for row in found}
    names |= {
        row.id: f"broadcast {broadcasts[row.broadcast_id]}"
        for row in found
        if row.broadcast_id is not None and row.broadcast_id in broadcasts
    }
    return [_named(row, emails, names) for row in found]


def _named(row: Delivery, emails: dict[int, str], names: dict[int, str]) -> NamedDelivery:
    reply = row.reply if row.reply not in row.reason else ""
    return NamedDelivery(
        row.id,
        emails.get(row.subscriber_id or 0, "(erased)"),
        names[row.id],
        row.once_key,
        row.sending_at or row.due_at,
        "; ".join(text for text in (row.reason, reply) if text),
    )


def _lists(session: Session) -> dict[str, dict[str, int]]:
    return {
        each.slug: {
            standing.value: n for standing, n in count_standings(session, list_id=each.id).items()
        }
        for each in all_lists(session)
    }


def _series(session: Session) -> dict[str, dict[str, Any]]:
    counts = count_enrolments(session)
    return {
        series.slug: {
            "status": series.status.value,
            "reason": series.reason,
            **{
                status.value: counts.get(series.id, {}).get(status, 0) for status in EnrolmentStatus
            },
        }
        for series in all_series(session)
    }


def _worker(worker: Worker, *, now: datetime, lease: timedelta) -> WorkerStatus:
    return WorkerStatus(
        worker.id,
        worker.host,
        worker.process_id,
        worker.alive,
        worker.heartbeat_at,
        is_silent=worker.alive and now - worker.heartbeat_at > lease,
    )


def _last_tick(workers: Sequence[Worker]) -> dict[str, Any] | None:
    ticks = [worker.last_tick for worker in workers if worker.last_tick]
    return max(ticks, key=lambda tick: str(tick["at"]), default=None)


def _past(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is not None and moment <= now else None


def _next_sends(session: Session, parts: Parts, now: datetime) -> list[dict[str, Any]]:
    """Look ahead; of thousands only at those whose turn is soonest, for monitors ask often."""
    ways = sum(counts[EnrolmentStatus.ACTIVE] for counts in count_enrolments(session).values())
    if ways > _MOST_LOOKED_AHEAD:
        most = _MOST_LOOKED_AHEAD
        entries = forecast_soonest(session, site=parts.site, now=now, most=most)
    else:
        entries = forecast(session, site=parts.site, now=now, days=_LOOK_AHEAD_DAYS)
    return [
        {"at": entry.at, "email": entry.address, "series": entry.series, "step": entry.step_key}
        for entry in entries[:_NEXT_SENDS]
    ]


def _troubles(status: Status) -> Iterable[str]:
    if not any(worker.alive and not worker.is_silent for worker in status.workers):
        yield "no service is running; start it by 'steadypost serve'"
    for hold in status.holds:
        of = f" ({hold.subject})" if hold.subject else ""
        yield f"{hold.what}{of}: {hold.detail}" + (f"; {hold.how}" if hold.how else "")
    for one in status.imports:
        yield (
            f"the import of {one.file_name} to {one.list_slug} is not finished: {one.rows_done:,} "
            f"of {one.rows:,} rows are in; unless it runs just now, give the same command again"
        )
    if uncertain := status.deliveries.get("uncertain"):
        they_are = "it is" if uncertain == 1 else "they are"
        yield (
            f"{counted(uncertain, 'mail')} may or may not have arrived; {they_are} not sent again "
            "unless you say so: 'steadypost uncertain settle --help'"
        )
    if held := status.deliveries.get("held"):
        yield (
            f"{counted(held, 'mail is', 'mails are')} held; put the cause right, then "
            "'steadypost deliveries release'"
        )
    if parked := sum(about["parked"] for about in status.series.values()):
        ways_are = counted(parked, "way through a series is", "ways through a series are")
        yield (
            f"{ways_are} parked, because the relay refused an email for good; "
            "'steadypost deliveries list --state rejected' names them and the reasons"
        )
    for step in (status.last_tick or {"steps": []})["steps"]:
        if step["failure"]:
            yield f"the last tick could not {step['name']}: {step['failure']}"
    yield from worries_about(status.public_url)
    if not status.series:
        yield "there is no series yet; 'steadypost series import NAME' brings one in"
