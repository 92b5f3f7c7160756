"""The mails that answer a person: "please confirm", and notices. They ship with the program."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from sqlalchemy.orm import Session

from campaigns.editions import load_list_themes
from campaigns.site import Site
from templates.email import Edition, Theme
from templates.errors import ThemeError
from templates.theme import read_theme

LOG = logging.getLogger(__name__)
_SHIPPED_THEME = "calm"


def load_answer_editions(
    session: Session, wanted: Collection[tuple[int, str]], *, site: Site
) -> dict[tuple[int, str], Edition]:
    """Make the editions of some documents, each in the look of the list it belongs to.

    A document that does not exist is missing.
    """
    if not wanted:
        return {}
    themes = load_list_themes(session, {list_id for list_id, _ in wanted})
    return {
        (list_id, name): answer_edition(document, themes.get(list_id) or _theme(site), site=site)
        for list_id, name in wanted
        if (document := shipped_document(name)) is not None
    }


def answer_edition(document: str, theme: Theme, *, site: Site) -> Edition:
    """Make the edition of one such mail, with the clinic as it is now."""
    whole = json.dumps([document, theme.name, dict(theme.files), dict(site.clinic)], sort_keys=True)
    return Edition(
        document=document,
        theme=theme,
        clinic=site.clinic,
        digest=hashlib.sha256(whole.encode()).hexdigest(),
        attribute_names=site.attribute_names,
    )


@lru_cache(maxsize=16)
def shipped_document(name: str) -> str | None:
    """Read a document that ships with the program; None when there is none of this name."""
    found = _shipped().get(name)
    return found.read_text("utf-8") if found else None


def shipped_names() -> list[str]:
    """Name the documents that ship with the program."""
    return sorted(_shipped())


def _shipped() -> dict[str, Traversable]:
    mails = files("templates").joinpath("builtin", "mails").iterdir()
    return {path.name.removesuffix(".md"): path for path in mails if path.name.endswith(".md")}


def _theme(site: Site) -> Theme:
    """Read the look of a list without a series; the shipped one where the site's own is broken.

    It is read for a whole batch, and must not keep back the others' mail.
    """
    try:
        return read_theme(site.theme, folder=site.themes_folder)
    except ThemeError as error:
        LOG.warning("answers go out in the shipped look: %s", error)
        return read_theme(_SHIPPED_THEME, folder=None)
