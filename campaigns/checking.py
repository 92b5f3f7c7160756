"""Look at the emails of a series as everybody gets them, before anybody does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from campaigns.closing import closing_emails
from campaigns.errors import Fault
from campaigns.rules.conditions import NOBODY, Condition, condition_or_none
from campaigns.series_folder import FolderStep, SeriesFolder
from campaigns.site import Site
from campaigns.traits import load_traits
from subscribers.models import Subscriber
from subscribers.rules.standing import Standing
from subscribers.store import SubscriberFilter, list_subscribers
from templates.checking.everyone import NamedReader, check_everyone
from templates.checking.examination import Examination, examine
from templates.checking.findings import Finding, Level
from templates.compiler.child import GuardedRenderer
from templates.email import Edition, Reader, Renderer, Theme
from templates.errors import TemplateError, ThemeError
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

_AT_ANY_TIME = datetime.min.replace(tzinfo=UTC)  # whoever had an event may get the email
_PAGE = 1000  # people read at once


@dataclass(frozen=True)
class Scenery:
    """What the emails stand in, and for whom they are looked at."""

    clinic: Mapping[str, Any]
    attribute_names: frozenset[str]
    public_url: str
    themes_folder: Path | None
    theme: str = "calm"  # of a series that names none
    link_names: tuple[str, ...] = ("unsubscribe", "preferences", "view")  # a reader's own

    @classmethod
    def of_site(cls, site: Site) -> Scenery:
        """Take the clinic's own."""
        place = (site.public_url, site.themes_folder, site.theme)
        return cls(site.clinic, site.attribute_names, *place)

    @classmethod
    def sample(cls) -> Scenery:
        """Invent one, where there is no site."""
        return cls(SAMPLE_CLINIC, frozenset(), "https://post.riverside.example", None)

    def theme_of(self, folder: SeriesFolder) -> Theme:
        """Read the theme of a series.

        Raises:
            ThemeError: there is no such theme, or it is broken.
        """
        return read_theme(folder.theme or self.theme, folder=self.themes_folder)

    @property
    def links(self) -> dict[str, str]:
        """Stand-ins for everybody's own links; none works, each is another one."""
        return {name: f"{self.public_url}/preview/{name}" for name in self.link_names}


@dataclass(frozen=True)
class CheckedStep:
    """What was found of one step."""

    key: str
    file: str
    examination: Examination


class Audience:
    """The people a series is for: everybody who confirmed its list and may be mailed."""

    def __init__(self, session: Session | None, list_slug: str | None) -> None:
        self._session = session
        self._filter = SubscriberFilter(list_slug, Standing.CONFIRMED, suppressed=False)
        self.most = 0  # people of one email

    def readers(
        self, links: Mapping[str, str], series: Mapping[str, Any], *, condition: str = ""
    ) -> Iterator[NamedReader]:
        """Give everybody as a reader whom a step's condition lets through.

        Where there is nobody, an invented person without a name; of a condition, who knows.
        """
        count = 0
        for person in self._people(condition_or_none(condition)):
            count += 1
            self.most = max(self.most, count)
            yield NamedReader(person.email, Reader(_facts_of(person), links, series))
        if not (count or condition):
            yield NamedReader("a person without a name", Reader({}, links, series))

    def _people(self, condition: Condition | None) -> Iterator[Subscriber]:
        after = 0
        while self._session is not None:
            page = list_subscribers(self._session, self._filter, limit=_PAGE, after_id=after)
            traits = load_traits(self._session, [one.id for one in page]) if condition else {}
            yield from (
                person
                for person in page
                if condition is None
                or condition.holds(traits.get(person.id, NOBODY), since=_AT_ANY_TIME)
            )
            if len(page) < _PAGE:
                return
            after = page[-1].id


def check_series(
    folder: SeriesFolder, scenery: Scenery, audience: Audience, *, only: str | None = None
) -> list[CheckedStep]:
    """Look at the steps of a series, or only at the one with this key."""
    try:
        theme = scenery.theme_of(folder)
    except ThemeError as error:
        found = Finding(Level.STOPS, "theme", str(error), "series.yaml")
        lost = Examination("", (found,), None)
        return [CheckedStep(step.key, step.file, lost) for step in folder.steps[:1]]
    with GuardedRenderer() as renderer:
        return [
            _check_step(
                step,
                part,
                folder=folder,
                theme=theme,
                scenery=scenery,
                audience=audience,
                renderer=renderer,
            )
            for part, step in _by_part(folder)
            if only in (None, step.key)
        ]


def faults_for_people(
    folder: SeriesFolder, scenery: Scenery, audience: Audience, *, renderer: Renderer
) -> list[Fault]:
    """Render every email of a folder for everybody it is for; list what stops some of them.

    What does not render for anybody is not looked at: reading the folder in says what is wrong.
    """
    try:
        theme = scenery.theme_of(folder)
    except ThemeError:
        return []
    faults: list[Fault] = []
    for part, step in _by_part(folder):
        series = {"title": folder.title, "part": part, "parts": len(folder.steps)}
        edition = _edition(step.document, theme, scenery)
        try:
            renderer.render(edition, replace(SAMPLE_READER, links=scenery.links, series=series))
        except TemplateError:
            continue
        people = audience.readers(scenery.links, series, condition=step.condition)
        faults += [
            Fault(step.file, found.line, found.message)
            for found in check_everyone(edition, people, renderer=renderer)
            if found.level is Level.STOPS
        ]
    return faults


def _by_part(folder: SeriesFolder) -> Iterator[tuple[int, FolderStep]]:
    yield from enumerate(folder.steps, start=1)
    yield from ((0, closing) for closing in closing_emails(folder))


def _check_step(
    step: FolderStep,
    part: int,
    *,
    folder: SeriesFolder,
    theme: Theme,
    scenery: Scenery,
    audience: Audience,
    renderer: GuardedRenderer,
) -> CheckedStep:
    series = {"title": folder.title, "part": part, "parts": len(folder.steps)}
    edition = _edition(step.document, theme, scenery)
    sample = replace(SAMPLE_READER, links=scenery.links, series=series)
    people = audience.readers(scenery.links, series, condition=step.condition)
    return CheckedStep(step.key, step.file, examine(edition, sample, people, renderer=renderer))


def _edition(document: str, theme: Theme, scenery: Scenery) -> Edition:
    parts = (document, dict(theme.files), dict(scenery.clinic))
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return Edition(document, theme, scenery.clinic, digest, scenery.attribute_names)


def _facts_of(person: Subscriber) -> dict[str, Any]:
    names = {"first_name": person.first_name, "last_name": person.last_name}
    return {**person.attributes, **names}
