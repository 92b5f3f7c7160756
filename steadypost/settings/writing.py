"""Write the settings for people: the commented file of a new site, and the reference page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import getdoc
from typing import Any

from steadypost.errors import ExitCode
from steadypost.settings.keys import Key, keys_of
from steadypost.settings.leaving import RELAYS, FurtherRelay
from steadypost.settings.sections import FILE_NAME, SECTIONS

_MEANING_OF_CODE = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "refused or failed; the reason stands on stderr",
    ExitCode.USAGE: "the command was typed wrong",
    ExitCode.SETTINGS: "the settings, a variable or the keys file cannot be used",
    ExitCode.DATABASE: "the database cannot be reached, is locked, full, or of another version",
    ExitCode.RELAY: "the relay cannot be reached, or did not take the message",
    ExitCode.CONTENT: "a series, an email or an import file cannot be used",
    ExitCode.FAULT: "a mistake in Steadypost itself; please report it with what it printed",
    ExitCode.INTERRUPTED: "ended by Ctrl-C",
}

_PAGE = """\
# Settings

This page is made from the program; a test keeps the two equal.

A site is a folder with a file `{file}` in it. Name the folder by `--site FOLDER` or by the
variable `STEADYPOST_SITE`; without either it is the folder you are in. `steadypost init` writes
the file with every key in it and a comment on each.

A variable `STEADYPOST_SECTION__KEY` (two underscores) wins over the file, for instance
`STEADYPOST_RELAY__HOST=smtp.clinic.example`. Several texts are separated by commas. Secrets stand
neither in the file nor in a variable: `[relay] password_file` and `[keys] file` name files that
hold them, and `STEADYPOST_RELAY__PASSWORD_FILE` and `STEADYPOST_KEYS__FILE` may name those, as
service managers and containers like it. A relay that has a table `[relays.backup]` in the file is
changed by `STEADYPOST_RELAYS__BACKUP__HOST`; a variable alone makes no relay.

A key nobody knows is refused, and so is a value that cannot be right; the answer names the file,
the key and what to do. Names of files and folders start at the site's folder.

{sections}

## Exit codes

| code | meaning |
| --- | --- |
{codes}
"""


def commented_file(chosen: Mapping[tuple[str, str], Any]) -> str:
    """Write a settings file with the chosen values; every other key stands there as a comment."""
    parts = ["# Settings of this Steadypost site. Lines that begin with # are not in force."]
    for name, section in SECTIONS.items():
        parts.append(f"\n[{name}]\n# {getdoc(section)}")
        parts += [_line(item, chosen) for item in keys_of(name, section)]
    return "\n".join(parts) + "\n"


def reference_page() -> str:
    """Write `docs/how-to/settings.md`."""
    tables = {**SECTIONS, f"{RELAYS}.NAME": FurtherRelay}
    sections = "\n\n".join(_table(name, section) for name, section in tables.items())
    codes = "\n".join(f"| {int(code)} | {text} |" for code, text in _MEANING_OF_CODE.items())
    return _PAGE.format(file=FILE_NAME, sections=sections, codes=codes)


def toml(value: Any) -> str:
    """Write one value as TOML; its texts have the same escapes as JSON's, but for DEL."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _line(item: Key, chosen: Mapping[tuple[str, str], Any]) -> str:
    value = chosen.get((item.section, item.name))
    shown = item.example if item.default in (None, "", ()) else item.default
    line = f"# {item.name} = {toml(shown)}" if value is None else f"{item.name} = {toml(value)}"
    return f"\n# {item.meaning}\n{line}"


def _table(name: str, section: type) -> str:
    rows = "\n".join(_row(item) for item in keys_of(name, section))
    head = "| key | meaning | default |\n| --- | --- | --- |"
    return f"## [{name}]\n\n{getdoc(section)}\n\n{head}\n{rows}"


def _row(item: Key) -> str:
    bounds = f" Takes {item.wanted}." if item.between or item.choices else ""
    default = "**needed**" if item.is_required else f"`{toml(item.default)}`"
    return f"| `{item.name}` | {item.meaning}{bounds}{_example(item)} | {default} |"


def _example(item: Key) -> str:
    return "" if item.example is None else f" Example: `{toml(item.example)}`."
