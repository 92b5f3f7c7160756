"""The command `steadypost` itself: which commands there are, and for which site they work."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from steadypost.cli.call import Call
from steadypost.version import VERSION

_MODULES = {
    "init": "init",
    "demo": "demo",
    "serve": "serve",
    "status": "status",
    "subscribers": "subscribers",
    "series": "series",
    "broadcast": "broadcast",
    "themes": "themes",
    "deliveries": "deliveries",
    "clicks": "clicks",
    "holds": "holds",
    "release": "holds",
    "pause": "holds",
    "resume": "holds",
    "uncertain": "uncertain",
    "event": "people_deeds",
    "preview": "mails",
    "check": "check",
    "send-test": "mails",
    "forecast": "foresight",
    "rehearse": "rehearse",
    "why": "foresight",
    "tick": "serve",
    "send-along": "serve",
    "migrate": "upkeep",
    "backup": "upkeep",
    "dkim-key": "dkim",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when asked for; listed in the order people need them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return [name for name, module in _MODULES.items() if find_spec(f"steadypost.cli.{module}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None when there is none of this name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"steadypost.cli.{_MODULES[cmd_name]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and help with a mistyped one."""
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            raise click.UsageError(_unknown(args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)


def _unknown(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    advice = f"did you mean '{near[0]}'?" if near else "'steadypost --help' lists the commands"
    return f"no such command: '{name}'; {advice}"


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, prog_name="steadypost")
@click.option(
    "--site",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="STEADYPOST_SITE",
    default=Path(),
    show_default="the current folder",
    help="The folder with steadypost.toml.",
)
@click.option(
    "--debug", is_flag=True, envvar="STEADYPOST_DEBUG", help="Show where an error is from."
)
@click.pass_context
def steadypost(ctx: click.Context, site: Path, debug: bool) -> None:
    """Send a clinic's email series: one useful email a week, never twice, never lost."""
    ctx.obj = Call(site, debug)
