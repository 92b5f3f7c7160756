"""A broadcast as one document, or as a folder with `broadcast.yaml` and its document."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from campaigns.errors import BroadcastFolderError, Fault
from campaigns.rules.broadcasts import USUAL_GRACE, USUAL_PRIORITY
from campaigns.rules.conditions import LONGEST
from campaigns.series_folder import (
    MOST_DOCUMENT_BYTES,
    MOST_YAML_BYTES,
    SLUG_ADVICE,
    is_file_name,
    is_slug,
    read_text,
)
from campaigns.series_yaml import Fields, YamlFile

BROADCAST_FILE = "broadcast.yaml"
LONGEST_GRACE_HOURS = 24 * 14
_KEYS = ("list", "audience", "theme", "priority", "grace_hours", "file")
_HOURS = int(USUAL_GRACE.total_seconds() // 3600)


@dataclass(frozen=True)
class BroadcastFolder:
    """A broadcast as its author wrote it."""

    slug: str
    file: str
    document: str
    list_slug: str = "weekly"
    audience: str = ""  # a rule; empty: the whole list
    theme: str = "calm"
    priority: int = USUAL_PRIORITY
    grace_hours: int = _HOURS


def read_broadcast(path: Path, *, slug: str | None = None) -> BroadcastFolder:
    """Read a document, or a folder with one; its name is the broadcast's unless one is given.

    Raises:
        BroadcastFolderError: with every fault there is.
    """
    faults: list[Fault] = []
    is_folder = path.is_dir()
    name = slug or (path.resolve().name if is_folder else path.stem)
    if not is_slug(name):
        faults.append(Fault(name, 0, f"a broadcast cannot be named so; {SLUG_ADVICE}"))
    found = _read_folder(path, name, faults) if is_folder else BroadcastFolder(name, path.name, "")
    place = path if is_folder else path.parent
    if found.file:
        text = read_text(place, found.file, most=MOST_DOCUMENT_BYTES, faults=faults)
        found = replace(found, document=text or "")
    if faults:
        raise BroadcastFolderError(name, sorted(faults))
    return found


def _read_folder(path: Path, slug: str, faults: list[Fault]) -> BroadcastFolder:
    """Read `broadcast.yaml`; without one, the folder's only document goes to the usual list."""
    only = [file.name for file in sorted(path.glob("*.md"))]
    found = BroadcastFolder(slug, only[0] if len(only) == 1 else "", "")
    if (path / BROADCAST_FILE).exists():
        yaml = YamlFile(BROADCAST_FILE, faults)
        text = read_text(path, BROADCAST_FILE, most=MOST_YAML_BYTES, faults=faults)
        node = yaml.parse(text) if text is not None else None
        if node is None:
            return replace(found, file="")
        fields = yaml.fields(node, known=_KEYS, what="the file")
        found = _read_fields(yaml, fields, found)
    if not is_file_name(found.file):
        problem = "name the document: 'file: news.md'" if not found.file else "is no file name"
        faults.append(Fault(found.file or BROADCAST_FILE, 0, problem))
        return replace(found, file="")
    return found


def _read_fields(yaml: YamlFile, fields: Fields, found: BroadcastFolder) -> BroadcastFolder:
    return replace(
        found,
        file=yaml.text(fields, "file", default=found.file, most=120),
        list_slug=yaml.text(fields, "list", default=found.list_slug),
        audience=yaml.text(fields, "audience", default="", most=LONGEST),
        theme=yaml.text(fields, "theme", default=found.theme),
        priority=yaml.number(fields, "priority", default=found.priority, between=(0, 1000)),
        grace_hours=yaml.number(
            fields, "grace_hours", default=found.grace_hours, between=(1, LONGEST_GRACE_HOURS)
        ),
    )
