"""Let many lives run side by side where a day has room for so many emails and no more.

Lives are shared: people of whom everything is decided alike are one life until a full day parts
them. Who waits keeps their place, as in the queue: by the moment they were due, then by id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import heapify, heappop, heappush
from itertools import count
from zoneinfo import ZoneInfo

from campaigns.rules.due_dates import local_day
from campaigns.rules.lives import Life, Sent
from delivery.rules.quota import Quota

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SharedLife:
    """One life, and the ids of those who live it, in order."""

    life: Life
    people: Sequence[int]


@dataclass(frozen=True)
class _Ready:
    """A life in which something goes at this moment, before and after it."""

    before: SharedLife
    after: Life
    sent: Sequence[Sent]


class FullDays:
    """The clinic's days, and what has gone on them."""

    def __init__(self, quota: Quota, zone: ZoneInfo, *, used_today: int, now: datetime) -> None:
        self._quota, self._zone = quota, zone
        self._used = Counter({local_day(now, zone): used_today})

    def live(self, lives: Iterable[SharedLife], *, until: datetime) -> Iterator[tuple[int, Sent]]:
        """Let the lives run up to a moment, in the order of time; give what is sent to whom."""
        order = count()
        line = [(clock, next(order), one) for one in lives if (clock := one.life.clock)]
        heapify(line)
        while line and line[0][0] <= until:
            now = line[0][0]
            here = []
            while line and line[0][0] == now:
                here.append(heappop(line)[2])
            for one, sent in self._moment(here, now):
                yield from ((person, each) for person in one.people for each in sent)
                if (clock := one.life.clock) is not None:
                    heappush(line, (clock, next(order), one))

    def _moment(
        self, here: Iterable[SharedLife], now: datetime
    ) -> Iterator[tuple[SharedLife, Sequence[Sent]]]:
        """Let what is due go as far as there is room; give the lives as they are after it."""
        ready = []
        for one in here:
            after = one.life.split()
            sent = after.turn()
            if sent:
                ready.append(_Ready(one, after, sent))
            else:
                yield SharedLife(after, one.people), ()
        admitted = self._admit(ready, local_day(now, self._zone))
        for each, people in zip(ready, admitted, strict=True):
            if people:
                yield SharedLife(each.after, list(people)), each.sent
            waiting = [person for person in each.before.people if person not in people]
            if waiting:
                each.before.life.put_off(self._midnight_after(now))
                yield SharedLife(each.before.life, waiting), ()

    def _admit(self, ready: Sequence[_Ready], day: date) -> list[dict[int, None]]:
        """Name for whom of each life there is room: first come, first served."""
        limit = self._quota.limit_on(day)
        if limit is None:
            return [dict.fromkeys(one.before.people) for one in ready]
        admitted: list[dict[int, None]] = [{} for _ in ready]
        line = sorted(
            (one.before.life.in_line_since, person, place)
            for place, one in enumerate(ready)
            for person in one.before.people
        )
        for _, person, place in line:
            if self._used[day] >= limit:
                break
            admitted[place][person] = None
            self._used[day] += len(ready[place].sent)
        return admitted

    def _midnight_after(self, now: datetime) -> datetime:
        tomorrow = local_day(now, self._zone) + _ONE_DAY
        return datetime.combine(tomorrow, time.min, self._zone).astimezone(UTC)
