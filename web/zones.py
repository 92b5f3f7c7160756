"""Time zones as people look for them: places, grouped by region, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_REGIONS = {
    "Africa": "Africa",
    "America": "North and South America",
    "Antarctica": "Antarctica",
    "Arctic": "Arctic",
    "Asia": "Asia",
    "Atlantic": "Atlantic islands",
    "Australia": "Australia",
    "Europe": "Europe",
    "Indian": "Indian Ocean islands",
    "Pacific": "Pacific islands and New Zealand",
}


@dataclass(frozen=True)
class Place:
    """A time zone and the name of the place it is known by."""

    zone: str  # IANA name: `America/Argentina/Salta`
    words: str  # `Salta, Argentina`


def zone_in_words(name: str) -> str:
    """Name the place of a zone: `America/Argentina/Salta` becomes `Salta, Argentina`."""
    places = [part.replace("_", " ") for part in name.split("/")]
    if places[0] not in _REGIONS or len(places) == 1:
        return name
    return ", ".join(reversed(places[1:]))


@cache
def places_by_region() -> Mapping[str, Sequence[Place]]:
    """Group the zones people use today by region, both in alphabetical order."""
    table = (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="ascii")
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("#")]
    regions: dict[str, list[Place]] = defaultdict(list)
    for zone in {row[2] for row in rows}:
        regions[_REGIONS[zone.partition("/")[0]]].append(Place(zone, zone_in_words(zone)))
    return {
        region: sorted(regions[region], key=lambda place: place.words) for region in sorted(regions)
    }
