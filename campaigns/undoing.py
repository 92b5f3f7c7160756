"""Undo the last edit of a series, and bring back the people for whom the edit ended it.

The rows tell whom: a way that was stopped by the rule the edit made, one that was at its end only
because of what the edit took out, and a step that was left out by a condition the edit made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, tuple_
from sqlalchemy.orm import Session

from campaigns.existing import may_go_on, reached_on
from campaigns.models import Enrolment, Series, SkippedStep, Step
from campaigns.publishing import ImportedSeries, export_series, import_series
from campaigns.rules.conditions import condition_or_none
from campaigns.rules.series import CONDITION, EXIT, SeriesPlan, next_part
from campaigns.rules.standing import EnrolmentStatus
from campaigns.series_edits import folder_before, forget_edit, last_edit
from campaigns.series_folder import SeriesFolder
from campaigns.site import Site
from campaigns.store import change_enrolments, find_series, load_plans
from subscribers.store import lock_people, slices
from templates.email import Renderer

# A tick dates what it does by its beginning, which may lie before the edit it reads.
_ONE_TICK = timedelta(minutes=10)


def undo_edit(
    session: Session, slug: str, *, site: Site, renderer: Renderer, now: datetime
) -> ImportedSeries:
    """Make a series what it was before its last edit; undone again, what it was before that.

    What was sent stays sent. Steps the edit added are taken out and keep their place. Whose way
    the edit ended goes on, unless they have left since, or began the series anew.

    Raises:
        UnknownSeriesError: there is none of this name.
        NothingToUndoError: no edit is left.
        SeriesFolderError: the old texts do not fit today's theme or settings.
    """
    series = find_series(session, slug)
    edit, edited = last_edit(session, series), export_series(session, slug)
    folder = folder_before(edit)
    done = import_series(session, folder, site=site, renderer=renderer, now=now)
    session.flush()
    undoing = _Undoing(session, series, edited, folder, edit.at - _ONE_TICK)
    asked_again = undoing.ask_again()
    brought_back = undoing.bring_back(now=now)
    forget_edit(session, edit, now=now)
    return replace(done, brought_back=brought_back, asked_again=asked_again)


@dataclass(frozen=True)
class _Undoing:
    """An edit that was just taken back, and the ways it may have ended."""

    session: Session
    series: Series
    edited: SeriesFolder
    restored: SeriesFolder
    since: datetime

    def bring_back(self, *, now: datetime) -> int:
        """Let those go on whose way the edit ended; tell how many."""
        back = [*self._stopped(), *self._cut_short()]
        values = {"status": EnrolmentStatus.ACTIVE, "ended_at": None, "reason": "", "look_at": now}
        ended = Enrolment.status.in_([EnrolmentStatus.STOPPED, EnrolmentStatus.FINISHED])
        # They may have left, or begun anew, while we looked: once more, with nobody between.
        still = ended, *self._may_go_on()
        self._lock_people_of(back)
        return sum(
            change_enrolments(self.session, Enrolment.id.in_(some), *still, **values)
            for some in slices(back)
        )

    def _lock_people_of(self, enrolments: Sequence[int]) -> None:
        people = set[int]()
        for some in slices(enrolments):
            wanted = select(Enrolment.subscriber_id).where(Enrolment.id.in_(some))
            people.update(self.session.scalars(wanted))
        lock_people(self.session, people)

    def ask_again(self) -> frozenset[int]:
        """Forget what the edit's conditions left out, where it lies ahead; tell for whom."""
        left_out, people = self._left_out()
        reached, plan = reached_on(self.session, left_out), self._plan()
        again = [
            (key, step_id)
            for key, steps in left_out.items()
            for step_id in steps & _ahead(plan, reached[key] - steps)
        ]
        for some in slices(again):
            key = tuple_(SkippedStep.enrolment_id, SkippedStep.step_id)
            self.session.execute(delete(SkippedStep).where(key.in_(some)))
        return frozenset(people[key] for key, _ in again)

    def _stopped(self) -> Iterator[int]:
        """Find whom the edit's exit rule stopped; the next tick asks the rule of before."""
        rule = _rule(self.edited.exit_rule)
        if not rule or rule == _rule(self.restored.exit_rule):
            return
        wanted = select(Enrolment.id).where(
            Enrolment.status == EnrolmentStatus.STOPPED,
            Enrolment.reason == f"{EXIT}: {rule}",
            Enrolment.ended_at >= self.since,
            *self._may_go_on(),
        )
        yield from self.session.scalars(wanted.order_by(Enrolment.id))

    def _cut_short(self) -> Iterator[int]:
        """Find who finished since, and has something ahead now that the edit is taken back."""
        wanted = select(Enrolment.id).where(
            Enrolment.status == EnrolmentStatus.FINISHED,
            Enrolment.ended_at >= self.since,
            *self._may_go_on(),
        )
        finished = list(self.session.scalars(wanted.order_by(Enrolment.id)))
        reached, plan = reached_on(self.session, finished), self._plan()
        for key in finished:
            if next_part(plan, reached[key]) is not None:
                yield key

    def _left_out(self) -> tuple[dict[int, set[int]], dict[int, int]]:
        """Find what the edit's conditions left out: steps and the person, by enrolment."""
        before = {step.key: _rule(step.condition) for step in self.restored.steps}
        reasons = {
            step.key: f"{CONDITION}: {rule}"
            for step in self.edited.steps
            if (rule := _rule(step.condition)) and rule != before.get(step.key, rule)
        }
        wanted = (
            select(SkippedStep, Step.key, Enrolment.subscriber_id)
            .join(Step, Step.id == SkippedStep.step_id)
            .join(Enrolment, Enrolment.id == SkippedStep.enrolment_id)
            .where(
                Step.key.in_(reasons),
                SkippedStep.at >= self.since,
                Enrolment.status.in_([EnrolmentStatus.ACTIVE, EnrolmentStatus.FINISHED]),
                *self._may_go_on(),
            )
        )
        steps, people = defaultdict[int, set[int]](set), dict[int, int]()
        for row in self.session.execute(wanted):
            if row.SkippedStep.reason == reasons[row.key]:
                steps[row.SkippedStep.enrolment_id].add(row.SkippedStep.step_id)
                people[row.SkippedStep.enrolment_id] = row.subscriber_id
        return steps, people

    def _may_go_on(self) -> tuple[ColumnElement[bool], ...]:
        return Enrolment.series_id == self.series.id, *may_go_on()

    def _plan(self) -> SeriesPlan:
        return load_plans(self.session)[self.series.id]


def _ahead(plan: SeriesPlan, reached: Set[int]) -> set[int]:
    """Name the steps that are still to come."""
    ahead = set[int]()
    while (step := next_part(plan, reached | ahead)) is not None:
        ahead.add(step.id)
    return ahead


def _rule(text: str) -> str:
    """Write a condition as reasons name it."""
    return str(condition_or_none(text) or "")
