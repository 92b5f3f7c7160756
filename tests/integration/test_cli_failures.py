"""Whatever fails: a clear sentence, the right exit code, nothing lost, nothing sent twice."""

from __future__ import annotations

import os
import resource
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fault_server import FaultServer, Script

from steadypost.cli.failing import judge
from steadypost.errors import ExitCode
from tests.cli_stage import STEP, Terminal

ROOT = Path(__file__).parents[2]
ADA = "ada@example.org"
CONSENT = ("--confirmed", "--consent", "paper form")


def test_a_folder_without_a_site_says_how_to_make_one(tmp_path: Path) -> None:
    done = Terminal(tmp_path).type("status")

    assert done.code == ExitCode.SETTINGS
    assert done.err == (
        f"steadypost: cannot use the settings in {tmp_path / 'steadypost.toml'}:\n"
        "  there is no such file; run 'steadypost init' here, or name the folder by --site\n"
    )


@pytest.mark.parametrize("command", ["serve", "tick", "status", "migrate", "backup x.db"])
def test_wrong_settings_stop_every_command(terminal: Terminal, command: str) -> None:
    terminal.set("relay", "port = 0")

    done = terminal.type(*command.split())

    assert done.code == ExitCode.SETTINGS
    assert "[relay] port: found 0, need a whole number from 1 to 65535; correct it" in done.err


def test_a_missing_keys_file_is_never_replaced_in_silence(terminal: Terminal) -> None:
    (terminal.folder / "steadypost.keys").unlink()

    done = terminal.type("serve")

    assert done.code == ExitCode.SETTINGS
    assert "it is missing; restore it from the back-up (links in mails already sent" in done.err
    assert not (terminal.folder / "steadypost.keys").exists()


@pytest.mark.parametrize("content", [b"", b"abc", b"5a" * 8, "§".encode()])
def test_a_damaged_keys_file_is_refused(terminal: Terminal, content: bytes) -> None:
    (terminal.folder / "steadypost.keys").write_bytes(content)

    done = terminal.type("tick")

    assert done.code == ExitCode.SETTINGS
    assert "cannot use the keys file" in done.err
    assert "it is damaged" in done.err


def test_a_database_of_a_newer_program_is_left_alone(terminal: Terminal) -> None:
    with closing(sqlite3.connect(terminal.folder / "steadypost.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()

    done = terminal.type("serve")

    assert done.code == ExitCode.DATABASE
    assert "database has schema version 9999, this program knows" in done.err


def test_a_file_that_is_no_database_is_refused(terminal: Terminal) -> None:
    (terminal.folder / "steadypost.db").write_text("rubbish" * 1000)

    done = terminal.type("status")

    assert done.code == ExitCode.DATABASE
    assert "file is not a database" in done.err
    assert "Traceback" not in done.err


def test_a_database_in_a_folder_that_is_not_there_is_named(terminal: Terminal) -> None:
    terminal.set("database", 'url = "sqlite:///no/such/folder/site.db"')

    done = terminal.type("migrate")

    assert done.code == ExitCode.DATABASE
    assert "unable to open database file" in done.err


def test_a_postgresql_that_does_not_answer_is_named_without_its_password(
    terminal: Terminal,
) -> None:
    url = f"postgresql://clinic:secret@127.0.0.1:{closed_port()}/site"
    terminal.set("database", f'url = "{url}"')

    done = terminal.type("status")

    assert done.code == ExitCode.DATABASE
    assert "database does not answer: postgresql+psycopg://clinic:***@127.0.0.1" in done.err
    assert "secret" not in done.err


@contextmanager
def locked(terminal: Terminal) -> Iterator[None]:
    """Let another process write to the database for the length of a block."""
    with closing(sqlite3.connect(terminal.folder / "steadypost.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@pytest.mark.parametrize(
    "args",
    [
        ("tick",),
        ("subscribers", "add", ADA, *CONSENT),
        ("subscribers", "confirm", ADA),
        ("series", "import", "massage-benefits"),
    ],
)
def test_a_locked_database_is_waited_for_and_then_named(
    terminal: Terminal, args: tuple[str, ...]
) -> None:
    terminal.set("database", "busy_timeout_seconds = 0.2")

    with locked(terminal):
        done = terminal.type(*args)

    assert done.code == ExitCode.DATABASE
    assert "database does not answer: " in done.err
    assert "database is locked; " in done.err
    assert "another process is writing to it; try again in a moment" in done.err
    assert "Traceback" not in done.err
    assert terminal.mails() == []


def test_what_was_due_while_the_database_was_locked_goes_once_later(terminal: Terminal) -> None:
    terminal.set("database", "busy_timeout_seconds = 0.2")
    terminal.do("subscribers", "add", ADA)
    with locked(terminal):
        assert terminal.type("tick").code == ExitCode.DATABASE

    terminal.do("tick")
    terminal.do("tick")

    assert len(terminal.mails()) == 1


def test_looking_works_while_another_process_writes(terminal: Terminal) -> None:
    terminal.set("database", "busy_timeout_seconds = 0.2")

    with locked(terminal):
        assert terminal.type("status").code == ExitCode.OK


def run_with_little_room(
    terminal: Terminal, *args: str, spare: int
) -> subprocess.CompletedProcess[str]:
    """Run a command that may let no file grow beyond the database's size and some spare bytes.

    Less spare than the database is large leaves room for two of its pages.
    """
    limit = max((terminal.folder / "steadypost.db").stat().st_size + spare, 8_192)
    code = "from steadypost.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, "--site", str(terminal.folder), *args],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_an_import_into_a_full_disk_imports_nobody(terminal: Terminal, tmp_path: Path) -> None:
    rows = "".join(f"person{number}@example.org\n" for number in range(20_000))
    (tmp_path / "many.csv").write_text("email\n" + rows)

    done = run_with_little_room(
        terminal,
        *("subscribers", "import", str(tmp_path / "many.csv"), "--consent", "old list"),
        spare=200_000,
    )

    assert done.returncode == ExitCode.DATABASE, done.stderr
    assert "database does not answer: " in done.stderr
    assert "make room on the disk" in done.stderr
    assert "Traceback" not in done.stderr
    assert terminal.do("status", "--json").json["subscribers"] == 0


def test_nothing_is_sent_that_a_full_disk_cannot_remember(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA)
    with closing(sqlite3.connect(terminal.folder / "steadypost.db")) as database:
        database.execute("PRAGMA journal_mode=DELETE")  # so that the limit hits the first write

    full = run_with_little_room(terminal, "tick", spare=-1_000_000_000)
    mails_while_full = terminal.mails()
    terminal.do("tick")
    terminal.do("tick")

    assert full.returncode == ExitCode.DATABASE, full.stderr
    assert "Traceback" not in full.stderr
    assert mails_while_full == []
    assert len(terminal.mails()) == 1


_KEPT: list[socket.socket] = []


def closed_port() -> int:
    """Find a port nobody listens on, and keep it: else another test may come to listen there."""
    probe = socket.socket()
    _KEPT.append(probe)
    probe.bind(("127.0.0.1", 0))
    return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def ports_let_go() -> Iterator[None]:
    """Give back the ports that a test kept."""
    yield
    while _KEPT:
        _KEPT.pop().close()


def use_relay(terminal: Terminal, port: int) -> None:
    """Send by SMTP from now on."""
    for line in ('host = "127.0.0.1"', f"port = {port}", 'security = "none"', "connections = 1"):
        terminal.set("relay", line)


def test_an_unreachable_relay_is_named_and_the_mail_waits(terminal: Terminal) -> None:
    port = closed_port()
    use_relay(terminal, port)
    terminal.do("subscribers", "add", ADA)

    tick, test = terminal.type("tick"), terminal.type("send-test", STEP, "you@example.org")
    status = terminal.do("status")

    assert tick.code == ExitCode.RELAY
    assert "could not reach the relay: " in tick.err
    assert test.code == ExitCode.RELAY
    assert f"relay did not take the message: 127.0.0.1:{port}: " in test.err
    assert "check the [relay] section of steadypost.toml, then try again" in test.err
    assert f"relay 127.0.0.1:{port} cannot be used" in status.out
    assert terminal.do("status", "--json", "--no-relay").json["deliveries"]["queued"] == 1


def test_a_relay_that_comes_back_gets_the_mail_once(terminal: Terminal) -> None:
    use_relay(terminal, closed_port())
    terminal.rehearse()
    terminal.do("subscribers", "add", ADA, *CONSENT)
    assert terminal.type("tick", "--at", "2030-03-05T12:00").code == ExitCode.RELAY
    terminal.set("relay", 'host = "maildir:outbox"')

    terminal.do("tick", "--at", "2030-03-05T12:30")
    terminal.do("tick", "--at", "2030-03-05T13:30")

    assert len(terminal.mails()) == 1


def test_a_relay_that_refuses_everybody_is_quoted(terminal: Terminal) -> None:
    with FaultServer([Script(greeting="554 5.7.1 you are not welcome here")]) as server:
        use_relay(terminal, server.port)
        terminal.do("subscribers", "add", ADA)

        tick = terminal.type("tick")
        test = terminal.type("send-test", STEP, "you@example.org")

    assert tick.code == ExitCode.RELAY
    assert "you are not welcome here" in tick.err
    assert test.code == ExitCode.RELAY
    assert "you are not welcome here" in test.err


def test_a_relay_that_refuses_one_test_is_quoted(terminal: Terminal) -> None:
    with FaultServer([Script(rcpt="550 5.1.1 no such user")]) as server:
        use_relay(terminal, server.port)

        test = terminal.type("send-test", STEP, "you@example.org")

    assert test.code == ExitCode.RELAY
    assert "550 5.1.1 no such user" in test.err


def test_a_password_is_never_sent_in_the_clear(terminal: Terminal) -> None:
    (terminal.folder / "relay.password").write_text("secret\n")
    lines = ('host = "mx.example"', 'username = "me"', 'password_file = "relay.password"')
    for line in (*lines, 'security = "none"'):
        terminal.set("relay", line)

    done = terminal.type("send-test", STEP, "you@example.org")

    assert done.code == ExitCode.SETTINGS
    assert "login to relay would cross the network in the clear: mx.example" in done.err


def test_a_port_in_use_is_named_before_anything_is_sent(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        terminal.set("web", f"port = {port}")

        done = terminal.type("serve")

    assert done.code == ExitCode.FAILED
    assert f"cannot serve pages on 127.0.0.1 port {port}: address already in use; end" in done.err
    assert terminal.mails() == []


def test_a_service_needs_something_to_do(terminal: Terminal) -> None:
    done = terminal.type("serve", "--web-only", "--scheduler-only")

    assert done.code == ExitCode.USAGE
    assert "--web-only and --scheduler-only leave nothing to do; give one" in done.err


def test_a_mistyped_command_is_guessed(terminal: Terminal) -> None:
    done = terminal.type("mygrate")

    assert done.code == ExitCode.USAGE
    assert "no such command: 'mygrate'; did you mean 'migrate'?" in done.err
    assert "'steadypost --help' lists the commands" in terminal.type("xyz").err


def test_debug_shows_where_a_failure_is_from(terminal: Terminal) -> None:
    (terminal.folder / "steadypost.keys").unlink()

    assert "Traceback" not in terminal.type("tick").err
    assert "Traceback" in terminal.type("--debug", "tick").err
    assert "Traceback" in terminal.type("tick", "--debug").err


def test_a_mistake_in_the_program_is_told_apart() -> None:
    code, text = judge(ZeroDivisionError("division by zero"))

    assert code == ExitCode.FAULT
    assert text.startswith("a mistake in the program: ZeroDivisionError: division by zero; please")


def test_a_file_that_cannot_be_written_is_named(terminal: Terminal) -> None:
    done = terminal.type("preview", STEP, "--out", "/no/such/folder/mail.html")

    assert done.code == ExitCode.FAILED
    assert "no such file or directory: /no/such/folder/mail.html" in done.err


def test_a_name_cannot_add_a_header(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--first-name", "Ada\r\nBcc: eve@example.org", *CONSENT)
    terminal.rehearse()

    terminal.do("tick", "--at", "2030-03-05T12:00")

    (mail,) = terminal.mails()
    assert mail["Bcc"] is None
