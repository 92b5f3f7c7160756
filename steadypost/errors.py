"""What the command line ends with: its exit codes, and the failures only it can have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """How a command ended, for scripts; `docs/how-to/settings.md` has the same list."""

    OK = 0
    FAILED = 1  # refused or failed, with the reason on stderr
    USAGE = 2  # the command was typed wrong
    SETTINGS = 3  # steadypost.toml, a variable or the keys file
    DATABASE = 4  # cannot be reached, locked, full, or of an unknown version
    RELAY = 5  # the mail server cannot be reached, or refuses
    CONTENT = 6  # a series, an email or an import file cannot be used
    FAULT = 70  # a mistake in Steadypost itself
    INTERRUPTED = 130


class SteadypostError(Exception):
    """Anything that keeps a command from its work; knows the exit code."""

    exit_code = ExitCode.FAILED


class RefusedError(SteadypostError):
    """The command was understood and is not possible: which thing, and what to do."""


class NothingFoundError(RefusedError):
    """The thing the command names does not exist."""

    def __init__(self, thing: str, advice: str) -> None:
        self.thing, self.advice = thing, advice
        super().__init__(f"found no {thing}; {advice}")


class RelayRefusedError(SteadypostError):
    """A message that a person waits for (a test send) was not taken."""

    exit_code = ExitCode.RELAY

    def __init__(self, relay: str, reply: str) -> None:
        self.relay, self.reply = relay, reply
        super().__init__(
            f"relay did not take the message: {relay}: {reply}; "
            "check the [relay] section of steadypost.toml, then try again"
        )


@dataclass(frozen=True)
class SettingsProblem:
    """One thing that is wrong with the settings: where it was given, what, and what to do."""

    place: str  # "[relay] port", "STEADYPOST_RELAY__PORT"; '' for the whole file
    text: str  # what is wrong; what to do

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


class SettingsError(SteadypostError):
    """The settings cannot be used; tells every problem at once, not only the first."""

    exit_code = ExitCode.SETTINGS

    def __init__(self, file: Path, problems: Sequence[SettingsProblem]) -> None:
        self.file, self.problems = file, tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"cannot use the settings in {file}:{lines}")


class KeysFileError(SteadypostError):
    """The file with the signing keys is missing or damaged.

    Never made anew in silence: every link in every mail already sent would stop working.
    """

    exit_code = ExitCode.SETTINGS

    def __init__(self, file: Path, what: str) -> None:
        self.file, self.what = file, what
        super().__init__(
            f"cannot use the keys file {file}: {what}; restore it from the back-up "
            "(links in mails already sent work only with these keys), "
            "or run 'steadypost init' in an empty folder for a new site"
        )
