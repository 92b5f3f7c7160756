"""docs/how-to/scale-out.md can be followed: its settings, its commands, and the second machine."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from pathlib import Path
from textwrap import dedent

import click
import pytest

from delivery.workers import register_worker
from steadypost.cli.root import steadypost
from steadypost.settings import load_settings
from tests.cli_stage import Terminal

HOW_TO = (Path(__file__).parents[2] / "docs/how-to/scale-out.md").read_text("utf-8")
BLOCKS = [dedent(found) for found in re.findall(r"```toml\n(.*?)```", HOW_TO, re.DOTALL)]
SHELL = re.findall(r"```sh\n(.*?)```", HOW_TO, re.DOTALL)
LINES = [line.strip() for block in SHELL for line in block.splitlines()]
COMMANDS = [line.partition("  #")[0] for line in LINES if line.startswith("steadypost ")]
COPIED = next(line for line in LINES if line.startswith("scp ")).split()[1:-1]
CONSENT = ("--confirmed", "--consent", "paper form")


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_holds_settings(terminal: Terminal, block: str) -> None:
    section, values = next(iter(tomllib.loads(block).items()))
    for name in values:
        (line,) = re.findall(rf"^{name} = .*$", block, re.MULTILINE)
        terminal.set(section, line)

    found = getattr(load_settings(terminal.folder, {}), section)

    assert {name: getattr(found, name) for name in values} == values


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one(line: str) -> None:
    _, name, *args = shlex.split(line)
    command = steadypost.get_command(click.Context(steadypost), name)
    assert command is not None

    command.make_parser(click.Context(command)).parse_args(args)  # raises for an unknown option


@pytest.mark.parametrize("stored", ["postgresql"], indirect=True)
def test_a_second_machine_with_the_files_it_names_sends_along(
    stored: Terminal, tmp_path: Path
) -> None:
    first, second = stored, Terminal(tmp_path / "second")
    first.do("subscribers", "add", "ada@example.org", *CONSENT)
    first.do("tick")
    with first.parts() as parts, parts.database.transaction() as session:
        register_worker(session, host="first", process_id=1, now=parts.clock())  # its service
    second.folder.mkdir()
    for name in COPIED:
        shutil.copy(first.folder / name, second.folder / name)

    first.do("subscribers", "add", "ben@example.org", *CONSENT)
    second.do("tick")

    assert [mail["To"] for mail in first.mails()] == ["ada@example.org"]
    assert [mail["To"] for mail in second.mails()] == ["ben@example.org"]
