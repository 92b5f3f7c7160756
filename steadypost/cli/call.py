"""One call of the command line: the site it is for, opened as far as the command needs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:  # importing these takes longer than printing the help may
    from scheduler import Parts
    from steadypost.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Call:
    """The site a command works for."""

    folder: Path
    debug: bool = False

    @cached_property
    def settings(self) -> Settings:
        """Read the settings, once."""
        from steadypost.settings import load_settings

        return load_settings(self.folder, os.environ)

    @contextmanager
    def parts(self) -> Iterator[Parts]:
        """Open the parts of the site for the length of a block."""
        from steadypost.wiring import opened_parts

        with opened_parts(self.settings) as parts:
            yield parts


pass_call = click.make_pass_decorator(Call)


def for_a_site(command: Command) -> Command:
    """Let a command take `--site` and `--debug` behind its name too, and give it the call."""
    site = click.option(
        "--site",
        type=click.Path(path_type=Path, file_okay=False),
        expose_value=False,
        is_eager=True,  # other parameters may look into the folder
        callback=_choose_site,
        help="The folder with steadypost.toml.",
    )
    debug = click.option(
        "--debug", is_flag=True, expose_value=False, callback=_choose_debug, hidden=True
    )
    return debug(site(cast(Command, pass_call(command))))


def as_json(command: Command) -> Command:
    """Let a listing take `--json`."""
    return click.option("--json", "is_json", is_flag=True, help="Print JSON, for scripts.")(command)


def _choose_site(ctx: click.Context, _: click.Parameter, folder: Path | None) -> None:
    if folder is not None:
        ctx.find_object(Call).folder = folder  # type: ignore[union-attr]


def _choose_debug(ctx: click.Context, _: click.Parameter, debug: bool) -> None:
    if debug:
        ctx.find_object(Call).debug = True  # type: ignore[union-attr]


def take_list(command: Command) -> Command:
    """Let a command take `--list`; a clinic with one list need not name it."""
    option = click.option(
        "--list", "list_slug", default="weekly", show_default=True, help="Which list."
    )
    return option(command)
