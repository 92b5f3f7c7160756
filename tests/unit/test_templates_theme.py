"""Themes as folders: the owner's first, then ours."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from templates.colours import check_colour, contrast, mix, readable
from templates.email import Edition
from templates.errors import ColourError, TemplateError, ThemeFileError, UnknownThemeError
from templates.rendering import PersonRenderer
from templates.samples import SAMPLE_CLINIC, SAMPLE_READER
from templates.theme import BUILTIN, list_themes, read_theme, theme_names
from templates.tokens import SHAPE, theme_tokens

TOKENS = (BUILTIN / "calm" / "theme.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(BUILTIN / "calm", tmp_path / "ours")
    return tmp_path


def test_the_built_in_themes_are_there() -> None:
    assert theme_names() == ("calm", "clinical", "warm")
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


def own(folder: Path, name: str, tokens: str) -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "theme.yaml").write_text(tokens)


def test_two_colours_are_a_theme(tmp_path: Path) -> None:
    own(
        tmp_path,
        "spring",
        "based_on: warm\nlight: {accent: '#0b5d3b'}\ndark: {accent: '#9be0bf'}",
    )

    spring = theme_tokens(read_theme("spring", folder=tmp_path), {})

    warm = theme_tokens(read_theme("warm"), {})
    assert spring == {**warm, "accent": "#0b5d3b", "dark": {**warm["dark"], "accent": "#9be0bf"}}
    assert spring["card_corner"] != SHAPE["card_corner"]


def test_a_theme_on_a_theme_on_a_theme_takes_the_nearest(tmp_path: Path) -> None:
    own(tmp_path, "one", "based_on: two\nshape: {card_corner: 1}")
    own(tmp_path, "two", "based_on: clinical\nshape: {card_corner: 2, tip_corner: 7}")
    (tmp_path / "two" / "layout.txt").write_text("two's")

    theme = read_theme("one", folder=tmp_path)

    tokens = theme_tokens(theme, {})
    assert (tokens["card_corner"], tokens["tip_corner"], tokens["card_rule"]) == (1, 7, 4)
    assert theme.files["layout.txt"] == "two's"


def test_an_own_theme_may_change_the_built_in_one_of_its_name(tmp_path: Path) -> None:
    own(tmp_path, "calm", "based_on: calm\nlight: {accent: '#0b5d3b'}")

    assert theme_tokens(read_theme("calm", folder=tmp_path), {})["accent"] == "#0b5d3b"
    assert theme_tokens(read_theme("warm", folder=tmp_path), {})["accent"] != "#0b5d3b"


def test_themes_based_on_each_other_are_refused(tmp_path: Path) -> None:
    own(tmp_path, "one", "based_on: two")
    own(tmp_path, "two", "based_on: one")

    with pytest.raises(ThemeFileError, match="'based_on: one' leads round in a circle; name anot"):
        read_theme("one", folder=tmp_path)


def test_a_theme_of_before_shapes_and_with_the_fonts_names_of_then_is_still_drawn() -> None:
    theme = read_theme("calm")
    before = TOKENS[: TOKENS.index("shape:")].replace("headings:", "serif:")
    before = before.replace("  text:", "  sans:")

    tokens = theme_tokens(replace(theme, files={**theme.files, "theme.yaml": before}), {})

    assert tokens == theme_tokens(theme, {})
    assert tokens["serif"].startswith("Georgia")


def test_outlook_is_told_a_font_it_has(tmp_path: Path) -> None:
    own(tmp_path, "mine", "based_on: calm\nfonts: {headings: 'Nobodys Font, serif'}")

    tokens = theme_tokens(read_theme("mine", folder=tmp_path), {})

    assert (tokens["outlook_headings"], tokens["outlook_text"]) == ("Arial", "Segoe UI")


def test_the_list_of_themes_says_whose_they_are_and_what_is_wrong(tmp_path: Path) -> None:
    own(tmp_path, "calm", "based_on: calm\ndescription: >\n  Ours,\n  in two lines")
    own(tmp_path, "broken", "based_on: calm\nlight: {ink: blue}")

    broken, calm, clinical, warm = list_themes(tmp_path)

    assert "light.ink is no colour" in broken.problem
    assert (calm.is_own, calm.description, calm.based_on) == (True, "Ours, in two lines", "calm")
    assert (warm.is_own, warm.problem) == (False, "")
    assert clinical.description.startswith("Clear and cool.")


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
        (b"light: {}", "'light' lacks accent, card"),
        (b"based_on: calm\nlight: {papper: '#123456'}", "'light' has no 'papper'; did you mean"),
        (b"based_on: calm\nligth: {}", "there is no key 'ligth'; did you mean 'light'?"),
        (b"based_on: calm\ndark: [a]", "'dark' must be indented 'name: value' lines"),
        (b"based_on: calm\nshape: {tip_rule: 41}", "shape.tip_rule must be a whole number of"),
        (b"based_on: calm\nshape: {tip_rule: true}", "shape.tip_rule must be a whole number of"),
        (b"based_on: calm\nshape: {masthead: left}", "'left'; write center or start"),
        (TOKENS.replace("#f4eee3", "#fff").encode(), "ours/theme.yaml, light.paper is no colour"),
        (TOKENS.replace("Georgia,", "'\"x', ").encode(), "theme.yaml"),
        (TOKENS.replace("Georgia", "x;}").encode(), "font 'headings' must be plain names"),
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
