"""Settings are read whole or refused with everything that is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import time
from pathlib import Path

import pytest

from steadypost.errors import SettingsError
from steadypost.settings import FILE_NAME, Settings, load_settings
from steadypost.settings.checks import hours_of
from steadypost.settings.sections import all_keys
from steadypost.settings.worries import worries_about
from steadypost.settings.writing import commented_file, reference_page

GOOD = """
[clinic]
name = "Riverside Clinic"
postal_address = "12 Mill Lane, Riverside RV1 2AB"
time_zone = "Europe/Berlin"

[mail]
from_address = "hello@riverside.example"

[web]
public_url = "https://post.riverside.example"
"""
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "settings.md"


def read(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    (folder / FILE_NAME).write_text(text, "utf-8")
    return load_settings(folder, environ or {})


def refusal(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        read(folder, text, environ)
    assert str(folder / FILE_NAME) in str(caught.value)
    return str(caught.value)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)

    assert settings.clinic.name == "Riverside Clinic"
    assert (settings.relay.host, settings.relay.port) == ("localhost", 25)
    assert settings.database.url == "sqlite:///steadypost.db"
    assert settings.calendar.send_window == "07:00-21:00"
    assert settings.clock.allow_override is False
    assert settings.path("series") == tmp_path / "series"


def test_the_send_window_may_be_the_whole_day() -> None:
    assert hours_of("00:00-24:00") == (time.min, time.max)
    assert hours_of(" 08:30 - 17:00 ") == (time(8, 30), time(17, 0))


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    environ = {
        "STEADYPOST_RELAY__HOST": "smtp.riverside.example",
        "STEADYPOST_RELAY__PORT": "587",
        "STEADYPOST_CLOCK__ALLOW_OVERRIDE": "true",
        "STEADYPOST_CALENDAR__CLOSED_WEEKDAYS": "saturday, sunday",
        "STEADYPOST_SCHEDULER__TICK_SECONDS": "0.5",
    }

    settings = read(tmp_path, GOOD + '[relay]\nhost = "other.example"\n', environ)

    assert (settings.relay.host, settings.relay.port) == ("smtp.riverside.example", 587)
    assert settings.clock.allow_override is True
    assert settings.calendar.closed_weekdays == ("saturday", "sunday")
    assert settings.scheduler.tick_seconds == 0.5


def test_variables_that_container_systems_set_by_themselves_are_left_alone(tmp_path: Path) -> None:
    environ = {"STEADYPOST_PORT": "tcp://10.0.0.7:8000", "STEADYPOST_SITE": "/srv/x", "HOME": "/"}

    assert read(tmp_path, GOOD, environ).web.port == 8000


def test_a_variable_with_one_underscore_too_few_is_refused_with_the_right_one(
    tmp_path: Path,
) -> None:
    text = refusal(tmp_path, GOOD, {"STEADYPOST_RELAY_HOST": "smtp.riverside.example"})

    assert (
        "STEADYPOST_RELAY_HOST: is not read, it has one underscore too few; "
        "write STEADYPOST_RELAY__HOST"
    ) in text


def test_a_port_that_a_container_system_names_like_a_section_is_left_alone(tmp_path: Path) -> None:
    environ = {"STEADYPOST_WEB_PORT": "tcp://10.0.0.7:80", "STEADYPOST_RELAY_PORT": "udp://x:1"}

    assert read(tmp_path, GOOD, environ).web.port == 8000


@pytest.mark.parametrize(
    ("url", "is_worrying"),
    [
        ("https://post.riverside.example", False),
        ("http://localhost:8000", False),
        ("http://127.0.0.9", False),
        ("http://[::1]:8000", False),
        ("http://post.localhost", False),
        ("http://192.168.0.7", True),
        ("http://post.riverside.example", True),
    ],
)
def test_pages_without_encryption_are_a_worry_unless_they_are_on_this_machine(
    url: str, is_worrying: bool
) -> None:
    assert [url in worry for worry in worries_about(url)] == [True] * is_worrying


def test_closed_days_may_be_dates_of_toml_and_texts(tmp_path: Path) -> None:
    text = GOOD + '[calendar]\nclosed_days = [2026-12-24, "2026-12-27/2027-01-02"]\n'

    assert read(tmp_path, text).calendar.closed_days == ("2026-12-24", "2026-12-27/2027-01-02")


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("[relay]\nprot = 25", "[relay] prot: is unknown; did you mean 'port'?"),
        ("[relai]\nport = 25", "[relai]: is unknown; did you mean 'relay'?"),
        ("[zzz]\nport = 25", "[zzz]: is unknown; known are calendar, campaigns, clinic, clock,"),
        ('[relay]\npassword = "x"', "[relay] password: is unknown; did you mean 'password_file'?"),
        ('[relay]\nport = "25"', "[relay] port: found '25', need a whole number from 1 to 65535"),
        ("[relay]\nport = 0", "[relay] port: found 0, need a whole number from 1 to 65535"),
        ("[relay]\nhost = 25", "[relay] host: found 25, need a text in quotes"),
        ('[relay]\nhost = "https://x"', "'https://x' is no host name; use one like 'smtp."),
        ('[relay]\nhost = "maildir:"', "names no folder; use one like 'maildir:outbox'"),
        (
            '[relay]\nsecurity = "ssl"',
            "found 'ssl', need one of tls, starttls, opportunistic, none",
        ),
        ('[relay]\npassword_file = "no.txt"', "no.txt; create it, or correct the name"),
        ('[relay]\nusername = "me"', "[relay] password_file: is missing beside a username; name"),
        ('[database]\nurl = "mysql://u:p@h/x"', "'mysql://u:***@h/x' is no database; use 'sqlite"),
        ("[database]\nbusy_timeout_seconds = -1", "need a number from 0 to 600"),
        ("[pace]\nwarm_up = [0]", "[pace] warm_up: found 0, need whole numbers from 1; correct it"),
        ('[pace]\nwarm_up = ["x"]', "found ['x'], need a list of whole numbers like [200, 400]"),
        ("[pace]\nwarm_up = [200]", "[pace] warm_up_from: is missing beside warm_up; write both"),
        ("[pace]\nwarm_up_from = 2026-11-23", "[pace] warm_up: is missing beside warm_up_from;"),
        ('[pace]\nwarm_up_from = "soon"', "'soon' is no date; use one like '2026-11-23'"),
        (
            '[pace]\nper_domain = ["gmail.com=5/second"]',
            "'gmail.com=5/second' is no limit; use one like 'gmail.com=60/minute' or '*=1000/hour'",
        ),
        ("[scheduler]\ntick_seconds = nan", "found nan, need a number from 0.1 to 3600"),
        ("[relay]\nmessages_per_second = 0.01", "found 0.01, need 0 or at least 0.05; correct it"),
        ('[clock]\nallow_override = "yes"', "found 'yes', need true or false; correct it"),
        ('[subscribers]\nattributes = ["a b"]', "'a b' is no attribute name; write it as 'a_b'"),
        ('[subscribers]\nattributes = ["email"]', "the name has a meaning of its own"),
        ('[subscribers]\nattributes = "city"', "found 'city', need a list of texts like"),
        ('[series]\nfolders = [""]', "holds an empty name; name a folder like 'series'"),
        ('[calendar]\nclosed_weekdays = ["sonday"]', "is no weekday; did you mean 'sunday'?"),
        (
            "[calendar]\nclosed_weekdays = "
            '["monday","tuesday","wednesday","thursday","friday","saturday","Sunday"]',
            "closes every day of the week; leave one open",
        ),
        ('[calendar]\nclosed_days = ["24.12."]', "'24.12.' is neither a date nor a range of dates"),
        ('[calendar]\nclosed_days = ["2026-12-24/2026-12-01"]', "neither a date nor a range"),
        ('[calendar]\nsend_window = "morning"', "'morning' is no span of a day; use one like '07:"),
        ('[calendar]\nsend_window = "21:00-07:00"', "'21:00-07:00' ends before it begins; use"),
    ],
)
def test_a_wrong_setting_says_which_and_what_to_do(
    tmp_path: Path, extra: str, expected: str
) -> None:
    assert expected in refusal(tmp_path, f"{GOOD}\n{extra}\n")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Europe/Berlin", "Europe/Brelin", "unknown time zone: 'Europe/Brelin'; did you mean"),
        ("Europe/Berlin", "Home", "unknown time zone: 'Home'; "),
        ("Europe/Berlin", "../../etc/passwd", "use one like Europe/Berlin"),
        ("Europe/Berlin", "Europe", "unknown time zone: 'Europe'"),
        ("hello@riverside.example", "hello", "not an email address: 'hello': "),
        ("https://post.riverside.example", "post.riverside", "'post.riverside' is no web address"),
        ("https://post.riverside.example", "https://x.example/?a=1", "more than a host and a path"),
        ("https://post.riverside.example", "https://[x", "is no web address; use one like"),
        ("Riverside Clinic", "", "[clinic] name: is empty; write something here"),
        ("Riverside Clinic", r"A\nBcc: x", "[clinic] name: has a line break; write it on one line"),
        ('name = "Riverside Clinic"', "", "[clinic] name: is missing; write name = 'Riverside"),
    ],
)
def test_a_wrong_fact_about_the_clinic_says_which_and_what_to_do(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    assert expected in refusal(tmp_path, GOOD.replace(before, after))


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ('[clinic]\nlanguage = "1"', "'1' is no language; use a code like 'en' or 'en-GB'"),
        ('[mail]\ndomain = "a b"', "'a b' is no host name; use one like"),
    ],
)
def test_a_wrong_language_or_domain_is_refused(tmp_path: Path, extra: str, expected: str) -> None:
    section, line = extra.split("\n")

    assert expected in refusal(tmp_path, GOOD.replace(section, f"{section}\n{line}"))


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = refusal(tmp_path, GOOD.replace("Europe/Berlin", "Mars") + "[relay]\nport = 0\nhots = 1")

    assert text.count("\n  ") == 3


def test_a_wrong_variable_is_named_instead_of_the_key(tmp_path: Path) -> None:
    text = refusal(tmp_path, GOOD, {"STEADYPOST_RELAY__PORT": "x", "STEADYPOST_RELAY__HOTS": "y"})

    assert "STEADYPOST_RELAY__PORT: found 'x', need a whole number from 1 to 65535" in text
    assert "STEADYPOST_RELAY__HOTS: is unknown; did you mean 'STEADYPOST_RELAY__HOST'?" in text


def test_a_key_outside_of_its_section_is_explained(tmp_path: Path) -> None:
    assert "web: is a section; write [web] on a line" in refusal(tmp_path, "web = 8000\n")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file; run 'steadypost init' here"):
        load_settings(tmp_path, {})


def test_a_file_that_is_not_toml_names_the_line(tmp_path: Path) -> None:
    text = refusal(tmp_path, "[clinic]\nname = Riverside\n")

    assert "not TOML: invalid value (at line 2, column 8); correct that line" in text


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes('name = "Übung"'.encode("latin-1"))

    with pytest.raises(SettingsError, match="byte 8 is not UTF-8; save the file as UTF-8"):
        load_settings(tmp_path, {})


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()

    with pytest.raises(SettingsError, match="is a directory; make the file readable for this user"):
        load_settings(tmp_path, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(GOOD)
    (tmp_path / FILE_NAME).chmod(0)

    with pytest.raises(SettingsError, match="permission denied; make the file readable"):
        load_settings(tmp_path, {})


def test_the_commented_file_can_be_read_and_holds_every_key(tmp_path: Path) -> None:
    chosen = {
        ("clinic", "name"): 'The "Mill" \\ Clinic',
        ("clinic", "postal_address"): "12 Mill Lane\nRiverside",
        ("clinic", "time_zone"): "Europe/Berlin",
        ("mail", "from_address"): "hello@riverside.example",
        ("web", "public_url"): "https://post.riverside.example",
        ("subscribers", "attributes"): ("city",),
    }

    text = commented_file(chosen)

    settings = read(tmp_path, text)
    assert settings.clinic.name == 'The "Mill" \\ Clinic'
    assert settings.clinic.postal_address == "12 Mill Lane\nRiverside"
    assert settings.subscribers.attributes == ("city",)
    assert all(f"{item.name} = " in text for item in all_keys())


def test_the_examples_in_the_commented_file_are_good_settings(tmp_path: Path) -> None:
    lines = commented_file({}).splitlines()
    uncommented = "\n".join(line[2:] if " = " in line else line for line in lines)
    for name in ("relay.password", "relay-ca.pem"):
        (tmp_path / name).write_text("secret\n")

    assert read(tmp_path, uncommented).relay.username == "clinic"


def test_every_key_says_what_it_means() -> None:
    assert all(item.meaning.endswith(".") for item in all_keys())


def test_the_reference_page_is_up_to_date() -> None:
    assert HOW_TO.read_text("utf-8") == reference_page()


BACKUP = GOOD + '[relays.backup]\nhost = "smtp.other.example"\n'


def test_a_further_relay_has_the_keys_of_the_first_and_comes_after_it(tmp_path: Path) -> None:
    environ = {"STEADYPOST_RELAYS__BACKUP__PORT": "587"}

    relay = read(tmp_path, BACKUP + "messages_per_second = 2.5\n", environ).relays["backup"]

    assert (relay.host, relay.port, relay.order, relay.share) == ("smtp.other.example", 587, 2, 1)
    assert relay.messages_per_second == 2.5


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("[relays.b]\nport = 25", "[relays.b] host: is missing; write host = 'smtp.other.example'"),
        (
            '[relays.b]\nhots = "x"',
            "[relays.b] hots: is unknown; did you mean 'host'?",
        ),
        ('[relays.B-1]\nhost = "x"', "[relays.B-1]: is no name for a relay; use small letters"),
        (
            '[relays]\nhost = "x"',
            "[relays] host: belongs to no relay; write it below [relays.NAME], with a name you",
        ),
        (
            '[relays.b]\nhost = "x"\nusername = "me"',
            "[relays.b] password_file: is missing beside a username; name the file",
        ),
        (
            '[relays.b]\nhost = "x"\nca_file = "no.pem"',
            "no.pem; create it, or correct the name",
        ),
        (
            '[relay]\nhost = "maildir:x"\n[relays.b]\nhost = "x"',
            "[relay] host: sends nothing, so no other relay can help it; take one of them out",
        ),
        ('[relays.b]\nhost = "maildir:x"', "'maildir:x' is no host name; use one like"),
    ],
)
def test_what_is_wrong_with_a_further_relay_is_named(
    tmp_path: Path, extra: str, expected: str
) -> None:
    assert expected in refusal(tmp_path, GOOD + extra)


def test_a_variable_of_a_relay_without_a_table_is_unknown(tmp_path: Path) -> None:
    text = refusal(tmp_path, BACKUP, {"STEADYPOST_RELAYS__OTHER__HOST": "x.example"})

    assert "STEADYPOST_RELAYS__OTHER__HOST: is unknown; did you mean" in text
