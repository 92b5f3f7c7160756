"""CSV files as spreadsheets write them: encodings, separators, quotes, and damage."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import UnreadableFileError
from subscribers.importing import BadRow, check_rows, read_csv
from subscribers.rules.rows import ImportRow
from subscribers.spreadsheets import Record, guess_encoding, open_spreadsheet

NAMES = "email;first_name;city\nada@example.org;Zoë;Köln\nben@example.org;Ben;Łódź\n"


def records_of(content: bytes) -> list[Record]:
    """Read all records of a file."""
    return list(open_spreadsheet(content, name="people.csv").records())


def rows_of(content: bytes) -> list[ImportRow | BadRow]:
    """Read and check all rows of a file."""
    return list(read_csv(content, name="people.csv").rows())


def test_a_file_is_read_from_its_path_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_bytes(b"email\nada@example.org\n")

    for source in (path, str(path)):
        parsed = read_csv(source)
        assert parsed.spreadsheet.name == "clients.csv"
        assert [row.email for row in parsed.rows() if isinstance(row, ImportRow)] == [
            "ada@example.org"
        ]


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \n", "\ufeff".encode()])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(
        UnreadableFileError,
        match=r"cannot import 'file\.csv': it is empty; its first line must name the columns",
    ):
        read_csv(content)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UnreadableFileError, match=r"cannot import 'no\.csv': No such file or directory; check the"
    ):
        read_csv(tmp_path / "no.csv")
    with pytest.raises(UnreadableFileError, match=r"Is a directory; check the path"):
        read_csv(tmp_path)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_unicode_files_are_read_with_or_without_a_mark(encoding: str, found: str) -> None:
    content = NAMES.encode(encoding)

    assert open_spreadsheet(content, name="x").encoding == found
    assert [record.cells[2] for record in records_of(content)] == ["city", "Köln", "Łódź"]


def test_any_other_file_is_read_as_windows_1252() -> None:
    content = "email;first_name\nada@example.org;Zoë\neve@example.org;„Eve“ 5 €\n".encode("cp1252")

    assert open_spreadsheet(content, name="x").encoding == "windows-1252"
    assert [record.cells[1] for record in records_of(content)][1:] == ["Zoë", "„Eve“ 5 €"]


def test_a_few_damaged_bytes_spoil_their_own_rows_only() -> None:
    content = NAMES.encode() + "zoe@example.org;Zoë;Köln\n".encode() + b"eve@example.org;Ev\xe9;X\n"

    rows = rows_of(content)

    assert [row.attributes["city"] for row in rows if isinstance(row, ImportRow)] == [
        *("Köln", "Łódź", "Köln"),
    ]
    assert [(row.line, row.reason) for row in rows if isinstance(row, BadRow)] == [
        (5, "cannot use cell: 'Ev\ufffd': it holds a character that cannot be read")
    ]


def test_a_character_cut_by_the_end_of_a_chunk_is_not_damaged() -> None:
    content = "email\nzoë@example.org".encode()

    assert guess_encoding(bytes([byte]) for byte in content) == "utf-8"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found_by_the_header(separator: str) -> None:
    content = separator.join(["Name", "E-Mail", "Note"]) + "\n"
    content += separator.join(['"Lovelace, Ada; Countess"', "ada@example.org", "x"]) + "\n"

    found = open_spreadsheet(content.encode(), name="x")

    assert found.separator == separator
    assert list(found.records())[1].cells == ("Lovelace, Ada; Countess", "ada@example.org", "x")


def test_quotes_and_line_ends_inside_of_cells_are_kept_and_lines_counted() -> None:
    content = (
        b'email,note\r\n\r\nada@example.org,"two\r\nlines, ""quoted"""\r\n'
        b"ben@example.org, plain\rcleo@example.org,x\n"
    )

    assert [(record.line, record.cells) for record in records_of(content)] == [
        (1, ("email", "note")),
        (3, ("ada@example.org", 'two\r\nlines, "quoted"')),
        (5, ("ben@example.org", "plain")),
        (6, ("cleo@example.org", "x")),
    ]


def test_a_quote_that_is_never_closed_names_its_line() -> None:
    rows = rows_of(b'email,note\nada@example.org,"oops\nben@example.org,x\n')

    assert rows == [BadRow(2, "a quote is opened and not closed before line 3", "")]


def test_a_quote_that_swallows_too_much_is_a_bad_row_and_not_the_end() -> None:
    swallowed = b"".join(b"p%d@example.org,x\n" % number for number in range(10_000))

    rows = rows_of(b'email,note\nada@example.org,"oops\n' + swallowed)

    assert isinstance(rows[0], BadRow)
    assert rows[0].line == 2
    assert "a quote is opened and not closed before line" in rows[0].reason
    assert rows[-1] == ImportRow("p9999@example.org", {}, (), {"note": "x"}, is_left_out=False)


def test_text_after_a_closing_quote_is_a_bad_row() -> None:
    rows = rows_of(b'email,note\nada@example.org,"a"b\nben@example.org,x\n')

    assert [row.reason for row in rows if isinstance(row, BadRow)] == [
        "there is text after a closing quote"
    ]
    assert len(rows) == 2


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match=r"line 2 is too long; is this a CSV file\?"):
        rows_of(b"email\n" + b"x" * 2_000_000)


def test_a_nul_makes_its_row_bad() -> None:
    rows = rows_of(b"email,note\nada@example.org,a\0b\nben@example.org,x\n")

    assert [(row.line, row.text) for row in rows if isinstance(row, BadRow)] == [
        (2, "'ada@example.org, a\\x00b'")
    ]


def test_the_second_row_of_an_address_is_bad_whatever_its_case() -> None:
    file = b"email\nAda@example.org\nben@example.org\nno address\nada@EXAMPLE.org\n"

    checked = check_rows(read_csv(file))

    assert checked.rows == 4
    assert [row.line for row in checked.bad] == [4, 5]
    assert checked.bad[1] == BadRow(5, "the same address as in line 2", "'ada@EXAMPLE.org'")


def test_rows_that_only_share_a_hash_are_no_repetition() -> None:
    parsed = read_csv(b"email\nada@example.org\nben@example.org\nada@example.org\n")
    both = {hash("ada@example.org"), hash("ben@example.org")}  # as if they were the same

    assert [row.line for row in parsed.repetitions(both)] == [4]


def test_a_header_without_addresses_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match=r"no column is called 'email' \(found 'Name', "):
        read_csv(b"Name,Ort\nAda,London\n", name="x.csv")


def test_a_header_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match=r"no column is called 'email' \(found nothing\)"):
        read_csv(b'"email\nada@example.org\n')


def test_a_file_is_read_anew_each_time() -> None:
    parsed = read_csv(b"email\nada@example.org\n")

    assert list(parsed.rows()) == list(parsed.rows())


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail_in_any_other_way(content: bytes) -> None:
    try:
        rows = rows_of(b"email,note\n" + content)
    except UnreadableFileError:
        return

    assert all(isinstance(row, ImportRow | BadRow) for row in rows)


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff\ufffd\r")), max_size=8
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_spreadsheet_writes_is_read_again(
    notes: list[str], separator: str, encoding: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(["email", "note"])
    writer.writerows([f"p{number}@example.org", note] for number, note in enumerate(notes))

    records = records_of(file.getvalue().encode(encoding))

    assert [record.cells[1] for record in records[1:]] == [note.lstrip(" ") for note in notes]
