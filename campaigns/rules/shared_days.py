"""Decide for everything one person is to get together: there is room for one email a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from campaigns.rules.broadcasts import IssueMove, IssuePlan, move_issue
from campaigns.rules.due_dates import local_day
from campaigns.rules.moves import Move, SendStep, SkipStep, WaitUntil
from campaigns.rules.series import Moment, Progress, Rhythm, SeriesPlan, next_move


@dataclass(frozen=True)
class Way:
    """One active enrolment of a person."""

    enrolment_id: int
    series: SeriesPlan
    progress: Progress


@dataclass(frozen=True)
class Plan:
    """What comes next for one person."""

    steps: dict[int, Move]  # by enrolment
    issues: dict[int, IssueMove]  # by broadcast; without those for which no day is ever open


def plan_moves(
    ways: Sequence[Way], *, rhythm: Rhythm, moment: Moment, issues: Sequence[IssuePlan] = ()
) -> dict[int, Move]:
    """Decide the next move of each enrolment of one person, by enrolment id."""
    return plan_person(ways, issues, rhythm=rhythm, moment=moment).steps


def plan_person(
    ways: Sequence[Way], issues: Sequence[IssuePlan], *, rhythm: Rhythm, moment: Moment
) -> Plan:
    """Decide the next moves of a person's enrolments, and of broadcasts not queued for them yet.

    What is on its way already keeps its day. Then series and broadcasts choose in their order
    (priority, then series before broadcasts, then id), and each leaves its day to nobody after
    it: the loser waits for its next open day.
    """
    taken = {*moment.busy_days, *_days_on_the_way(ways, rhythm, moment)}
    plan = Plan({}, {})
    choosing: list[Way | IssuePlan] = [*ways, *issues]
    for one in sorted(choosing, key=_rank):
        free = replace(moment, busy_days=taken)
        if isinstance(one, Way):
            move = next_move(one.series, one.progress, rhythm=rhythm, moment=free)
            plan.steps[one.enrolment_id] = move
            coming = _behind_skips(one, move, rhythm=rhythm, moment=free)
            if isinstance(coming, SendStep | WaitUntil):
                taken.add(local_day(coming.at, rhythm.zone))
        elif (issue := move_issue(one, rhythm, free)) is not None:
            plan.issues[one.id] = issue
            if issue.paused_until is None and not issue.is_late:
                taken.add(local_day(issue.at, rhythm.zone))
    return plan


def _behind_skips(way: Way, move: Move, *, rhythm: Rhythm, moment: Moment) -> Move:
    """Give the move behind the steps that are left out now: it takes their day, if it can."""
    progress = way.progress
    while isinstance(move, SkipStep):
        progress = replace(progress, skipped=progress.skipped | {move.step_id})
        move = next_move(way.series, progress, rhythm=rhythm, moment=moment)
    return move


def _rank(one: Way | IssuePlan) -> tuple[int, int, int, int]:
    if isinstance(one, Way):
        return one.series.priority, 0, one.series.id, one.enrolment_id
    return one.priority, 1, one.id, 0


def _days_on_the_way(ways: Sequence[Way], rhythm: Rhythm, moment: Moment) -> Iterable[date]:
    for way in ways:
        flight = way.progress.in_flight
        if flight is not None and flight.due_at is not None:
            yield local_day(max(flight.due_at, moment.now), rhythm.zone)
