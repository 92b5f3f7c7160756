"""The parts are put together as the settings say."""

from __future__ import annotations

import logging
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from delivery.maildir import MaildirSender
from delivery.smtp import SmtpSender
from steadypost.settings import Settings, load_settings
from steadypost.wiring import ask_relay, make_sender, make_site, open_parts, read_keys
from tests.cli_stage import Terminal


def settings_with(terminal: Terminal, *lines: tuple[str, str]) -> Settings:
    for section, line in lines:
        terminal.set(section, line)
    return load_settings(terminal.folder, {})


def test_what_is_left_out_follows_from_the_rest(terminal: Terminal) -> None:
    site = make_site(load_settings(terminal.folder, {}))

    identity = site.identity
    assert identity.from_name == "Riverside Clinic"
    assert identity.mail_domain == "riverside.example"
    assert identity.bounce_address == "bounces@riverside.example"
    assert identity.unsubscribe_address == "unsubscribe@riverside.example"
    assert site.zone.key == "Europe/Berlin"
    assert site.themes_folder == terminal.folder / "themes"


def test_closed_days_and_hours_reach_the_rules(terminal: Terminal) -> None:
    settings = settings_with(
        terminal,
        ("calendar", 'closed_weekdays = ["Sunday"]'),
        ("calendar", 'closed_days = ["2026-12-31/2027-01-02"]'),
        ("calendar", 'send_window = "08:00-18:30"'),
        ("web", 'public_url = "https://post.riverside.example/"'),
        ("subscribers", 'attributes = ["city"]'),
    )

    site = make_site(settings)

    assert site.calendar.closed_weekdays == {6}
    assert site.calendar.closed_days == {date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2)}
    assert (site.calendar.window_opens, site.calendar.window_closes) == (time(8), time(18, 30))
    assert site.public_url == "https://post.riverside.example"
    assert site.attribute_names == {"city"}


def test_the_relay_decides_how_mail_leaves(terminal: Terminal) -> None:
    folder = make_sender(load_settings(terminal.folder, {}))
    settings = settings_with(
        terminal, ("relay", 'host = "127.0.0.1"'), ("relay", "connections = 3")
    )
    relay = make_sender(settings)
    relay.close()

    assert isinstance(folder, MaildirSender)
    assert isinstance(relay, SmtpSender)
    assert relay.connections == 3
    assert ask_relay(settings_with(terminal, ("relay", 'host = "maildir:x"'))).usable


def test_the_password_is_the_first_line_of_its_file(terminal: Terminal) -> None:
    (terminal.folder / "secret").write_text("s3cret\nnot this\n")
    settings = settings_with(
        terminal,
        ("relay", 'host = "127.0.0.1"'),
        ("relay", 'username = "me"'),
        ("relay", 'password_file = "secret"'),
    )

    sender = make_sender(settings)
    sender.close()

    assert isinstance(sender, SmtpSender)
    assert sender._settings.password == "s3cret"
    assert "s3cret" not in repr(sender._settings)


def test_the_lease_and_the_waiting_time_are_the_ones_of_the_settings(terminal: Terminal) -> None:
    settings = settings_with(
        terminal,
        ("scheduler", "lease_seconds = 90"),
        ("database", "busy_timeout_seconds = 1.5"),
    )

    parts = open_parts(settings)

    with parts.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 1500
    parts.database.close()
    assert parts.lease == timedelta(seconds=90)


def test_a_keys_file_that_others_can_read_is_pointed_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    file.write_text("5a" * 32)
    file.chmod(0o644)

    with caplog.at_level(logging.WARNING):
        read_keys(file)
        file.chmod(0o600)
        read_keys(file)

    assert [record.getMessage() for record in caplog.records] == [
        f"others can read the keys file {file}; chmod 600 it"
    ]
