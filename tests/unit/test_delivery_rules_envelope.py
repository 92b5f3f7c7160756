"""The envelope sender names its delivery, and finds home however it was mangled on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.errors import BounceAddressTooLongError, UnusableAddressError
from delivery.rules.envelope import envelope_sender, read_envelope_sender
from storage.signing import KeyRing, new_public_id

KEYS = KeyRing.from_text("5a" * 32)
ID = "abcdefghijklmnopqrstuvwx27"
ADDRESS = envelope_sender(KEYS, ID, bounce_address="bounces@riverside.example")


def test_it_fits_a_local_part_and_says_nothing_about_the_person() -> None:
    local_part, _, domain = ADDRESS.partition("@")

    assert local_part.startswith(f"bounces+{ID}")
    assert len(local_part) == 47
    assert domain == "riverside.example"


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        ADDRESS.upper(),
        ADDRESS.title(),
        f"<{ADDRESS}>",
        f'"{ADDRESS.partition("@")[0]}"@riverside.example',
        ADDRESS.replace("+", "-"),
        ADDRESS.replace("+", "=2B"),
        ADDRESS.replace("+", ""),
        "SRS0=hHhH=TT=riverside.example=" + ADDRESS.partition("@")[0] + "@forwarder.example",
        "SRS0+hHhH=TT=riverside.example=" + ADDRESS.partition("@")[0] + "@forwarder.example",
        "SRS1=hh=one.example==hH=TT=riverside.example="
        + ADDRESS.partition("@")[0].upper()
        + "@two.example",
        "prvs=1234567890=" + ADDRESS,
        "rfc822;" + ADDRESS,
    ],
)
def test_it_is_read_in_every_form_it_comes_back_in(address: str) -> None:
    assert read_envelope_sender(KEYS, address) == ID


@pytest.mark.parametrize(
    "address",
    [
        "",
        "bounces@riverside.example",
        ADDRESS.replace("abcd", "abce"),
        ADDRESS[:40] + "@riverside.example",
        "x" * 600 + ADDRESS,
        f"bounces+{'a' * 39}@riverside.example",
        "bounces+\N{KELVIN SIGN}" + ADDRESS[9:],
    ],
)
def test_a_forged_or_broken_one_names_nothing(address: str) -> None:
    assert read_envelope_sender(KEYS, address) is None


def test_a_seal_for_another_purpose_is_worth_nothing() -> None:
    link = KEYS.sign("unsubscribe", ID, mac_bytes=8)

    assert read_envelope_sender(KEYS, f"bounces+{link}@riverside.example") is None


def test_it_is_still_read_after_a_new_key_was_added() -> None:
    newer = KeyRing((b"n" * 32, *KEYS.keys))

    assert read_envelope_sender(newer, ADDRESS) == ID
    assert envelope_sender(newer, ID, bounce_address="b@riverside.example") != ADDRESS


def test_a_bounce_address_without_room_for_the_token_is_refused() -> None:
    fits = envelope_sender(KEYS, ID, bounce_address=f"{'b' * 24}@x.example")

    assert fits.index("@") == 64
    with pytest.raises(
        BounceAddressTooLongError,
        match=r"is too long: b{25}@x\.example; its part before @ may have 24 characters at most",
    ):
        envelope_sender(KEYS, ID, bounce_address=f"{'b' * 25}@x.example")


def test_an_internationalised_domain_is_written_for_the_wire() -> None:
    address = envelope_sender(KEYS, ID, bounce_address="bounces@bücher.example")

    assert address.endswith("@xn--bcher-kva.example")


def test_a_malformed_bounce_address_is_refused() -> None:
    with pytest.raises(UnusableAddressError, match="it has no @"):
        envelope_sender(KEYS, ID, bounce_address="bounces")
    with pytest.raises(UnusableAddressError, match="part before @ is malformed"):
        envelope_sender(KEYS, ID, bounce_address='"b"@x.example')


@given(st.text(max_size=200))
def test_no_input_breaks_the_reader(text: str) -> None:
    assert read_envelope_sender(KEYS, text) is None


@given(st.builds(new_public_id), st.text(alphabet="SRS0=+-_/.", max_size=30))
def test_every_delivery_is_found_behind_any_prefix(public_id: str, prefix: str) -> None:
    address = envelope_sender(KEYS, public_id, bounce_address="bounces@riverside.example")

    assert read_envelope_sender(KEYS, prefix + address) == public_id
