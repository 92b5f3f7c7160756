from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.signing import KeyRing
from web.forms import clean, seal, sealed_at


@given(st.text())
def test_a_cleaned_text_is_one_line_without_controls(text: str) -> None:
    cleaned = clean(text)

    assert cleaned == clean(cleaned)
    assert cleaned == cleaned.strip()
    assert not any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in cleaned)


def test_cleaning_keeps_what_names_are_made_of() -> None:
    assert clean("  Zoë   O’Neil ") == "Zoë O’Neil"
    assert clean("नक्‌ष") == "नक्‌ष"  # a joiner inside a word
    assert clean("a\r\nBcc: b\0c") == "a Bcc: b c"
    assert clean("ab‮dc") == "abdc"  # turns the writing direction
    assert clean("Zoe\u0308") == "Zoë"


def test_a_seal_tells_when_the_form_was_shown(keys: KeyRing, now: datetime) -> None:
    assert sealed_at(keys, "signup/weekly", seal(keys, "signup/weekly", now=now)) == now


def test_a_seal_is_for_one_page_and_one_site(keys: KeyRing, now: datetime) -> None:
    text = seal(keys, "signup/weekly", now=now)
    later = seal(keys, "signup/weekly", now=now + timedelta(seconds=9))

    assert sealed_at(keys, "signup/other", text) is None
    assert sealed_at(KeyRing.from_text("77" * 32), "signup/weekly", text) is None
    assert sealed_at(keys, "signup/weekly", later[:26] + text[26:]) is None


@given(st.text())
def test_no_made_up_seal_is_ours(text: str) -> None:
    assert sealed_at(KeyRing.from_text("5a" * 32), "signup/weekly", text) is None
