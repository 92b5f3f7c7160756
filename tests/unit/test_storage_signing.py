"""Seals are what every library would make of them, however they are computed."""

from __future__ import annotations

import base64
import hmac

from hypothesis import given
from hypothesis import strategies as st

from storage.signing import KeyRing, new_public_id


@given(key=st.binary(min_size=32, max_size=100), length=st.sampled_from([8, 16, 20]))
def test_a_seal_is_the_usual_keyed_hash_in_base_32(key: bytes, length: int) -> None:
    public_id = new_public_id()

    signed = KeyRing((key,)).sign("view", public_id, mac_bytes=length)

    mac = hmac.digest(key, f"view\n{public_id}".encode(), "sha256")[:length]
    assert signed == public_id + base64.b32encode(mac).decode().rstrip("=").lower()


@given(key=st.binary(min_size=32, max_size=100), text=st.text())
def test_a_fingerprint_is_the_usual_keyed_hash_in_base_32(key: bytes, text: str) -> None:
    text = text.encode("utf-8", "replace").decode()

    mac = hmac.digest(key, f"address\n{text}".encode(), "sha256")[:20]

    expected = base64.b32encode(mac).decode().lower()
    assert KeyRing((key,)).digest("address", text) == expected


@given(key=st.binary(min_size=32, max_size=100), texts=st.lists(st.text()))
def test_fingerprints_made_at_once_are_those_made_one_by_one(key: bytes, texts: list[str]) -> None:
    keys, texts = KeyRing((key,)), [text.encode("utf-8", "replace").decode() for text in texts]

    assert keys.digests("address", texts) == [keys.digest("address", text) for text in texts]
