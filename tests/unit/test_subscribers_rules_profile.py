"""Names, tags and attributes: what is kept of them, and what is refused."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import InvalidTextError
from subscribers.rules.profile import (
    attribute_name,
    clean_attributes,
    clean_name,
    clean_tag,
    clean_typed_name,
    fill_empty,
    read_tags,
)

texts = st.text() | st.text(alphabet="aÄß \t\r\n\0\u2028\u202e\ufeff\ud800,;|'=", max_size=80)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("Ada\r\nBcc: ben@example.org", "Ada Bcc: ben@example.org"),
        ("Zoë\u2028 \0", "Zoë"),
        ("\u202eadA", "adA"),
        ("محمد", "محمد"),
        ("", ""),
    ],
)
def test_a_name_is_one_printable_line(typed: str, kept: str) -> None:
    assert clean_name(typed, field="first name") == kept


def test_a_name_has_at_most_200_characters() -> None:
    assert clean_name("x" * 200, field="first name")

    with pytest.raises(
        InvalidTextError, match=r"^cannot use first name: 'x+…': it is longer than 200 characters$"
    ):
        clean_name("x" * 201, field="first name")


@pytest.mark.parametrize(
    "name", ["http://spam.example", "see //x", "WWW.spam.example", "win@spam.example"]
)
def test_a_name_that_a_stranger_types_carries_no_link(name: str) -> None:
    with pytest.raises(InvalidTextError, match="a name holds no web or email address"):
        clean_typed_name(name, field="first name")


def test_a_name_with_a_point_is_still_a_name() -> None:
    assert clean_typed_name("Dr. J. St.John", field="first name") == "Dr. J. St.John"


def test_a_tag_has_one_form() -> None:
    assert clean_tag("  New  Client ") == "new client"


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("x" * 65, "it is longer than 64 characters"),
        ("a,b", "it holds a comma, a semicolon or a bar"),
    ],
)
def test_another_tag_is_refused(tag: str, why: str) -> None:
    with pytest.raises(InvalidTextError, match=f"^cannot use tag: .*: {why}$"):
        clean_tag(tag)


def test_tags_are_read_from_one_cell_each_once() -> None:
    assert read_tags("VIP, new;vip | ;, back pain") == ("vip", "new", "back pain")
    assert read_tags("") == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [("Postal Code", "postal_code"), (" City ", "city"), ("Größe (cm)", "größe_cm"), ("_a_", "a")],
)
def test_an_attribute_gets_a_name_that_a_template_can_write(text: str, name: str) -> None:
    assert attribute_name(text) == name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2nd visit", "start it with a letter"),
        ("", "start it with a letter"),
        ("…", "start it with a letter"),
        ("class", "start it with a letter"),
        ("x" * 65, "it is longer than 64 characters"),
        ("Email", "the name has a meaning of its own"),
        ("first name", "the name has a meaning of its own"),
    ],
)
def test_another_attribute_name_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidTextError, match=f"^cannot use attribute name: .*: {why}$"):
        attribute_name(text)


def test_attributes_are_plain_values_under_their_names() -> None:
    values = {"visits": 3, "ratio": 0.5, "member": True, "left": None}

    assert clean_attributes({"Home City": "Köln", **values}) == {"home_city": "Köln", **values}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (["a"], "it is no text or number"),
        ({}, "it is no text or number"),
        (math.inf, "it is no text or number"),
        (math.nan, "it is no text or number"),
        ("a\0b", "it holds a NUL or half a character"),
        ("\ud800", "it holds a NUL or half a character"),
        ("x" * 10_001, "it is longer than 10000 characters"),
    ],
)
def test_another_attribute_is_refused(value: object, why: str) -> None:
    with pytest.raises(InvalidTextError, match=f"^cannot use attribute 'city': .*: {why}$"):
        clean_attributes({"city": value})


def test_a_person_has_at_most_64_attributes() -> None:
    assert clean_attributes({f"a{number}": 1 for number in range(64)})

    with pytest.raises(InvalidTextError, match="cannot use attributes: '65': keep 64 at most"):
        clean_attributes({f"a{number}": 1 for number in range(65)})


def test_only_what_is_empty_is_filled_in() -> None:
    known = {"first_name": "Ada", "last_name": "", "hour": None, "weekday": 0}
    offered = {"first_name": "Eve", "last_name": "Lovelace", "hour": 0, "weekday": 3, "city": ""}

    assert fill_empty(known, offered) == {"last_name": "Lovelace", "hour": 0}


@given(texts)
def test_what_is_kept_of_a_text_is_one_safe_line_and_stays_as_it_is(text: str) -> None:
    for clean in (lambda t: clean_name(t, field="name"), clean_tag):
        with contextlib.suppress(InvalidTextError):
            kept = clean(text)

            assert clean(kept) == kept
            assert kept.splitlines() in ([kept], [])
            assert not any(part in kept for part in "\0\r\n\t\u2028\u202e\ud800")
            kept.encode()


@given(texts)
def test_the_name_of_an_attribute_stays_as_it_is(text: str) -> None:
    with contextlib.suppress(InvalidTextError):
        name = attribute_name(text)

        assert attribute_name(name) == name
        assert name.isidentifier()


@given(
    st.dictionaries(st.sampled_from("abcd"), st.none() | st.just("") | st.integers()),
    st.dictionaries(st.sampled_from("abcd"), st.none() | st.just("") | st.integers()),
)
def test_filling_twice_fills_nothing_more(known: dict[str, Any], offered: dict[str, Any]) -> None:
    filled = {**known, **fill_empty(known, offered)}

    assert fill_empty(filled, offered) == {}
    assert all(filled[name] == value for name, value in known.items() if value not in (None, ""))
