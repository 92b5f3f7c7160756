"""The command line looks after people, one by one and by the file."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from steadypost.errors import ExitCode
from tests.cli_stage import Terminal, text_of

ADA = "ada@example.org"
CONSENT = ("--confirmed", "--consent", "paper form of 2 March")


def test_an_empty_list_says_what_to_do_next(terminal: Terminal) -> None:
    done = terminal.do("subscribers", "list")

    assert done.out == ""
    assert "nobody is here yet; people sign up on the pages, or: steadypost subscribers imp" in (
        done.err
    )


def test_somebody_who_is_added_is_asked_to_confirm(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--first-name", "Ada", "--tag", "vip")

    terminal.do("tick")

    (mail,) = terminal.mails()
    assert mail["To"] == ADA
    assert "/confirm/" in text_of(mail)
    (row,) = terminal.do("subscribers", "list", "--json").json
    assert row["lists"] == {"weekly": "unconfirmed"}
    assert row["tags"] == ["vip"]


def test_somebody_added_with_consent_gets_the_first_email(terminal: Terminal) -> None:
    terminal.do(
        *("subscribers", "add", ADA, *CONSENT, "--weekday", "tuesday", "--hour", "10"),
        *("--time-zone", "Asia/Tokyo", "--attribute", "city=Kyoto"),
    )
    terminal.rehearse()

    terminal.do("tick", "--at", "2030-03-05T12:00")

    (mail,) = terminal.mails()
    assert "Part 1 of 6" in text_of(mail)
    person = terminal.do("subscribers", "show", ADA, "--json").json
    assert (person["weekday"], person["hour"], person["time_zone"]) == ("tuesday", 10, "Asia/Tokyo")
    assert person["attributes"] == ["city=Kyoto"]
    assert person["consent"][0]["source"] == "paper form of 2 March"
    assert [row["state"] for row in person["deliveries"]] == ["sent"]


def test_a_person_is_shown_in_words(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)

    shown = terminal.do("subscribers", "show", ADA).out

    assert "Europe/Berlin (the clinic's)" in shown
    assert "weekly  confirmed" in shown
    assert "added by staff" in shown


def test_consent_must_be_named(terminal: Terminal) -> None:
    done = terminal.type("subscribers", "add", ADA, "--confirmed")

    assert done.code == ExitCode.USAGE
    assert "--confirmed needs --consent 'how they said yes'; it is kept" in done.err


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("not-an-address",), "not an email address: 'not-an-address'"),
        ((ADA, "--weekday", "someday"), "not a valid weekday: 'someday'; use"),
        ((ADA, "--hour", "25"), "not a valid hour: '25'; use 0 to 23"),
        ((ADA, "--time-zone", "Berlin"), "unknown time zone: 'Berlin'"),
        ((ADA, "--list", "monthly"), "no such list: 'monthly'; known lists: 'weekly'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(
    terminal: Terminal, args: tuple[str, ...], expected: str
) -> None:
    done = terminal.type("subscribers", "add", *args)

    assert done.code == ExitCode.FAILED
    assert expected in done.err
    assert "Traceback" not in done.err
    assert terminal.do("subscribers", "list", "--json").json == []


def test_an_attribute_needs_a_name_and_a_value(terminal: Terminal) -> None:
    done = terminal.type("subscribers", "add", ADA, *CONSENT, "--attribute", "city")

    assert done.code == ExitCode.USAGE
    assert "'city' is no NAME=VALUE" in done.err


def test_asking_the_same_person_twice_sends_nothing_more(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA)
    terminal.do("tick")

    done = terminal.type("subscribers", "add", ADA)
    terminal.do("tick")

    assert done.code == ExitCode.FAILED
    assert f"no mail goes to {ADA}: the address was asked for too often" in done.err
    assert len(terminal.mails()) == 1


def test_confirming_by_hand_begins_the_series(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA)

    done = terminal.do("subscribers", "confirm", ADA)

    assert done.out == f"{ADA} is confirmed on weekly\n"
    forecast = terminal.do("forecast", "--days", "60", "--json").json
    assert [entry["part"] for entry in forecast] == [1, 2, 3, 4, 5, 6]


def test_nobody_is_confirmed_against_their_word(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)
    terminal.do("subscribers", "unsubscribe", ADA)

    done = terminal.type("subscribers", "confirm", ADA)
    again = terminal.type("subscribers", "add", ADA, *CONSENT)

    assert done.code == ExitCode.FAILED
    assert f"{ADA} cannot be confirmed: they are unsubscribed" in done.err
    assert again.code == ExitCode.FAILED
    assert "they unsubscribed on" in again.err


def test_unsubscribing_ends_what_was_queued(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)

    first = terminal.do("subscribers", "unsubscribe", ADA)
    second = terminal.do("subscribers", "unsubscribe", ADA)
    terminal.do("tick")

    assert first.out == f"{ADA} is off the list weekly\n"
    assert second.out == f"{ADA} was off the list weekly already\n"
    assert terminal.mails() == []
    assert terminal.do("forecast", "--json").json == []


@pytest.mark.parametrize("command", ["show", "confirm", "unsubscribe"])
def test_somebody_unknown_is_named(terminal: Terminal, command: str) -> None:
    done = terminal.type("subscribers", command, "nobody@example.org")

    assert done.code == ExitCode.FAILED
    assert "found no person with the address nobody@example.org; 'steadypost subs" in done.err


def test_a_listing_can_be_narrowed(terminal: Terminal) -> None:
    for name, tag in (("ada", "vip"), ("ben", "new"), ("cleo", "new")):
        terminal.do("subscribers", "add", f"{name}@example.org", "--tag", tag)
    terminal.do("subscribers", "confirm", "ben@example.org")

    def found(*narrowed: str) -> list[str]:
        rows = terminal.do("subscribers", "list", "--json", *narrowed).json
        return [row["email"].partition("@")[0] for row in rows]

    assert found("--tag", "new") == ["ben", "cleo"]
    assert found("--standing", "confirmed") == ["ben"]
    assert found("--search", "CLEO") == ["cleo"]
    assert found("--limit", "2") == ["ada", "ben"]
    assert "2 of 3; --limit shows more" in terminal.do("subscribers", "list", "--limit", "2").err
    assert "nobody matches" in terminal.do("subscribers", "list", "--suppressed").err


def test_what_strangers_typed_cannot_move_the_terminal(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--first-name", "A\x1b[31mda", *CONSENT)

    assert "\x1b" not in terminal.do("subscribers", "list").out


GOOD_ROWS = "email,first_name,city\nada@example.org,Ada,Berlin\nben@example.org,Ben,Ulm\n"


def write(terminal: Terminal, text: str) -> str:
    path = terminal.folder / "people.csv"
    path.write_text(text, "utf-8")
    return str(path)


def test_a_file_of_people_is_imported(terminal: Terminal) -> None:
    file = write(terminal, GOOD_ROWS)

    done = terminal.do("subscribers", "import", file, "--consent", "old newsletter")

    assert re.search(r"^added +2$", done.out, re.MULTILINE)
    rows = terminal.do("subscribers", "list", "--json").json
    assert [row["lists"] for row in rows] == [{"weekly": "confirmed"}] * 2


def test_columns_that_no_email_knows_are_named(terminal: Terminal) -> None:
    terminal.set("subscribers", 'attributes = ["city"]')
    file = write(terminal, "email,city,citty,Shoe size\nada@example.org,Ulm,,38\n")

    done = terminal.do("subscribers", "import", file, "--consent", "old newsletter")
    plain = write(terminal, "email,city\nben@example.org,Ulm\n")
    quiet = terminal.do("subscribers", "import", plain, "--consent", "old newsletter")

    assert "kept with the people, and known to no email yet: citty, shoe_size; name" in done.err
    assert "known to no email" not in quiet.err


def test_rubbish_rows_are_listed_by_line_and_nobody_is_imported(terminal: Terminal) -> None:
    file = write(terminal, GOOD_ROWS + "rubbish,,\n,Cleo,\ndan@example.org,Dan,Bonn\n")

    done = terminal.type("subscribers", "import", file, "--consent", "old newsletter")

    assert done.code == ExitCode.CONTENT
    assert "people.csv, line 4: not an email address: 'rubbish'" in done.err
    assert "people.csv, line 5: " in done.err
    assert f"imported nobody from {file}: 2 of 5 rows cannot be used; correct them" in done.err
    assert terminal.do("subscribers", "list", "--json").json == []


def test_a_row_that_cannot_even_be_cut_into_cells_is_named_by_its_line(terminal: Terminal) -> None:
    file = write(terminal, 'email,first_name\n"ada@example.org"x,Ada\n')

    done = terminal.type("subscribers", "import", file, "--consent", "old newsletter")

    assert "line 2: there is text after a closing quote\n" in done.err


def test_bad_rows_can_be_left_out(terminal: Terminal) -> None:
    file = write(terminal, GOOD_ROWS + "rubbish,,\n")

    done = terminal.do(
        "subscribers", "import", file, "--consent", "old newsletter", "--skip-bad", "--json"
    )

    assert (done.json["added"], done.json["bad"][0]["line"]) == (2, 4)


def test_importing_the_same_file_again_changes_nothing(terminal: Terminal) -> None:
    file = write(terminal, GOOD_ROWS)
    terminal.do("subscribers", "import", file, "--consent", "old newsletter")

    again = terminal.do("subscribers", "import", file, "--consent", "old newsletter", "--json")

    assert (again.json["added"], again.json["unchanged"]) == (0, 2)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot import 'people.csv': No such file or directory; check the path"),
        ("", "it is empty; its first line must name the columns"),
        ("name,city\nAda,Ulm\n", "cannot import 'people.csv'"),
    ],
)
def test_a_file_that_is_none_of_people_is_refused(
    terminal: Terminal, content: str | None, expected: str
) -> None:
    file = str(terminal.folder / "people.csv") if content is None else write(terminal, content)

    done = terminal.type("subscribers", "import", file, "--consent", "old newsletter")

    assert done.code == ExitCode.CONTENT
    assert expected in done.err


def test_an_export_can_be_imported_again(terminal: Terminal, tmp_path: Path) -> None:
    terminal.do("subscribers", "import", write(terminal, GOOD_ROWS), "--consent", "old newsletter")
    file = tmp_path / "out.csv"

    done = terminal.do("subscribers", "export", str(file))

    assert done.err == "2 people\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = terminal.do("subscribers", "import", str(file), "--consent", "again", "--json").json
    assert (again["rows"], again["added"], again["bad"]) == (2, 0, [])
    assert "ada@example.org,Ada" in terminal.do("subscribers", "export").out
    assert "ada@example.org,Ada" in terminal.do("subscribers", "export", "-").out


def test_an_export_overwrites_nothing(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("precious")

    done = terminal.type("subscribers", "export", str(tmp_path / "out.csv"))

    assert done.code == ExitCode.FAILED
    assert "already; choose another name, or remove it" in done.err
    assert (tmp_path / "out.csv").read_text() == "precious"


def test_an_export_that_fails_leaves_no_half_file(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.type("subscribers", "export", str(tmp_path / "out.csv"), "--list", "monthly")

    assert done.code == ExitCode.FAILED
    assert not (tmp_path / "out.csv").exists()
