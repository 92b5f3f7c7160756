"""The how-tos about newsletters and looking ahead can be followed as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli_stage import ANSWERS, Terminal

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Sit in the folder of a new site with one person."""
    terminal = Terminal(tmp_path / "site")
    terminal.do("init", *ANSWERS)
    terminal.do("subscribers", "add", "ada@example.org", "--confirmed", "--consent", "paper")
    monkeypatch.chdir(terminal.folder)
    return terminal


def blocks(name: str, kind: str) -> list[str]:
    text = (HOW_TO / name).read_text("utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def follow(desk: Terminal, name: str) -> list[str]:
    """Run each command of a how-to; give what was printed."""
    lines = [line for block in blocks(name, "sh") for line in block.splitlines()]
    return [desk.do(*shlex.split(line, comments=True)[1:]).out for line in lines]


def test_a_newsletter_is_sent_as_the_how_to_says(desk: Terminal) -> None:
    (desk.folder / "may-news.md").write_text(blocks("send-a-newsletter.md", "text")[0])

    printed = follow(desk, "send-a-newsletter.md")

    assert printed[0] == "broadcast may-news created: 1 person on list 'weekly'\n"
    assert [mail["Subject"] for mail in desk.mails()] == ["[Test] We are open on Saturdays"]
    assert printed[-1].startswith("broadcast may-news is cancelled")


def test_the_folder_of_the_how_to_is_a_broadcast(desk: Terminal) -> None:
    folder = desk.folder / "may-news"
    folder.mkdir()
    (folder / "may-news.md").write_text(blocks("send-a-newsletter.md", "text")[0])
    (folder / "broadcast.yaml").write_text(blocks("send-a-newsletter.md", "yaml")[0])

    made = desk.do("broadcast", "create", "may-news").out

    assert made == "broadcast may-news created: 1 person on list 'weekly' with not tagged staff\n"


@pytest.mark.slow
def test_what_will_happen_is_seen_as_the_how_to_says(desk: Terminal) -> None:
    printed = follow(desk, "see-what-will-happen.md")

    assert "Who gets what when, each on their own clock" in printed[0]
    assert "- closed: 2030-04-01" in printed[1]
    assert len(list((desk.folder / "rehearsal").rglob("*.eml"))) == 6
    assert sorted(mail["Subject"][:15] for mail in desk.mails()) == [
        f"[Rehearsal {part}/6]" for part in range(1, 7)
    ]
    assert (desk.folder / "ahead.html").is_file()
    assert "part 3 of 6 (second-pump)" in printed[-1]
