"""The command line shows what is sent to whom, and brings series in and out."""

from __future__ import annotations

from pathlib import Path

import pytest

from steadypost.errors import ExitCode
from tests.cli_stage import STEP, Terminal, text_of

ADA = "ada@example.org"
CONSENT = ("--confirmed", "--consent", "paper form")


def test_a_series_is_listed_and_shown(terminal: Terminal) -> None:
    (line,) = terminal.do("series", "list", "--json").json
    shown = terminal.do("series", "show", "massage-benefits", "--json").json

    assert (line["series"], line["list"], line["steps"]) == ("massage-benefits", "weekly", 6)
    assert [step["wait_days"] for step in shown["steps"]] == [0, 7, 7, 7, 7, 7]
    assert "how-it-works" in terminal.do("series", "show", "massage-benefits").out
    assert "massage-benefits" in terminal.do("series", "list").out


def test_an_unknown_series_is_named_with_its_likeness(terminal: Terminal) -> None:
    done = terminal.type("series", "show", "massage-benefit")

    assert done.code == ExitCode.FAILED
    assert "no series is named 'massage-benefit'; did you mean 'massage-benefits'?" in done.err


def test_an_edited_series_is_brought_in_by_its_name(terminal: Terminal) -> None:
    text = terminal.folder / "series/massage-benefits/01-how-it-works.md"
    text.write_text(text.read_text().replace("Hello", "Good day"))

    done = terminal.do("series", "import", "massage-benefits")

    assert done.out == "series massage-benefits updated\n  changed: how-it-works\n"
    assert "Good day" in terminal.do("preview", STEP, "--text").out
    again = terminal.do("series", "import", "massage-benefits")
    assert again.out == "series massage-benefits is as it was\n"


def test_a_series_goes_out_and_comes_in_equal(terminal: Terminal, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "massage-benefits"

    done = terminal.do("series", "export", "massage-benefits", str(copy))

    assert done.out == f"wrote 6 emails of massage-benefits into {copy}\n"
    original = terminal.folder / "series/massage-benefits"
    for file in original.glob("*.md"):
        assert (copy / file.name).read_bytes() == file.read_bytes()
    assert "is as it was" in terminal.do("series", "import", str(copy)).out


def test_an_export_into_a_folder_in_use_is_refused(terminal: Terminal) -> None:
    done = terminal.type("series", "export", "massage-benefits", str(terminal.folder))

    assert done.code == ExitCode.FAILED
    assert "folder is not empty" in done.err


def test_a_broken_series_is_refused_whole_with_every_fault(terminal: Terminal) -> None:
    folder = terminal.folder / "series/massage-benefits"
    for name, text in (
        ("01-how-it-works.md", "{{ subscriber.first_nam }}"),
        ("03-second-pump.md", "{% if"),
    ):
        (folder / name).write_text((folder / name).read_text() + f"\n{text}\n")

    done = terminal.type("series", "import", "massage-benefits")

    assert done.code == ExitCode.CONTENT
    assert "did you mean 'first_name'?" in done.err
    assert "03-second-pump.md" in done.err
    assert "Traceback" not in done.err
    assert "first_nam" not in terminal.do("preview", STEP, "--text").out


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("title: [", "series.yaml, line"),
        ("titlex: X\nsteps: []\n", "did you mean 'title'?"),
        (b"title: \xff\xfe", "series.yaml"),
    ],
)
def test_an_unreadable_series_folder_is_refused(
    terminal: Terminal, yaml: str | bytes, expected: str
) -> None:
    folder = terminal.folder / "series" / "broken"
    folder.mkdir()
    (folder / "series.yaml").write_bytes(yaml if isinstance(yaml, bytes) else yaml.encode())

    done = terminal.type("series", "import", "broken")

    assert done.code == ExitCode.CONTENT
    assert "cannot use series folder 'broken'; put this right first:" in done.err
    assert expected in done.err


def test_a_series_folder_that_is_not_there_is_named(terminal: Terminal) -> None:
    done = terminal.type("series", "import", "masage")

    assert done.code == ExitCode.FAILED
    assert "found no series folder 'masage'; there are: massage-benefits; or give a" in done.err


def test_somebody_is_enrolled_by_hand_once(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)

    first = terminal.do("series", "enrol", "massage-benefits", ADA)
    second = terminal.type("series", "enrol", "massage-benefits", ADA)

    assert f"{ADA} is in massage-benefits; 'steadypost why" in first.out
    assert second.code == ExitCode.FAILED
    assert "again: their enrolment is active" in second.err


def test_somebody_who_has_not_confirmed_cannot_be_enrolled(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA)

    done = terminal.type("series", "enrol", "massage-benefits", ADA)

    assert done.code == ExitCode.FAILED
    assert f"cannot enrol {ADA}: not confirmed on list 'weekly'" in done.err


def test_a_preview_greets_the_person_and_changes_nothing(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--first-name", "Ada", *CONSENT)

    done = terminal.do("preview", STEP, "--as", ADA, "--text")

    assert "Hello Ada" in done.out
    assert "\nsubject: " in done.err
    assert terminal.do("subscribers", "show", ADA, "--json").json["deliveries"] == []


def test_a_preview_can_be_written_to_a_file(terminal: Terminal, tmp_path: Path) -> None:
    terminal.do("preview", STEP, "--out", str(tmp_path / "mail.html"))

    assert (tmp_path / "mail.html").read_text("utf-8").startswith("<!")
    assert terminal.do("preview", STEP).out == (tmp_path / "mail.html").read_text("utf-8") + "\n"


def test_a_preview_opens_in_the_browser(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)

    terminal.do("preview", STEP, "--open")

    page = Path(opened[0].removeprefix("file://"))
    assert page.read_text("utf-8").startswith("<!")
    page.unlink()


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("massage-benefits/9",), "series 'massage-benefits' has no step '9'; it has: 1 how-it"),
        (
            ("massage-benefits/how",),
            "series 'massage-benefits' has no step 'how'; it has: 1 how-it",
        ),
        ((STEP, "--as", "nobody@example.org"), "nobody@example.org"),
    ],
)
def test_a_step_or_person_that_is_not_there_is_named(
    terminal: Terminal, args: tuple[str, ...], expected: str
) -> None:
    done = terminal.type("preview", *args)

    assert done.code == ExitCode.FAILED
    assert expected in done.err


def test_a_test_is_sent_and_stands_in_nobodys_progress(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--first-name", "Ada", *CONSENT)

    done = terminal.do("send-test", STEP, "you@example.org", "--as", ADA)

    (mail,) = terminal.mails()
    assert "took a test for you@example.org" in done.out
    assert mail["To"] == "you@example.org"
    assert mail["Subject"].startswith("[Test] ")
    assert "Hello Ada" in text_of(mail)
    assert terminal.do("subscribers", "show", ADA, "--json").json["deliveries"] == []


def test_a_forecast_and_the_reasons_are_told(terminal: Terminal) -> None:
    assert "nobody gets anything in the next 7 days" in terminal.do("forecast").err
    terminal.do("subscribers", "add", ADA, *CONSENT)

    forecast = terminal.do("forecast", "--days", "30")
    why = terminal.do("why", ADA)

    assert forecast.out.count(ADA) >= 4
    assert "massage-benefits" in why.out
    assert terminal.do("why", ADA, "--json").json == why.out.splitlines()


def test_asking_why_about_nobody_ends_with_1(terminal: Terminal) -> None:
    done = terminal.type("why", "zoe@example.org")

    assert done.code == ExitCode.FAILED
    assert done.out == "nobody with the address zoe@example.org is known here\n"


def test_a_new_series_for_people_who_are_there_already_begins_only_when_told_to(
    terminal: Terminal,
) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)
    terminal.do("series", "export", "massage-benefits", str(terminal.folder / "series/second"))

    unasked = terminal.type("series", "import", "second")
    declined = terminal.type("series", "import", "second", answers="n\n")

    assert unasked.code == declined.code == ExitCode.FAILED
    assert "1 person is on its list 'weekly' already. Whom does it begin for?" in declined.err
    assert unasked.err.endswith(
        "series 'second' was not imported: it would begin for 1 person on list 'weekly'; "
        "say --existing newcomers, everybody or stagger=DAYS, or give it a list of its own in "
        "series.yaml\n"
    )
    assert len(terminal.do("series", "list", "--json").json) == 1

    terminal.do("series", "import", "second", "--yes")
    assert "is as it was" in terminal.do("series", "import", "second").out


def test_a_new_series_on_a_list_of_its_own_needs_no_word(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)
    copy = terminal.folder / "series/second"
    terminal.do("series", "export", "massage-benefits", str(copy))
    yaml = (copy / "series.yaml").read_text()
    (copy / "series.yaml").write_text(yaml.replace("list: weekly", "list: monthly"))

    assert "series second imported" in terminal.do("series", "import", "second").out


def test_a_preview_shows_what_the_settings_say_now(terminal: Terminal) -> None:
    assert "https://riverside.example/book" not in terminal.do("preview", STEP).out

    terminal.set("clinic", 'booking_url = "https://riverside.example/book"')

    assert "https://riverside.example/book" in terminal.do("preview", STEP).out
    assert "https://riverside.example/book" in terminal.do("preview", STEP, "--text").out
    terminal.do("send-test", STEP, "mara@example.org")
    assert "https://riverside.example/book" in text_of(terminal.mails()[0])
