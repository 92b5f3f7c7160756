"""Hostile templates in a process that is watched: time, memory, and what they open.

Each in one place of a document; `make simulate` puts each into every place.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
RUN = HERE.parent / "hostile_run.py"


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLACES = _module("test_compiler_hostile").PLACES
HOSTILE = _module("test_templates_hostile")
FETCHES = {
    "imported sheet": "<style>@import 'https://a.example/x.css';</style>",
    "imported file": "<style>@import 'file:///etc/passwd';</style>",
    "imported over ftp": "<style>@IMPORT url(ftp://a.example/x);</style>",
    "import by escape": "<style>@\\69mport 'https://a.example/x.css';</style>",
    "import behind a comment": "<style>/**/@import/**/'file:///etc/passwd';</style>",
    "import in an ignored sheet": "<style data-premailer='ignore'>@import 'x';</style>",
    "linked sheet": "<link rel='stylesheet' href='file:///etc/passwd'>",
    "base": "<base href='file:///etc/'>",
    "frame": "<iframe src='file:///etc/passwd'></iframe>",
    "object": "<object data='file:///etc/passwd'></object>",
    "file picture": "<img src='file:///etc/passwd'>",
    "file link": "<a href='file:///etc/passwd'>x</a>",
    "include of a file": "{% include '/etc/passwd' %}",
    "extends a file": "{% extends '../../../etc/passwd' %}",
    "import of a file": "{% import 'file:///etc/passwd' as x %}",
}
HEADERS = {
    "line end": 'subject: "Hi\\r\\nBcc: x@example.org"',
    "nul": 'subject: "Hi\\0"',
    "separator": 'subject: "Hi\\u2028Bcc: x@example.org"',
    "from name with a separator": 'subject: Hi\nfrom_name: "Jo\\u2029Bcc: x"',
    "from name with a bell": 'subject: Hi\nfrom_name: "Jo\\a"',
    "another header": "subject: Hi\nbcc: x@example.org",
    "list as a subject": "subject: [a, b]",
    "alias bomb": "subject: &a [x, x]\npreheader: [*a, *a, *a]",
}


# Whole pages may use more of Jinja than Markdown; what they make of it is harmless.
ALLOWED_IN_PAGES = {
    *("macro", "call", "with", "set block", "many blocks", "long body", "long paragraph"),
    *("taking a field", "many fields", "deep brackets"),
}


def cases(*, everywhere: bool) -> dict[str, str]:
    """Give hostile documents by name, with each piece in one place, or in all."""
    pieces = {**HOSTILE.ESCAPES, **HOSTILE.BOMBS}
    found = {
        f"{name}, in {place}": PLACES[place].replace("PIECE", piece)
        for number, (name, (piece, _)) in enumerate(pieces.items())
        for place in (PLACES if everywhere else [list(PLACES)[number % len(PLACES)]])
    }
    page = "<!doctype html><html><body><p>{{ subscriber.first_name }}</p>\nPIECE</body></html>"
    bodies = {**{name: body for name, (body, _) in HOSTILE.PAGES.items()}, **FETCHES}
    for name, body in bodies.items():
        found[f"page: {name}"] = f"---\nsubject: Hi\n---\n{page.replace('PIECE', body)}"
    for name, front in HEADERS.items():
        found[f"header: {name}"] = f"---\n{front}\n---\nx"
    return found


def watch(folder: Path, *, everywhere: bool) -> dict[str, Any]:
    """Run them all in one process; its peak of memory is the most any of them took."""
    file = folder / "cases.json"
    file.write_text(json.dumps(list(cases(everywhere=everywhere).items())))
    done = subprocess.run([sys.executable, RUN, file], capture_output=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def assert_harmless(watched: dict[str, Any]) -> None:
    """See that each was refused with its line, in time, in little memory, without reaching out."""
    found = watched["found"]
    errors = {name: error for name, (error, _) in found.items()}
    allowed = {name.partition(",")[0] for name, error in errors.items() if not error}
    assert allowed <= ALLOWED_IN_PAGES
    assert {name: error for name, error in errors.items() if error and "line " not in error} == {}
    assert {name: seconds for name, (_, seconds) in found.items() if seconds >= 2} == {}
    assert watched["peak"] < 256_000_000
    assert watched["opened"] == []


def test_there_are_more_than_three_hundred_of_them() -> None:
    assert len(cases(everywhere=True)) >= 300


def test_none_takes_much_opens_anything_or_is_let_through(tmp_path: Path) -> None:
    assert_harmless(watch(tmp_path, everywhere=False))
