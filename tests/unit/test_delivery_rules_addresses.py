"""Only addresses that a relay can be told leave the house."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.errors import UnusableAddressError
from delivery.rules.addresses import needs_smtputf8, to_ascii_domain, wire_address


@pytest.mark.parametrize(
    ("address", "wired"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada.O'Neil+x@Example.ORG", "Ada.O'Neil+x@Example.ORG"),
        ("zoe@bücher.example", "zoe@xn--bcher-kva.example"),
        ("zoe@BÜCHER.example", "zoe@xn--bcher-kva.example"),
        ("zoe@straße.example", "zoe@xn--strae-oqa.example"),
        ("zoe@例え.example", "zoe@xn--r8jz45g.example"),
        ("zoë@example.org", "zoë@example.org"),
        ('"a b@c"@example.org', '"a b@c"@example.org'),
        (r'"a\"b"@example.org', r'"a\"b"@example.org'),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_an_address_is_told_with_its_domain_in_ascii(address: str, wired: str) -> None:
    assert wire_address(address) == wired


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "it has no @"),
        ("ada", "it has no @"),
        ("@example.org", "the part before @ is malformed"),
        ("a..b@example.org", "the part before @ is malformed"),
        (".a@example.org", "the part before @ is malformed"),
        ("a b@example.org", "the part before @ is malformed"),
        ("a\r\nRCPT TO:<b@example.org", "the part before @ is malformed"),
        ("a>@example.org", "the part before @ is malformed"),
        ("a\u2028b@example.org", "the part before @ is malformed"),
        ("a\u0085b@example.org", "the part before @ is malformed"),
        ("a\ud800b@example.org", "the part before @ is malformed"),
        ('"a\r\nb"@example.org', "the part before @ is malformed"),
        ('"a"b"@example.org', "the part before @ is malformed"),
        ("ä" * 33 + "@example.org", "the part before @ is longer than 64 bytes"),
        ("ada@", "the domain is malformed"),
        ("ada@-x.example", "the domain is malformed"),
        ("ada@a b.example", "the domain is malformed"),
        ("ada@x.example>", "the domain is malformed"),
        ("ada@x.example\n", "the domain is malformed"),
        ("ada@\u2028.example", "the domain is malformed"),
        ("ada@a..example", "the domain is malformed"),
        ("ada@" + "a" * 64 + ".example", "the domain is malformed"),
        ("a" * 60 + "@" + "a." * 100 + "example", "it is longer than 254 bytes"),
    ],
)
def test_what_no_relay_could_be_told_is_refused(address: str, why: str) -> None:
    with pytest.raises(UnusableAddressError) as refusal:
        wire_address(address)

    assert str(refusal.value) == f"address cannot be used: {address!r}: {why}; correct it"


@pytest.mark.parametrize(
    ("address", "needed"),
    [("ada@example.org", False), ("zoë@example.org", True), ("ada@bücher.example", False)],
)
def test_only_the_part_before_the_at_asks_for_smtputf8(address: str, needed: bool) -> None:
    assert needs_smtputf8(address) is needed


@given(st.text(max_size=80))
def test_whatever_passes_cannot_break_a_command(text: str) -> None:
    try:
        wired = wire_address(text)
    except UnusableAddressError:
        return

    outside = wired.rpartition("@")[2] if wired.startswith('"') else wired
    assert len(wired.splitlines()) == 1
    assert not set("<> \t\r\n\0") & set(outside)
    assert wired.rpartition("@")[2].isascii()


@given(st.text(max_size=30))
def test_a_domain_is_turned_into_ascii_or_into_nothing(text: str) -> None:
    domain = to_ascii_domain(text)

    assert domain is None or domain.isascii()
