"""The forecast on the command line: names for few, counts for many, and a page to look at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from campaigns.forecast import Outlook
from steadypost.cli import foresight
from steadypost.errors import ExitCode
from steadypost.forecast_page import forecast_page
from tests.cli_stage import Terminal

ADA, CID = "ada@example.org", "cid@example.org"
MONDAY = date(2026, 3, 2)


@pytest.fixture
def desk(terminal: Terminal) -> Terminal:
    """Sit at a clinic with two people at the beginning of their series."""
    for address in (ADA, CID):
        terminal.do("subscribers", "add", address, "--confirmed", "--consent", "paper")
    return terminal


def test_few_emails_are_listed_by_name(desk: Terminal) -> None:
    found = desk.do("forecast", "--days", "10").out

    assert found.count("massage-benefits/how-it-works") == 2
    assert ADA in found
    assert "the first email goes at once" in found


def test_of_one_person_only(desk: Terminal) -> None:
    found = desk.do("forecast", "--days", "40", "--person", "Ada@Example.org", "--json").json

    assert {one["address"] for one in found} == {ADA}
    assert len(found) == 6


def test_of_one_series_only(desk: Terminal) -> None:
    one = desk.do("forecast", "--series", "massage-benefits", "--json").json
    none = desk.type("forecast", "--series", "nix")

    assert {entry["series"] for entry in one} == {"massage-benefits"}
    assert none.code == ExitCode.FAILED
    assert "no series is named 'nix'" in none.err


def test_somebody_unknown_is_named(desk: Terminal) -> None:
    done = desk.type("forecast", "--person", "nobody@example.org")

    assert done.code == ExitCode.FAILED
    assert "found no person with the address nobody@example.org" in done.err


def test_many_emails_are_counted_by_day(desk: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foresight, "_MOST_LISTED", 3)

    done = desk.do("forecast", "--days", "10")

    assert done.out.splitlines()[0].split() == ["day", "email", "people"]
    assert done.out.splitlines()[1].split()[1:] == ["massage-benefits/how-it-works", "2"]
    assert ADA not in done.out
    assert "4 emails; '--person ADDRESS' or '--json' names them" in done.err


def test_as_a_page_with_the_same_figures(desk: Terminal, tmp_path: Path) -> None:
    page = tmp_path / "ahead.html"

    done = desk.do("forecast", "--days", "10", "--html", str(page))

    assert f"wrote {page}: 4 emails in 10 days" in done.err
    text = page.read_text("utf-8")
    assert "4 emails from" in text
    assert "<script" not in text
    assert ADA not in text


# The page itself


def read(outlook: Outlook) -> etree._Element:
    made_at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    return etree.fromstring(
        forecast_page(outlook, clinic="A <b>clinic</b>", made_at=made_at), etree.HTMLParser()
    )


def test_the_table_has_what_the_bars_show() -> None:
    counts = {
        (MONDAY, "welcome/one"): 3,
        (MONDAY, "broadcast may-news"): 4,
        (MONDAY + timedelta(days=2), "welcome/two"): 1,
    }
    page = read(Outlook(MONDAY, MONDAY + timedelta(days=2), counts))

    bars = [bar.text for bar in page.xpath("//svg/g/title")]
    totals = [row.xpath("string(td[last()])") for row in page.xpath("//tbody/tr")]
    assert bars == ["Monday 2 March: 7", "Tuesday 3 March: 0", "Wednesday 4 March: 1"]
    assert totals == ["7", "", "1"]
    heads = [head.text for head in page.xpath("//thead//th")]
    assert heads == ["day", "broadcast may-news", "welcome/one", "welcome/two", "all"]
    assert len(page.xpath("//rect[@class='steps']")) == 2
    assert len(page.xpath("//rect[@class='news']")) == 1


def test_the_picture_says_what_it_is_to_those_who_do_not_see_it() -> None:
    (picture,) = read(Outlook(MONDAY, MONDAY, {(MONDAY, "welcome/one"): 1})).xpath("//svg")

    assert picture.get("role") == "img"
    named = [
        picture.xpath(f"string(//*[@id='{one}'])") for one in picture.get("aria-labelledby").split()
    ]
    assert named == ["Emails a day", "One bar for each day. The table below has the same figures."]


def test_what_a_clinic_is_called_is_text() -> None:
    page = read(Outlook(MONDAY, MONDAY, {}))

    assert page.xpath("//b") == []
    assert "0 emails from 2 March 2026" in " ".join(page.xpath("string(//p)").split())


@pytest.mark.parametrize(("most", "top"), [(1, "1"), (2, "2"), (3, "5"), (7, "10"), (45, "50")])
def test_heights_are_read_at_round_numbers(most: int, top: str) -> None:
    page = read(Outlook(MONDAY, MONDAY, {(MONDAY, "welcome/one"): most}))

    assert page.xpath("//svg/text[@text-anchor='end']/text()")[-1] == top
