"""What an edit would do, before it is done: who gets what earlier, later, never, newly.

The edit is really made, in a transaction that is taken back, and the lives of the people it
touches run ahead with the series as it was and as it would be. So nothing here knows what an edit
means: the rules that send say it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.facts import PersonFacts, load_people
from campaigns.forecast import life_of
from campaigns.joining import find_joining
from campaigns.models import Enrolment, Series
from campaigns.publishing import EVERYBODY, ImportedSeries, import_series
from campaigns.rules.existing import ExistingPlan
from campaigns.rules.impact import Effect, Moved, Planned, compare
from campaigns.rules.series import Moment, SeriesPlan, next_step
from campaigns.rules.shared_days import Way
from campaigns.rules.situations import situation_of
from campaigns.series_folder import SeriesFolder
from campaigns.site import Site
from campaigns.store import IS_ACTIVE, Labels, load_labels, load_plans
from campaigns.undoing import undo_edit
from templates.email import Renderer

HORIZON = timedelta(days=400)


@dataclass(frozen=True)
class Touched:
    """One email that is moved, for all the people for whom it moves alike."""

    moved: Moved
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Impact:
    """What an edit would do."""

    imported: ImportedSeries
    people: int  # on their way in the series, before or after
    touched: tuple[Touched, ...]
    new_text: Mapping[str, int]  # people who have the step ahead of them, by key of the step

    def count(self, effect: Effect, step_key: str) -> int:
        """Count the people for whom a step has this effect."""
        return sum(
            len(one.addresses)
            for one in self.touched
            if (one.moved.effect, one.moved.step_key) == (effect, step_key)
        )


@dataclass(frozen=True)
class Trial:
    """People with a series as it is, and as an edit would make it; nothing is changed."""

    imported: ImportedSeries
    before: Mapping[int, PersonFacts]
    after: Mapping[int, PersonFacts]
    labels: Labels
    site: Site
    now: datetime

    def impact(self) -> Impact:
        """Let both futures run and compare them; this needs no database any more."""
        comparison = _Comparison(self.labels, self.site, self.now)
        return Impact(
            imported=self.imported,
            people=len(self.after),
            touched=tuple(comparison.touched(self.before, self.after)),
            new_text=_new_text(self.after.values(), self.imported, self.labels.steps),
        )


def try_edit(
    session: Session,
    folder: SeriesFolder,
    *,
    site: Site,
    renderer: Renderer,
    now: datetime,
    existing: ExistingPlan = EVERYBODY,
    before: Mapping[int, PersonFacts] | None = None,
) -> Trial:
    """Make an edit, look at the people with it, and take it back.

    `before` are the people of `load_inside`, read without keeping anybody from writing: of a
    hundred thousand that takes many seconds.

    Raises:
        SeriesFolderError: it cannot be taken over.
        SeriesOnOtherListError: people are in the series by their word for another list.
    """

    def edit() -> ImportedSeries:
        return import_series(
            session, folder, site=site, renderer=renderer, now=now, existing=existing
        )

    return _try(session, folder.slug, edit, site=site, now=now, before=before)


def try_undoing(
    session: Session,
    slug: str,
    *,
    site: Site,
    renderer: Renderer,
    now: datetime,
    before: Mapping[int, PersonFacts] | None = None,
) -> Trial:
    """Undo the last edit of a series, look at the people without it, and take that back.

    Raises:
        The errors of `undo_edit`.
    """

    def undo() -> ImportedSeries:
        return undo_edit(session, slug, site=site, renderer=renderer, now=now)

    return _try(session, slug, undo, site=site, now=now, before=before)


def _try(
    session: Session,
    slug: str,
    change: Callable[[], ImportedSeries],
    *,
    site: Site,
    now: datetime,
    before: Mapping[int, PersonFacts] | None,
) -> Trial:
    if before is None:
        before = load_inside(session, slug, site=site, now=now)
    trial = session.begin_nested()
    try:
        imported = change()
        session.flush()
        plans = load_plans(session)
        unmoved = before.keys() - imported.asked_again
        inside = load_inside(session, slug, site=site, now=now, but=unmoved)
        labels = load_labels(session)
    finally:
        trial.rollback()
    after = {key: _with_plans(person, plans) for key, person in before.items()} | inside
    outside = {key: _without(slug, person, labels) for key, person in inside.items()}
    return Trial(imported, {**outside, **before}, after, labels, site, now)


def load_inside(
    session: Session, slug: str, *, site: Site, now: datetime, but: Collection[int] = ()
) -> dict[int, PersonFacts]:
    """Load everybody who is in a series, or joins it with the next tick."""
    series_id = session.scalar(select(Series.id).where(Series.slug == slug))
    inside = select(Enrolment.subscriber_id).where(IS_ACTIVE, Enrolment.series_id == series_id)
    joining = find_joining(session)
    everybody = {*session.scalars(inside), *joining.subscriber_ids}.difference(but)
    # What an edit will ask of people is not known yet, so all there is to ask is loaded.
    found = load_people(session, everybody, site=site, now=now, joining=joining, with_traits=True)
    return {
        person.subscriber_id: person
        for person in found
        if any(way.series.id == series_id for way in person.ways)
    }


def _with_plans(person: PersonFacts, plans: Mapping[int, SeriesPlan]) -> PersonFacts:
    ways = tuple(replace(way, series=plans[way.series.id]) for way in person.ways)
    return replace(person, ways=ways)


@dataclass(frozen=True)
class _Comparison:
    """Two futures of some people, side by side."""

    labels: Labels
    site: Site
    now: datetime

    def touched(
        self, before: Mapping[int, PersonFacts], after: Mapping[int, PersonFacts]
    ) -> Iterator[Touched]:
        """Look ahead once for each situation; give what moves, the most frequent first."""
        alike: defaultdict[Hashable, list[int]] = defaultdict(list)
        for key in sorted(after):
            alike[self._situation(before[key]), self._situation(after[key])].append(key)
        addresses: defaultdict[Moved, list[str]] = defaultdict(list)
        for keys in alike.values():
            old, new = self._future(before[keys[0]]), self._future(after[keys[0]])
            emails = [after[key].email for key in keys]
            for moved in compare(old, new):
                addresses[moved] += emails
        for moved in sorted(addresses, key=lambda one: -len(addresses[one])):
            yield Touched(moved, tuple(addresses[moved]))

    def _situation(self, person: PersonFacts) -> Hashable:
        moment = Moment(self.now, self.site.calendar, person.busy_days, person.traits)
        key = situation_of(person.ways, rhythm=person.rhythm, moment=moment)
        return key, person.issues, person.queued_issues

    def _future(self, person: PersonFacts) -> Sequence[Planned]:
        series, steps = self.labels.series, self.labels.steps
        life = life_of(person, site=self.site, now=self.now)
        return [
            Planned(series[sent.series.id], steps[sent.step_id], sent.at)
            for sent in life.until(self.now + HORIZON)
            if sent.series is not None
        ]


def _without(series: str, person: PersonFacts, labels: Labels) -> PersonFacts:
    """Give somebody an edit takes in as they are now: with their other series only."""
    others = tuple(way for way in person.ways if labels.series[way.series.id] != series)
    return replace(person, ways=others)


def _new_text(
    people: Iterable[PersonFacts], imported: ImportedSeries, labels: Mapping[int, str]
) -> Mapping[str, int]:
    """Count, for each changed step, who has it ahead of them."""
    ahead: Counter[str] = Counter()
    for person in people:
        for way in person.ways:
            ahead.update(labels[step_id] for step_id in _ahead(way))
    return {key: ahead[key] for key in imported.changed}


def _ahead(way: Way) -> Iterator[int]:
    reached = way.progress.reached
    while (step := next_step(way.series, reached)) is not None:
        yield step.id
        reached |= {step.id}
