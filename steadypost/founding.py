"""Found a site: its settings, its keys, the shipped series, and a database that knows them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steadypost.errors import SiteExistsError
from steadypost.files import new_private_file
from steadypost.settings import FILE_NAME, Settings, load_settings
from steadypost.settings.writing import commented_file
from storage.signing import KeyRing
from templates.theme import BUILTIN

SHIPPED_SERIES = "massage-benefits"
_KEYS_FILE = "steadypost.keys"


def found_site(folder: Path, chosen: Mapping[tuple[str, str], Any]) -> Settings:
    """Write the files of a new site and give its settings; when it fails, nothing is left.

    Raises:
        SiteExistsError: the folder holds a site already.
        SettingsError: the chosen values cannot be used.
    """
    refuse_existing_site(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {FILE_NAME: commented_file(chosen), _KEYS_FILE: KeyRing.new_key_text()}
    try:
        for name, text in texts.items():
            with new_private_file(folder / name) as file:
                file.write(text)
        settings = load_settings(folder, {})
        _copy_shipped_series(settings.path(settings.series.folders[0]))
    except BaseException:
        for name in texts:
            (folder / name).unlink(missing_ok=True)
        raise
    return settings


def refuse_existing_site(folder: Path) -> None:
    """Keep a new site away from one that is there.

    Raises:
        SiteExistsError: the folder holds settings or keys.
    """
    for name in (FILE_NAME, _KEYS_FILE):
        if (folder / name).exists():
            raise SiteExistsError(folder, name)


def _copy_shipped_series(folder: Path) -> None:
    """Give the clinic a copy of its own to edit; what they have already stays as it is."""
    target = folder / SHIPPED_SERIES
    if not target.exists():
        shutil.copytree(BUILTIN.parent / "series" / SHIPPED_SERIES, target)
