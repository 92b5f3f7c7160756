"""Tell which people are in the same situation: what is decided for one is decided for all of them.

A hundred thousand people are some hundred situations: the same series, steps, days, hours and
zones. A wait counts from a day and not from a second, so the second in which a mail was accepted
does not tell two people apart. A look ahead is made once for each situation.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from campaigns.rules.due_dates import local_day
from campaigns.rules.series import Moment, Progress, Rhythm
from campaigns.rules.shared_days import Way


def situation_of(ways: Iterable[Way], *, rhythm: Rhythm, moment: Moment) -> Hashable:
    """Make a key that is equal for people of whom everything is decided alike from now on."""
    days = frozenset(moment.busy_days)
    return rhythm, days, tuple(_way(way, rhythm, moment) for way in ways)


def _way(way: Way, rhythm: Rhythm, moment: Moment) -> Hashable:
    return way.series.id, _progress(way.progress, rhythm), tuple(_answers(way, moment))


def _progress(progress: Progress, rhythm: Rhythm) -> Hashable:
    """Keep of the moments what decides: the day of the last send, the weekday of the click."""
    if progress.last_sent_at is None or not progress.had:
        return progress  # about a first email the very moments decide
    zone, weekday = rhythm.zone, rhythm.weekday
    if weekday is None:  # else the day of the click is not asked for
        confirmed = progress.confirmed_at or progress.enrolled_at
        weekday = local_day(confirmed, zone).weekday()
    last_day = local_day(progress.last_sent_at, zone)
    reached = (progress.had, progress.skipped, progress.in_flight, progress.counts_from)
    begin = (progress.origin, progress.starts_at, progress.asked_at)
    return weekday, last_day, progress.is_asking, reached, begin


def _answers(way: Way, moment: Moment) -> Iterator[bool]:
    """Ask everything a series asks; of what a person is like nothing else counts."""
    since = way.progress.enrolled_at
    for condition in (way.series.exit_rule, *(step.condition for step in way.series.all_steps)):
        if condition is not None:
            yield condition.holds(moment.traits, since=since)
