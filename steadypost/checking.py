"""Find what somebody wants checked: a step, a series, a folder, a document, or a theme."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from sqlalchemy.orm import Session

from campaigns.answers import shipped_document, shipped_names
from campaigns.checking import Audience, CheckedStep, Scenery, check_series
from campaigns.closing import emails_of
from campaigns.errors import Fault, SeriesFolderError, StepWithoutTextError
from campaigns.preview import find_step
from campaigns.publishing import export_series
from campaigns.queueing import CONFIRMATION
from campaigns.series_folder import SERIES_FILE, FolderStep, SeriesFolder, read_series_folder
from campaigns.store import all_series
from scheduler import Parts
from steadypost.errors import NothingFoundError
from steadypost.series_import import known_series_folders
from steadypost.settings import Settings
from templates.checking.examination import Examination
from templates.checking.findings import Finding, Level
from templates.checking.specimen import specimen
from templates.theme import theme_names
from templates.tokens import TOKENS_FILE

_LARGEST_DOCUMENT = 1_000_000  # bytes


class Kind(StrEnum):
    """What was looked at."""

    STEP = "step"
    SERIES = "series"
    FOLDER = "series folder"
    DOCUMENT = "document"
    THEME = "theme"
    SHIPPED = "shipped mail"  # one that the program writes itself


@dataclass(frozen=True)
class Target:
    """What is to be looked at: always a series, sometimes one step of it only."""

    kind: Kind
    name: str
    folder: SeriesFolder
    only: str | None = None  # key of a step
    list_slug: str | None = None  # whose people it is for; None: everybody's
    themes_folder: Path | None = None  # where its theme lies, when a folder was named
    is_unconfirmed: bool = False  # it goes to people who have only one link yet: to confirm


@dataclass(frozen=True)
class Check:
    """What was looked at, as whom, and what was found."""

    kind: Kind
    name: str
    people: int  # 0: as an invented reader
    steps: tuple[CheckedStep, ...]

    @property
    def level(self) -> Level | None:
        """The gravest level of all findings; None without any."""
        found = {one.level for step in self.steps for one in step.examination.findings}
        return next((level for level in Level if level in found), None)


def check_by_name(parts: Parts, settings: Settings, name: str) -> Check:
    """Check what a name stands for, as everybody in the database gets it.

    Raises:
        NothingFoundError: it stands for nothing; the error tells what is near.
    """
    with parts.database.reading() as session:
        return _check(name, Scenery.of_site(parts.site), session=session, settings=settings)


def check_without_site(name: str) -> Check:
    """Check a path or a shipped theme where there is no site, for an invented clinic.

    Raises:
        NothingFoundError: it stands for nothing.
    """
    return _check(name, Scenery.sample(), session=None, settings=None)


def _check(
    name: str, scenery: Scenery, *, session: Session | None, settings: Settings | None
) -> Check:
    try:
        target = _Search(name, session, settings, scenery.themes_folder).find()
    except SeriesFolderError as error:
        return Check(Kind.FOLDER, name, 0, _steps_with(error.faults))
    audience = Audience(None if target.is_unconfirmed else session, target.list_slug)
    if target.is_unconfirmed:
        scenery = replace(scenery, link_names=("confirm",))
    if target.themes_folder is not None:
        scenery = replace(scenery, themes_folder=target.themes_folder)
    steps = check_series(target.folder, scenery, audience, only=target.only)
    return Check(target.kind, target.name, audience.most, tuple(steps))


def _steps_with(faults: Iterable[Fault]) -> tuple[CheckedStep, ...]:
    """Make a step of every file that cannot be read, so that all of it is told at once."""
    by_file: dict[str, list[Finding]] = {}
    for fault in faults:
        found = Finding(Level.STOPS, "series-folder", fault.problem, line=fault.line)
        by_file.setdefault(fault.file, []).append(found)
    return tuple(
        CheckedStep("", file, Examination("", tuple(findings), None))
        for file, findings in by_file.items()
    )


@dataclass(frozen=True)
class _Search:
    """Looks for what a name may stand for: what is sent, then files, themes, and fixed mails."""

    name: str
    session: Session | None
    settings: Settings | None
    themes_folder: Path | None

    def find(self) -> Target:
        path = Path(self.name).expanduser()
        found = self._sent() or _on_disk(path) or self._in_series_folders() or self._theme()
        found = found or _shipped(self.name)
        if found is None:
            raise NothingFoundError(f"step, series, file or theme {self.name!r}", self._advice())
        return found

    def _sent(self) -> Target | None:
        """Find a step or series in the database; a path that exists goes before a wrong step."""
        slug, slash, step = self.name.partition("/")
        if self.session is None or slug not in self._slugs():
            return None
        if not slash:
            folder = export_series(self.session, slug)
            return Target(Kind.SERIES, slug, folder, list_slug=folder.list_slug)
        if Path(self.name).expanduser().exists():
            return None
        place = find_step(self.session, f"{slug}/{step}")
        folder = export_series(self.session, slug)
        if place.step.key not in {each.key for each in emails_of(folder)}:
            raise StepWithoutTextError(slug, place.step.key)
        name = f"{slug}/{place.step.key}"
        return Target(Kind.STEP, name, folder, place.step.key, folder.list_slug)

    def _in_series_folders(self) -> Target | None:
        for folder in self.settings.series.folders if self.settings else ():
            assert self.settings is not None  # noqa: S101 -- else there is nothing to go through
            if found := _on_disk(self.settings.path(folder) / self.name):
                return found
        return None

    def _theme(self) -> Target | None:
        if self.name not in theme_names(self.themes_folder):
            return None
        return _theme_target(self.name)

    def _slugs(self) -> list[str]:
        return [] if self.session is None else [one.slug for one in all_series(self.session)]

    def _advice(self) -> str:
        known = {*theme_names(self.themes_folder), *self._slugs(), *shipped_names()}
        if self.settings is not None:
            known |= known_series_folders(self.settings)
        slug, slash, step = self.name.partition("/")
        near = get_close_matches(slug, sorted(known), n=1, cutoff=0.6)
        if near:
            return f"did you mean '{near[0]}{slash}{step}'?"
        return f"there are: {', '.join(sorted(known))}; or give a path"


def _on_disk(path: Path) -> Target | None:
    """Find a series folder, a theme's folder, or a document."""
    if (path / SERIES_FILE).is_file():
        folder = read_series_folder(path)
        return Target(Kind.FOLDER, str(path), folder, list_slug=folder.list_slug)
    if (path / TOKENS_FILE).is_file():
        name = path.resolve().name
        return replace(_theme_target(name), themes_folder=path.resolve().parent)
    return _document(path) if path.is_file() else None


def _document(path: Path) -> Target:
    """Take a document as a step of the series it lies in, else as a series of its own."""
    if (path.parent / SERIES_FILE).is_file():
        folder = read_series_folder(path.parent)
        for step in emails_of(folder):
            if step.file == path.name:
                return Target(Kind.DOCUMENT, str(path), folder, step.key, folder.list_slug)
    text = path.read_bytes()[:_LARGEST_DOCUMENT].decode("utf-8", "surrogateescape")
    return Target(Kind.DOCUMENT, str(path), _lone(path.name, text))


def _shipped(name: str) -> Target | None:
    """Take a mail that ships with the program, dressed like a series that names no theme."""
    document = shipped_document(name)
    if document is None:
        return None
    folder = _lone(f"{name}.md", document)
    return Target(Kind.SHIPPED, name, folder, is_unconfirmed=name == CONFIRMATION)


def _theme_target(name: str) -> Target:
    return Target(Kind.THEME, name, _lone("specimen", specimen(), theme=name))


def _lone(file: str, document: str, *, theme: str = "") -> SeriesFolder:
    step = FolderStep(file, file, 0, document)
    return SeriesFolder("", "Your weekly series", (step,), theme=theme)
