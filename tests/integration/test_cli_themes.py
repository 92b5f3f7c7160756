"""The command line shows the themes there are, begins new ones, and lets the owner choose."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from steadypost.errors import ExitCode, ThemeExistsError, ThemeNameError
from steadypost.own_themes import begin_theme
from templates.colours import READABLE, contrast
from templates.theme import read_theme, theme_names
from templates.tokens import FONTS, SHAPE, WORDS, theme_tokens
from tests.cli_stage import ANSWERS, STEP, Terminal

HOW_TO = (Path(__file__).parents[2] / "docs/how-to/make-a-theme.md").read_text()
SPRING = re.findall(r"```yaml\n(.*?)```", HOW_TO, re.DOTALL)[0]
TERRACOTTA, GREEN = "#9d4123", "#1d5b4f"


def test_the_themes_are_listed_with_their_origin(terminal: Terminal) -> None:
    terminal.do("themes", "new", "our-own", "--based-on", "clinical")

    done = terminal.do("themes", "list")
    as_json = {theme["name"]: theme for theme in terminal.do("themes", "list", "--json").json}

    for line in (r"calm +yes +built in +A quiet clinic", r"our-own +own +Our own colours on clin"):
        assert re.search(line, done.out)
    assert "steadypost preview" in done.err
    assert [name for name, theme in as_json.items() if theme["is_chosen"]] == ["calm"]
    assert as_json["our-own"]["is_own"]


def test_a_theme_that_cannot_be_used_says_why(terminal: Terminal) -> None:
    terminal.do("themes", "new", "ours")
    path = terminal.folder / "themes/ours/theme.yaml"
    path.write_text(path.read_text().replace("paper:", "papper:", 1))

    listed = terminal.do("themes", "list").out

    assert "CANNOT BE USED: theme 'ours', theme.yaml: 'light' has no 'papper'" in listed


def test_a_new_theme_looks_like_the_one_it_is_based_on(terminal: Terminal) -> None:
    terminal.do("themes", "new", "ours", "--based-on", "warm")

    ours = read_theme("ours", folder=terminal.folder / "themes")

    assert theme_tokens(ours, {}) == theme_tokens(read_theme("warm"), {})


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("Our Spring",), "a theme cannot be called 'Our Spring'; use lower-case letters"),
        (("../x",), "a theme cannot be called '../x'"),
        (("ours", "--based-on", "clam"), "there is no theme called 'clam'; did you mean 'calm'?"),
        (("there",), "there is a theme 'there' already: "),
    ],
)
def test_a_theme_that_cannot_be_begun_is_refused(
    terminal: Terminal, args: tuple[str, ...], told: str
) -> None:
    terminal.do("themes", "new", "there")

    done = terminal.type("themes", "new", *args)

    assert done.code != ExitCode.OK
    assert told in done.err


def test_a_theme_is_begun_once_and_by_a_name_that_can_be_a_folder(tmp_path: Path) -> None:
    path = begin_theme(tmp_path, "ours", based_on="warm")

    with pytest.raises(ThemeExistsError, match=f"'ours' already: {path}; edit it, or choose"):
        begin_theme(tmp_path, "ours", based_on="calm")
    with pytest.raises(ThemeNameError, match="like 'our-spring'"):
        begin_theme(tmp_path, "ours/theirs", based_on="calm")


def test_the_settings_choose_the_look_of_a_series_that_names_none(terminal: Terminal) -> None:
    assert GREEN in terminal.do("preview", STEP).out

    terminal.set("series", 'theme = "warm"')

    assert TERRACOTTA in terminal.do("preview", STEP).out
    assert GREEN in terminal.do("preview", STEP, "--theme", "calm").out


def test_a_series_that_names_a_theme_keeps_it_whatever_the_settings_say(
    terminal: Terminal,
) -> None:
    path = terminal.folder / "series/massage-benefits/series.yaml"
    path.write_text(path.read_text() + "theme: calm\n")
    terminal.do("series", "import", "massage-benefits")
    terminal.set("series", 'theme = "warm"')

    assert GREEN in terminal.do("preview", STEP).out


def test_a_series_without_a_theme_is_written_without_one(terminal: Terminal) -> None:
    terminal.do("series", "export", "massage-benefits", str(terminal.folder / "copy"))

    assert "theme" not in (terminal.folder / "copy/series.yaml").read_text()


def test_the_theme_is_chosen_when_a_site_is_founded(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "site")

    refused = terminal.type("init", *ANSWERS, "--theme", "clam")
    terminal.do("init", *ANSWERS, "--theme", "warm")

    assert refused.code == ExitCode.USAGE
    assert "there is no theme called 'clam'; did you mean 'calm'?" in refused.err
    assert TERRACOTTA in terminal.do("preview", STEP).out


@pytest.mark.parametrize("name", ["Warm", "../warm", ""])
def test_what_cannot_be_a_theme_is_refused_in_the_settings(terminal: Terminal, name: str) -> None:
    terminal.set("series", f'theme = "{name}"')

    done = terminal.type("themes", "list")

    assert done.code == ExitCode.SETTINGS
    assert f"'{name}' is no name of a theme; 'steadypost themes list' has them" in done.err


def test_the_how_to_can_be_followed(terminal: Terminal) -> None:
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", HOW_TO, re.DOTALL))
    commands = [line.partition("  #")[0].split()[1:] for line in shell.splitlines() if line]
    for command in commands:
        out = [str(terminal.folder / word) if word.endswith(".html") else word for word in command]
        terminal.do(*out)
    (terminal.folder / "themes/spring/theme.yaml").write_text(SPRING)

    page = terminal.do("preview", STEP, "--theme", "spring").out

    assert ["themes", "new", "spring", "--based-on", "warm"] in commands
    assert "#2f6b3c" in page
    assert "border-radius:8px" in page
    assert re.search(r"spring +own +Our own green on cream\.", terminal.do("themes", "list").out)


def test_the_example_of_the_how_to_can_be_read_by_day_and_night(terminal: Terminal) -> None:
    terminal.do("themes", "new", "spring")
    (terminal.folder / "themes/spring/theme.yaml").write_text(SPRING)

    tokens = theme_tokens(read_theme("spring", folder=terminal.folder / "themes"), {})

    for colours in (tokens, tokens["dark"]):
        for words, ground in (("accent", "panel"), ("accent", "paper"), ("quiet", "paper")):
            assert contrast(colours[words], colours[ground]) >= READABLE
        assert contrast(colours["on_accent"], colours["accent"]) >= READABLE
        assert contrast(colours["panel_ink"], colours["panel"]) >= READABLE


def test_the_how_to_names_every_theme_colour_and_shape() -> None:
    words = {word for choices in WORDS.values() for word in choices}
    colours = set(theme_tokens(read_theme("calm"), {})["dark"])

    named = set(re.findall(r"`(\w+)`", HOW_TO))

    assert {*theme_names(), *colours, *FONTS, *SHAPE, *words} - named == set()
