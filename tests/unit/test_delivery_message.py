"""A composed message is what messages.md asks for, read from its raw bytes."""

from __future__ import annotations

import email
import quopri
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.errors import (
    HeaderInjectionError,
    UnencodableTextError,
    UnusableAddressError,
    UnusableHeaderError,
)
from delivery.message import Letter, compose, derive_boundary, message_id, quoted_printable
from delivery.smtp_session import _is_well_formed, _stuffed
from storage.signing import KeyRing, new_public_id
from templates.compiler.transfer import encoded

KEYS = KeyRing.from_text("5a" * 32)
LETTER = Letter(
    from_name='Mill, Riverside "Clinic"',
    from_address="hello@riverside.example",
    to_address="ada@example.org",
    to_name="Ada 💆",
    subject="Part 3 of 6: Schlaf für Müde",
    text="Hello Ada,\n\n.a dot begins this line\nFrom here on\ntrailing space \n",
    html="<p>Hello Ada, – ✓</p>\n" + "<td>" * 60,
    message_id="<abc.def@riverside.example>",
    date=datetime(2026, 3, 2, 9, 0, 5, 123456, tzinfo=timezone(timedelta(hours=1))),
    reply_to="desk@riverside.example",
    list_id=("Your weekly series", "weekly.riverside.example"),
    unsubscribe_url="https://post.riverside.example/u/" + "a2" * 40,
    unsubscribe_mailto="leave@riverside.example?subject=" + "b3" * 30,
    one_click=True,
    feedback_id="3:series:riverside:steadypost",
)


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert [part.defects for part in message.walk()] == [[]] * len(list(message.walk()))
    return message


def assert_clean(raw: bytes) -> None:
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    body = raw.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76


def test_the_whole_message_is_clean_on_the_wire() -> None:
    assert_clean(compose(LETTER))


def test_each_header_is_there_once_and_in_no_other_form() -> None:
    message = read(compose(LETTER))

    assert message.keys() == [
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "Reply-To",
        "List-Id",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Feedback-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ]
    assert message["Date"] == "Mon, 02 Mar 2026 08:00:05 +0000"
    assert message["Message-ID"] == "<abc.def@riverside.example>"
    assert message["Subject"] == "Part 3 of 6: Schlaf für Müde"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == '"Your weekly series" <weekly.riverside.example>'
    assert message["Feedback-ID"] == "3:series:riverside:steadypost"
    assert message["Reply-To"] == "desk@riverside.example"


def test_from_and_to_are_one_address_each() -> None:
    message = read(compose(LETTER))

    (sender,), (recipient,) = message["From"].addresses, message["To"].addresses
    assert (sender.display_name, sender.addr_spec) == (
        'Mill, Riverside "Clinic"',
        "hello@riverside.example",
    )
    assert (recipient.display_name, recipient.addr_spec) == ("Ada 💆", "ada@example.org")


def test_text_comes_first_then_html_both_quoted_printable_and_equal() -> None:
    message = read(compose(LETTER))

    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    for part, content in ((text, LETTER.text), (html, LETTER.html)):
        assert part["Content-Transfer-Encoding"] == "quoted-printable"
        assert part.get_content_charset() == "utf-8"
        assert part.get_content().replace("\r\n", "\n") == content


def test_the_old_parser_reads_the_same() -> None:
    message = email.message_from_bytes(compose(LETTER))

    text, html = message.get_payload()
    assert text.get_payload(decode=True).decode().replace("\r\n", "\n") == LETTER.text
    assert html.get_payload(decode=True).decode().replace("\r\n", "\n") == LETTER.html


def test_unsubscribe_links_are_whole() -> None:
    raw = compose(LETTER)

    assert f"List-Unsubscribe: <{LETTER.unsubscribe_url}>,\r\n".encode() in raw
    assert f" <mailto:{LETTER.unsubscribe_mailto}>\r\n".encode() in raw


def test_a_mailto_link_may_be_given_whole() -> None:
    whole = LETTER._replace(unsubscribe_mailto="mailto:leave@riverside.example")

    assert read(compose(whole))["List-Unsubscribe"].endswith(" <mailto:leave@riverside.example>")


def test_a_confirmation_has_no_one_click_header() -> None:
    raw = compose(LETTER._replace(one_click=False))

    assert b"List-Unsubscribe:" in raw
    assert b"List-Unsubscribe-Post" not in raw


def test_what_a_letter_does_not_have_is_not_written() -> None:
    bare = Letter(
        "Riverside",
        "hello@riverside.example",
        "ada@example.org",
        "Hi",
        "Hi",
        "<p>Hi</p>",
        "<a.b@riverside.example>",
        LETTER.date,
        auto_submitted=False,
    )

    message = read(compose(bare))

    assert set(message.keys()) == {
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
    }


def test_one_click_needs_an_address_to_click() -> None:
    with pytest.raises(UnusableHeaderError, match="List-Unsubscribe-Post: '': one click needs"):
        compose(LETTER._replace(unsubscribe_url=""))


def test_the_same_letter_makes_the_same_bytes_at_every_attempt() -> None:
    assert compose(LETTER) == compose(LETTER._replace())
    assert compose(LETTER) != compose(LETTER._replace(message_id="<x.y@riverside.example>"))


def test_an_internationalised_domain_is_written_in_ascii() -> None:
    raw = compose(LETTER._replace(to_address="ada@bücher.example"))

    assert b"<ada@xn--bcher-kva.example>" in raw
    assert raw.isascii()


def test_a_local_part_outside_ascii_makes_only_its_own_line_non_ascii() -> None:
    raw = compose(LETTER._replace(to_address="zoë@example.org", to_name=""))

    lines = [line for line in raw.split(b"\r\n") if not line.isascii()]
    assert lines == ["To: zoë@example.org".encode()]


@pytest.mark.parametrize("hostile", ["\r\nBcc: x", "\nBcc: x", "\r", "\0", "\u2028Bcc: x"])
@pytest.mark.parametrize("field", ["from_name", "to_name", "subject", "feedback_id", "message_id"])
def test_no_merge_field_can_add_a_header(field: str, hostile: str) -> None:
    with pytest.raises(HeaderInjectionError):
        compose(LETTER._replace(**{field: f"a{hostile}"}))


@pytest.mark.parametrize("hostile", ["\r\nBcc: x", "\nBcc: x", "\0", "\u2028Bcc: x", " ", "é"])
@pytest.mark.parametrize("field", ["unsubscribe_url", "unsubscribe_mailto"])
def test_no_link_can_add_a_header(field: str, hostile: str) -> None:
    with pytest.raises(UnusableHeaderError):
        compose(LETTER._replace(**{field: f"https://x.example/{hostile}"}))


@pytest.mark.parametrize("field", ["from_address", "to_address", "reply_to"])
def test_no_address_can_add_a_header(field: str) -> None:
    with pytest.raises(UnusableAddressError):
        compose(LETTER._replace(**{field: "ada@example.org\r\nBcc: x@example.org"}))


def test_half_a_character_in_a_part_is_refused_with_its_place() -> None:
    with pytest.raises(UnencodableTextError) as refusal:
        compose(LETTER._replace(html="<p>\ud83d</p>"))

    assert str(refusal.value) == (
        "message cannot be encoded: text/html part, half a character at position 3; remove it"
    )


def test_a_text_that_looks_like_a_boundary_harms_nothing() -> None:
    first = compose(LETTER)
    boundary = read(first).get_boundary()

    message = read(compose(LETTER._replace(text=f"--{boundary}--\nstill here\n")))

    text, _html = message.iter_parts()
    assert text.get_content() == f"--{boundary}--\r\nstill here\r\n"


def test_a_boundary_that_is_in_a_part_is_not_used() -> None:
    first = derive_boundary("seed", b"nothing")
    second = derive_boundary("seed", f"a part with {first} in it".encode())

    assert first != second
    assert first == derive_boundary("seed", second.encode())


# Also lines just about as long as a line may be, with white space at their ends.
contents = st.text(max_size=400) | st.text("aé= \t\n", max_size=400)


@given(contents, contents)
@example("", "")
@example("=_" * 60, "a" * 75 + " ")
@example(" \n\t\n.\n..\nFrom \n", "\r\r\n\n\r")
@example("é" * 300, "💆" * 100)
def test_any_content_survives(text: str, html: str) -> None:
    raw = compose(LETTER._replace(text=text, html=html))

    assert_clean(raw)
    parts = list(read(raw).iter_parts())
    assert [part.get_payload(decode=True) for part in parts] == [wire(text), wire(html)]


def wire(content: str) -> bytes:
    lines = content.replace("\r\n", "\n").replace("\r", "\n")
    return lines.replace("\n", "\r\n").encode()


@given(contents)
def test_quoted_printable_is_what_the_library_reads(content: str) -> None:
    encoded = quoted_printable(content)

    assert quopri.decodestring(encoded) == wire(content)
    assert not any(line.endswith((b" ", b"\t")) for line in encoded.split(b"\r\n"))


def test_a_message_id_is_stable_and_tells_nothing() -> None:
    public_id = new_public_id()
    first = message_id(KEYS, public_id, "riverside.example")
    newer = KeyRing((b"n" * 32, *KEYS.keys))

    assert first == message_id(newer, public_id, "riverside.example")
    assert first != message_id(KEYS, new_public_id(), "riverside.example")
    assert first.startswith(f"<{public_id}.")
    assert first.endswith("@riverside.example>")
    assert compose(LETTER._replace(message_id=first)).count(first.encode()) == 1


def test_the_date_is_utc_whatever_zone_it_was_given_in() -> None:
    summer = LETTER._replace(date=datetime(2026, 7, 1, 12, tzinfo=UTC))

    assert b"\r\nDate:" in b"\r\n" + compose(summer)
    assert read(compose(summer))["Date"].datetime == summer.date


@given(
    st.text(st.one_of(st.sampled_from(".\r\n\t =F-"), st.characters(exclude_categories=("Cs",))))
)
@example(".")
@example("..\r.\n.")
def test_a_letter_of_encoded_parts_goes_out_as_it_is(part: str) -> None:
    letter = LETTER._replace(text=encoded(part).encode(), html=encoded(f"{part}\n").encode())

    raw = compose(letter)

    assert letter.is_encoded
    assert _stuffed(raw) == raw
    assert _is_well_formed(raw)
