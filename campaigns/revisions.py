"""Revisions: a step's text together with everything else that makes its email what it is.

A revision never changes. A new text, a new theme or new facts about the clinic make a new one, and
the emails already sent keep theirs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.errors import Fault
from campaigns.models import Broadcast, Revision, Step, Surroundings
from campaigns.site import Site
from subscribers.store import insert_new
from templates.checking import Level, check_edition
from templates.checking.checks import finding_of
from templates.checking.faults import faults_in as faults_in_document
from templates.email import Edition, Reader, Renderer, Theme
from templates.errors import DocumentError, TemplateError
from templates.samples import SAMPLE_READER
from templates.theme import read_theme

# Nobody has to give a name, so an email must be fine without.
_NAMELESS = {"first_name": "", "last_name": ""}


def surroundings_now(theme_name: str, site: Site, *, now: datetime) -> Surroundings:
    """Gather what all emails of a series share: its theme's files and the clinic's facts.

    A series that names no theme has the site's.

    Raises:
        ThemeError: there is no such theme, or it is broken.
    """
    theme = read_theme(theme_name or site.theme, folder=site.themes_folder)
    facts = {"name": theme.name, "files": dict(theme.files)}, dict(site.clinic)
    digest = _digest(json.dumps(facts, sort_keys=True))
    return Surroundings(digest=digest, theme=facts[0], clinic=facts[1], created_at=now)


def keep_surroundings(session: Session, surroundings: Surroundings) -> None:
    """Store surroundings, unless they are known."""
    names = ("digest", "theme", "clinic", "created_at")
    values: dict[str, Any] = {name: getattr(surroundings, name) for name in names}
    session.execute(insert_new(session, Surroundings).values(values))


def publish_text(
    session: Session,
    owner: Step | Broadcast,
    document: str,
    surroundings: Surroundings,
    *,
    now: datetime,
) -> bool:
    """Let a step or a broadcast be sent with this text from now on; True when that is new.

    A text that was published before gets its old revision back.
    """
    digest = _digest(f"{surroundings.digest}\n{document}")
    column = "step_id" if isinstance(owner, Step) else "broadcast_id"
    values = {
        column: owner.id,
        "digest": digest,
        "document": document,
        "surroundings": surroundings.digest,
        "created_at": now,
    }
    session.execute(insert_new(session, Revision).values(values))
    is_theirs = getattr(Revision, column) == owner.id
    wanted = select(Revision.id).where(is_theirs, Revision.digest == digest)
    before, owner.revision_id = owner.revision_id, session.scalars(wanted).one()
    return owner.revision_id != before


def faults_in(
    texts: Mapping[str, str],
    surroundings: Surroundings,
    *,
    title: str,
    site: Site,
    renderer: Renderer,
) -> list[Fault]:
    """Render the texts of a series, given by file, for sample readers; list what is wrong."""
    faults: list[Fault] = []
    for part, (file, text) in enumerate(texts.items(), start=1):
        series = {"title": title, "part": part, "parts": len(texts)}
        edition = edition_with(text, surroundings, attribute_names=site.attribute_names)
        faults += faults_of(file, edition, replace(SAMPLE_READER, series=series), renderer)
    return faults


def edition_with(
    text: str,
    surroundings: Surroundings,
    *,
    attribute_names: frozenset[str],
    digest: str = "",
    click_page: str = "",
) -> Edition:
    """Make the edition of a text in its surroundings."""
    return Edition(
        document=text,
        theme=Theme(surroundings.theme["name"], surroundings.theme["files"]),
        clinic=surroundings.clinic,
        digest=f"{digest} {click_page}".strip() if digest else "",
        attribute_names=attribute_names,
        click_page=click_page,
    )


def faults_of(file: str, edition: Edition, reader: Reader, renderer: Renderer) -> Iterator[Fault]:
    """Render one text for a sample reader, and once more without a name; list what is wrong."""
    try:
        renderer.render(edition, reader)
        found = check_edition(edition, replace(reader, subscriber=_NAMELESS), renderer=renderer)
    except DocumentError as error:
        for fault in faults_in_document(edition, reader) or [error]:
            yield Fault(file, fault.line or 0, fault.problem)
    except TemplateError as error:
        refused = finding_of(error)
        yield Fault(file, refused.line, refused.message)
    else:
        # An address that is missing in the settings is no fault of the text; until it is
        # there the emails are held.
        has_address = bool(str(edition.clinic.get("postal_address") or "").strip())
        for finding in found:
            if finding.level is Level.STOPS and (has_address or finding.rule != "postal-address"):
                yield Fault(finding.file or file, finding.line, finding.message)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
