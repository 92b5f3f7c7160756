"""An edit is shown before it is made, and taken back, at the terminal."""

from __future__ import annotations

from steadypost.errors import ExitCode
from tests.cli_stage import Terminal

ADA = "ada@example.org"


def test_an_edit_is_shown_made_when_wanted_and_undone(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--confirmed", "--consent", "paper form")
    yaml = terminal.folder / "series/massage-benefits/series.yaml"
    yaml.write_text(yaml.read_text().replace("wait_days: 7", "wait_days: 14", 1))

    shown = terminal.do("series", "edit", "massage-benefits", "--dry-run")
    facts = terminal.do("series", "edit", "massage-benefits", "--dry-run", "--json").json
    declined = terminal.type("series", "edit", "massage-benefits", answers="n\n")

    assert "1 person on their way in it" in shown.out
    assert f"by 7 days\n    {ADA}" in shown.out
    assert {one["effect"] for one in facts["effects"]} == {"later"}
    assert declined.code == ExitCode.FAILED
    assert "was left as it was" in declined.err
    assert "is changed" in terminal.do("series", "edit", "massage-benefits", "--yes").out
    undone = terminal.do("series", "undo", "massage-benefits", "--yes").out
    assert "earlier" in undone
    assert undone.endswith("series massage-benefits is what it was before its last edit\n")
    assert "no edit of series" in terminal.type("series", "undo", "massage-benefits", "--yes").err


def test_an_edit_of_an_unknown_name_says_that_the_series_is_new(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--confirmed", "--consent", "paper form")
    (terminal.folder / "series/massage-benefits").rename(terminal.folder / "series/masage")

    shown = terminal.do("series", "edit", "masage", "--yes")

    assert shown.out.startswith("series masage is new; 1 person of its list begin")
    assert "series masage is made; 'steadypost series pause masage' keeps its" in shown.out


def test_undoing_says_who_goes_on_because_a_mistaken_rule_had_ended_them(
    terminal: Terminal,
) -> None:
    terminal.do("subscribers", "add", ADA, "--confirmed", "--consent", "paper form")
    yaml = terminal.folder / "series/massage-benefits/series.yaml"
    yaml.write_text(yaml.read_text().replace("priority:", "exit_when: not tagged x\npriority:"))
    terminal.do("series", "edit", "massage-benefits", "--yes")
    terminal.do("tick")
    assert "ended early for them" in terminal.do("why", ADA).out

    shown = terminal.do("series", "undo", "massage-benefits", "--dry-run")
    facts = terminal.do("series", "undo", "massage-benefits", "--dry-run", "--json").json
    terminal.do("series", "undo", "massage-benefits", "--yes")

    assert "go on where they were: 1 person whose way the edit had ended" in shown.out
    assert facts["brought_back"] == 1
    assert "goes with the next tick" in terminal.do("why", ADA).out


def test_what_a_series_asks_of_people_is_shown(terminal: Terminal) -> None:
    yaml = terminal.folder / "series/massage-benefits/series.yaml"
    asking = yaml.read_text().replace("priority:", "exit_when: event booked\npriority:")
    asking = asking.replace("- key: second-pump", "- key: second-pump\n  condition: tagged vip")
    yaml.write_text(asking)
    terminal.do("series", "edit", "massage-benefits", "--yes")

    shown = terminal.do("series", "show", "massage-benefits")

    assert "ends when" in shown.out
    assert "event booked" in shown.out
    assert "tagged vip" in shown.out


def test_a_series_is_paused_and_goes_on_and_an_event_is_noted(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", ADA, "--confirmed", "--consent", "paper form")

    assert "is paused" in terminal.do("series", "pause", "massage-benefits").out
    assert "goes on for 0 people" in terminal.do("series", "resume", "massage-benefits").out
    assert terminal.do("event", ADA, "Booked").out == f"{ADA}: booked, noted\n"
    assert terminal.do("subscribers", "tag", ADA, "vip").out == f"{ADA} has: vip\n"
    assert "nobody is parked" in terminal.do("subscribers", "parked").err
    assert "is not parked in any series" in terminal.type("subscribers", "resume", ADA).err
