"""A series is played before it goes: by the code that sends, and without a trace."""

from __future__ import annotations

from datetime import datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from steadypost.errors import ExitCode
from tests.cli_stage import Terminal

DOCUMENT = "---\nsubject: {subject}\n---\n# Hello {{{{ subscriber.first_name }}}}\n\nOne line.\n"
SERIES = """\
title: Two letters
list: weekly
send_hour: 9
steps:
  - key: one
    wait_days: 0
  - key: two
"""


@pytest.fixture
def series(terminal: Terminal, tmp_path: Path) -> str:
    """Write a series that is imported nowhere, and open at the usual hours only."""
    terminal.set("calendar", 'send_window = "07:00-21:00"')
    folder = tmp_path / "two-letters"
    folder.mkdir()
    (folder / "series.yaml").write_text(SERIES)
    for key in ("one", "two"):
        (folder / f"{key}.md").write_text(DOCUMENT.format(subject=f"Letter {key}"))
    return str(folder)


def played(terminal: Terminal, series: str, *options: str) -> dict[tuple[str, str], str]:
    """Play it from 20 March 2026 on; give the local times by reader and step."""
    args = ("rehearse", series, "--from", "2026-03-20", "--json", *options)
    rows: list[dict[str, Any]] = terminal.do(*args).json
    return {
        (row["reader"], row["step"]): f"{datetime.fromisoformat(row['local']):%m-%d %H:%M}"
        for row in rows
    }


def test_every_reader_gets_every_part_on_their_own_clock(terminal: Terminal, series: str) -> None:
    found = played(terminal, series, "--people", "3")

    assert found == {
        ("Ada", "one"): "03-20 08:00",
        ("Ada", "two"): "03-27 09:00",
        ("Bilal", "one"): "03-20 05:00",  # their click was fresh
        ("Bilal", "two"): "04-01 18:00",  # a Wednesday at six, as Bilal wished
        ("Chiara", "one"): "03-20 16:30",
        ("Chiara", "two"): "03-27 20:00",
    }


def test_closed_days_and_an_outage_show(terminal: Terminal, series: str) -> None:
    args = ("--people", "1", "--closed", "2026-03-27/2026-03-28", "--outage", "2026-03-29")
    found = played(terminal, series, *args)

    assert found[("Ada", "two")] == "03-30 07:00"


def test_the_emails_are_written_and_the_clinics_own_database_stays(
    terminal: Terminal, series: str, tmp_path: Path
) -> None:
    before = terminal.do("status", "--no-relay", "--json").json["deliveries"]

    done = terminal.do("rehearse", series, "--people", "3", "--out", str(tmp_path / "out"))

    assert "Who gets what when, each on their own clock" in done.out
    assert "- Chiara pauses two weeks after part 2" in done.out
    assert f"wrote 6 emails into {tmp_path / 'out'}, each as .html, .txt and .eml" in done.err
    place = tmp_path / "out" / "ada1"
    assert sorted(file.name for file in place.iterdir()) == [
        *("01-one.eml", "01-one.html", "01-one.txt"),
        *("02-two.eml", "02-two.html", "02-two.txt"),
    ]
    assert message_from_bytes((place / "01-one.eml").read_bytes())["Subject"] == "Letter one"
    assert "Hello Ada" in (place / "01-one.html").read_text()
    assert terminal.mails() == []
    assert terminal.do("status", "--no-relay", "--json").json["deliveries"] == before
    again = terminal.type("rehearse", series, "--people", "1", "--out", str(tmp_path / "out"))
    assert "folder is not empty" in again.err


def test_it_is_really_sent_to_a_tester_and_marked(terminal: Terminal, series: str) -> None:
    done = terminal.do("rehearse", series, "--to", "you@example.org", "--minutes", "0.001")

    assert done.out == (
        "2 emails went to you@example.org; nothing of it stands in anybody's progress\n"
    )
    mails = sorted(terminal.mails(), key=lambda mail: str(mail["Subject"]))
    assert [mail["Subject"] for mail in mails] == [
        "[Rehearsal 1/2] Letter one",
        "[Rehearsal 2/2] Letter two",
    ]
    assert {mail["To"] for mail in mails} == {"you@example.org"}
    assert mails[0]["X-Steadypost"] == "rehearsal 1/2"
    assert mails[0]["List-Unsubscribe"] is None
    assert "nobody gets anything" in terminal.do("forecast").err


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("nix",), ExitCode.FAILED, "found no series folder 'nix'"),
        (("massage-benefits", "--closed", "soon"), ExitCode.USAGE, "2026-03-20/2026-03-22"),
        (("massage-benefits", "--to", "nobody"), ExitCode.FAILED, "nobody"),
    ],
)
def test_what_cannot_be_rehearsed_is_named(
    terminal: Terminal, args: tuple[str, ...], code: ExitCode, said: str
) -> None:
    done = terminal.type("rehearse", *args)

    assert (done.code, said in done.err) == (code, True)
