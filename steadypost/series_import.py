"""Find a series by name or path, and bring it in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from campaigns.braking import allow_surge
from campaigns.checking import Audience, Scenery, faults_for_people
from campaigns.errors import SeriesFolderError
from campaigns.impact import Impact, load_inside, try_edit, try_undoing
from campaigns.publishing import EVERYBODY, ImportedSeries, import_series
from campaigns.rules.existing import ExistingPlan
from campaigns.series_folder import SERIES_FILE, SeriesFolder, read_series_folder
from campaigns.store import all_series, find_series
from scheduler import Parts
from steadypost.errors import NothingFoundError
from steadypost.settings import Settings
from subscribers.rules.standing import Standing
from subscribers.store import SubscriberFilter, count_subscribers


def import_series_named(
    parts: Parts, settings: Settings, name: str, *, existing: ExistingPlan = EVERYBODY
) -> ImportedSeries:
    """Bring in a series: a folder, or the name of one in the folders of the settings.

    Raises:
        NothingFoundError: there is no such folder.
        SeriesFolderError: with every fault in it; then nothing was changed.
    """
    folder = read_series_folder(find_series_folder(settings, name))
    with parts.database.reading() as session:  # it may take its time, so nothing waits for it
        audience = Audience(session, folder.list_slug)
        faults = faults_for_people(
            folder, Scenery.of_site(parts.site), audience, renderer=parts.proving
        )
    if faults:
        raise SeriesFolderError(folder.slug, faults)
    with parts.database.transaction() as session:
        return import_series(
            session,
            folder,
            site=parts.site,
            renderer=parts.proving,
            now=parts.clock(),
            existing=existing,
        )


def announce(parts: Parts, imported: ImportedSeries) -> None:
    """Tell the brake that somebody knows of the people who begin now, or go on."""
    people = imported.beginning + imported.taken_up + imported.brought_back
    if not people:
        return
    with parts.database.transaction() as session:
        allow_surge(session, people, site=parts.site, now=parts.clock())


def impact_of_import(
    parts: Parts, settings: Settings, name: str, *, existing: ExistingPlan = EVERYBODY
) -> Impact:
    """Tell what bringing in a series would do; nothing is changed.

    Raises:
        NothingFoundError: there is no such folder.
        SeriesFolderError: with every fault in it.
    """
    folder = read_series_folder(find_series_folder(settings, name))
    return impact_of_folder(parts, folder, existing=existing)


def impact_of_undoing(parts: Parts, slug: str) -> Impact:
    """Tell what undoing the last edit of a series would do; nothing is changed.

    Raises:
        UnknownSeriesError: there is none of this name.
        NothingToUndoError: no edit is left.
    """
    now, site = parts.clock(), parts.site
    with parts.database.reading() as session:
        before = load_inside(session, find_series(session, slug).slug, site=site, now=now)
    with parts.database.transaction() as session:
        trial = try_undoing(
            session, slug, site=site, renderer=parts.proving, now=now, before=before
        )
    return trial.impact()


def impact_of_folder(
    parts: Parts, folder: SeriesFolder, *, existing: ExistingPlan = EVERYBODY
) -> Impact:
    """Tell what taking over a folder would do; others may write while people are read."""
    now = parts.clock()
    with parts.database.reading() as session:
        before = load_inside(session, folder.slug, site=parts.site, now=now)
    with parts.database.transaction() as session:
        trial = try_edit(
            session,
            folder,
            site=parts.site,
            renderer=parts.proving,
            now=now,
            existing=existing,
            before=before,
        )
    return trial.impact()


@dataclass(frozen=True)
class Beginners:
    """The people who begin a series because it comes to their list."""

    series: str
    list_slug: str
    count: int


def count_beginners(parts: Parts, settings: Settings, name: str) -> Beginners:
    """Count whom an import would put at step 1 of a new series: everybody its list holds.

    Raises:
        NothingFoundError: there is no such folder.
        SeriesFolderError: its settings cannot be read.
    """
    folder = read_series_folder(find_series_folder(settings, name))
    everybody = SubscriberFilter(folder.list_slug, Standing.CONFIRMED, suppressed=False)
    with parts.database.reading() as session:
        is_known = folder.slug in {series.slug for series in all_series(session)}
        count = 0 if is_known else count_subscribers(session, everybody)
    return Beginners(folder.slug, folder.list_slug, count)


def find_series_folder(settings: Settings, name: str) -> Path:
    """Find the folder of a series, by its path or by its name.

    Raises:
        NothingFoundError: nothing of this name is there.
    """
    places = [Path(name).expanduser()]
    places += [settings.path(folder) / name for folder in settings.series.folders]
    for is_meant in (_is_series, Path.is_dir):
        for place in filter(is_meant, places):
            return place
    known = ", ".join(sorted(known_series_folders(settings))) or "none"
    raise NothingFoundError(f"series folder {name!r}", f"there are: {known}; or give a path")


def _is_series(place: Path) -> bool:
    return (place / SERIES_FILE).is_file()


def known_series_folders(settings: Settings) -> set[str]:
    """Name the series in the folders of the settings."""
    return {
        file.parent.name
        for folder in settings.series.folders
        for file in settings.path(folder).glob(f"*/{SERIES_FILE}")
    }
