"""`steadypost clicks` as people type it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from steadypost.errors import ExitCode
from tests.cli_stage import Terminal


def test_it_lists_every_link_that_is_the_same_for_everybody(terminal: Terminal) -> None:
    terminal.set("clinic", 'booking_url = "https://riverside.example/book"')
    terminal.do("tick")

    told = terminal.do("clicks", "massage-benefits")
    rows = terminal.do("clicks", "massage-benefits", "--json").json

    assert "email" in told.out
    assert "opened by" in told.out
    assert "clicks are not counted now; click_tracking = true under [campaigns]" in told.err
    assert {row["email"] for row in rows} >= {"how-it-works"}
    assert all(row["people"] == 0 and row["address"].startswith("https://") for row in rows)


def test_a_tick_takes_what_was_opened_for_sent_though_it_is_in_doubt(terminal: Terminal) -> None:
    terminal.do("subscribers", "add", "ada@example.org")
    terminal.do("tick")
    with closing(sqlite3.connect(terminal.folder / "steadypost.db")) as database, database:
        database.execute("UPDATE deliveries SET state = 'uncertain'")
        database.execute("INSERT INTO clicks SELECT id, 1, created_at FROM deliveries")

    terminal.do("tick")

    with closing(sqlite3.connect(terminal.folder / "steadypost.db")) as database:
        found = database.execute("SELECT state, reason FROM deliveries").fetchall()
    assert found == [("sent", "a link in it was opened")]


def test_it_says_where_names_are_when_it_knows_none(terminal: Terminal) -> None:
    told = terminal.type("clicks", "nothing")

    assert told.code == ExitCode.FAILED
    assert "no series or broadcast 'nothing' has an email; 'steadypost series list'" in told.err
