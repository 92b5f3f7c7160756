"""What the program says when it cannot go on: what is wrong, which thing, what to do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from steadypost.demo.errors import DemoPageError, DemoStuckError, DemoTickError
from steadypost.errors import (
    BackupError,
    BadRowsError,
    CannotListenError,
    ClockOverrideError,
    EditNotWantedError,
    ExitCode,
    FileExistsAlreadyError,
    KeysFileError,
    ManyBeginnersError,
    NotConfirmedError,
    NothingFoundError,
    RelayRefusedError,
    SettingsError,
    SettingsProblem,
    SiteExistsError,
    SteadypostError,
    TickFailedError,
)
from storage.errors import NaiveMomentError

NAIVE = datetime(2026, 3, 2, 8, 0)  # noqa: DTZ001  (that is what is wrong with it)


@pytest.mark.parametrize(
    ("error", "text", "code"),
    [
        (
            NothingFoundError("subscriber 'ada'", "'steadypost subscribers list' shows them"),
            "found no subscriber 'ada'; 'steadypost subscribers list' shows them",
            ExitCode.FAILED,
        ),
        (
            SiteExistsError(Path("clinic"), "steadypost.toml"),
            "there is a site in clinic already: it has steadypost.toml; edit steadypost.toml "
            "there, or choose another folder by --site",
            ExitCode.FAILED,
        ),
        (
            ManyBeginnersError("second", "weekly", 40),
            "series 'second' was not imported: it would begin for 40 people on list 'weekly'; say "
            "--existing newcomers, everybody or stagger=DAYS, or give it a list of its own in "
            "series.yaml",
            ExitCode.FAILED,
        ),
        (
            EditNotWantedError("second"),
            "series 'second' was left as it was; say --yes to make the change unasked",
            ExitCode.FAILED,
        ),
        (
            NotConfirmedError("broadcast 'may-news'"),
            "broadcast 'may-news' was not sent: nobody said yes; answer the question, or say --yes",
            ExitCode.FAILED,
        ),
        (
            CannotListenError("127.0.0.1", 8000, "Address already in use"),
            "cannot serve pages on 127.0.0.1 port 8000: address already in use; end what uses "
            "it, or change [web] host and port in steadypost.toml",
            ExitCode.FAILED,
        ),
        (
            ClockOverrideError(),
            "cannot tick at another time: this site sends real mail; for a rehearsal set "
            "allow_override = true in the [clock] section of steadypost.toml",
            ExitCode.FAILED,
        ),
        (
            TickFailedError({"send": "the disk is full"}, exit_code=ExitCode.DATABASE),
            "the tick did not do all; the next one tries again:\n"
            "  could not send: the disk is full",
            ExitCode.DATABASE,
        ),
        (
            BadRowsError(Path("people.csv"), 2, 40),
            "imported nobody from people.csv: 2 of 40 rows cannot be used; correct them, or "
            "leave them out by --skip-bad",
            ExitCode.CONTENT,
        ),
        (
            FileExistsAlreadyError(Path("out.html")),
            "there is a file out.html already; choose another name, or remove it",
            ExitCode.FAILED,
        ),
        (
            BackupError(Path("copy.db"), "the disk is full"),
            "cannot back up to copy.db: the disk is full",
            ExitCode.FAILED,
        ),
        (
            RelayRefusedError("mail.example:25", "550 no"),
            "relay did not take the message: mail.example:25: 550 no; check the [relay] section "
            "of steadypost.toml, then try again",
            ExitCode.RELAY,
        ),
        (
            SettingsError(Path("steadypost.toml"), [SettingsProblem("[web] port", "too high")]),
            "cannot use the settings in steadypost.toml:\n  [web] port: too high",
            ExitCode.SETTINGS,
        ),
        (
            KeysFileError(Path("steadypost.keys"), "it is missing"),
            "cannot use the keys file steadypost.keys: it is missing; restore it from the back-up "
            "(links in mails already sent work only with these keys), or run 'steadypost init' "
            "in an empty folder for a new site",
            ExitCode.SETTINGS,
        ),
        (
            DemoPageError("http://127.0.0.1/x", 500, "oops"),
            "page answered an invented client with 500: http://127.0.0.1/x",
            ExitCode.FAILED,
        ),
        (
            DemoStuckError(200),
            "series has not ended after 200 days of the demo's clock",
            ExitCode.FAILED,
        ),
        (
            DemoTickError("send", "no relay"),
            "step 'send' of a tick failed: no relay",
            ExitCode.FAILED,
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_says_what_is_wrong_and_what_to_do(
    error: SteadypostError, text: str, code: ExitCode
) -> None:
    assert str(error) == text
    assert error.exit_code == code


def test_a_moment_without_a_zone_is_named() -> None:
    error = NaiveMomentError(NAIVE)

    assert str(error) == ("moment has no time zone: 2026-03-02T08:00:00; pass an aware datetime")
