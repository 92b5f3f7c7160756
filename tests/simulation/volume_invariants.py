"""Hold each day against what it may have: by the quota, the brake, and the counters kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import select

from campaigns.models import DailyVolume, MailedDay
from campaigns.rules.brake import ALLOWED_FOR, LOOKS_BACK
from campaigns.rules.due_dates import local_day
from delivery.models import Delivery
from delivery.rules.states import Kind, State
from tests.simulation.world import World

_DAY = timedelta(days=1)


def _within_the_quota(world: World) -> Iterator[str]:
    """What asks for an answer goes always. Days of a clock set wrong are not the relay's."""
    limit, zone = world.site.quota.daily_limit, world.site.zone
    if not limit or world.totals["jump"]:
        return
    again = world.book.sent_again
    days = Counter(
        local_day(one.marked_at, zone)
        for one in world.relay.accepted
        if (one.series or one.issue) and one.delivery_id not in again
    )
    for day, count in days.items():
        if count > limit:
            yield f"{count} mails went on {day}, where {limit} may"


def _within_the_brake(world: World) -> Iterator[str]:
    """No day has more new emails of series than the days before it and staff allow."""
    if world.brake is None or world.totals["jump"]:
        return
    volumes, made = _volumes(world), _made(world)
    for day, count in made.items():
        before = [queued for other, queued in volumes.items() if day - LOOKS_BACK <= other < day]
        most = max(world.brake.floor, int(world.brake.multiple * max(before, default=0)))
        zone = world.site.zone
        allowed = sum(
            count
            for at, count in world.book.allowed
            if day - ALLOWED_FOR < local_day(at, zone) <= day
        )
        if count > most + allowed:
            yield f"{count} emails of series were queued on {day}, where {most}+{allowed} may be"


def _counters_equal_rows(world: World) -> Iterator[str]:
    """A day counts at least its new rows; each mail that went to somebody has its day."""
    if world.brake is not None and not world.totals["jump"]:
        volumes = _volumes(world)
        for day, count in _made(world).items():
            if volumes.get(day, 0) < count:
                yield f"{count} rows are of {day}, and {volumes.get(day, 0)} are counted"
    with world.database.reading() as session:
        days = Counter(session.scalars(select(MailedDay.delivery_id)))
        is_marketing = Delivery.kind.in_([Kind.STEP, Kind.BROADCAST])
        sent = select(Delivery.id).where(is_marketing, Delivery.state == State.SENT)
        wanted = set(session.scalars(sent.where(Delivery.subscriber_id.is_not(None))))
    for one in wanted:
        if days[one] != 1:
            yield f"delivery {one} was sent, and has {days[one]} days of its own"


def _volumes(world: World) -> dict[date, int]:
    with world.database.reading() as session:
        rows = session.execute(select(DailyVolume.day, DailyVolume.queued))
        return {row.day: row.queued for row in rows}


def _made(world: World) -> Counter[date]:
    """Count the steps by the day on which they were queued first."""
    with world.database.reading() as session:
        moments = session.scalars(select(Delivery.created_at).where(Delivery.kind == Kind.STEP))
        return Counter(local_day(at, world.site.zone) for at in moments)


volume_checks = (_within_the_quota, _within_the_brake, _counters_equal_rows)
