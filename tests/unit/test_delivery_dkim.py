"""Signatures as others verify them: dkimpy is the oracle, with the DNS in a dict."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from delivery.dkim import (
    OVERSIGNED,
    SIGNED,
    DkimKey,
    DkimSigner,
    new_ed25519_key,
    new_rsa_key,
    read_dkim_keys,
    record_strings,
    relaxed_body,
    relaxed_field,
)
from delivery.errors import DkimKeyError
from delivery.message import Letter, compose
from templates.compiler.transfer import encoded

RSA, ED25519 = new_rsa_key(), new_ed25519_key()
LETTER = Letter(
    from_name="Riverside Clinic",
    from_address="hello@clinic.example",
    to_address="ada@example.org",
    subject="Schlaf für Müde",
    text="Hello Ada,\n\n two  spaces\there \n",
    html="<p>Hello  Ada</p>\n",
    message_id="<abc.def@clinic.example>",
    date=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
    reply_to="desk@clinic.example",
    list_id=("Your weekly series", "weekly.clinic.example"),
    unsubscribe_url="https://post.clinic.example/u/" + "a2" * 30,
    unsubscribe_mailto="leave@clinic.example?subject=unsubscribe",
    one_click=True,
    feedback_id="weekly:series-1:step-1:clinicexample",
)


def signer(*pems: str) -> DkimSigner:
    keys = read_dkim_keys("\n".join(pems), place="dkim.pem", selector="post")
    return DkimSigner("clinic.example", keys)


def dns_of(signer: DkimSigner) -> Callable[..., bytes]:
    records = {
        f"{key.selector}._domainkey.{signer.domain}.".encode(): key.record().encode()
        for key in signer.keys
    }

    def ask(name: bytes | str, timeout: int = 5) -> bytes:
        return records[name.encode() if isinstance(name, str) else name]

    return ask


def verifies(signer: DkimSigner, message: bytes) -> list[bool]:
    """Ask dkimpy about each signature."""
    asked, dns = dkim.DKIM(message), dns_of(signer)
    return [_holds(asked, place, dns) for place in range(len(signer.keys))]


def _holds(asked: dkim.DKIM, place: int, dns: Callable[..., bytes]) -> bool:
    try:
        return bool(asked.verify(idx=place, dnsfunc=dns))
    except dkim.ValidationError:  # so it says of a changed body
        return False


WAYS = {"rsa": (RSA,), "ed25519": (ED25519,), "both": (ED25519, RSA)}


@pytest.fixture(params=sorted(WAYS))
def signs(request: pytest.FixtureRequest) -> DkimSigner:
    return signer(*WAYS[request.param])


def test_a_signed_letter_is_verified(signs: DkimSigner) -> None:
    signed = signs.signed(compose(LETTER))

    assert all(verifies(signs, signed))
    assert signed.endswith(compose(LETTER))
    assert signed.count(b"DKIM-Signature:") == len(signs.keys)


BOTH = signer(RSA, ED25519)
hard = st.text(st.one_of(st.sampled_from(" \t\n.=é🙂a"), st.characters(codec="utf-8")))


@settings(max_examples=60)
@given(hard, hard, st.sampled_from(["", "a  b", "Schlaf für  Müde ", "x" * 200]))
@example("", "", "")
@example(" \n\n\n", "\t\n \n", "Re:   tabs")
def test_whatever_is_written_is_verified(text: str, html: str, subject: str) -> None:
    letter = LETTER._replace(text=text, html=html, subject=subject)
    ready = letter._replace(text=encoded(text).encode(), html=encoded(html).encode())

    assert all(verifies(BOTH, BOTH.signed(compose(letter))))
    assert all(verifies(BOTH, BOTH.signed(compose(ready), is_canonical=ready.is_encoded)))


@given(hard, hard)
def test_the_body_of_encoded_parts_is_canonical_already(text: str, html: str) -> None:
    ready = LETTER._replace(text=encoded(text).encode(), html=encoded(html).encode())
    body = compose(ready).partition(b"\r\n\r\n")[2]

    assert relaxed_body(body) == body


def test_the_signature_covers_what_must_not_change(signs: DkimSigner) -> None:
    header = signs.signed(compose(LETTER)).partition(b"\r\nDate:")[0].decode()
    (names,) = {re.sub(r"\s", "", found) for found in re.findall(r"\bh=([^;]*);", header)}

    assert names.split(":") == [*SIGNED, *OVERSIGNED]
    assert " l=" not in header
    assert "c=relaxed/relaxed" in header
    assert max(map(len, header.split("\r\n"))) <= 78


def test_names_a_letter_does_not_have_are_left_out() -> None:
    bare = LETTER._replace(list_id=None, unsubscribe_url="", unsubscribe_mailto="", one_click=False)
    signed = BOTH.signed(compose(bare))

    assert all(verifies(BOTH, signed))
    assert b"list-unsubscribe" not in signed


@pytest.mark.parametrize("name", ["To", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post"])
def test_a_changed_header_breaks_every_signature(signs: DkimSigner, name: str) -> None:
    signed = signs.signed(compose(LETTER))
    changed = signed.replace(f"\r\n{name}: ".encode(), f"\r\n{name}: X".encode())

    assert changed != signed
    assert not any(verifies(signs, changed))


@pytest.mark.parametrize("added", [b"From: other@bad.example\r\n", b"Subject: other\r\n"])
@pytest.mark.parametrize("at_end", [False, True])
def test_a_second_sender_or_subject_breaks_every_signature(
    signs: DkimSigner, added: bytes, at_end: bool
) -> None:
    head, _, body = signs.signed(compose(LETTER)).partition(b"\r\n\r\n")
    parts = [head, b"\r\n", added] if at_end else [added, head, b"\r\n"]

    assert not any(verifies(signs, b"".join([*parts, b"\r\n", body])))


def test_a_changed_body_breaks_every_signature(signs: DkimSigner) -> None:
    signed = signs.signed(compose(LETTER))

    assert not any(verifies(signs, signed.replace(b"Hello Ada", b"Hello Eve")))


@pytest.mark.parametrize(
    ("field", "relaxed"),
    [
        (b"SubJect : a  b\t c ", b"subject:a b c\r\n"),
        (b"List-Id:\r\n <a.b>", b"list-id:<a.b>\r\n"),
        (b"Subject:", b"subject:\r\n"),
    ],
)
def test_a_field_is_compared_in_its_relaxed_form(field: bytes, relaxed: bytes) -> None:
    assert relaxed_field(field) == relaxed


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [(b"", b""), (b"\r\n\r\n", b""), (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n")],
)
def test_a_body_is_compared_in_its_relaxed_form(body: bytes, relaxed: bytes) -> None:
    assert relaxed_body(body) == relaxed


def test_a_record_is_cut_for_the_dns() -> None:
    (key,) = read_dkim_keys(RSA, place="", selector="post")
    strings = list(record_strings(key.record()))

    assert "".join(strings) == key.record()
    assert [len(one) <= 255 for one in strings] == [True, True]
    assert key.record().startswith("v=DKIM1; k=rsa; p=MII")


def test_each_kind_of_key_has_its_own_selector() -> None:
    assert [key.selector for key in BOTH.keys] == ["post", "post-ed25519"]
    assert [key.algorithm for key in BOTH.keys] == ["rsa-sha256", "ed25519-sha256"]


def pem(key: object) -> str:
    coding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    return key.private_bytes(coding, form, plain).decode()  # type: ignore[attr-defined,no-any-return]


def locked() -> str:
    key = serialization.load_pem_private_key(RSA.encode(), None)
    best = serialization.BestAvailableEncryption(b"secret")
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, best).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it holds no private key (PEM)"),
        (RSA + new_rsa_key(), "it holds two keys of one kind"),
        (RSA.replace("MII", "AAA"), "it is damaged, or no private key"),
        (locked(), "it needs a password, which a service cannot type"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "its key is neither RSA nor Ed25519"),
        (pem(rsa.generate_private_key(65537, 1024)), "its RSA key has 1024 bits, not 2048 to 4096"),  # noqa: S505
    ],
)
def test_a_key_that_cannot_be_used_is_refused(text: str, why: str) -> None:
    with pytest.raises(DkimKeyError) as refused:
        read_dkim_keys(text, place="/srv/post/dkim.pem", selector="post")

    assert str(refused.value) == (
        f"cannot sign with the DKIM key in /srv/post/dkim.pem: {why}; "
        "restore it from the back-up, or make a new one by 'steadypost dkim-key'"
    )


def test_a_key_tells_its_algorithm() -> None:
    (key,) = read_dkim_keys(ED25519, place="", selector="post")

    assert isinstance(key, DkimKey)
    assert key.record().startswith("v=DKIM1; k=ed25519; p=")
