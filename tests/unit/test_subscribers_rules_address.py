"""Addresses: what is accepted, and the one form everything compares by."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.errors import InvalidAddressError
from subscribers.rules.address import Address, parse_address, parse_strictly

LETTERS = "abcXYZ019äÖßÉñΣςøЖд漢字한İıﬁḰ"
labels = st.text(LETTERS, min_size=1, max_size=12)
local_parts = st.text(LETTERS + "._+-'!", min_size=1, max_size=70)
likely_addresses = st.builds(
    lambda local, labels, tld: f"{local}@{'.'.join(labels)}.{tld}",
    local_parts,
    st.lists(labels, max_size=3),
    st.sampled_from(["org", "EXAMPLE", "de", "中国", "Bücher"]),
)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada.Lovelace@Example.ORG ", "ada.lovelace@example.org"),
        ("POSTMASTER@example.org", "postmaster@example.org"),
        ("o'hara+tag@example.org", "o'hara+tag@example.org"),
        ("ada@xn--bcher-kva.example.org", "ada@bücher.example.org"),
        ("ada@BÜCHER.example.org", "ada@bücher.example.org"),
        ("ada@a\u0308rzte.example.org", "ada@ärzte.example.org"),  # decomposed
        ("ada@ｅxample.org", "ada@example.org"),  # full width
    ],
)
def test_every_spelling_of_an_address_is_stored_in_one_form(typed: str, stored: str) -> None:
    assert parse_address(typed).text == stored


def test_an_international_domain_goes_over_the_wire_as_an_a_label() -> None:
    address = parse_address("ada@Bücher.example.org")

    assert address.domain == "bücher.example.org"
    assert address.ascii_domain == "xn--bcher-kva.example.org"
    assert address.wire == "ada@xn--bcher-kva.example.org"
    assert not address.needs_smtputf8


def test_a_local_part_beyond_ascii_is_flagged() -> None:
    address = parse_address("jürgen@example.org")

    assert address.needs_smtputf8
    assert address.local_part == "jürgen"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@localhost",
        "ada@example..org",
        ".ada@example.org",
        "ada@-example.org",
        "ada@example.org.",
        "ada@[192.0.2.1]",
        '"ada lovelace"@example.org',
        "Ada <ada@example.org>",
        "ada@example.org,ben@example.org",
        "ada@example.org ben@example.org",
        "ada@printer.local",
        "a\u200bda@example.org",
        "a\u202eda@example.org",
        "ada@" + "x" * 64 + ".org",
        "a@" + "x." * 130 + "org",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddressError, match=r"^not an email address: .*; use one like name@"):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.org\r\nBcc: ben@example.org",
        "ada\r@example.org",
        "ada\n@example.org",
        "ada@example.org\n",
        "\tada@example.org",
        "ada\0@example.org",
        "ada\x7f@example.org",
        "ada\x85@example.org",
        "ada\u2028@example.org",
        "ada\ud800@example.org",
    ],
)
def test_a_control_character_is_refused_wherever_it_stands(text: str) -> None:
    with pytest.raises(InvalidAddressError, match="it contains a control character"):
        parse_address(text)


def test_a_local_part_may_have_64_characters_and_no_more() -> None:
    assert parse_address("a" * 64 + "@example.org").local_part == "a" * 64

    with pytest.raises(InvalidAddressError, match=r"too long before the @-sign \(1 character"):
        parse_address("a" * 65 + "@example.org")


def test_a_local_part_is_measured_in_octets() -> None:
    assert parse_address("é" * 32 + "@example.org").needs_smtputf8

    with pytest.raises(InvalidAddressError, match="before the @-sign is longer than 64 octets"):
        parse_address("é" * 33 + "@example.org")


def test_the_error_says_what_is_wrong_and_what_to_do() -> None:
    with pytest.raises(InvalidAddressError) as caught:
        parse_address("ada@localhost")

    assert str(caught.value) == (
        "not an email address: 'ada@localhost': the part after the @-sign is not valid, "
        "it should have a period; use one like name@example.org"
    )
    assert caught.value.text == "ada@localhost"


def test_the_error_shows_neither_raw_control_characters_nor_endless_text() -> None:
    with pytest.raises(InvalidAddressError) as caught:
        parse_address("\x1b[31m" + "a" * 5000)

    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 250


@given(st.one_of(likely_addresses, st.emails(), st.text()))
def test_the_stored_form_is_stable_and_safe_whatever_is_typed(text: str) -> None:
    with contextlib.suppress(InvalidAddressError):
        address = parse_address(text)

        assert parse_address(address.text) == address
        assert address.text == unicodedata.normalize("NFC", address.text)
        assert address.text == address.text.lower()
        assert address.text.isprintable()
        assert address.ascii_domain.isascii()
        assert len(address.local_part.encode()) <= 64
        assert len(address.text) <= 320
        assert address.needs_smtputf8 == (not address.wire.isascii())


@given(likely_addresses)
def test_the_way_over_the_wire_leads_to_the_same_row(text: str) -> None:
    with contextlib.suppress(InvalidAddressError):
        address = parse_address(text)

        assert parse_address(address.wire).text == address.text


@given(likely_addresses)
def test_case_and_composition_never_make_two_people_of_one(text: str) -> None:
    with contextlib.suppress(InvalidAddressError):
        address = parse_address(text)

        assert parse_address(unicodedata.normalize("NFD", text)) == address
        if text.isascii():
            assert parse_address(text.swapcase()) == address


_SIGNS = "abzAZ09._+-@ \t'\"é\u212a\u3002" + "x-n--"
_LABELS = st.sampled_from(
    ["clinic", "a", "xn--bcher-kva", "xn--x", "a-b", "a--b", "-a", "a-", "1", "l" * 63, "l" * 64]
)
_ENDS = st.sampled_from(["example", "org", "com", "local", "test", "invalid", "c", "1", "arpa"])
_DOMAINS = st.builds(
    lambda labels, end: ".".join([*labels, end]), st.lists(_LABELS, max_size=4), _ENDS
)
_LOCAL_PARTS = st.one_of(
    st.text(_SIGNS, max_size=8),
    st.builds(lambda sign, count: sign * count, st.sampled_from("aA.é"), st.integers(60, 66)),
)
_ADDRESSES = st.one_of(
    st.text(_SIGNS, max_size=20),
    st.builds(lambda local, domain: f"{local}@{domain}", _LOCAL_PARTS, _DOMAINS),
)


@settings(max_examples=500)
@given(_ADDRESSES)
def test_the_short_way_gives_the_answer_of_the_strict_one(text: str) -> None:
    def answer(parse: Callable[[str], Address]) -> Address | str:
        try:
            return parse(text)
        except InvalidAddressError as error:
            return str(error)

    assert answer(parse_address) == answer(parse_strictly)
