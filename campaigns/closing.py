"""The completion email: after the last part of a series, one more that says so.

To the machine it is a step like any other, with a once key, a wait and a place at the end, so
everything that holds for steps holds for it. To readers it is no part, and is not counted as one.
Its words ship with the program; a series says whether it wants it, and may bring its own words.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.answers import shipped_document
from campaigns.models import Revision, Series, Step, Surroundings
from campaigns.revisions import publish_text
from campaigns.series_folder import FolderStep, SeriesFolder
from campaigns.store import closing_of

CLOSING_KEY = "@completed"  # no key of an author's can begin so
CLOSING_WAIT_DAYS = 1  # not on the day of the last part
_DOCUMENT = "completed"
_BEHIND_ALL = 1_000_000  # its position


def emails_of(folder: SeriesFolder) -> tuple[FolderStep, ...]:
    """List everything a series sends: its parts, and the completion email where it wants one."""
    return (*folder.steps, *closing_emails(folder))


def closing_emails(folder: SeriesFolder) -> tuple[FolderStep, ...]:
    """Give the completion email of a series; nothing where it wants none."""
    if not folder.completion_email:
        return ()
    file, document = folder.completion_file, folder.completion_document
    if not file:
        file, document = f"{_DOCUMENT}.md", shipped_document(_DOCUMENT) or ""
    return (FolderStep(CLOSING_KEY, file, CLOSING_WAIT_DAYS, document),)


def has_closing(session: Session, series_id: int) -> bool:
    """Tell whether a series ends with a completion email."""
    closing = closing_of(session, series_id)
    return closing is not None and closing.published


def own_words(session: Session, series_id: int) -> dict[str, str]:
    """Give the completion email's file and document as a folder has them, where they are own."""
    closing = closing_of(session, series_id)
    if closing is None or not (closing.published and closing.file):
        return {}
    revision = session.get_one(Revision, closing.revision_id)
    return {"completion_file": closing.file, "completion_document": revision.document}


def save_closing(
    session: Session,
    series: Series,
    folder: SeriesFolder,
    surroundings: Surroundings,
    *,
    now: datetime,
) -> bool:
    """Let a series end as its folder says; tell whether that changes what is sent."""
    closing = closing_of(session, series.id)
    was_on = closing is not None and closing.published
    for wanted in closing_emails(folder):
        closing = closing or Step(series_id=series.id, key=CLOSING_KEY, is_closing=True)
        closing.published, closing.position = True, _BEHIND_ALL
        closing.wait_days, closing.file = wanted.wait_days, folder.completion_file
        session.add(closing)
        session.flush()
        is_new_text = publish_text(session, closing, wanted.document, surroundings, now=now)
        return is_new_text or not was_on
    if closing is not None:
        closing.published = False
    return was_on
