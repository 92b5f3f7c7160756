"""Compiles and renders hostile documents in a process that watches what they try to reach.

Run by itself: `python tests/hostile_run.py CASES`, a file of JSON pairs of name and document.
Prints a JSON object: for each case its error and processor seconds; the peak of memory; and
every connection, program or file that was opened after the first, harmless document.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from templates.compiler.renderer import CompiledRenderer
from templates.email import Edition, Reader
from templates.errors import TemplateError
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import read_theme

READER = Reader(
    {
        "first_name": "Ada",
        "tags": ["a", "b"],
        "big": "x" * 15_000,
        "evil": "a onclick=alert(1)",
        "link": "javascript:x",
        "line": "Ada\r\nBcc: all@example.org",
    },
    SAMPLE_READER.links,
)
WATCHED = (
    "open",
    "socket.",
    "subprocess.",
    "os.",
    "urllib.",
    "http.",
    "ftplib.",
    "shutil.",
    "ctypes.",
)
HARMLESS = ("os.listdir", "os.scandir")  # looking for a module that was not needed before
_opened: list[str] = []
_watching = False


def watch(event: str, details: tuple[Any, ...]) -> None:
    """Note what is opened, but for Python's own modules, which are loaded when first needed."""
    if not _watching or not event.startswith(WATCHED) or event in HARMLESS:
        return
    is_module = event == "open" and str(details[0]).endswith((".py", ".pyc", ".so"))
    if not is_module:
        _opened.append(f"{event} {details!r}"[:200])


def edition(document: str, digest: str) -> Edition:
    fields = frozenset({"tags", "big", "evil", "link", "line"})
    return Edition(document, read_theme("calm"), SAMPLE_CLINIC, digest, fields)


def outcome(made: Edition) -> str:
    """Compile and render; give the error's words, or nothing."""
    renderer = CompiledRenderer()
    try:
        renderer.render(made, READER)
    except TemplateError as error:
        return str(error)
    return ""


def peak() -> int:
    """Give the most memory this program took, in bytes.

    Not `ru_maxrss`: a process inherits that from whoever started it, here a large test run.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def run(cases: Iterable[tuple[str, str]]) -> dict[str, Any]:
    global _watching
    made = [(name, edition(document, name)) for name, document in cases]
    outcome(edition("---\nsubject: a\n---\n{{ subscriber.first_name }}", "warm"))
    outcome(edition("---\nsubject: a\n---\n{{ subscriber.nothing }}", "warm too"))
    sys.addaudithook(watch)
    found = {}
    for name, each in made:
        began, _watching = time.process_time(), True
        error = outcome(each)
        _watching = False
        found[name] = [error, time.process_time() - began]
    return {"found": found, "peak": peak(), "opened": _opened}


if __name__ == "__main__":
    print(json.dumps(run(json.loads(Path(sys.argv[1]).read_text()))))  # noqa: T201
