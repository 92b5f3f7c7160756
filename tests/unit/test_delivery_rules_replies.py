"""A refusal is blamed on the right one: the person, the message, the clinic, the relay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.rules.replies import ReplyClass, classify, enhanced_code
from delivery.rules.stages import Stage

RC = ReplyClass

# Replies as relays and providers really give them.
REPLIES = [
    # the person: no such mailbox
    ("rcpt", "550 5.1.1 <zoe@x.example>: Recipient address rejected: User unknown", RC.HARD),
    ("rcpt", "550-5.1.1 The email account that you tried to reach does not exist.", RC.HARD),
    ("rcpt", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", RC.HARD),
    ("rcpt", "550 5.1.2 Host unknown", RC.HARD),
    ("rcpt", "556 5.1.10 Recipient address has null MX", RC.HARD),
    ("rcpt", "550 5.2.1 The email account that you tried to reach is disabled.", RC.HARD),
    ("rcpt", "550 5.5.0 Requested action not taken: mailbox not found", RC.HARD),
    ("rcpt", "550 5.0.0 No such user here", RC.HARD),
    ("rcpt", "550 No such user here", RC.HARD),
    ("rcpt", "550 Unknown user", RC.HARD),
    ("rcpt", "550 5.7.17 Mailbox owner has changed", RC.HARD),
    # the person, for now
    ("rcpt", "552 5.2.2 The email account that you tried to reach is over quota.", RC.FULL),
    ("rcpt", "452 4.2.2 The recipient's inbox is out of storage space.", RC.FULL),
    ("rcpt", "552 mailbox size limit", RC.FULL),
    ("rcpt", "550 Mailbox full", RC.FULL),
    ("rcpt", "450 mailbox is full", RC.FULL),
    # the message
    ("mail", "552 5.3.4 Message size exceeds fixed limit", RC.TOO_BIG),
    ("rcpt", "552 5.2.3 Message length exceeds administrative limit", RC.TOO_BIG),
    ("dot", "552 message too large", RC.TOO_BIG),
    ("dot", "554 Transaction failed", RC.CONTENT),
    ("dot", "550 Message refused", RC.CONTENT),
    # us: reputation and authentication
    ("rcpt", "554 5.7.1 Service unavailable; Client host blocked using zen.example", RC.POLICY),
    ("rcpt", "550 5.7.1 Relaying denied", RC.POLICY),
    ("rcpt", "554 Relay access denied", RC.POLICY),
    (
        "dot",
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.",
        RC.POLICY,
    ),
    ("dot", "550 5.7.515 Access denied, sending domain does not meet the level", RC.POLICY),
    ("dot", "554 Message rejected as spam", RC.POLICY),
    ("rcpt", "550 5.1.8 Sender address rejected: Domain not found", RC.POLICY),
    ("rcpt", "550 5.1.7 Bad sender address", RC.POLICY),
    ("mail", "550 Sender rejected", RC.POLICY),
    ("greeting", "554 no SMTP service here", RC.POLICY),
    # our login
    ("login", "535 5.7.8 Authentication credentials invalid", RC.LOGIN),
    ("mail", "530 5.7.0 Authentication required", RC.LOGIN),
    ("mail", "550 5.7.9 Please log in via your web browser", RC.LOGIN),
    # a defect of this program
    ("mail", "501 5.5.4 Invalid arguments", RC.OUR_FAULT),
    ("rcpt", "503 bad sequence of commands", RC.OUR_FAULT),
    ("mail", "555 parameters not recognised", RC.OUR_FAULT),
    ("dot", "554 5.6.1 Body type not supported", RC.OUR_FAULT),
    # too fast
    ("mail", "454 Throttling failure: Maximum sending rate exceeded.", RC.RATE),
    ("mail", "454 4.7.0 Temporary authentication failure", RC.RATE),
    ("rcpt", "421 4.7.0 [TSS04] Messages deferred due to unexpected volume", RC.RATE),
    ("rcpt", "450 4.7.1 Error: too much mail from 192.0.2.1", RC.RATE),
    ("rcpt", "452 4.5.3 Too many recipients", RC.RATE),
    ("rcpt", "451 too many messages", RC.RATE),
    # on purpose, for now
    ("rcpt", "450 4.2.0 <zoe@x.example>: Recipient address rejected: Greylisted", RC.GREYLIST),
    ("rcpt", "451 4.7.1 Please try again later", RC.GREYLIST),
    # passing trouble
    ("rcpt", "451 4.3.0 Temporary lookup failure", RC.TRANSIENT),
    ("dot", "452 4.3.1 Insufficient system storage", RC.TRANSIENT),
    ("data", "451 Local error in processing", RC.TRANSIENT),
    # refused, and nobody says why: nobody is blamed
    ("rcpt", "550 5.2.0 Delivery failed", RC.UNCLEAR),
    ("address", "553 5.6.7 relay takes only addresses in ASCII", RC.UNCLEAR),
    ("rcpt", "550 5.0.350 Remote server returned an error", RC.UNCLEAR),
    ("rcpt", "550 Requested action not taken", RC.UNCLEAR),
    ("rcpt", "550 5.9.9 never heard of", RC.UNCLEAR),
]


@pytest.mark.parametrize(("stage", "reply", "expected"), REPLIES, ids=[r[1][:40] for r in REPLIES])
def test_a_refusal_is_blamed_on_the_right_one(stage: str, reply: str, expected: ReplyClass) -> None:
    code, text = int(reply[:3]), reply[4:]

    found = classify(code, enhanced=enhanced_code(code, text), stage=stage, text=text)

    assert found is expected


def test_a_lost_link_is_a_passing_trouble() -> None:
    assert classify(0, enhanced="", stage="body", text="link lost") is RC.TRANSIENT


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (550, "5.1.1 unknown", "5.1.1"),
        (550, "5.1.1", "5.1.1"),
        (250, "2.0.0 Ok", "2.0.0"),
        (550, "4.1.1 does not fit the code", ""),
        (550, "5.1.1.1 too long", ""),
        (550, "unknown 5.1.1", ""),
        (550, "", ""),
    ],
)
def test_the_enhanced_code_is_the_first_word_and_fits_the_code(
    code: int, text: str, expected: str
) -> None:
    assert enhanced_code(code, text) == expected


@given(
    st.integers(400, 599),
    st.from_regex(r"([245]\.\d{1,3}\.\d{1,3})?", fullmatch=True),
    st.sampled_from([stage.value for stage in Stage]),
    st.text(max_size=60),
)
def test_every_refusal_has_a_class_and_none_for_now_blames_an_address(
    code: int, enhanced: str, stage: str, text: str
) -> None:
    found = classify(code, enhanced=enhanced, stage=stage, text=text)

    assert found in ReplyClass
    if code < 500:
        assert found is not RC.HARD
