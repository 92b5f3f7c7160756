"""What the command line ends with: its exit codes, and the failures only it can have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from steadypost.wording import counted


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


class SiteExistsError(RefusedError):
    """A new site was asked for where there is one."""

    def __init__(self, folder: Path, file: str) -> None:
        self.folder, self.file = folder, file
        super().__init__(
            f"there is a site in {folder} already: it has {file}; edit steadypost.toml there, "
            "or choose another folder by --site"
        )


class ThemeNameError(RefusedError):
    """No theme can be called so."""

    def __init__(self, name: str) -> None:
        self.name = name
        advice = "use lower-case letters, digits and single hyphens, like 'our-spring'"
        super().__init__(f"a theme cannot be called '{name}'; {advice}")


class ThemeExistsError(RefusedError):
    """A new theme was asked for where there is one."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        super().__init__(f"there is a theme '{name}' already: {path}; edit it, or choose a name")


class NotConfirmedError(RefusedError):
    """Mail to many people was asked for, and nobody has said yes."""

    def __init__(self, thing: str) -> None:
        self.thing = thing
        super().__init__(
            f"{thing} was not sent: nobody said yes; answer the question, or say --yes"
        )


class ManyBeginnersError(RefusedError):
    """A new series would begin for many people, and nobody has said that it may."""

    def __init__(self, series: str, list_slug: str, count: int) -> None:
        self.series, self.list_slug, self.count = series, list_slug, count
        people = counted(count, "person", "people")
        super().__init__(
            f"series '{series}' was not imported: it would begin for {people} on list "
            f"'{list_slug}'; say --existing newcomers, everybody or stagger=DAYS, or give it a "
            "list of its own in series.yaml"
        )


class EditNotWantedError(RefusedError):
    """An edit was shown, and nobody has said that it may be made."""

    def __init__(self, series: str) -> None:
        self.series = series
        super().__init__(
            f"series '{series}' was left as it was; say --yes to make the change unasked"
        )


class CannotListenError(RefusedError):
    """The address or port for the pages cannot be had."""

    def __init__(self, host: str, port: int, cause: str) -> None:
        self.host, self.port, self.cause = host, port, cause
        super().__init__(
            f"cannot serve pages on {host} port {port}: {cause.lower()}; "
            "end what uses it, or change [web] host and port in steadypost.toml"
        )


class ClockOverrideError(RefusedError):
    """A moment was given where the settings do not allow it."""

    def __init__(self) -> None:
        super().__init__(
            "cannot tick at another time: this site sends real mail; for a rehearsal set "
            "allow_override = true in the [clock] section of steadypost.toml"
        )


class TickFailedError(SteadypostError):
    """Steps of a tick failed; the others were done."""

    def __init__(self, failures: Mapping[str, str], *, exit_code: ExitCode) -> None:
        self.failures, self.exit_code = dict(failures), exit_code
        lines = "".join(f"\n  could not {name}: {why}" for name, why in failures.items())
        super().__init__(f"the tick did not do all; the next one tries again:{lines}")


class BadRowsError(SteadypostError):
    """A file of people has rows that cannot be imported, so none was."""

    exit_code = ExitCode.CONTENT

    def __init__(self, file: Path, bad: int, rows: int) -> None:
        self.file, self.bad, self.rows = file, bad, rows
        super().__init__(
            f"imported nobody from {file}: {bad} of {counted(rows, 'row')} cannot be used; "
            "correct them, or leave them out by --skip-bad"
        )


class FileExistsAlreadyError(RefusedError):
    """A file was to be written where one is; nothing is overwritten."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"there is a file {path} already; choose another name, or remove it")


class BackupError(RefusedError):
    """A copy of the database could not be made."""

    def __init__(self, target: Path, why: str) -> None:
        self.target, self.why = target, why
        super().__init__(f"cannot back up to {target}: {why}")


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


class DkimDomainError(SteadypostError):
    """Mail was to be signed for a domain that is not the sender's."""

    exit_code = ExitCode.SETTINGS

    def __init__(self, domain: str, sender: str) -> None:
        self.domain, self.sender = domain, sender
        super().__init__(
            f"cannot sign for the domain {domain}: mail comes from {sender}, and receivers want "
            f"the two to agree; set [dkim] domain to {sender} or a domain above it"
        )


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
