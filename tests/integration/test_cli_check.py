"""The command line says what to look at before an email goes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from steadypost.errors import ExitCode
from tests.cli_stage import STEP, Terminal

ADA, BEN = "ada@example.org", "ben@example.org"
CONSENT = ("--confirmed", "--consent", "paper form")
FIRST = "series/massage-benefits/01-how-it-works.md"


def rewrite(terminal: Terminal, before: str, after: str) -> None:
    path = terminal.folder / FIRST
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def folder_of(terminal: Terminal) -> str:
    return str(terminal.folder / "series/massage-benefits")


@pytest.mark.parametrize(
    ("name", "kind", "emails"),
    [
        ("massage-benefits", "series", 6),
        ("massage-benefits/2", "step", 1),
        ("massage-benefits/how-it-works", "step", 1),
        ("calm", "theme", 1),
        ("confirmation", "shipped mail", 1),
        ("already-subscribed", "shipped mail", 1),
        ("completed", "shipped mail", 1),
    ],
)
def test_the_shipped_series_and_theme_have_nothing_to_look_at(
    terminal: Terminal, name: str, kind: str, emails: int
) -> None:
    found = terminal.do("check", name, "--json").json

    assert (found["checked"].partition("/")[0], found["kind"]) == (name.partition("/")[0], kind)
    assert len(found["emails"]) == emails
    assert found["level"] == "good to know"
    assert {one["compiled"]["how"] for one in found["emails"]} == {"compiled once"}


def test_a_series_folder_and_a_document_are_found_by_their_paths(terminal: Terminal) -> None:
    folder = terminal.do("check", folder_of(terminal), "--json").json
    document = terminal.do("check", str(terminal.folder / FIRST), "--json").json

    assert (folder["kind"], len(folder["emails"])) == ("series folder", 6)
    assert (document["kind"], document["emails"][0]["step"]) == ("document", "how-it-works")


def test_what_stops_sending_is_named_with_its_file_and_line_and_ends_with_1(
    terminal: Terminal,
) -> None:
    rewrite(terminal, "It helps some people", "{{ subscriber.first_nam }} helps some people")

    done = terminal.type("check", folder_of(terminal))

    assert done.code == ExitCode.FAILED
    assert "stops sending\n  01-how-it-works.md, line 22: " in done.out
    assert "did you mean 'first_name'?" in done.out
    assert done.out.endswith("put right what stops sending, then check again\n")


def test_everybody_gets_the_email_rendered_and_the_first_it_fails_for_is_named(
    terminal: Terminal,
) -> None:
    terminal.set("subscribers", 'attributes = ["visits"]')
    terminal.do("subscribers", "add", ADA, *CONSENT)
    terminal.do("subscribers", "add", BEN, *CONSENT)
    rewrite(terminal, "Hello {{", "{{ 10 // (subscriber.first_name | length) }} {{")

    done = terminal.type("check", folder_of(terminal))

    assert done.code == ExitCode.FAILED
    assert "for all 2 people: cannot be written: " in done.out
    assert "as all 2 people get it" in done.out


def test_a_name_that_stands_for_nothing_is_answered_with_its_likeness(terminal: Terminal) -> None:
    series = terminal.type("check", "mesage-benefits/2")
    nothing = terminal.type("check", "quarterly")

    assert series.code == nothing.code == ExitCode.FAILED
    assert "did you mean 'massage-benefits/2'?" in series.err
    assert "there are: already-subscribed, calm, " in nothing.err
    assert "or give a path" in nothing.err


def test_a_step_that_is_not_in_the_series_is_named_with_those_that_are(terminal: Terminal) -> None:
    done = terminal.type("check", "massage-benefits/9")

    assert done.code == ExitCode.FAILED
    assert "series 'massage-benefits' has no step '9'; it has: 1 how-it-works" in done.err


def test_a_confirmation_is_looked_at_with_the_one_link_it_has(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, *CONSENT)

    asked, told = terminal.do("check", "confirmation"), terminal.do("check", "already-subscribed")

    assert "as an invented person gets it" in asked.out
    assert "as the 1 person it is for gets it" in told.out


def test_own_words_for_the_end_are_looked_at_as_a_document_of_the_series(
    terminal: Terminal,
) -> None:
    words = Path(folder_of(terminal)) / "goodbye.md"
    words.write_text("---\nsubject: Goodbye\n---\n# {{ subscriber.first_nam }}\n", "utf-8")
    yaml = Path(folder_of(terminal)) / "series.yaml"
    yaml.write_text("completion_email: goodbye.md\n" + yaml.read_text("utf-8"), "utf-8")

    done = terminal.type("check", str(words))

    assert "goodbye.md, line 4: " in done.out
    assert "did you mean 'first_name'?" in done.out


def test_every_fault_of_a_folder_is_told_at_once(terminal: Terminal) -> None:
    yaml = Path(folder_of(terminal)) / "series.yaml"
    text = yaml.read_text().replace("send_hour: 9", "send_hour: 99\ncolour: red")
    yaml.write_text(text)

    done = terminal.type("check", folder_of(terminal))

    assert done.code == ExitCode.FAILED
    assert done.out.count("series.yaml, line ") == 2


def test_without_a_site_an_invented_clinic_stands_in(tmp_path: Path, terminal: Terminal) -> None:
    elsewhere = Terminal(tmp_path / "nowhere")

    done = elsewhere.do("check", folder_of(terminal))

    assert "there is no site in " in done.err
    assert "nothing stands in the way" in done.out
    assert "theme calm" in elsewhere.do("check", "calm").out


def test_the_report_tells_what_became_of_every_rule(terminal: Terminal) -> None:
    done = terminal.do("check", "massage-benefits/1", "--report")

    assert "01-how-it-works.md: compiled once; " in done.out
    assert "\n  moved to " in done.out
    assert "\n  stays in the head: .button-link:hover (calm/head.css, line 5)\n" in done.out


def test_what_is_compiled_in_variants_is_told_with_its_line_and_its_reason(
    terminal: Terminal, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "---\nsubject: Hello\ntext: Hello\n---\n<!doctype html><html><head><style>\n"
        "p { color: #111111 }\n.Ada { margin: 0 }\n</style></head><body><h1>a</h1>\n"
        '<p class="{{ subscriber.first_name }}">x</p>{{ clinic.postal_address }}\n'
        '<a href="{{ links.unsubscribe }}">leave</a></body></html>\n'
    )

    done = terminal.type("check", str(page))

    assert "page.md: compiled in variants; " in done.out
    assert "  document, line 9: what is written by subscriber.first_name decides: " in done.out


def test_an_import_refuses_what_does_not_render_for_somebody(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--first-name", "Ada", *CONSENT)
    terminal.do("subscribers", "add", BEN, "--first-name", "Benjamin", *CONSENT)
    rewrite(terminal, "Hello {{", "{{ 10 // ((subscriber.first_name | length) - 8) }} {{")

    done = terminal.type("series", "import", "massage-benefits")

    assert done.code == ExitCode.CONTENT
    assert f"01-how-it-works.md, line 7: for {BEN}: cannot be written: " in done.err
    assert "put this right first" in done.err


def test_an_import_tells_every_fault_of_every_document(terminal: Terminal) -> None:
    rewrite(terminal, "Hello {{", "{{ nobody }}\n\n{{ subscriber.first_nam }} {{")

    done = terminal.type("series", "import", "massage-benefits")

    assert done.code == ExitCode.CONTENT
    assert "01-how-it-works.md, line 7: there is no field called 'nobody'" in done.err
    assert "01-how-it-works.md, line 9: there is no field 'first_nam' here" in done.err


def test_every_command_of_the_how_to_works_as_it_stands_there(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    how_to = (Path(__file__).parents[2] / "docs/how-to/check-an-email.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", how_to, re.MULTILINE | re.DOTALL)
    commands = [line.partition("#")[0].split() for block in blocks for line in block.splitlines()]
    monkeypatch.chdir(terminal.folder)

    for program, *args in commands:
        assert program == "steadypost"
        terminal.do(*args)

    assert len(commands) == 8


def test_the_how_to_names_every_key_of_the_json(terminal: Terminal) -> None:
    how_to = (Path(__file__).parents[2] / "docs/how-to/check-an-email.md").read_text("utf-8")
    found = terminal.do("check", STEP, "--json").json
    (email,) = found["emails"]
    keys = {
        *found,
        *email,
        *email["compiled"],
        *found["findings"][0],
        *email["compiled"]["kept"][0],
    }

    assert sorted(key for key in keys - {"rule"} if f"`{key}`" not in how_to) == []


def test_a_place_is_named_even_where_a_field_makes_the_address(terminal: Terminal) -> None:
    rewrite(terminal, "Hello {{", "[a](http://a.org/?n={{ subscriber.first_name }}) {{")

    done = terminal.do("check", str(terminal.folder / FIRST))

    assert "01-how-it-works.md, line 7: http://a.org/?n=Ada is not encrypted; " in done.out
    assert (
        "01-how-it-works.md, line 7: an address has {{ subscriber.first_name }} in it" in done.out
    )


def test_a_step_that_was_taken_out_has_nothing_to_check(terminal: Terminal) -> None:
    yaml = Path(folder_of(terminal)) / "series.yaml"
    text = yaml.read_text("utf-8")
    start = text.index("- key: whole-picture")
    yaml.write_text(text[:start], "utf-8")
    terminal.do("series", "import", "massage-benefits")

    done = terminal.type("check", "massage-benefits/whole-picture")

    assert done.code == ExitCode.FAILED
    assert "step 'massage-benefits/whole-picture' has no published text" in done.err


def test_an_import_names_the_line_of_what_stops_sending(terminal: Terminal) -> None:
    rewrite(terminal, "subject: ", "subject: '{{ subscriber.last_name }}' # ")

    done = terminal.type("series", "import", "massage-benefits")

    assert done.code == ExitCode.CONTENT
    assert "01-how-it-works.md, line 2: for a person without a name: the subject " in done.err


def test_whom_a_condition_passes_over_need_not_be_able_to_get_the_email(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--first-name", "Ada", *CONSENT)
    terminal.do("subscribers", "add", BEN, *CONSENT)
    rewrite(terminal, "Hello {{", "{{ 9 // (subscriber.first_name | length) }} {{")
    yaml = Path(folder_of(terminal)) / "series.yaml"
    text = yaml.read_text("utf-8")
    before = terminal.type("check", str(terminal.folder / FIRST))

    yaml.write_text(
        text.replace("  wait_days: 0\n", "  wait_days: 0\n  condition: first_name is Ada\n"),
        "utf-8",
    )

    assert before.code == ExitCode.FAILED
    assert f"for {BEN}: cannot be written" in before.out
    assert terminal.do("check", str(terminal.folder / FIRST), "--json").json["people"] == 1
