"""Tell how the day's quota stands: what it keeps back until tomorrow, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from campaigns.rules.due_dates import Days, local_day, next_permitted
from campaigns.sentences import moment_in_words
from campaigns.site import Site
from delivery.quota import used_today
from delivery.store import count_due

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class QuotaStatus:
    """How many mails the clinic's day may see, how many it has seen, and how many wait."""

    limit: int
    used: int
    waiting: int  # due, and kept back by nothing but the quota
    goes_on_at: datetime | None  # None: there is room today

    def in_words(self, zone: ZoneInfo, *, now: datetime) -> str:
        """Say why a mail that is due does not go; '' when it does."""
        if self.goes_on_at is None:
            return ""
        return f"waits: today's {self.limit} are used; {_when(self.goes_on_at, zone, now=now)}"

    def summary(self, zone: ZoneInfo, *, now: datetime) -> str:
        """Tell how the day stands, in one line."""
        told = f"today: {self.used} of {self.limit} mails"
        if self.goes_on_at is None or not self.waiting:
            return told
        verb = "waits" if self.waiting == 1 else "wait"
        return f"{told}; {self.waiting} {verb} until {_when(self.goes_on_at, zone, now=now)}"


def read_quota(session: Session, *, site: Site, now: datetime) -> QuotaStatus | None:
    """Read how the quota of this local day stands; None: there is none."""
    today = site.quota.today(now, site.zone)
    if today is None:
        return None
    used = used_today(session, today)
    if used < today.limit:
        return QuotaStatus(today.limit, used, 0, None)
    waiting = count_due(session, now=now)
    return QuotaStatus(today.limit, used, waiting, _next_opening(site, now=now))


def has_quota(site: Site, *, now: datetime, days: int) -> bool:
    """Tell whether any of the next days of the clinic has a limit."""
    today = local_day(now, site.zone)
    return any(site.quota.limit_on(today + n * _ONE_DAY) is not None for n in range(days + 2))


def used_on_this_day(session: Session, *, site: Site, now: datetime) -> int:
    """Count what has gone of this local day's quota; 0 where there is none."""
    today = site.quota.today(now, site.zone)
    return used_today(session, today) if today else 0


def _next_opening(site: Site, *, now: datetime) -> datetime:
    """Find the first moment of the next day at which the clinic sends."""
    tomorrow = local_day(now, site.zone) + _ONE_DAY
    midnight = datetime.combine(tomorrow, time.min, site.zone).astimezone(UTC)
    slot = next_permitted(midnight, Days(site.zone, site.calendar))
    return slot.at if slot else midnight


def _when(moment: datetime, zone: ZoneInfo, *, now: datetime) -> str:
    if local_day(moment, zone) == local_day(now, zone) + _ONE_DAY:
        return f"tomorrow {moment.astimezone(zone):%H:%M}"
    return moment_in_words(moment, zone)
