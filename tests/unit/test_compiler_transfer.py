"""Quoted-printable in pieces: whatever is joined is read by others as what was written."""

from __future__ import annotations

import quopri
import re

from hypothesis import example, given
from hypothesis import strategies as st

from delivery.dkim import relaxed_body
from templates.compiler.transfer import _escaped_line, encoded

characters = st.characters(exclude_categories=("Cs",), exclude_characters="\r")
texts = st.text(st.one_of(st.sampled_from(" \t\n.=F-é🙂a"), characters), max_size=200)


@given(st.lists(texts))
@example(["a ", "\n", ".", "From ", "x" * 75, " ", "=", "\n"])
@example([" " * 76, "\n"])
@example(["é" * 40, "", "\n\n", "."])
def test_joined_pieces_decode_to_what_was_written(pieces: list[str]) -> None:
    body = "".join(map(encoded, pieces)).encode("ascii")

    assert quopri.decodestring(body).replace(b"\r\n", b"\n").decode() == "".join(pieces)


@given(st.lists(texts))
def test_no_joined_line_needs_another_look_before_it_is_sent(pieces: list[str]) -> None:
    body = "".join(map(encoded, pieces))

    assert re.fullmatch(r"(?:[\t -~]*\r\n)*", body)
    for line in body.split("\r\n"):
        assert len(line) <= 76
        assert not line.startswith((".", "From ", "--=_"))
        assert not line.endswith((" ", "\t"))
    assert relaxed_body(body.encode() + b"--\r\n") == body.encode() + b"--\r\n"


@given(texts, texts)
def test_a_piece_is_encoded_alike_wherever_it_stands(one: str, other: str) -> None:
    assert (encoded(one) + encoded(other)).startswith(encoded(one))


@given(st.text(st.sampled_from("abcF. -/:?&<>\"'"), min_size=60, max_size=400))
@example("https://post.example/u/" + "a2" * 60)
@example("x" * 75 + ".")
def test_a_long_line_without_escapes_is_cut_where_the_long_way_cuts_it(line: str) -> None:
    assert encoded(f"{line}\n") == _escaped_line(line, is_whole=True)
    assert encoded(line) == _escaped_line(line, is_whole=False)


@given(st.text(st.sampled_from("abcF./:?&<>\"'%2"), min_size=1, max_size=400))
@example("x" * 76)
@example("x" * 75 + "F" + "y" * 80)
def test_a_long_word_is_cut_where_the_long_way_cuts_it(word: str) -> None:
    assert encoded(word) == _escaped_line(word, is_whole=False)
    assert encoded(f"{word}\n") == _escaped_line(word, is_whole=True)
