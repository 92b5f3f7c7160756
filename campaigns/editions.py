"""Read how published emails look: revisions, and the themes of lists."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from campaigns.models import Revision, Series, Step, Surroundings
from campaigns.revisions import edition_with
from templates.email import Edition, Theme


def load_editions(
    session: Session,
    revision_ids: Collection[int],
    *,
    attribute_names: frozenset[str],
    click_page: str = "",
) -> dict[int, Edition]:
    """Read what published revisions look like: their text, with the theme and clinic of then."""
    wanted = (
        select(Revision, Surroundings)
        .join(Surroundings, Surroundings.digest == Revision.surroundings)
        .where(Revision.id.in_(revision_ids))
    )
    return {
        revision.id: edition_with(
            revision.document,
            surroundings,
            attribute_names=attribute_names,
            digest=revision.digest,
            click_page=click_page,
        )
        for revision, surroundings in session.execute(wanted)
    }


def load_list_themes(session: Session, list_ids: Collection[int]) -> dict[int, Theme]:
    """Read the theme of each list's first series, by priority; a list without one is missing."""
    wanted = (
        select(Series.list_id, Revision.surroundings)
        .join(Step, and_(Step.series_id == Series.id, Step.published.is_(True)))
        .join(Revision, Revision.id == Step.revision_id)
        .where(Series.list_id.in_(list_ids))
        .order_by(Series.priority.desc(), Series.id.desc(), Step.position.desc())  # last wins
    )
    digests = {row.list_id: row.surroundings for row in session.execute(wanted)}
    wanted_looks = select(Surroundings).where(Surroundings.digest.in_(set(digests.values())))
    looks = {found.digest: found.theme for found in session.scalars(wanted_looks)}
    return {
        list_id: Theme(looks[digest]["name"], looks[digest]["files"])
        for list_id, digest in digests.items()
    }
