"""Read the settings of a site: the file, then the variables that win over it, then the checks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from steadypost.errors import SettingsError, SettingsProblem
from steadypost.settings import checks
from steadypost.settings.keys import Key
from steadypost.settings.leaving import RELAYS, FurtherRelay, further_keys
from steadypost.settings.sections import FILE_NAME, SECTIONS, Settings, all_keys

PREFIX = "STEADYPOST_"
_FILES_OF_A_RELAY = frozenset({"password_file", "ca_file"})
_OWN = {"password": "password_file"}  # what people look for, and what there is instead


@dataclass(frozen=True)
class _Given:
    """A value as somebody wrote it, and where."""

    value: Any
    place: str
    is_text: bool  # from a variable: everything there is text


def load_settings(folder: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check the settings of the site in a folder.

    Raises:
        SettingsError: anything is wrong; it lists every problem found, not only the first.
    """
    folder = folder.resolve()
    written = read_toml(folder / FILE_NAME)
    names = _relay_names(written)
    keys = [*all_keys(), *(item for name in names for item in further_keys(name))]
    problems = [*_unknown_keys(written, keys), *_unknown_variables(environ, keys)]
    values: dict[tuple[str, str], Any] = {}
    for item in keys:
        try:
            values[item.section, item.name] = _value(item, _given(item, written, environ))
        except ValueError as error:
            problems.append(_problem(item, environ, str(error)))
    if not problems:
        problems += _missing_files(folder, keys, values, environ)
        problems += _misfits(names, values)
    if problems:
        raise SettingsError(folder / FILE_NAME, problems)
    return _settings(folder, names, values)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        SettingsError: it is missing, unreadable, or not TOML; then the text names the line.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        text = "there is no such file; run 'steadypost init' here, or name the folder by --site"
    except UnicodeDecodeError as error:
        text = f"byte {error.start} is not UTF-8; save the file as UTF-8"
    except OSError as error:
        text = f"{(error.strerror or str(error)).lower()}; make the file readable for this user"
    except tomllib.TOMLDecodeError as error:
        text = f"not TOML: {str(error)[:1].lower()}{str(error)[1:]}; correct that line"
    raise SettingsError(path, [SettingsProblem("", text)])


def _given(item: Key, written: Mapping[str, Any], environ: Mapping[str, str]) -> _Given | None:
    if item.variable in environ:
        return _Given(environ[item.variable], item.variable, is_text=True)
    section: Any = written
    for part in item.section.split("."):
        section = section.get(part) if isinstance(section, dict) else None
    if isinstance(section, dict) and item.name in section:
        return _Given(section[item.name], item.place, is_text=False)
    return None


def _value(item: Key, given: _Given | None) -> Any:
    """Turn what was given into a value of the right type.

    Raises:
        ValueError: with what is wrong and what to do.
    """
    if given is None:
        if item.is_required:
            raise ValueError(f"is missing; write {item.name} = {item.example!r}")
        return item.default
    value = _converted(item, given)
    for check in item.checks:
        if problem := check(value):
            raise ValueError(problem)
    return value


def _converted(item: Key, given: _Given) -> Any:
    value = _listed(given) if item.is_list else _as_text(given.value)
    try:
        found = msgspec.convert(value, item.type, strict=not given.is_text)
    except msgspec.ValidationError:
        raise ValueError(f"found {given.value!r}, need {item.wanted}; correct it") from None
    if item.between and not item.between[0] <= found <= item.between[1]:
        raise ValueError(f"found {given.value!r}, need {item.wanted}; correct it")
    return found


def _listed(given: _Given) -> Any:
    """Split a variable at its commas; take TOML's own dates beside texts."""
    if given.is_text:
        return [part.strip() for part in given.value.split(",") if part.strip()]
    if not isinstance(given.value, list):
        return given.value
    return [_as_text(part) for part in given.value]


def _as_text(value: Any) -> Any:
    """Take TOML's own dates for texts."""
    return value.isoformat() if isinstance(value, date) else value


def _problem(item: Key, environ: Mapping[str, str], text: str) -> SettingsProblem:
    return SettingsProblem(item.variable if item.variable in environ else item.place, text)


def _relay_names(written: Mapping[str, Any]) -> list[str]:
    """Name the further relays that the file has tables for."""
    tables = written.get(RELAYS)
    names = tables if isinstance(tables, dict) else {}
    return [name for name, content in names.items() if isinstance(content, dict) and _is_name(name)]


def _is_name(name: str) -> bool:
    """Tell whether a relay may be called so: the name is a part of a variable too."""
    return re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) is not None


def _unknown_keys(written: Mapping[str, Any], keys: Collection[Key]) -> Iterable[SettingsProblem]:
    for section, content in written.items():
        if section == RELAYS and isinstance(content, dict):
            yield from _unknown_in_relays(content, keys)
        elif section not in SECTIONS:
            yield _unknown(f"[{section}]", section, [*SECTIONS, RELAYS])
        elif not isinstance(content, dict):
            yield SettingsProblem(section, f"is a section; write [{section}] on a line of its own")
        else:
            yield from _unknown_in(section, content, keys)


def _unknown_in_relays(
    tables: Mapping[str, Any], keys: Collection[Key]
) -> Iterable[SettingsProblem]:
    for name, content in tables.items():
        place = f"[{RELAYS}.{name}]"
        if not isinstance(content, dict):
            text = f"belongs to no relay; write it below [{RELAYS}.NAME], with a name you choose"
            yield SettingsProblem(f"[{RELAYS}] {name}", text)
        elif not _is_name(name):
            text = "is no name for a relay; use small letters and digits, like 'backup'"
            yield SettingsProblem(place, text)
        else:
            yield from _unknown_in(f"{RELAYS}.{name}", content, keys)


def _unknown_in(
    section: str, content: Mapping[str, Any], keys: Collection[Key]
) -> Iterable[SettingsProblem]:
    names = {item.name for item in keys if item.section == section}
    yield from (_unknown(f"[{section}] {name}", name, names) for name in content.keys() - names)


def _unknown_variables(
    environ: Mapping[str, str], keys: Collection[Key]
) -> Iterable[SettingsProblem]:
    """Refuse mistyped variables: with two underscores, or with one where two belong.

    Container systems set ones like STEADYPOST_PORT and STEADYPOST_WEB_PORT=tcp://10.0.0.7:80 by
    themselves when a service has such a name; those are let pass.
    """
    known = {item.variable for item in keys}
    ours = {name for name in environ if name.startswith(PREFIX) and "__" in name}
    yield from (_unknown(name, name, known) for name in sorted(ours - known))
    for meant in sorted(known):
        name = meant.replace("__", "_")
        if name in environ and not environ[name].startswith(("tcp://", "udp://")):
            text = f"is not read, it has one underscore too few; write {meant}"
            yield SettingsProblem(name, text)


def _unknown(place: str, name: str, known: Iterable[str]) -> SettingsProblem:
    near = _OWN.get(name) or checks.nearest(name, known)
    advice = f"did you mean '{near}'?" if near else f"known are {', '.join(sorted(known))}"
    return SettingsProblem(place, f"is unknown; {advice}")


def _missing_files(
    folder: Path,
    keys: Collection[Key],
    values: Mapping[tuple[str, str], Any],
    environ: Mapping[str, str],
) -> Iterable[SettingsProblem]:
    for item in keys:
        name = values[item.section, item.name] if item.name in _FILES_OF_A_RELAY else ""
        if name and (text := checks.existing_file(folder, name)):
            yield _problem(item, environ, text)


def _misfits(
    names: Sequence[str], values: Mapping[tuple[str, str], Any]
) -> Iterable[SettingsProblem]:
    """Find what is right by itself, and not beside the rest."""
    for section in ("relay", *(f"{RELAYS}.{name}" for name in names)):
        if values[section, "username"] and not values[section, "password_file"]:
            text = "is missing beside a username; name the file with the password"
            yield SettingsProblem(f"[{section}] password_file", text)
    plan = ("warm_up", "warm_up_from")
    missing = [name for name in plan if not values["pace", name]]
    if len(missing) == 1:
        (there,) = set(plan) - set(missing)
        yield SettingsProblem(f"[pace] {missing[0]}", f"is missing beside {there}; write both")
    if names and values["relay", "host"].startswith(checks.MAILDIR):
        text = "sends nothing, so no other relay can help it; take one of them out"
        yield SettingsProblem("[relay] host", text)


def _settings(
    folder: Path, names: Sequence[str], values: Mapping[tuple[str, str], Any]
) -> Settings:
    def of(section: str) -> dict[str, Any]:
        return {name: value for (part, name), value in values.items() if part == section}

    sections = {name: section(**of(name)) for name, section in SECTIONS.items()}
    relays = {name: FurtherRelay(**of(f"{RELAYS}.{name}")) for name in names}
    return Settings(folder=folder, relays=relays, **sections)
