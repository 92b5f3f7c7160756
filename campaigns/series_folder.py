"""A series as a folder: `series.yaml` and one document for each step.

What is read is checked whole: every fault is named with its file and line, and a folder with a
fault is not used at all. What is written reads back equal.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from campaigns.errors import Fault, FolderInUseError, SeriesFolderError
from campaigns.rules.standing import FirstStep
from campaigns.series_yaml import YamlFile

SERIES_FILE = "series.yaml"
MOST_STEPS = 400
MOST_WAIT_DAYS = 365
MOST_YAML_BYTES = 100_000
MOST_DOCUMENT_BYTES = 200_000
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLUG_ADVICE = "use up to 64 lower-case letters, digits and single hyphens, like 'how-it-works'"
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,118}")
_SERIES_KEYS = (
    "title", "list", "description", "theme", "send_hour", "first_step", "priority", "exit_when",
    "finished_get_new_steps", "completion_email", "steps",
)  # fmt: skip
_STEP_KEYS = ("key", "file", "wait_days", "condition")


@dataclass(frozen=True)
class FolderStep:
    """One step as its folder has it."""

    key: str  # permanent: progress is kept by it
    file: str
    wait_days: int
    document: str
    condition: str = ""  # when it is not true of a person, they go without


@dataclass(frozen=True)
class SeriesFolder:
    """A series as its folder has it."""

    slug: str  # the name of the folder
    title: str
    steps: tuple[FolderStep, ...]
    list_slug: str = "weekly"
    description: str = ""
    theme: str = ""  # empty: the site's
    send_hour: int = 9
    first_step: FirstStep = FirstStep.AT_ONCE
    priority: int = 100
    exit_rule: str = ""  # of whom this is true, their way ends
    sends_new_to_finished: bool = True  # steps that are appended later
    completion_email: bool = False  # one more email after the last part, that says so
    completion_file: str = ""  # with the series' own words for it; empty: the shipped ones
    completion_document: str = ""


def read_series_folder(path: Path, *, slug: str | None = None) -> SeriesFolder:
    """Read a series and check everything that can be checked without its theme.

    `slug` names the series; without it the folder's name does.

    Raises:
        SeriesFolderError: with every fault there is.
    """
    return _Reading(path).read(slug or path.resolve().name)


def write_series_folder(folder: SeriesFolder, path: Path) -> None:
    """Write a series into a new or empty folder.

    Raises:
        FolderInUseError: something is there already.
        SeriesFolderError: a document's name leads out of the folder.
    """
    if path.exists() and any(path.iterdir()):
        raise FolderInUseError(path)
    documents = {step.file: step.document for step in folder.steps}
    if folder.completion_file:
        documents[folder.completion_file] = folder.completion_document
    wrong = [name for name in documents if not is_file_name(name)]
    if wrong:
        raise SeriesFolderError(folder.slug, [Fault(name, 0, "no file name") for name in wrong])
    path.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        _write(path / name, document)
    _write(path / SERIES_FILE, series_yaml(folder))


def series_yaml(folder: SeriesFolder) -> str:
    """Write the text of `series.yaml`."""
    facts: dict[str, Any] = {
        "title": folder.title,
        "list": folder.list_slug,
        "description": folder.description,
        **({"theme": folder.theme} if folder.theme else {}),
        "send_hour": folder.send_hour,
        "first_step": str(folder.first_step),
        "priority": folder.priority,
        **({"exit_when": folder.exit_rule} if folder.exit_rule else {}),
        **({} if folder.sends_new_to_finished else {"finished_get_new_steps": False}),
        **({"completion_email": folder.completion_file or True} if folder.completion_email else {}),
        "steps": [_step_facts(step) for step in folder.steps],
    }
    return yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=98)


def _step_facts(step: FolderStep) -> dict[str, Any]:
    facts = asdict(step)
    del facts["document"]
    return facts if step.condition else {key: facts[key] for key in _STEP_KEYS[:3]}


def is_slug(text: str) -> bool:
    """Tell whether a text can name a series, a list, a step or a theme for ever."""
    return len(text) <= 64 and _SLUG.fullmatch(text) is not None


def is_file_name(text: str) -> bool:
    """Tell whether a text names a file in the folder itself and leads nowhere else."""
    return _FILE.fullmatch(text) is not None and text != SERIES_FILE


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))  # bytes: no system's own line ends


class _Reading:
    """One folder being read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: list[Fault] = []
        self._yaml = YamlFile(SERIES_FILE, self._faults)

    def read(self, slug: str) -> SeriesFolder:
        if not is_slug(slug):
            self._faults.append(Fault(slug, 0, f"a series cannot be named so; {SLUG_ADVICE}"))
        text = self._text(SERIES_FILE, most=MOST_YAML_BYTES)
        node = None if text is None else self._yaml.parse(text)
        if self._faults:
            raise SeriesFolderError(slug, self._faults)
        found = self._series(node, slug)
        if self._faults:
            raise SeriesFolderError(slug, sorted(self._faults))
        return found

    def _series(self, node: yaml.Node | None, slug: str) -> SeriesFolder:
        read = self._yaml
        fields = read.fields(node, known=_SERIES_KEYS, what="the file")
        title = read.text(fields, "title", default="")
        if not title:
            read.fault("'title' is missing; readers see it", at=fields.get("title"))
        steps, closing = self._steps(fields), read.yes_or_file(fields, "completion_email")
        self._refuse_twins([*(step.file for step in steps), closing.file], "file", of="emails")
        return SeriesFolder(
            slug=slug,
            title=title,
            steps=steps,
            list_slug=self._slug(fields, "list", default="weekly"),
            description=read.text(fields, "description", default="", most=2000, is_line=False),
            theme=self._slug(fields, "theme", default=""),
            send_hour=read.number(fields, "send_hour", default=9, between=(0, 23)),
            first_step=read.choice(fields, "first_step", default=FirstStep.AT_ONCE),
            priority=read.number(fields, "priority", default=100, between=(0, 1000)),
            exit_rule=read.condition(fields, "exit_when"),
            sends_new_to_finished=read.is_yes(fields, "finished_get_new_steps", default=True),
            completion_email=closing.is_wanted,
            completion_file=closing.file,
            completion_document=self._document(closing.file) if closing.file else "",
        )

    def _steps(self, fields: Mapping[str, yaml.Node]) -> tuple[FolderStep, ...]:
        nodes = list(self._yaml.items(fields, "steps"))
        if not nodes or len(nodes) > MOST_STEPS:
            self._yaml.fault(
                f"'steps' has {len(nodes)} of them; a series has 1 to {MOST_STEPS}",
                at=fields.get("steps"),
            )
        steps = [self._step(node, place) for place, node in enumerate(nodes[:MOST_STEPS])]
        self._refuse_twins([step.key for step in steps], "key", of="steps")
        return tuple(steps)

    def _step(self, node: yaml.Node, place: int) -> FolderStep:
        fields = self._yaml.fields(node, known=_STEP_KEYS, what="a step")
        key = self._slug(fields, "key", default="")
        if "key" not in fields:
            self._yaml.fault(f"step {place + 1} has no 'key'; give it a lasting name", at=node)
        file = self._yaml.text(fields, "file", default=f"{key}.md", most=120)
        # Two emails on one day are refused to every person, so a later step waits a day at least.
        least, usual = (0, 0) if place == 0 else (1, 7)
        wait = self._yaml.number(
            fields, "wait_days", default=usual, between=(least, MOST_WAIT_DAYS)
        )
        condition = self._yaml.condition(fields, "condition")
        return FolderStep(key, file, wait, self._document(file) if key else "", condition)

    def _document(self, file: str) -> str:
        if not is_file_name(file):
            advice = "must be the plain name of a file in the folder, like '01-welcome.md'"
            self._faults.append(Fault(file, 0, advice))
            return ""
        return self._text(file, most=MOST_DOCUMENT_BYTES) or ""

    def _slug(self, fields: Mapping[str, yaml.Node], key: str, *, default: str) -> str:
        text = self._yaml.text(fields, key, default=default)
        if key in fields and not is_slug(text):
            self._yaml.fault(f"'{key}' cannot be '{text}'; {SLUG_ADVICE}", at=fields[key])
        return text

    def _refuse_twins(self, names: Collection[str], what: str, *, of: str) -> None:
        for name, count in Counter(filter(None, names)).items():
            if count > 1:
                self._yaml.fault(f"{count} {of} have the {what} '{name}'; each needs its own")

    def _text(self, file: str, *, most: int) -> str | None:
        return read_text(self._path, file, most=most, faults=self._faults)


def read_text(folder: Path, file: str, *, most: int, faults: list[Fault]) -> str | None:
    """Read a text file that lies in a folder itself; None with a fault noted."""
    problem, raw = _read_bytes(folder, file, most)
    if not problem:
        try:
            return raw.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            faults.append(Fault(file, line, "not UTF-8 text; save the file as UTF-8"))
            return None
    faults.append(Fault(file, 0, problem))
    return None


def _read_bytes(folder: Path, file: str, most: int) -> tuple[str, bytes]:
    """Read a file that is no link to another place; say what is wrong, if anything."""
    path = folder / file
    if path.is_symlink():
        return "is a link to somewhere else; put the file itself here", b""
    if not path.is_file():
        return f"there is no such file in {folder}", b""
    try:
        with path.open("rb") as opened:
            raw = opened.read(most + 1)
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}", b""
    if len(raw) > most:
        return f"is longer than {most:,} bytes", b""
    return ("holds a NUL character; save it as plain text", b"") if b"\0" in raw else ("", raw)
