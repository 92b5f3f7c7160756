"""How many mails may go in one day of the clinic: a limit, and a plan for the first days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Today:
    """What one local day may see."""

    limit: int
    since: datetime  # the beginning of the day


@dataclass(frozen=True)
class Quota:
    """The most mails in a day; a new sending domain or address warms up by a plan."""

    daily_limit: int = 0  # 0: none
    warm_up_from: date | None = None
    warm_up: tuple[int, ...] = ()  # one figure a day

    def limit_on(self, day: date) -> int | None:
        """Give the most mails of one day; None: as many as are due."""
        limits = [self.daily_limit] if self.daily_limit else []
        number = (day - self.warm_up_from).days if self.warm_up_from else -1
        if 0 <= number < len(self.warm_up):
            limits.append(self.warm_up[number])
        return min(limits, default=None)

    def today(self, now: datetime, zone: ZoneInfo) -> Today | None:
        """Give the limit of the local day; None: there is none."""
        day = now.astimezone(zone).date()
        limit = self.limit_on(day)
        if limit is None:
            return None
        return Today(limit, datetime.combine(day, time.min, zone).astimezone(UTC))


NO_QUOTA = Quota()
