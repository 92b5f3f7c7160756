"""Themes as folders: the owner's first, then ours."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from templates.colours import check_colour, contrast, mix, readable
from templates.email import Edition
from templates.errors import ColourError, TemplateError, ThemeFileError, UnknownThemeError
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import BUILTIN, read_theme, theme_names, theme_tokens

TOKENS = (BUILTIN / "calm" / "theme.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(BUILTIN / "calm", tmp_path / "ours")
    return tmp_path


def test_the_built_in_theme_is_there() -> None:
    assert "calm" in theme_names()
    assert set(read_theme("calm").files) == {
        *("theme.yaml", "layout.html", "blocks.html", "layout.txt", "inline.css", "head.css")
    }


def test_the_owners_folder_is_looked_at_first(folder: Path) -> None:
    shutil.move(folder / "ours", folder / "calm")
    (folder / "calm" / "layout.txt").write_text("{% block content %}{% endblock %} ours")

    assert read_theme("calm", folder=folder).files["layout.txt"].endswith(" ours")
    assert read_theme("calm").files["layout.txt"] != "ours"
    assert theme_names(folder) == theme_names()


def test_a_theme_may_be_another_one_in_other_colours(tmp_path: Path) -> None:
    (tmp_path / "spring").mkdir()
    tokens = TOKENS.replace("#1d5b4f", "#8a3b12")
    (tmp_path / "spring" / "theme.yaml").write_text(f"based_on: calm\n{tokens}")

    theme = read_theme("spring", folder=tmp_path)
    html = (
        PersonRenderer()
        .render(Edition("---\nsubject: a\n---\n# b", theme, SAMPLE_CLINIC), SAMPLE_READER)
        .html
    )

    assert "spring" in theme_names(tmp_path)
    assert theme.files["layout.html"] == read_theme("calm").files["layout.html"]
    assert "#8a3b12" in html


@pytest.mark.parametrize("name", ["clam", "", "../calm", "/etc", "calm/../calm", "Calm", "a" * 99])
def test_an_unknown_theme_is_refused(name: str) -> None:
    with pytest.raises(UnknownThemeError) as caught:
        read_theme(name)

    assert str(caught.value).startswith(f"there is no theme called '{name}'; ")
    assert "calm" in str(caught.value)


def test_a_theme_without_its_layout_is_refused(folder: Path) -> None:
    (folder / "ours" / "layout.html").unlink()

    with pytest.raises(ThemeFileError, match=r"theme 'ours', layout\.html: is missing; add it"):
        read_theme("ours", folder=folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe", "is not UTF-8; save it so"),
        (b"x" * 200_000, "is larger than 100,000 bytes"),
        (b"a: [", "is not YAML"),
        (b"- a", "must be 'key: value' lines"),
        (b"light: {}", "'light' must have exactly: accent, card"),
        (TOKENS.replace("#f4eee3", "#fff").encode(), "ours/theme.yaml, light.paper is no colour"),
        (TOKENS.replace("Georgia,", "'\"x', ").encode(), "theme.yaml"),
        (TOKENS.replace("Georgia", "x;}").encode(), "font 'serif' must be plain names"),
        (b"based_on: nobody\n" + TOKENS.encode(), "there is no theme called 'nobody'"),
    ],
)
def test_a_theme_with_bad_tokens_is_refused(folder: Path, content: bytes, told: str) -> None:
    (folder / "ours" / "theme.yaml").write_bytes(content)

    with pytest.raises(TemplateError) as caught:
        read_theme("ours", folder=folder)

    assert told in str(caught.value)


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#1f5c50", "#1f5c50") == pytest.approx(1)


def test_colours_are_mixed_until_they_can_be_read() -> None:
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert readable("#1d5b4f", grounds=("#ffffff",), towards="#000000") == "#1d5b4f"
    assert contrast(readable("#ffee00", grounds=("#ffffff",), towards="#000000"), "#ffffff") >= 4.5
    assert readable("#777777", grounds=("#000000", "#ffffff"), towards="#000000") == "#000000"


@pytest.mark.parametrize("colour", ["red", "#fff", "#12345g", "", "rgb(0,0,0)", "#123456;"])
def test_only_six_digits_are_a_colour(colour: str) -> None:
    with pytest.raises(ColourError, match="write it like #1f5c50"):
        check_colour(colour, "paper")


def test_the_accent_of_the_clinic_replaces_that_of_the_theme() -> None:
    tokens = theme_tokens(read_theme("calm"), {"accent": "#7A1F4B"})

    assert tokens["accent"] == "#7a1f4b"
    assert tokens["dark"]["accent"] != "#7a1f4b"
