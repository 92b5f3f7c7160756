"""Do the journal of hand-overs and the database belong together? Asked whenever a worker begins.

A restored back-up knows less than went out, and a copy would send what the original sends as
well. Both look like any database; only the journal beside them gives them away.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Table, exists, func, select, text
from sqlalchemy.orm import Session

from delivery.errors import WitnessError
from delivery.holds import put_hold
from delivery.journal import JournalFolder, read_file
from delivery.models import Worker
from delivery.rows import deliveries
from delivery.rules.holds import Cause
from delivery.rules.journal import Answer, Dot
from delivery.rules.states import State
from delivery.sender import Accepted
from delivery.site_facts import site_id
from delivery.workers import anybody_works

_NAME = "site.json"
_MACHINE_ID = Path("/etc/machine-id")
_LOOKED_AT = 2_000  # of the newest hand-overs; a database that is older lacks some of these
_NOT_LEFT = (State.QUEUED, State.CLAIMED, State.HELD)
_workers = cast(Table, Worker.__table__)


@dataclass(frozen=True)
class Origin:
    """What a folder of journals remembers: whose it is, and where it lies."""

    site: str
    machine: str
    path: str
    inode: int
    settled: Sequence[str] = ()  # the journals somebody has looked through


def check_provenance(
    session: Session, folder: JournalFolder, *, now: datetime, lease: timedelta
) -> str:
    """Hold the site when its journal and its database do not belong together; give the reason.

    Raises:
        WitnessError: the folder cannot be read or written.
    """
    site, found = site_id(session), read_origin(folder)
    if found is None and not _misses_a_folder(session, now=now, lease=lease):
        found = write_origin(folder, site)
    why = _what_is_wrong(session, folder, site, found)
    if why:
        put_hold(session, Cause.RESTORED, detail=why, now=now)
    return why


def accept_provenance(session: Session, folder: JournalFolder) -> None:
    """Take the journal and the database as belonging together from now on."""
    write_origin(folder, site_id(session), settled=folder.names())


def read_origin(folder: JournalFolder) -> Origin | None:
    """Read what the folder remembers; None when it is new, or was lost."""
    try:
        return Origin(**json.loads((folder.path / _NAME).read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise WitnessError(str(folder.path / _NAME), str(error)) from error


def write_origin(folder: JournalFolder, site: str, *, settled: Sequence[str] = ()) -> Origin:
    """Let the folder remember whose it is, and where it lies."""
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        origin = Origin(site, _machine(), *_place(folder.path), settled)
        draft = folder.path / f".{_NAME}.{os.getpid()}"
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump(asdict(origin), stream)
        draft.rename(folder.path / _NAME)
    except OSError as error:
        raise WitnessError(str(folder.path), (error.strerror or str(error)).lower()) from error
    return origin


def unsettled_files(folder: JournalFolder) -> list[Path]:
    """List the files nobody has looked through since they were written, the oldest first."""
    origin = read_origin(folder)
    settled = set(origin.settled if origin else ())
    return [path for path in folder.files() if path.name.partition(".")[0] not in settled]


def _what_is_wrong(session: Session, folder: JournalFolder, site: str, found: Origin | None) -> str:
    if found is None:
        return (
            f"the journal of hand-overs is missing: {folder.path}; mail may have gone out that "
            "this database does not know"
        )
    if found.site != site:
        return f"the journal of hand-overs in {folder.path} belongs to another database"
    if (found.machine, found.path, found.inode) != (_machine(), *_place(folder.path)):
        return (
            f"this site was copied or moved here from {found.path}; if the other one still runs, "
            "everybody would get everything twice"
        )
    if _is_older(session, folder):
        return (
            "this database is older than what was sent: it is a restored back-up, "
            "or a copy from an earlier moment"
        )
    return ""


def _misses_a_folder(session: Session, *, now: datetime, lease: timedelta) -> bool:
    """Tell whether there ought to be a folder, because workers have kept journals.

    At a PostgreSQL where others live, this is one more machine that joins them.
    """
    kept = exists().where(_workers.c.journal != "")
    if not session.scalar(select(kept)):
        return False
    if session.get_bind().dialect.name == "sqlite":
        return True
    return not anybody_works(session, now=now, lease=lease)


def _is_older(session: Session, folder: JournalFolder) -> bool:
    """Tell whether the journal knows of newer hand-overs than the database."""
    dots = dict[int, Dot]()
    accepted = set[tuple[int, int]]()
    for entry in islice(_newest_entries(folder), 2 * _LOOKED_AT):
        if isinstance(entry, Dot) and entry.delivery_id not in dots:
            dots[entry.delivery_id] = entry
        elif isinstance(entry, Answer) and isinstance(entry.outcome, Accepted):
            accepted.add((entry.delivery_id, entry.attempt))
    if not dots:
        return False
    if max(dots) > _highest_id(session):
        return True
    rows = select(*(deliveries.c[name] for name in ("id", "once_key", "attempt", "state")))
    known = session.execute(rows.where(deliveries.c.id.in_(dots)))
    return any(_is_behind(row, dots[row.id], accepted) for row in known)


def _is_behind(row: Any, dot: Dot, accepted: set[tuple[int, int]]) -> bool:
    if row.once_key != dot.once_key or row.attempt < dot.attempt:
        return True
    is_same = row.attempt == dot.attempt and row.state in _NOT_LEFT
    return is_same and (dot.delivery_id, dot.attempt) in accepted


def _newest_entries(folder: JournalFolder) -> Iterator[Any]:
    for path in reversed(unsettled_files(folder)):
        yield from reversed(read_file(path).entries)


def _highest_id(session: Session) -> int:
    """Give the highest id any delivery ever had, also of those that are gone."""
    if session.get_bind().dialect.name == "sqlite":
        found = session.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'"))
    else:
        found = session.scalar(select(func.max(deliveries.c.id)))
    return int(found or 0)


def _machine() -> str:
    try:
        return _MACHINE_ID.read_text("ascii").strip()
    except OSError:
        return ""


def _place(path: Path) -> tuple[str, int]:
    resolved = path.resolve()
    return str(resolved), resolved.stat().st_ino
