"""What headers, rows and cells of an imported file mean."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import SubscriberError, UnreadableFileError
from subscribers.rules.cells import bare_cell, protect_cell
from subscribers.rules.rows import (
    ImportRow,
    attributes_in,
    has_email_column,
    read_header,
    row_reader,
)
from subscribers.rules.standing import Pace

cells = st.text() | st.text("'=+-@\t\r\n \0＝a1", max_size=8)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+49 30 1234",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r",
        "\n=1",
        " =1+1",
        "＝1+1",
        "\0=1",
        '=HYPERLINK("https://spam.example")',
    ],
)
def test_a_cell_that_would_calculate_is_protected(text: str) -> None:
    assert protect_cell(text) == f"'{text}"
    assert bare_cell(f"'{text}") == text


@pytest.mark.parametrize("text", ["", "Ada", "1+1", "O'Hara", "'tis", "a=b", "ada@example.org"])
def test_any_other_cell_is_left_alone(text: str) -> None:
    assert protect_cell(text) == text
    assert bare_cell(text) == text


@given(cells)
def test_protecting_is_taken_back_exactly_and_leaves_nothing_live(text: str) -> None:
    protected = protect_cell(text)

    assert bare_cell(protected) == text
    assert not protected.lstrip().startswith(tuple("=+-@＝＋－＠"))
    assert not protected.startswith(tuple("\t\r\n\0"))


@pytest.mark.parametrize("name", ["email", "E-Mail", " EMAIL ", "Email Address", "Mail"])
def test_the_column_of_addresses_is_known_by_several_names(name: str) -> None:
    assert has_email_column(["x", name])
    assert read_header([name], file_name="a.csv") == ("email",)


def test_columns_are_ours_or_become_attributes() -> None:
    header = ["E-Mail", "First Name", "Surname", "Timezone", "Postal Code", "Pace", "", " "]

    assert read_header(header, file_name="a.csv") == (
        *("email", "first_name", "last_name", "time_zone", "postal_code", "pace"),
    )


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (["Name", "Ort"], r"no column is called 'email' \(found 'Name', 'Ort'\); name the column"),
        ([], r"no column is called 'email' \(found nothing\); name the column of addresses"),
        (["email", "E-Mail"], "two columns are called 'email'; rename one"),
        (["email", "City", "city "], "two columns are called 'city'; rename one"),
        (["email", "", "city"], "cannot use attribute name: '': start it with a letter; rename"),
        (["email", "id"], "cannot use attribute name: 'id': the name has a meaning of its own; re"),
        (["email", *(f"a{n}" for n in range(64))], "it has 65 columns; leave out some, 64 are al"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(header: list[str], why: str) -> None:
    with pytest.raises(UnreadableFileError, match=f"^cannot import 'a.csv': {why}"):
        read_header(header, file_name="a.csv")


def read_row(columns: Sequence[str], cells: Sequence[str]) -> ImportRow:
    """Read one row of a file with these columns."""
    return row_reader(columns)(cells)


def test_a_row_is_read_by_its_columns() -> None:
    columns = (
        *("email", "first_name", "last_name", "time_zone", "weekday", "hour"),
        *("pace", "paused_until", "tags", "city"),
    )
    found = read_row(
        columns,
        [
            *(" Ada@Example.org ", "Ada", " Lovelace", "Europe/London", "wed", "9"),
            *("month", "2026-04-01", "vip;new", "Köln"),
        ],
    )

    assert found.email == "ada@example.org"
    assert found.profile == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "time_zone": "Europe/London",
        "weekday": 2,
        "hour": 9,
        "pace": Pace.MONTH,
        "paused_until": date(2026, 4, 1),
    }
    assert found.tags == ("vip", "new")
    assert found.attributes == {"city": "Köln"}
    assert not found.is_left_out


def test_a_name_that_is_not_plain_is_cleaned_or_refused_under_its_own_name() -> None:
    columns = ("email", "first_name", "last_name")

    found = read_row(columns, ["ada@example.org", "Zoë\u00a0 Ann", "O\u2019Neil\t Smith"])

    assert found.profile == {"first_name": "Zoë Ann", "last_name": "O\u2019Neil Smith"}
    with pytest.raises(
        SubscriberError, match=r"cannot use last name: 'x+…': it is longer than 200"
    ):
        read_row(columns, ["ada@example.org", "Ada", "x" * 201])


def test_an_empty_cell_says_nothing() -> None:
    found = read_row(("email", "first_name", "hour", "city"), ["ada@example.org", "", " ", ""])

    assert (found.profile, found.attributes) == ({}, {})


def test_a_row_may_be_shorter_than_the_header_or_longer_by_empty_cells() -> None:
    assert read_row(("email", "city"), ["ada@example.org"]).attributes == {}
    assert read_row(("email",), ["ada@example.org", "", " "]).email == "ada@example.org"


def test_a_formula_is_imported_as_the_text_it_is() -> None:
    found = read_row(("email", "phone", "note"), ["ada@example.org", "'+49 30 1234", "=1+1"])

    assert found.attributes == {"phone": "+49 30 1234", "note": "=1+1"}


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["", "Ada"], "not an email address: ''"),
        (["ada", "Ada"], "not an email address: 'ada'"),
        (["a" * 65 + "@example.org"], "too long before the @-sign"),
        (["ada@example.org", "x" * 201], "cannot use first name: 'x+…': it is longer than 200"),
        (["ada@example.org", "Ada", "8"], "not a valid weekday: '8'"),
        (["ada@example.org", "Ada", "", "25"], "not a valid hour: '25'"),
        (["ada@example.org", "Ada", "", "", "Köln", "x"], "the row has 6 cells, the header has 5"),
        (["ada@example.org", "A\0da"], "it holds a character that cannot be read"),
        (["ada@example.org", "A\ufffdda"], "it holds a character that cannot be read"),
        (["ada@example.org", "", "", "", "x" * 10_001], "cell: 'x+…': it is longer than 10,000"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(cells: list[str], why: str) -> None:
    with pytest.raises(SubscriberError, match=why):
        read_row(("email", "first_name", "weekday", "hour", "city"), cells)


def test_a_cell_may_have_ten_thousand_characters() -> None:
    assert (
        len(read_row(("email", "a"), ["ada@example.org", "x" * 10_000]).attributes["a"]) == 10_000
    )


@pytest.mark.parametrize(
    ("standing", "suppressed", "left_out"),
    [
        ("", "", False),
        ("Confirmed", "", False),
        ("unconfirmed", "", True),
        ("unsubscribed", "", True),
        ("", "complaint", True),
        ("confirmed", "hard bounce", True),
    ],
)
def test_a_file_that_says_somebody_has_left_is_believed(
    standing: str, suppressed: str, left_out: bool
) -> None:
    found = read_row(("email", "standing", "suppressed"), ["ada@example.org", standing, suppressed])

    assert found.is_left_out is left_out


@given(st.lists(cells, max_size=6))
def test_any_row_is_read_or_refused_with_a_reason(row: list[str]) -> None:
    columns = ("email", "first_name", "weekday", "tags", "city")

    with contextlib.suppress(SubscriberError):
        assert "@" in read_row(columns, row).email


@given(st.lists(cells, max_size=5))
def test_a_plain_row_is_read_as_the_careful_way_would(row: list[str]) -> None:
    columns = ("email", "first_name", "last_name", "hour", "city")
    read = row_reader(columns)

    def outcome(cells: Sequence[str]) -> ImportRow | str:
        try:
            return read(cells)
        except SubscriberError as error:
            return str(error)

    # Two spaces in one more, empty cell: nothing else is said, but no row is plain any more.
    carefully = outcome([*row, *[""] * (5 - len(row)), "  "])

    assert outcome(row) == carefully


def test_the_columns_that_are_not_ours_are_attributes() -> None:
    columns = read_header(["E-Mail", "First name", "tags", "Shoe size", "city"], file_name="a.csv")

    assert attributes_in(columns) == ["shoe_size", "city"]
