"""Make `templates/builtin/client-support.json` from what caniemail.com has measured.

The npm package `caniemail` (MIT) carries the whole of it, 650 KB. The check of emails needs to
know one thing only: which feature is seen by nobody, or not by everybody, in which family of
mail programs. To rebuild:

    npm pack caniemail@2.0.2
    python tools/slim_client_support.py caniemail-*.tgz > templates/builtin/client-support.json
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

# Families as readers know them, and the programs of caniemail's that belong to each.
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "Outlook on Windows": ("outlook/windows",),
    "Outlook.com": ("outlook/outlook-com",),
    "Outlook on phones and Macs": ("outlook/ios", "outlook/android", "outlook/macos"),
    "Gmail": ("gmail/desktop-webmail", "gmail/ios", "gmail/android", "gmail/mobile-webmail"),
    "Apple Mail": ("apple-mail/macos", "apple-mail/ios"),
    "Yahoo and AOL": (
        *("yahoo/desktop-webmail", "yahoo/ios", "yahoo/android"),
        *("aol/desktop-webmail", "aol/ios", "aol/android"),
    ),
    "Samsung Email": ("samsung-email/android",),
    "Thunderbird": ("thunderbird/macos", "thunderbird/windows", "thunderbird/desktop-app"),
    "GMX and WEB.DE": (
        *("gmx/desktop-webmail", "gmx/ios", "gmx/android"),
        *("web-de/desktop-webmail", "web-de/ios", "web-de/android"),
    ),
    "Proton Mail": ("protonmail/desktop-webmail", "protonmail/ios", "protonmail/android"),
}
NOTICE: Final = (
    "From the data of caniemail.com, (c) 2019 HTeuMeuLeu, MIT License, as carried by the npm "
    "package caniemail, (c) Avi Goldman and (c) Andrew Powell, MIT License:"
)


def slim(whole: Mapping[str, Any], *, version: str, licence: str) -> dict[str, Any]:
    """Keep what the check needs: by feature, the families that lack it, wholly or in part."""
    features = {}
    for feature in sorted(whole["data"], key=lambda one: str(one["slug"])):
        never, sometimes = _gaps(feature["stats"])
        if feature["category"] != "others" and (never or sometimes):
            features[feature["slug"]] = {"never": never, "sometimes": sometimes}
    return {
        "source": f"caniemail {version}, data of {str(whole['last_update_date'])[:10]}",
        "licence": [NOTICE, *licence.strip().splitlines()],
        "families": list(FAMILIES),
        "features": features,
    }


def written(slimmed: Mapping[str, Any]) -> str:
    """Write the file: a line for each feature, so that a difference can be read."""
    features = slimmed["features"]
    head = {key: value for key, value in slimmed.items() if key != "features"}
    lines = [
        f"    {json.dumps(slug)}: {json.dumps(gaps, ensure_ascii=False)}"
        for slug, gaps in features.items()
    ]
    above = json.dumps(head, ensure_ascii=False, indent=2).removesuffix("\n}")
    return above + ',\n  "features": {\n' + ",\n".join(lines) + "\n  }\n}\n"


def read_package(path: Path) -> tuple[dict[str, Any], str, str]:
    """Read the data, the version and the licence out of the package's archive."""
    with tarfile.open(path) as archive:
        data, package, licence = (
            _read(archive, name) for name in ("data/caniemail.json", "package.json", "LICENSE")
        )
    return json.loads(data), str(json.loads(package)["version"]), licence


def _read(archive: tarfile.TarFile, name: str) -> str:
    found = archive.extractfile(f"package/{name}")
    if found is None:
        raise FileNotFoundError(name)
    return found.read().decode("utf-8")


def _gaps(stats: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    never, sometimes = [], []
    for family, programs in FAMILIES.items():
        found = list(_latest(stats, programs))
        if found and all(one == "n" for one in found):
            never.append(family)
        elif "n" in found:
            sometimes.append(family)
    return never, sometimes


def _latest(stats: Mapping[str, Any], programs: tuple[str, ...]) -> Iterator[str]:
    """Give the newest verdict on each program: y yes, a partly, n no; unknown ones are left out."""
    for program in programs:
        family, _, platform = program.partition("/")
        by_version = stats.get(family, {}).get(platform, {})
        newest = max(by_version, key=_age, default="")
        verdict = str(by_version.get(newest, ""))[:1]
        if verdict and verdict in "yan":
            yield verdict


def _age(version: str) -> tuple[int, ...]:
    """Order versions and months (`16.80`, `2022-02`) by their numbers."""
    return tuple(int(number) for number in re.findall(r"[0-9]+", version))


if __name__ == "__main__":
    whole, version, licence = read_package(Path(sys.argv[1]))
    sys.stdout.write(written(slim(whole, version=version, licence=licence)))
