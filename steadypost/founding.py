"""Found a site: its settings, its keys, the shipped series, and a database that knows them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steadypost.errors import SiteExistsError
from steadypost.settings import FILE_NAME, Settings, load_settings
from steadypost.settings.writing import commented_file
from storage.signing import KeyRing
from templates.theme import builtin_folder

SHIPPED_SERIES = "massage-benefits"
_KEYS_FILE = "steadypost.keys"


def found_site(folder: Path, chosen: Mapping[tuple[str, str], Any]) -> Settings:
    """Write the files of a new site and give its settings; when it fails, nothing is left.

    Raises:
        SiteExistsError: the folder holds a site already.
        SettingsError: the chosen values cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {FILE_NAME: commented_file(chosen), _KEYS_FILE: KeyRing.new_key_text()}
    existing = [name for name in texts if (folder / name).exists()]
    if existing:
        raise SiteExistsError(folder, existing[0])
    try:
        for name, text in texts.items():
            write_secret(folder / name, text)
        settings = load_settings(folder, {})
        _copy_shipped_series(settings.path(settings.series.folders[0]))
    except BaseException:
        for name in texts:
            (folder / name).unlink(missing_ok=True)
        raise
    return settings


def write_secret(path: Path, text: str) -> None:
    """Write a new file that only this user may read, from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _copy_shipped_series(folder: Path) -> None:
    """Give the clinic a copy of its own to edit; what they have already stays as it is."""
    target = folder / SHIPPED_SERIES
    if not target.exists():
        shutil.copytree(builtin_folder() / "series" / SHIPPED_SERIES, target)
