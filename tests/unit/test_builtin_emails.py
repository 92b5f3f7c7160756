"""Everything that ships, in every theme that ships: nothing for anybody to look at twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from templates.checking import Level, check_edition
from templates.email import Edition, Reader
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import BUILTIN, read_theme, theme_names

DOCUMENTS = sorted(BUILTIN.parent.rglob("*.md"))
NAMELESS = {"first_name": "", "last_name": ""}


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def reader(path: Path) -> Reader:
    confirm = {"confirm": "https://post.example.org/c/sample"}
    is_confirmation = path.stem == "confirmation"
    return replace(SAMPLE_READER, links=confirm) if is_confirmation else SAMPLE_READER


@pytest.fixture(params=theme_names())
def edition(request: pytest.FixtureRequest, path: Path) -> Edition:
    return Edition(path.read_text(), read_theme(request.param), SAMPLE_CLINIC)


def test_nothing_graver_than_good_to_know_is_found(edition: Edition, reader: Reader) -> None:
    findings = [
        finding
        for each in (reader, replace(reader, subscriber=NAMELESS))
        for finding in check_edition(edition, each)
    ]

    assert [finding for finding in findings if finding.level is not Level.KNOW] == []


def test_it_is_small_enough(edition: Edition, reader: Reader) -> None:
    html = PersonRenderer().render(edition, reader).html
    (sheet,) = etree.fromstring(html, etree.HTMLParser()).iter("style")

    assert len(html.encode()) < 40 * 1024
    assert len(str(sheet.text).encode()) < 8 * 1024


def test_the_text_part_spends_no_bytes_on_its_lines(edition: Edition, reader: Reader) -> None:
    text = PersonRenderer().render(edition, reader).text

    assert not [line for line in text.splitlines() if line and set(line) == {"="}]
