"""Links carry their own permission: for one thing, one purpose, and nobody can make one."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storage.signing import KeyRing, new_public_id
from subscribers.models import Subscriber, Subscription
from subscribers.tokens import (
    confirm_token,
    preferences_token,
    read_confirm_token,
    read_preferences_token,
    read_unsubscribe_token,
    read_view_token,
    unsubscribe_token,
    view_token,
)

KEYS = KeyRing.from_text("5a" * 32)
READERS = {
    "confirm": read_confirm_token,
    "unsubscribe": read_unsubscribe_token,
    "preferences": read_preferences_token,
    "view": read_view_token,
}


@dataclass(frozen=True)
class Signed:
    """Anything with a public id, and perhaps an asking."""

    public_id: str
    asking: int = 1


def make_token(purpose: str, signed: Signed, keys: KeyRing = KEYS) -> str:
    """Sign for any purpose."""
    makers = {
        "confirm": confirm_token,
        "unsubscribe": unsubscribe_token,
        "preferences": preferences_token,
        "view": view_token,
    }
    token: str = makers[purpose](keys, signed)  # type: ignore[operator]
    return token


signed = st.builds(
    Signed,
    st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26),
    st.integers(1, 2**40 - 1),
)
purposes = st.sampled_from(sorted(READERS))


def test_a_confirm_token_names_the_subscription_and_the_asking() -> None:
    subscription = Subscription(public_id=new_public_id(), asking=3)

    token = confirm_token(KEYS, subscription)

    assert read_confirm_token(KEYS, token) == (subscription.public_id, 3)


def test_the_other_tokens_name_what_they_are_for() -> None:
    subscription, subscriber = Subscription(public_id="b" * 26), Subscriber(public_id="c" * 26)

    assert read_unsubscribe_token(KEYS, unsubscribe_token(KEYS, subscription)) == "b" * 26
    assert read_preferences_token(KEYS, preferences_token(KEYS, subscriber)) == "c" * 26
    assert read_view_token(KEYS, view_token(KEYS, Signed("d" * 26))) == "d" * 26


@pytest.mark.parametrize("text", ["", "x", "é" * 60, "1" * 60, "a" * 60, "=" * 60, "\0" * 60])
def test_rubbish_is_no_token(text: str) -> None:
    assert [read(KEYS, text) for read in READERS.values()] == [None] * 4


def test_padding_is_no_other_spelling_of_an_asking() -> None:
    token = confirm_token(KEYS, Signed("a" * 26, 1))

    assert read_confirm_token(KEYS, "aaaaaai=" + token[8:]) is None


def test_a_token_of_an_older_key_still_works_and_one_of_a_lost_key_does_not() -> None:
    newer = KeyRing.from_text("6b" * 32 + "\n" + "5a" * 32)
    token = confirm_token(KEYS, Signed("a" * 26))

    assert read_confirm_token(newer, token) == ("a" * 26, 1)
    assert read_confirm_token(KeyRing.from_text("6b" * 32), token) is None


@given(purposes, signed)
def test_a_token_fits_into_a_url_and_tells_nothing_but_a_random_id(
    purpose: str, what: Signed
) -> None:
    token = make_token(purpose, what)

    assert re.fullmatch("[a-z2-7]{52}|[a-z2-7]{60}", token)


@given(purposes, purposes, signed)
def test_a_token_works_for_its_purpose_only(made_for: str, used_for: str, what: Signed) -> None:
    read = READERS[used_for](KEYS, make_token(made_for, what))

    assert (read is not None) == (made_for == used_for)


@given(purposes, signed)
def test_a_token_survives_being_upper_cased(purpose: str, what: Signed) -> None:
    token = make_token(purpose, what)

    assert READERS[purpose](KEYS, token.upper()) == READERS[purpose](KEYS, token)


@given(purposes, signed, st.data())
def test_a_changed_token_never_verifies(purpose: str, what: Signed, data: st.DataObject) -> None:
    token = make_token(purpose, what)
    start = data.draw(st.integers(0, len(token)), label="start")
    end = data.draw(st.integers(start, min(len(token), start + 4)), label="end")
    replacement = data.draw(st.text("abcxyz234567=-._~%018é\0 ", max_size=4), label="replacement")

    changed = token[:start] + replacement + token[end:]

    assume(changed != token)
    assert READERS[purpose](KEYS, changed) is None


@given(signed, st.integers(1, 2**40 - 1))
def test_the_link_of_one_asking_is_not_that_of_another(what: Signed, asking: int) -> None:
    assume(asking != what.asking)
    token = confirm_token(KEYS, what)
    other = confirm_token(KEYS, Signed(what.public_id, asking))

    assert read_confirm_token(KEYS, other[:8] + token[8:]) is None
