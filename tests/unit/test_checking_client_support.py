"""What people using this or that mail program will not see is said in their words."""

from __future__ import annotations

import importlib.util
import io
import json
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from templates.checking.client_support import client_gaps
from templates.checking.client_words import BROKEN, PLAINER, UNNOTICED
from templates.checking.findings import Level
from tests.checking_stage import edition_of, found_by, whole_page

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "templates" / "builtin" / "client-support.json"


@pytest.mark.parametrize(
    ("styles", "message", "level"),
    [
        (
            "p { border-radius: 9px }",
            "people using Outlook on Windows will see square corners",
            Level.KNOW,
        ),
        (
            "p { border-top-left-radius: 9px }",
            "people using Outlook on Windows will see square corners",
            Level.KNOW,
        ),
        (
            "p { background: #fff url(https://a.org/b.png) }",
            "people using Outlook on Windows will see no picture behind the words",
            Level.LOOK,
        ),
        (
            "p { position: absolute }",
            "people using Outlook on Windows or Gmail, and some using Outlook on phones and Macs, "
            "will see things in another place",
            Level.LOOK,
        ),
        (
            "p { tab-size: 4 }",
            "people using Outlook on Windows, Gmail or Yahoo and AOL will see nothing of what "
            "'tab-size' asks for",
            Level.KNOW,
        ),
    ],
)
def test_a_style_is_told_by_what_people_will_see(styles: str, message: str, level: Level) -> None:
    edition = edition_of(whole_page("<p>x</p>", styles=styles))

    (found,) = found_by("client-support", edition)

    assert (found.message, found.level) == (message, level)
    assert styles in edition.document.splitlines()[found.line - 1]


@pytest.mark.parametrize(
    "styles",
    [
        "p { color: #333333; padding: 9px }",
        "p { position: static; float: none; opacity: 1; height: auto }",
        "p { mso-line-height-rule: exactly; -webkit-text-size-adjust: 100% }",
        "p { overflow: hidden; word-break: break-word }",
    ],
)
def test_what_nobody_misses_is_not_told(styles: str) -> None:
    assert found_by("client-support", edition_of(whole_page("<p>x</p>", styles=styles))) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            '<img src="https://a.org/b.svg" alt="c">',
            "some people using Outlook on phones and Macs or Gmail will see no picture",
        ),
        ('<img src="https://a.org/b.webp?x" alt="c">', "no picture where a WebP picture stands"),
        ('<a href="#there">there</a>', "links within the email that lead nowhere"),
    ],
)
def test_pictures_and_elements_are_looked_at_too(body: str, words: str) -> None:
    found = found_by("client-support", edition_of(whole_page(body)))

    assert any(words in one.message for one in found)


def test_a_thing_used_twice_is_told_once() -> None:
    styles = "p { box-shadow: 0 0 1px #000 }\nb { box-shadow: 0 0 2px #000 }"
    edition = edition_of(whole_page("<p>x</p><b>y</b>", styles=styles))

    assert len(found_by("client-support", edition)) == 1


def test_every_feature_that_has_words_is_one_somebody_lacks() -> None:
    named = {*BROKEN, *PLAINER, *UNNOTICED}

    assert sorted(named - set(client_gaps())) == []
    assert not set(BROKEN) & set(PLAINER)
    assert not UNNOTICED & {*BROKEN, *PLAINER}


@pytest.fixture(scope="module")
def slimming() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slimming", ROOT / "tools/slim_client_support.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def whole_data() -> dict[str, Any]:
    def feature(slug: str, category: str, **stats: Any) -> dict[str, Any]:
        return {"slug": slug, "category": category, "stats": stats}

    return {
        "last_update_date": "2026-05-13 14:45:41 +0000",
        "data": [
            feature(
                "css-z",
                "css",
                outlook={"windows": {"2016": "y", "2019": "n #1"}, "outlook-com": {"2020-01": "y"}},
                gmail={"ios": {"2022-02": "n", "2020-04": "y"}, "android": {"2020-04": "a #2"}},
            ),
            feature("css-a", "css", gmail={"ios": {"2020-04": "y"}}),
            feature("css-u", "css", gmail={"ios": {"2020-04": "u"}}),
            feature("amp", "others", gmail={"ios": {"2020-04": "n"}}),
        ],
    }


def archive_of(folder: Path) -> Path:
    path = folder / "caniemail-9.9.9.tgz"
    files = {
        "data/caniemail.json": json.dumps(whole_data()),
        "package.json": json.dumps({"version": "9.9.9"}),
        "LICENSE": "MIT License\n\nCopyright © Somebody\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_the_data_is_slimmed_to_who_lacks_what(slimming: Any, tmp_path: Path) -> None:
    whole, version, licence = slimming.read_package(archive_of(tmp_path))

    slimmed = json.loads(slimming.written(slimming.slim(whole, version=version, licence=licence)))

    assert slimmed["source"] == "caniemail 9.9.9, data of 2026-05-13"
    assert slimmed["licence"][1:] == ["MIT License", "", "Copyright © Somebody"]
    assert slimmed["features"] == {
        "css-z": {"never": ["Outlook on Windows"], "sometimes": ["Gmail"]}
    }


def test_the_shipped_file_is_as_the_script_writes_it(slimming: Any) -> None:
    shipped = SHIPPED.read_text("utf-8")

    assert slimming.written(json.loads(shipped)) == shipped
    assert json.loads(shipped)["families"] == list(slimming.FAMILIES)
    assert "Permission is hereby granted" in shipped
