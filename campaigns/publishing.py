"""Publish series: take them over from folders, and keep their emails up to date with the clinic."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from campaigns.closing import CLOSING_KEY, closing_emails, has_closing, own_words, save_closing
from campaigns.editions import load_editions
from campaigns.errors import (
    Fault,
    SeriesFolderError,
    SeriesOnOtherListError,
    UnpublishableChangeError,
)
from campaigns.existing import place_existing, take_up_finished
from campaigns.models import Enrolment, Revision, Series, Step, Surroundings
from campaigns.revisions import faults_in, keep_surroundings, publish_text, surroundings_now
from campaigns.rules.existing import Existing, ExistingPlan
from campaigns.rules.ordering import merge_order
from campaigns.series_edits import keep_edit, strange_names
from campaigns.series_folder import FolderStep, SeriesFolder
from campaigns.site import Site
from campaigns.store import all_series, find_series, look_again_around, steps_of
from subscribers.mailing_lists import ensure_list
from subscribers.models import MailingList
from templates.email import Edition, Renderer
from templates.errors import ThemeError

_SETTINGS = (
    *("title", "description", "theme", "send_hour", "first_step", "priority"),
    *("exit_rule", "sends_new_to_finished"),
)
EVERYBODY = ExistingPlan(Existing.EVERYBODY)


@dataclass(frozen=True)
class ImportedSeries:
    """What an import changed, step by step."""

    slug: str
    is_new: bool
    added: tuple[str, ...] = ()  # keys
    changed: tuple[str, ...] = ()
    unpublished: tuple[str, ...] = ()  # not in the folder any more; kept, and sent to nobody
    beginning: int = 0  # people who were on the list of a new series before, and begin it
    taken_up: int = 0  # people who had finished, and get what was appended
    brought_back: int = 0  # people whose way an edit had ended that is taken back
    asked_again: frozenset[int] = frozenset()  # people with a step ahead that was left out


def import_series(
    session: Session,
    folder: SeriesFolder,
    *,
    site: Site,
    renderer: Renderer,
    now: datetime,
    existing: ExistingPlan = EVERYBODY,
) -> ImportedSeries:
    """Make a series, or change the one of this name, to what a folder says.

    Steps are recognised by their keys: they keep their ids, and nobody gets one twice. A step
    that is not in the folder any more is unpublished and keeps its place. Everything is
    rendered for a sample reader first; one broken text refuses the whole. What the series was
    before is kept, so that the edit can be undone. `existing` says what a new series does with
    the people on its list.

    Raises:
        SeriesFolderError: with every fault in the texts, or in the theme.
        SeriesOnOtherListError: people are in the series by their word for another list.
    """
    surroundings = _check(folder, site=site, renderer=renderer, now=now)
    mailing_list = ensure_list(session, folder.list_slug, title=folder.title, now=now)
    series = _find(session, folder.slug)
    is_new = series is None
    if series is not None:
        keep_edit(session, series, export_series(session, folder.slug), folder, now=now)
    series = _save_series(session, series, folder, mailing_list, now=now)
    keep_surroundings(session, surroundings)
    steps = _save_steps(session, series, folder, surroundings, now=now)
    if save_closing(session, series, folder, surroundings, now=now):
        steps.note_closing(is_wanted=folder.completion_email, is_new=is_new)
    session.flush()
    limit = site.quota.daily_limit
    beginning = (
        place_existing(session, series, existing, daily_limit=limit, now=now) if is_new else 0
    )
    taken_up = 0 if is_new else take_up_finished(session, series, now=now)
    look_again_around(session, series.id, now=now)
    return ImportedSeries(folder.slug, is_new, *steps.by_key(), beginning, taken_up)


def export_series(session: Session, slug: str) -> SeriesFolder:
    """Give a series as a folder: what was imported comes out equal.

    Raises:
        UnknownSeriesError: there is none of this name.
    """
    series = find_series(session, slug)
    texts = (
        select(Step, Revision.document)
        .join(Revision, Revision.id == Step.revision_id)
        .where(Step.series_id == series.id, Step.published.is_(True), Step.is_closing.is_(False))
        .order_by(Step.position, Step.id)
    )
    return SeriesFolder(
        slug=series.slug,
        title=series.title,
        steps=tuple(
            FolderStep(
                step.key, step.file or f"{step.key}.md", step.wait_days, document, step.condition
            )
            for step, document in session.execute(texts)
        ),
        list_slug=session.get_one(MailingList, series.list_id).slug,
        description=series.description,
        theme=series.theme,
        send_hour=series.send_hour,
        first_step=series.first_step,
        priority=series.priority,
        exit_rule=series.exit_rule,
        sends_new_to_finished=series.sends_new_to_finished,
        completion_email=has_closing(session, series.id),
        **own_words(session, series.id),
    )


def has_changes(session: Session, *, site: Site, now: datetime) -> bool:
    """Tell whether `publish_changes` would find anything to do, or to complain about."""
    series = all_series(session)
    try:
        digests = {
            theme: surroundings_now(theme, site, now=now).digest
            for theme in {one.theme for one in series}
        }
    except ThemeError:
        return True
    asked = ({"series_id": one.id, "digest": digests[one.theme]} for one in series)
    return any(session.scalar(_HAS_STALE, values) for values in asked)


def publish_changes(session: Session, *, site: Site, renderer: Renderer, now: datetime) -> int:
    """Make new revisions where the theme's files or the clinic's facts changed; tell how many.

    A series that would break stays as it was: its last good revisions keep being sent.

    Raises:
        UnpublishableChangeError: a series would break, and no other had anything to publish.
    """
    published, broken = 0, list[UnpublishableChangeError]()
    for series in all_series(session):
        try:
            published += _publish_series(session, series, site=site, renderer=renderer, now=now)
        except UnpublishableChangeError as error:
            broken.append(error)
    if broken and not published:
        raise broken[0]
    return published


def edition_of(session: Session, revision_id: int, *, attribute_names: frozenset[str]) -> Edition:
    """Give what a revision looks like: its text, with the theme and the clinic of then."""
    return load_editions(session, [revision_id], attribute_names=attribute_names)[revision_id]


def _check(folder: SeriesFolder, *, site: Site, renderer: Renderer, now: datetime) -> Surroundings:
    try:
        surroundings = surroundings_now(folder.theme, site, now=now)
    except ThemeError as error:
        raise SeriesFolderError(folder.slug, [Fault("series.yaml", 0, str(error))]) from error
    faults = []
    for emails in (folder.steps, closing_emails(folder)):
        texts = {step.file: step.document for step in emails}
        faults += faults_in(texts, surroundings, title=folder.title, site=site, renderer=renderer)
    faults += strange_names(folder, known=site.attribute_names)
    if faults:
        raise SeriesFolderError(folder.slug, faults)
    return surroundings


def _find(session: Session, slug: str) -> Series | None:
    wanted = select(Series).where(Series.slug == slug).with_for_update()
    return session.scalars(wanted).one_or_none()


def _save_series(
    session: Session,
    series: Series | None,
    folder: SeriesFolder,
    mailing_list: MailingList,
    *,
    now: datetime,
) -> Series:
    if series is None:
        series = Series(slug=folder.slug, list_id=mailing_list.id, created_at=now)
        session.add(series)
    elif series.list_id != mailing_list.id:
        _refuse_to_move(session, series, mailing_list)
        series.list_id = mailing_list.id
    for name in _SETTINGS:
        setattr(series, name, getattr(folder, name))
    series.changed_at = now
    session.flush()
    return series


def _refuse_to_move(session: Session, series: Series, mailing_list: MailingList) -> None:
    has_people = exists().where(Enrolment.series_id == series.id)
    if session.scalar(select(has_people)):
        before = session.get_one(MailingList, series.list_id).slug
        raise SeriesOnOtherListError(series.slug, before=before, after=mailing_list.slug)


@dataclass
class _StepChanges:
    added: list[str] = field(default_factory=list)  # keys
    changed: list[str] = field(default_factory=list)
    unpublished: list[str] = field(default_factory=list)

    def note_closing(self, *, is_wanted: bool, is_new: bool) -> None:
        if is_wanted and is_new:
            self.added.append(CLOSING_KEY)
        else:
            (self.changed if is_wanted else self.unpublished).append(CLOSING_KEY)

    def by_key(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        return tuple(self.added), tuple(self.changed), tuple(self.unpublished)


def _save_steps(
    session: Session,
    series: Series,
    folder: SeriesFolder,
    surroundings: Surroundings,
    *,
    now: datetime,
) -> _StepChanges:
    steps = {step.key: step for step in steps_of(session, series.id)}
    order = merge_order([step.key for step in folder.steps], list(steps))
    changes = _StepChanges()
    for wanted in folder.steps:
        step = steps.get(wanted.key)
        if step is None:
            step = steps[wanted.key] = Step(series_id=series.id, key=wanted.key, position=0)
            changes.added.append(wanted.key)
        if _save_step(session, step, wanted, surroundings, now=now):
            changes.changed.append(wanted.key)
    changes.unpublished += _unpublish(steps, {step.key for step in folder.steps})
    for position, key in enumerate(order, start=1):
        steps[key].position = position
    return changes


def _save_step(
    session: Session,
    step: Step,
    wanted: FolderStep,
    surroundings: Surroundings,
    *,
    now: datetime,
) -> bool:
    """Write one step; True when a step that was there before is sent differently from now on."""
    before = (step.id, step.published, step.wait_days, step.condition)
    step.published, step.wait_days, step.file = True, wanted.wait_days, wanted.file
    step.condition = wanted.condition
    session.add(step)
    session.flush()
    is_other_text = publish_text(session, step, wanted.document, surroundings, now=now)
    is_known = before[0] is not None
    after = (step.id, True, wanted.wait_days, wanted.condition)
    return is_known and (is_other_text or before != after)


def _unpublish(steps: Mapping[str, Step], wanted: Set[str]) -> list[str]:
    gone = [step for key, step in steps.items() if key not in wanted and step.published]
    for step in gone:
        step.published = False
    return [step.key for step in gone]


def _publish_series(
    session: Session, series: Series, *, site: Site, renderer: Renderer, now: datetime
) -> int:
    try:
        surroundings = surroundings_now(series.theme, site, now=now)
    except ThemeError as error:
        raise UnpublishableChangeError(series.slug, [Fault("theme", 0, str(error))]) from error
    asked = {"series_id": series.id, "digest": surroundings.digest}
    texts = [(row.Step, row.document) for row in session.execute(_STALE_TEXTS, asked)]
    faults = []
    for is_closing in (False, True):
        some = [(step, text) for step, text in texts if step.is_closing is is_closing]
        files = {step.file or step.key: text for step, text in some}
        faults += faults_in(files, surroundings, title=series.title, site=site, renderer=renderer)
    if faults:
        raise UnpublishableChangeError(series.slug, faults)
    if texts:
        keep_surroundings(session, surroundings)
    return sum(
        publish_text(session, step, document, surroundings, now=now) for step, document in texts
    )


# Texts that were published into other surroundings; made once, for every tick asks.
_IS_STALE = (
    Step.series_id == bindparam("series_id"),
    Step.published.is_(True),
    Revision.surroundings != bindparam("digest"),
)
_STALE_TEXTS = (
    select(Step, Revision.document)
    .join(Revision, Revision.id == Step.revision_id)
    .where(*_IS_STALE)
    .order_by(Step.position)
)
_HAS_STALE = select(exists().where(Revision.id == Step.revision_id, *_IS_STALE))
