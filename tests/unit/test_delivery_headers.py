"""Headers come back from the standard library's parsers as they were meant, byte-wise clean."""

from __future__ import annotations

import email
import re
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.errors import HeaderInjectionError, UnusableAddressError, UnusableHeaderError
from delivery.headers import (
    address_header,
    list_id_header,
    message_id_header,
    text_header,
    token_header,
    uris_header,
)

ENCODED_WORD = re.compile(r"=\?utf-8\?[qb]\?[^?]*\?=")
FAMILY = "👨\u200d👩\u200d👧\u200d👦"
HOSTILE = [
    "x\r\nBcc: eve@example.org",
    "x\nBcc: eve@example.org",
    "x\rBcc: eve@example.org",
    "x\0y",
    "x\u2028Bcc: eve@example.org",
    "x\u2029y",
    "x\u0085y",
    "x\x0by",
    "x\x7fy",
    "x\ud800y",
]

# Every character a header may carry.
texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), include_characters="\t"),
    max_size=250,
)


def parsed(raw: bytes) -> tuple[EmailMessage, Any]:
    """Parse one header by the modern and by the old policy."""
    message = raw + b"\r\n"
    modern = email.message_from_bytes(message, policy=policy.default)
    assert isinstance(modern, EmailMessage)
    assert modern.defects == []
    return modern, email.message_from_bytes(message)


def assert_well_formed(raw: bytes) -> None:
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    for number, line in enumerate(raw.decode().split("\r\n")[:-1]):
        assert len(line) <= 76
        assert line.strip()
        assert number == 0 or line.startswith(" ")
        assert line == line.rstrip()
    for word in ENCODED_WORD.findall(raw.decode()):
        assert len(word) <= 75
        str(make_header(decode_header(word)))  # no character is split: each word decodes alone


# Text


@given(texts)
@example("")
@example(" leading and trailing ")
@example("two  spaces")
@example("=?utf-8?q?a=0D=0ABcc:_x?=")
@example("a" * 250)
@example("日本語の件名はこのように長くなることがあります。" * 10)
@example(FAMILY * 10)
@example("Z" + "\u0301" * 80)
@example("word " * 49 + "word")
def test_a_subject_comes_back_as_it_was(text: str) -> None:
    raw = text_header("Subject", text)
    modern, old = parsed(raw)

    assert_well_formed(raw)
    assert raw.isascii()
    assert str(modern["Subject"]) == text
    assert str(make_header(decode_header(old["Subject"].replace("\r\n", "")))) == text


def test_plain_words_stay_readable_in_the_raw_message() -> None:
    assert text_header("Subject", "Part 3 of 6: how sleep works") == (
        b"Subject: Part 3 of 6: how sleep works\r\n"
    )


def test_a_long_plain_subject_is_folded_at_a_space() -> None:
    raw = text_header("Subject", "word " * 30 + "end")

    assert b"=?" not in raw
    assert raw.count(b"\r\n ") == 2


def test_what_a_reader_sees_as_one_character_is_not_cut() -> None:
    raw = text_header("Subject", FAMILY * 8 + "🇩🇪" * 20 + "👍🏽" * 20 + "é́" * 20)

    for word in ENCODED_WORD.findall(raw.decode()):
        decoded = str(make_header(decode_header(word)))
        assert not decoded.startswith(("\u200d", "\u0301", "🏽"))
        assert not decoded.endswith("\u200d")
        assert len(re.findall("[🇦-🇿]", decoded)) % 2 == 0


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_can_begin_another_header(value: str) -> None:
    writers = [
        lambda: text_header("Subject", value),
        lambda: address_header("To", "ada@example.org", name=value),
        lambda: list_id_header("weekly.example.org", name=value),
        lambda: token_header("Feedback-ID", value),
        lambda: message_id_header(f"<{value}@example.org>"),
    ]
    for write in writers:
        with pytest.raises(HeaderInjectionError):
            write()
    with pytest.raises(UnusableAddressError):
        address_header("To", f"{value}@example.org")
    with pytest.raises(UnusableHeaderError):
        uris_header("List-Unsubscribe", [f"https://example.org/{value}"])


def test_the_refusal_names_header_character_and_place() -> None:
    with pytest.raises(HeaderInjectionError) as refusal:
        text_header("Subject", "Hi\u2028Bcc: x")

    assert str(refusal.value) == (
        "header holds a control character: Subject: U+2028 at position 2; remove it"
    )


@given(st.text(max_size=60))
def test_any_text_makes_one_header_or_is_refused(text: str) -> None:
    try:
        raw = text_header("Subject", text)
    except HeaderInjectionError:
        return

    assert len(parsed(raw)[0].keys()) == 1


# Addresses

NAMES = [
    "Ada",
    "Ada Lovelace",
    "Mill, John",
    'Dr. "Mill" Clinic',
    "back\\slash",
    "trailing\\",
    "a@b",
    "<a@b>",
    "(comment)",
    "semi; colon: comma, dot.",
    "Zoë",
    "日本語",
    "Ada 💆‍♀️ Lovelace",
    "=?utf-8?q?a?=",
    "Dr. X, Clinic of Everything, " * 7,
    "n" * 200,
    "é" * 200,
    FAMILY * 8,
    "  spaces  around  ",
    "tab\there",
    "it's",
    "group: a, b;",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_display_name_comes_back_equal_as_one_address(name: str) -> None:
    assert_name_survives(name)


@given(texts.filter(bool))
def test_any_display_name_comes_back_equal_as_one_address(name: str) -> None:
    assert_name_survives(name)


def assert_name_survives(name: str) -> None:
    raw = address_header("From", "hello@riverside.example", name=name)
    modern, old = parsed(raw)

    assert_well_formed(raw)
    assert raw.isascii()
    (address,) = modern["From"].addresses
    assert address.addr_spec == "hello@riverside.example"
    # In names, early versions of the modern parser put a space between two encoded words, and
    # make one of several, against RFC 2047, 6.2; the old parser below is exact.
    assert "".join(address.display_name.split()) == "".join(name.split())
    encoded, found = parseaddr(old["From"].replace("\r\n", ""))
    assert found == "hello@riverside.example"
    assert str(make_header(decode_header(encoded))) == name


def test_an_address_alone_stands_alone() -> None:
    assert address_header("To", "ada@example.org") == b"To: ada@example.org\r\n"


def test_an_internationalised_domain_is_written_as_a_label() -> None:
    raw = address_header("To", "ada@bücher.example", name="Ada")

    assert raw == b"To: Ada <ada@xn--bcher-kva.example>\r\n"


def test_a_local_part_outside_ascii_is_left_for_smtputf8() -> None:
    raw = address_header("To", "zoë@bücher.example")

    assert raw == "To: zoë@xn--bcher-kva.example\r\n".encode()


# Lists, ids, tokens


@pytest.mark.parametrize("length", [10, 75, 85, 300, 900])
def test_unsubscribe_links_are_neither_encoded_nor_folded(length: int) -> None:
    url = "https://post.riverside.example/u/" + "a" * (length - 33)
    mailto = "mailto:leave@riverside.example?subject=" + "b" * (length // 2)

    raw = uris_header("List-Unsubscribe", [url, mailto])

    assert raw == f"List-Unsubscribe: <{url}>,\r\n <{mailto}>\r\n".encode()
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "uri",
    [
        "no uri",
        "https://x.example/ä",
        "https://x.example/a b",
        "https://x.example/>,<",
        "",
        "https://x.example/" + "a" * 980,
    ],
)
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(UnusableHeaderError, match="it must be a URI in ASCII that fits a line"):
        uris_header("List-Unsubscribe", [uri])


def test_the_refusal_of_a_value_says_what_it_must_look_like() -> None:
    with pytest.raises(UnusableHeaderError) as refusal:
        message_id_header("abc")

    assert str(refusal.value) == (
        "header cannot be written: Message-ID: 'abc': it must look like <left@domain>"
    )


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("Your weekly series", b'List-Id: "Your weekly series" <weekly.riverside.example>\r\n'),
        ('the "best"', b'List-Id: "the \\"best\\"" <weekly.riverside.example>\r\n'),
        ("", b"List-Id: <weekly.riverside.example>\r\n"),
        ("Für Köln", b"List-Id: <weekly.riverside.example>\r\n"),
        ("=?utf-8?q?a?=", b"List-Id: <weekly.riverside.example>\r\n"),
        ("n" * 60, b"List-Id: <weekly.riverside.example>\r\n"),
    ],
)
def test_a_list_id_has_its_name_only_where_it_needs_no_encoding(name: str, raw: bytes) -> None:
    assert list_id_header("weekly.riverside.example", name=name) == raw


@pytest.mark.parametrize("list_id", ["weekly", "a b.example", "<x.example>", ""])
def test_a_list_id_is_a_dotted_name(list_id: str) -> None:
    with pytest.raises(UnusableHeaderError, match=r"it must look like list\.domain"):
        list_id_header(list_id)


@pytest.mark.parametrize("value", ["", "a b", "ä"])
def test_a_token_is_one_word_of_visible_ascii(value: str) -> None:
    with pytest.raises(UnusableHeaderError, match="only visible ASCII characters are allowed"):
        token_header("Feedback-ID", value)


def test_a_token_fits_a_line() -> None:
    assert token_header("Feedback-ID", "a:b:c:riverside") == b"Feedback-ID: a:b:c:riverside\r\n"
    with pytest.raises(UnusableHeaderError, match="it does not fit a line"):
        token_header("Feedback-ID", "a" * 990)
