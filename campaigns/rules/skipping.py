"""Decide what is left out when a series or a person wants steps skipped, and what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.rules.moves import Move, SendStep, WaitUntil
from campaigns.rules.series import Moment, Progress, Rhythm, SeriesPlan, next_move
from campaigns.rules.standing import SeriesStatus


@dataclass(frozen=True)
class Fallen:
    """A step to be left out, and the slot it would have had: the next wait counts from there."""

    step_id: int
    slot: datetime


def next_to_skip(move: Move, *, now: datetime) -> Fallen | None:
    """Choose what a person skips who wants to skip the next one; None when nothing is coming."""
    match move:
        case SendStep(step_id):
            return Fallen(step_id, now)
        case WaitUntil(step_id, at):
            return Fallen(step_id, at)
        case _:
            return None


def fallen_in_pause(
    series: SeriesPlan, progress: Progress, *, rhythm: Rhythm, moment: Moment, until: datetime
) -> list[Fallen]:
    """List the steps whose slots fell into a pause of the series, as if it had run.

    Who has had none yet keeps them all: nobody begins with part 2. The completion email is no
    part, and comes after the pause.

    Args:
        moment: the begin of the pause.
        until: its end.
    """
    plain = tuple(replace(step, condition=None) for step in series.steps)
    now_running = SeriesStatus.ACTIVE
    running = replace(series, steps=plain, status=now_running, exit_rule=None, closing=None)
    fallen: list[Fallen] = []
    clock = moment.now
    while progress.had:
        move = next_move(running, progress, rhythm=rhythm, moment=replace(moment, now=clock))
        found = next_to_skip(move, now=clock)
        if found is None or found.slot >= until:
            break
        fallen.append(found)
        clock = found.slot
        skipped = progress.skipped | {found.step_id}
        progress = replace(progress, skipped=skipped, counts_from=clock)
    return fallen
