"""`steadypost init` leaves a site that works, or nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from steadypost.cli.init import init
from steadypost.errors import ExitCode
from steadypost.settings import FILE_NAME, load_settings
from tests.cli_stage import ANSWERS, Terminal

SIX_ANSWERS = "\n".join(
    [
        "Riverside Clinic",
        "12 Mill Lane",
        "Europe/Berlin",
        "hello@riverside.example",
        "smtp.riverside.example:587",
        "https://post.riverside.example",
        "",
    ]
)


def test_six_answers_make_a_site(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "site")

    done = terminal.type("init", answers=SIX_ANSWERS)

    assert done.code == 0, done.err
    settings = load_settings(terminal.folder, {})
    assert settings.clinic.name == "Riverside Clinic"
    assert settings.clinic.time_zone == "Europe/Berlin"
    assert (settings.relay.host, settings.relay.port) == ("smtp.riverside.example", 587)
    assert settings.relay.security == "starttls"
    assert (terminal.folder / "series/massage-benefits/series.yaml").is_file()
    assert terminal.do("series", "list", "--json").json[0]["steps"] == 6
    assert "steadypost serve" in done.out
    assert "https://post.riverside.example/signup/weekly" in done.out


def test_it_asks_at_most_six_questions_and_each_has_a_flag() -> None:
    asked = [param for param in init.params if getattr(param, "prompt", None)]

    assert len(asked) == 6
    assert all(param.opts[0].startswith("--") for param in asked)


def test_flags_answer_every_question(tmp_path: Path) -> None:
    done = Terminal(tmp_path).type("init", *ANSWERS, "--booking-url", "https://r.example/book")

    assert done.code == 0
    assert load_settings(tmp_path, {}).clinic.booking_url == "https://r.example/book"


def test_the_folder_can_be_named_behind_the_command(tmp_path: Path) -> None:
    done = Terminal(tmp_path).type("init", str(tmp_path / "new"), *ANSWERS)

    assert done.code == 0
    assert (tmp_path / "new" / FILE_NAME).is_file()


def test_keys_settings_and_database_can_be_read_by_this_user_only(terminal: Terminal) -> None:
    names = ("steadypost.keys", FILE_NAME, "steadypost.db")
    modes = {name: stat.S_IMODE((terminal.folder / name).stat().st_mode) for name in names}

    assert modes == dict.fromkeys(names, 0o600)


def test_a_folder_with_a_site_is_refused_and_left_alone(terminal: Terminal) -> None:
    before = (terminal.folder / "steadypost.keys").read_text()

    done = terminal.type("init", *ANSWERS)

    assert done.code == ExitCode.FAILED
    assert "already: it has steadypost.toml; edit steadypost.toml there, or choose" in done.err
    assert (terminal.folder / "steadypost.keys").read_text() == before


def test_a_folder_with_a_site_is_refused_before_the_questions(terminal: Terminal) -> None:
    done = terminal.type("init", answers=SIX_ANSWERS)

    assert done.code == ExitCode.FAILED
    assert "The clinic's name" not in done.out


@pytest.mark.parametrize(
    ("public_url", "port"),
    [("http://localhost:8123", 8123), ("https://post.riverside.example:8443", 8000)],
)
def test_the_pages_listen_where_people_on_this_machine_look(
    tmp_path: Path, public_url: str, port: int
) -> None:
    Terminal(tmp_path).do("init", *ANSWERS, "--public-url", public_url)

    assert load_settings(tmp_path, {}).web.port == port


def test_it_says_that_the_emails_have_no_button_yet(tmp_path: Path) -> None:
    without = Terminal(tmp_path / "without").do("init", *ANSWERS)
    there = Terminal(tmp_path / "there").do("init", *ANSWERS, "--booking-url", "https://r.example")

    assert "[clinic] booking_url in steadypost.toml" in without.out
    assert "booking_url" not in there.out


def test_a_series_the_clinic_has_edited_is_not_overwritten(terminal: Terminal) -> None:
    (terminal.folder / FILE_NAME).unlink()
    (terminal.folder / "steadypost.keys").unlink()
    text = terminal.folder / "series/massage-benefits/01-how-it-works.md"
    text.write_text(text.read_text().replace("Hello", "Good day"))

    terminal.init()

    assert "Good day" in text.read_text()


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("--time-zone", "Mars/Olympus", "unknown time zone: 'Mars/Olympus'"),
        ("--from-address", "hello", "not an email address: 'hello'"),
        ("--public-url", "post.example", "'post.example' is no web address"),
        ("--name", " ", "is empty; write something here"),
        ("--relay", "smtp.example:smtp", "'smtp' is no port; use one like 587"),
        ("--relay", "https://smtp.example", "'https://smtp.example' is no host name"),
        ("--booking-url", "book", "'book' is no web address"),
    ],
)
def test_a_wrong_answer_is_refused_before_anything_is_written(
    tmp_path: Path, flag: str, value: str, expected: str
) -> None:
    done = Terminal(tmp_path).type("init", *ANSWERS, flag, value)

    assert done.code == ExitCode.USAGE
    assert expected in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_answer_that_was_typed_is_asked_again(tmp_path: Path) -> None:
    typed = SIX_ANSWERS.replace("Europe/Berlin", "Berlin\nEurope/Berlin")

    done = Terminal(tmp_path).type("init", answers=typed)

    assert done.code == 0
    assert load_settings(tmp_path, {}).clinic.time_zone == "Europe/Berlin"


def test_answers_that_run_out_leave_nothing(tmp_path: Path) -> None:
    done = Terminal(tmp_path).type("init", answers="Riverside Clinic\n")

    assert done.code == ExitCode.INTERRUPTED
    assert "stopped at a question; each has a flag, see --help" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_cannot_be_finished_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    done = Terminal(tmp_path).type("init", *ANSWERS, "--relay-password-file", "missing.txt")

    assert done.code == ExitCode.SETTINGS
    assert "there is no file" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("relay", "more", "security"),
    [
        ("mx.example:465", (), "tls"),
        ("mx.example", (), "opportunistic"),
        ("[::1]:587", (), "starttls"),
        ("mx.example:2525", ("--relay-username", "me"), "starttls"),
    ],
)
def test_the_port_decides_how_the_link_is_encrypted(
    tmp_path: Path, relay: str, more: tuple[str, ...], security: str
) -> None:
    (tmp_path / "password").write_text("secret\n")
    login = (*more, "--relay-password-file", "password") if more else ()

    done = Terminal(tmp_path).type("init", *ANSWERS, "--relay", relay, *login)

    assert done.code == 0, done.err
    assert load_settings(tmp_path, {}).relay.security == security


def test_the_time_zone_of_the_machine_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Lisbon")

    done = Terminal(tmp_path).type("init", answers=SIX_ANSWERS.replace("Europe/Berlin", ""))

    assert done.code == 0
    assert "Its time zone [Europe/Lisbon]:" in done.out
    assert load_settings(tmp_path, {}).clinic.time_zone == "Europe/Lisbon"
