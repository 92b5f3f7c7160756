"""The stage of a rehearsal: a database of its own, a sender that keeps everything, a clock."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from campaigns.publishing import export_series, import_series
from campaigns.series_folder import SeriesFolder, read_series_folder
from campaigns.site import Site
from campaigns.store import all_series
from delivery.memory import MemorySender
from scheduler import Parts
from steadypost.demo.clock import VirtualClock
from steadypost.demo.people import Client
from steadypost.migrating import migrate
from steadypost.rehearsal.conditions import Conditions, invent_cast
from steadypost.series_import import find_series_folder
from steadypost.settings import Settings
from storage.database import open_database

_MEMORY = Path("/dev/shm")  # noqa: S108  (a folder in memory, where the system has one)


@dataclass(frozen=True)
class Stage:
    """Everything a rehearsal plays with; nothing of it is the clinic's own."""

    parts: Parts
    sender: MemorySender
    clock: VirtualClock
    cast: list[Client]
    folder: SeriesFolder
    conditions: Conditions


def find_series_to_rehearse(parts: Parts, settings: Settings, name: str) -> SeriesFolder:
    """Take a folder that is named by its path, else the series as it is being sent.

    Raises:
        NothingFoundError: there is neither.
        SeriesFolderError: the folder cannot be used.
    """
    with parts.database.reading() as session:
        is_published = name in {series.slug for series in all_series(session)}
        if is_published and not Path(name).expanduser().is_dir():
            return export_series(session, name)
    return read_series_folder(find_series_folder(settings, name))


@contextmanager
def set_stage(site: Site, parts: Parts, folder: SeriesFolder, how: Conditions) -> Iterator[Stage]:
    """Put up the stage for the length of a block; afterwards nothing is left of it.

    Raises:
        SeriesFolderError: an email of the series cannot be rendered.
    """
    calendar = site.calendar
    closed_days = calendar.closed_days | how.closed_days
    site = replace(site, calendar=replace(calendar, closed_days=closed_days))
    clock, sender = VirtualClock(how.start), MemorySender()
    in_memory = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="steadypost-", dir=in_memory) as place:
        database = open_database(f"sqlite:///{Path(place, 'rehearsal.db')}")
        try:
            migrate(database)
            own = Parts(database, site, sender, parts.renderer, clock, lease=parts.lease)
            with database.transaction() as session:
                import_series(session, folder, site=site, renderer=parts.proving, now=how.start)
            cast = invent_cast(how.people, home=site.zone.key)
            yield Stage(own, sender, clock, cast, folder, how)
        finally:
            database.close()
