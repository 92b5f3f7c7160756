"""Decide in which zone a person lives."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo


def zone_of(name: str | None, clinic_zone: ZoneInfo) -> ZoneInfo:
    """Give the person's zone, or the clinic's when theirs is not set or not known.

    One wrong name must never hold back anybody else.
    """
    return (find_zone(name) if name else None) or clinic_zone


@lru_cache(maxsize=2048)
def find_zone(name: str) -> ZoneInfo | None:
    """Find a zone by its IANA name; None when there is no such zone.

    ZoneInfo raises one error for an unknown name, another for a name with forbidden
    characters, and what the file system says for the name of a folder ("Europe").
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
