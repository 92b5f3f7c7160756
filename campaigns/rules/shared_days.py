"""Decide for all series of one person together: there is room for one email a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from campaigns.rules.due_dates import local_day
from campaigns.rules.moves import Move, SendStep, WaitUntil
from campaigns.rules.series import Moment, Progress, Rhythm, SeriesPlan, next_move


@dataclass(frozen=True)
class Way:
    """One active enrolment of a person."""

    enrolment_id: int
    series: SeriesPlan
    progress: Progress


def plan_moves(ways: Sequence[Way], *, rhythm: Rhythm, moment: Moment) -> dict[int, Move]:
    """Decide the next move of each enrolment of one person, by enrolment id.

    What is on its way already keeps its day. Then the series choose in their order
    (priority, then id), and each leaves its day to nobody after it: the loser waits
    for its next open day.
    """
    taken = {*moment.busy_days, *_days_on_the_way(ways, rhythm, moment)}
    moves: dict[int, Move] = {}
    for way in sorted(ways, key=_rank):
        move = next_move(
            way.series, way.progress, rhythm=rhythm, moment=replace(moment, busy_days=taken)
        )
        if isinstance(move, SendStep | WaitUntil):
            taken.add(local_day(move.at, rhythm.zone))
        moves[way.enrolment_id] = move
    return moves


def _rank(way: Way) -> tuple[int, int, int]:
    return way.series.priority, way.series.id, way.enrolment_id


def _days_on_the_way(ways: Sequence[Way], rhythm: Rhythm, moment: Moment) -> Iterable[date]:
    for way in ways:
        flight = way.progress.in_flight
        if flight is not None and flight.due_at is not None:
            yield local_day(max(flight.due_at, moment.now), rhythm.zone)
