"""The command line makes a newsletter, counts, asks, sends, and ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steadypost.errors import ExitCode
from tests.cli_stage import Terminal, text_of

NEWS = """\
---
subject: We are open on Saturdays
---
# Hello {{ subscriber.first_name or "there" }}

From May on we are here on Saturdays too.
"""


@pytest.fixture
def desk(terminal: Terminal) -> Terminal:
    """Sit at a clinic with a newsletter list of three people, one of whom is tagged."""
    (terminal.folder / "may-news.md").write_text(NEWS)
    terminal.set("relay", 'host = "maildir:outbox"')
    with terminal.parts() as parts, parts.database.transaction() as session:
        from subscribers.mailing_lists import ensure_list

        ensure_list(session, "news", title="News from us", now=parts.clock())
    for name in ("ada", "cid", "fay"):
        tags = ("--tag", "staff") if name == "fay" else ()
        person = (f"{name}@example.org", "--list", "news", "--confirmed", "--consent", "paper")
        terminal.do("subscribers", "add", *person, *tags)
    return terminal


def document(desk: Terminal) -> str:
    return str(desk.folder / "may-news.md")


def create(desk: Terminal, *options: str) -> str:
    return desk.do("broadcast", "create", document(desk), "--list", "news", *options).out


def test_it_is_made_counted_and_sent_after_a_question(desk: Terminal) -> None:
    made = create(desk, "--audience", "not tagged staff")
    refused = desk.type("broadcast", "send", "may-news", answers="n\n")
    sent = desk.type("broadcast", "send", "may-news", answers="y\n")
    desk.do("tick")

    whom = "2 people on list 'news' with not tagged staff"
    assert made == f"broadcast may-news created: {whom}\n"
    assert f"broadcast may-news goes now to {whom}. Go on?" in refused.err
    assert refused.code == ExitCode.FAILED
    assert sent.code == ExitCode.OK
    assert sent.out == f"broadcast may-news is scheduled, now: {whom}\n"
    readers = sorted(str(mail["To"]) for mail in desk.mails())
    assert readers == ["ada@example.org", "cid@example.org"]
    status = desk.do("broadcast", "status", "may-news", "--json").json
    assert (status["status"], status["mails"]["sent"]) == ("sending", 2)
    desk.do("tick")
    assert desk.do("broadcast", "list", "--json").json[0]["status"] == "sent"


def test_it_is_looked_at_and_tested_first(desk: Terminal) -> None:
    create(desk)

    shown = desk.do("broadcast", "preview", "may-news", "--text")
    desk.do("broadcast", "test", "may-news", "you@example.org")

    assert "for: 3 people on list 'news'" in shown.err
    assert "we are here on Saturdays too" in shown.out
    (mail,) = desk.mails()
    assert mail["Subject"] == "[Test] We are open on Saturdays"
    assert "for “News from us”" in " ".join(text_of(mail).split())


def test_it_is_scheduled_told_about_and_cancelled(desk: Terminal) -> None:
    create(desk)
    day = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"

    at = ("--at", f"{day} 10:00", "--local", "--yes")
    done = desk.do("broadcast", "schedule", "may-news", *at)

    assert f"{day} 10:00 on each reader's own clock" in done.out
    assert "broadcast 'may-news' comes on" in desk.do("why", "ada@example.org").out
    assert desk.do("why", "ada@example.org", "may-news").out.startswith("broadcast 'may-news' co")
    assert "10:00, each reader's own clock" in desk.do("broadcast", "status", "may-news").out
    assert "may-news" in desk.do("forecast", "--days", "14").out
    ended = desk.do("broadcast", "cancel", "may-news").out
    assert ended == ("broadcast may-news is cancelled: 0 had left, 0 that were queued stay here\n")
    assert "may-news" not in desk.do("forecast", "--days", "14").out


def test_a_folder_says_whom_it_is_for(desk: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "june-news"
    folder.mkdir()
    (folder / "text.md").write_text(NEWS)
    (folder / "broadcast.yaml").write_text("list: news\naudience: tagged staff\ngrace_hours: 48\n")

    made = desk.do("broadcast", "create", str(folder))

    assert made.out == "broadcast june-news created: 1 person on list 'news' with tagged staff\n"
    assert desk.do("broadcast", "status", "june-news", "--json").json["grace"] == "48 hours"


@pytest.mark.parametrize(
    ("yaml", "fault"),
    [
        ("lst: news", "broadcast.yaml, line 1: unknown key 'lst'; did you mean 'list'?"),
        ("grace_hours: 0", "'grace_hours' must be a whole number from 1 to 336, not '0'"),
        ("file: nix.md", "nix.md: there is no such file"),
        ("file: ../text.md", "../text.md: is no file name"),
        ("a: [", "broadcast.yaml, line 1: no valid YAML"),
    ],
)
def test_a_folder_with_a_fault_is_refused_whole(
    desk: Terminal, tmp_path: Path, yaml: str, fault: str
) -> None:
    folder = tmp_path / "june-news"
    folder.mkdir()
    (folder / "text.md").write_text(NEWS)
    (folder / "broadcast.yaml").write_text(yaml)

    done = desk.type("broadcast", "create", str(folder))

    assert done.code == ExitCode.CONTENT
    assert "cannot use broadcast 'june-news'; put this right first:" in done.err
    assert fault in done.err


def test_two_documents_in_a_folder_without_a_word_which_are_refused(
    desk: Terminal, tmp_path: Path
) -> None:
    folder = tmp_path / "News"
    folder.mkdir()
    for name in ("a.md", "b.md"):
        (folder / name).write_text(NEWS)

    done = desk.type("broadcast", "create", str(folder))

    assert "broadcast.yaml: name the document: 'file: news.md'" in done.err
    assert "News: a broadcast cannot be named so; use up to 64 lower-case letters" in done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("schedule", "may-news", "--at", "tomorrow"), "write it like '2026-03-04 10:00'"),
        (("schedule", "may-news", "--at", "2026-03-04 10:30", "--local"), "name a full hour"),
        (("schedule", "may-news", "--at", "2026-03-04 10:30", "--yes"), "that is over"),
        (("send", "mai-news"), "no broadcast is named 'mai-news'; did you mean 'may-news'?"),
        (("create", "nix.md"), "does not exist"),
    ],
)
def test_what_was_typed_wrong_is_named(desk: Terminal, args: tuple[str, ...], said: str) -> None:
    create(desk)

    done = desk.type("broadcast", *args)

    assert done.code != ExitCode.OK
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_list_that_is_not_there_is_made_when_it_has_a_title(terminal: Terminal) -> None:
    (terminal.folder / "may-news.md").write_text(NEWS)
    refused = terminal.type("broadcast", "create", document(terminal), "--list", "news")

    made = terminal.do(
        "broadcast", "create", document(terminal), "--list", "news", "--new-list", "News from us"
    )

    assert refused.code == ExitCode.FAILED
    assert made.out == "broadcast may-news created: 0 people on list 'news'\n"
    assert "there is no broadcast yet" not in terminal.do("broadcast", "list").err
