"""Edits of a series: kept so that the last one can be undone, and checked for what they ask."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaigns.errors import Fault, NothingToUndoError
from campaigns.models import Series, SeriesEdit
from campaigns.rules.conditions import condition_or_none
from campaigns.rules.standing import FirstStep
from campaigns.series_folder import SERIES_FILE, FolderStep, SeriesFolder
from campaigns.traits import strange_attributes


def keep_edit(
    session: Session, series: Series, before: SeriesFolder, after: SeriesFolder, *, now: datetime
) -> None:
    """Keep what a series was before an edit; what changes nothing is no edit."""
    if before != after:
        session.add(SeriesEdit(series_id=series.id, at=now, before=asdict(before)))


def last_edit(session: Session, series: Series) -> SeriesEdit:
    """Find the last edit of a series that is not undone.

    Raises:
        NothingToUndoError: there is none.
    """
    wanted = (
        select(SeriesEdit)
        .where(SeriesEdit.series_id == series.id, SeriesEdit.undone_at.is_(None))
        .order_by(SeriesEdit.id.desc())
        .limit(1)
    )
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NothingToUndoError(series.slug)
    return found


def folder_before(edit: SeriesEdit) -> SeriesFolder:
    """Give the series as it was before an edit."""
    facts = dict(edit.before)
    facts["steps"] = tuple(FolderStep(**step) for step in facts["steps"])
    facts["first_step"] = FirstStep(facts["first_step"])
    return SeriesFolder(**facts)


def forget_edit(session: Session, edit: SeriesEdit, *, now: datetime) -> None:
    """Mark an edit as undone; its undoing is no edit of its own."""
    own = update(SeriesEdit).where(
        SeriesEdit.series_id == edit.series_id,
        SeriesEdit.id >= edit.id,
        SeriesEdit.undone_at.is_(None),
    )
    session.execute(own.values(undone_at=now))


def strange_names(folder: SeriesFolder, *, known: Collection[str]) -> list[Fault]:
    """List the attributes that conditions ask for and nobody has."""
    return [
        Fault(SERIES_FILE, 0, f"{where} {problem}")
        for where, text in _conditions(folder)
        for problem in strange_attributes(condition_or_none(text), known=known)
    ]


def _conditions(folder: SeriesFolder) -> Iterator[tuple[str, str]]:
    yield "'exit_when'", folder.exit_rule
    for step in folder.steps:
        yield f"the condition of step '{step.key}'", step.condition
