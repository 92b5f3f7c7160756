"""Whatever a relay does, the outcome tells the truth: before the dot, after it, or refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fault_server import (
    EXTENSIONS,
    After,
    Close,
    Drip,
    FaultServer,
    Hang,
    Keep,
    Reset,
    Say,
    Script,
)

from delivery.sender import Accepted, Deferred, Handover, Outcome, Refused, RelayDown, Uncertain

HANDOVER = Handover(
    delivery_id=1,
    envelope_sender="bounces+abc@riverside.example",
    recipient="ada@example.org",
    message=b"From: hello@riverside.example\r\nTo: ada@example.org\r\n\r\nHello\r\n.dot\r\n",
)
BIG = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 120_000
SHORT = 0.3  # seconds: what a test waits for a relay that does not answer

STEPWISE = tuple(name for name in EXTENSIONS if name != "PIPELINING")
OK = "250 2.0.0 kept"
R = "relay"


def accepted(reply: str = OK) -> Accepted:
    return Accepted(reply, R)


def lost(stage: str, why: str = "link lost") -> Deferred:
    return Deferred(f"{why} at {stage}", R, 0, "", stage)


def down(reply: str, stage: str, *, needs_operator: bool = False) -> RelayDown:
    return RelayDown(f"relay cannot be used: {reply} (at {stage})", R, needs_operator)


@dataclass(frozen=True)
class Case:
    """One script, and what must come of it."""

    name: str
    script: Script | list[Script]
    outcome: Outcome
    kept: int | None = 0  # messages the server has taken; None: as chance has it
    connections: int = 1
    timeouts: dict[str, float] = field(default_factory=dict)
    handover: dict[str, Any] = field(default_factory=dict)


def both_ways(name: str, outcome: Outcome, kept: int = 0, **script: Any) -> list[Case]:
    """Make the case with and without pipelining."""
    return [
        Case(f"{name}, pipelined", Script(**script), outcome, kept),
        Case(f"{name}, step by step", Script(extensions=STEPWISE, **script), outcome, kept),
    ]


CASES = [
    # It goes well
    *both_ways("accepted", accepted(), 1),
    Case(
        "accepted with a reply of several lines",
        Script(dot=(Keep(), "250-2.0.0 kept\r\n250-as\r\n250 number 7")),
        accepted("250 2.0.0 kept as number 7"),
        1,
    ),
    Case("accepted with a bare code", Script(dot=(Keep(), "250")), accepted("250"), 1),
    Case(
        "accepted byte by byte",
        Script(greeting=Drip("220 hi"), mail=Drip("250 ok"), dot=(Keep(), Drip("250 fine"))),
        accepted("250 fine"),
        1,
    ),
    Case(
        "accepted by a relay that ends its lines with LF only",
        Script(dot=(Keep(), Say(b"250 ok\n"))),
        accepted("250 ok"),
        1,
    ),
    Case(
        "accepted by a relay that knows no extensions",
        Script(ehlo="502 5.5.1 what?"),
        accepted(),
        1,
    ),
    Case(
        "a reply with harmful characters is made harmless",
        Script(dot=(Keep(), Say(b"250 a\0b\x1b[2J\xff\t c\r\n"))),
        accepted("250 a?b?[2J\N{REPLACEMENT CHARACTER}? c"),
        1,
    ),
    # The recipient
    *both_ways(
        "no such user",
        Refused("550 5.1.1 unknown", R, 550, "5.1.1", "rcpt"),
        rcpt="550 5.1.1 unknown",
    ),
    *both_ways(
        "greylisted", Deferred("450 4.2.0 later", R, 450, "4.2.0", "rcpt"), rcpt="450 4.2.0 later"
    ),
    *both_ways(
        "a refusal of several lines",
        Refused("550 5.1.1 no such user", R, 550, "5.1.1", "rcpt"),
        rcpt="550-5.1.1 no such\r\n550 user",
    ),
    *both_ways(
        "421 at RCPT",
        Deferred("421 4.7.0 busy", R, 421, "4.7.0", "rcpt"),
        rcpt=("421 4.7.0 busy", Close()),
    ),
    *both_ways("cut at RCPT", lost("rcpt"), rcpt=Reset()),
    *both_ways("closed at RCPT", lost("rcpt"), rcpt=Close()),
    Case(
        "the recipient is refused, yet the relay waits for a body: it gets none",
        Script(rcpt="550 5.1.1 unknown", data="354 go on"),
        Refused("550 5.1.1 unknown", R, 550, "5.1.1", "rcpt"),
    ),
    Case(
        "the recipient is refused and then the link lost",
        Script(rcpt=("550 5.1.1 unknown", Close())),
        Refused("550 5.1.1 unknown", R, 550, "5.1.1", "rcpt"),
    ),
    # The sender
    *both_ways(
        "the sender is refused",
        Refused("550 5.7.1 not you", R, 550, "5.7.1", "mail"),
        mail="550 5.7.1 not you",
    ),
    *both_ways(
        "throttled at MAIL",
        Deferred("454 slow down", R, 454, "", "mail"),
        mail="454 slow down",
    ),
    *both_ways("421 at MAIL", Deferred("421 bye", R, 421, "", "mail"), mail=("421 bye", Close())),
    *both_ways("cut at MAIL", lost("mail"), mail=Reset()),
    Case(
        "nonsense at MAIL",
        Script(mail=Say(b"hello there\r\n")),
        lost("mail", "malformed reply 'hello there'"),
    ),
    Case(
        "a reply whose lines have different codes",
        Script(mail=Say(b"250-ok\r\n251 ok\r\n")),
        lost("mail", "malformed reply '251 ok'"),
    ),
    Case(
        "a reply without an end",
        Script(mail=Say(b"250-ok\r\n" * 200)),
        lost("mail", "malformed reply '250-ok'"),
    ),
    Case(
        "a line without an end",
        Script(mail=Say(b"250 " + b"x" * 20_000)),
        lost("mail", "reply too long"),
    ),
    Case(
        "a reply of the wrong kind",
        Script(mail="354 go on"),
        lost("mail", "malformed reply '354 go on'"),
    ),
    # DATA
    *both_ways(
        "refused at DATA",
        Refused("554 5.7.1 no", R, 554, "5.7.1", "data"),
        data="554 5.7.1 no",
    ),
    *both_ways(
        "put off at DATA",
        Deferred("451 4.3.0 later", R, 451, "4.3.0", "data"),
        data=("451 4.3.0 later"),
    ),
    *both_ways("cut at DATA", lost("data"), data=Close()),
    Case(
        "250 to DATA is nonsense",
        Script(data="250 fine"),
        lost("data", "malformed reply '250 fine'"),
    ),
    Case(
        "an answer to the dot before the dot",
        Script(data=Say(b"354 go on\r\n250 2.0.0 kept\r\n")),
        lost("body", "relay spoke without being asked"),
    ),
    # The body
    Case(
        "cut after some of the body",
        Script(body=After(2000, Reset())),
        lost("body"),
        handover={"message": BIG},
    ),
    Case(
        "refused and hung up on in the middle of the body",
        Script(body=After(2000, ("552 5.3.4 too big", Close()))),
        Refused("552 5.3.4 too big", R, 552, "5.3.4", "body"),
        handover={"message": BIG},
    ),
    Case(
        "refused in the middle of the body and read to its end",
        Script(body=After(2000, "552 5.3.4 too big")),
        Refused("552 5.3.4 too big", R, 552, "5.3.4", "dot"),
        None,  # the relay's word counts
        handover={"message": BIG},
    ),
    Case(
        "praised and hung up on in the middle of the body",
        Script(body=After(2000, ("250 2.0.0 kept", Close()))),
        lost("body"),
        handover={"message": BIG},
    ),
    Case(
        "no longer read",
        Script(body=After(2000, Hang())),
        lost("body", "time ran out"),
        timeouts={"body": SHORT},
        handover={"message": BIG},
    ),
    # After the dot
    *both_ways("cut after the dot", Uncertain("link lost at dot", R), dot=Reset()),
    *both_ways("closed after the dot", Uncertain("link lost at dot", R), dot=Close()),
    *both_ways(
        "kept, then cut before the answer",
        Uncertain("link lost at dot", R),
        1,
        dot=(Keep(), Reset()),
    ),
    Case(
        "silence after the dot",
        Script(dot=(Keep(), Hang())),
        Uncertain("no answer in time at dot", R),
        1,
        timeouts={"dot": SHORT},
    ),
    Case(
        "an answer to the dot that drips too slowly",
        Script(dot=(Keep(), Drip("250 2.0.0 kept", 0.1))),
        Uncertain("no answer in time at dot", R),
        1,
        timeouts={"dot": SHORT},
    ),
    Case(
        "nonsense after the dot",
        Script(dot=(Keep(), Say(b"\xff\xfe\r\n"))),
        Uncertain("malformed reply '\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}' at dot", R),
        1,
    ),
    Case(
        "half an answer after the dot",
        Script(dot=(Keep(), Say(b"250 2.0"), Close())),
        Uncertain("link lost at dot", R),
        1,
    ),
    Case(
        "354 to the dot",
        Script(dot=(Keep(), "354 more")),
        Uncertain("malformed reply '354 more' at dot", R),
        1,
    ),
    Case(
        "content refused",
        Script(dot="554 5.6.0 no"),
        Refused("554 5.6.0 no", R, 554, "5.6.0", "dot"),
    ),
    Case(
        "storage full at the dot",
        Script(dot="452 4.3.1 full"),
        Deferred("452 4.3.1 full", R, 452, "4.3.1", "dot"),
    ),
    Case(
        "421 at the dot is an answer",
        Script(dot=("421 4.3.2 shutting down", Close())),
        Deferred("421 4.3.2 shutting down", R, 421, "4.3.2", "dot"),
    ),
    # The relay itself
    Case("421 as a greeting", Script(greeting="421 busy"), down("421 busy", "greeting")),
    Case(
        "554 as a greeting",
        Script(greeting="554 5.7.1 blocked"),
        down("554 5.7.1 blocked", "greeting", needs_operator=True),
    ),
    Case(
        "cut before the greeting",
        Script(greeting=Close()),
        down("link lost at greeting", "greeting"),
    ),
    Case(
        "no greeting",
        Script(greeting=Hang()),
        down("no answer in time at greeting", "greeting"),
        timeouts={"greeting": SHORT},
    ),
    Case(
        "a greeting that drips too slowly",
        Script(greeting=Drip("220 fault.example ESMTP", 0.1)),
        down("no answer in time at greeting", "greeting"),
        timeouts={"greeting": SHORT},
    ),
    Case(
        "a greeting that is no SMTP",
        Script(greeting=Say(b"HTTP/1.1 400 Bad Request\r\n")),
        down("malformed reply 'HTTP/1.1 400 Bad Request' at greeting", "greeting"),
    ),
    Case(
        "EHLO and HELO refused",
        Script(ehlo="550 5.7.1 who?", helo="550 5.7.1 who?"),
        down("550 5.7.1 who?", "hello", needs_operator=True),
    ),
    Case("EHLO put off", Script(ehlo="450 4.3.2 later"), down("450 4.3.2 later", "hello")),
    # Slowness
    *[
        Case(
            f"no answer to {stage.upper()}, {way}",
            Script(**{stage: Hang()}, extensions=extensions),
            lost(stage, "no answer in time"),
            timeouts={"command": SHORT, "data": SHORT},
        )
        for stage in ("mail", "rcpt", "data")
        for way, extensions in (("pipelined", EXTENSIONS), ("step by step", STEPWISE))
    ],
    Case(
        "each byte in time, the reply not",
        Script(rcpt=Drip("250 2.1.5 this takes its time", 0.1)),
        lost("rcpt", "no answer in time"),
        timeouts={"command": SHORT},
    ),
    Case(
        "the hand-over deadline passes before the dot",
        Script(data=(Drip("354 go on", 0.1),)),
        lost("data", "no answer in time"),
        timeouts={"handover": SHORT},
    ),
    # What we know without asking
    Case(
        "too big for the relay",
        Script(extensions=("PIPELINING", "SIZE 20")),
        Refused(
            "552 5.3.4 message has 67 bytes; relay takes 20 at most", R, 552, "5.3.4", "message"
        ),
    ),
    Case("SIZE 0 means no limit", Script(extensions=("SIZE 0",)), accepted(), 1),
    Case(
        "an address outside ASCII, where it is not taken",
        Script(extensions=STEPWISE[:2]),
        Refused("553 5.6.7 relay takes only addresses in ASCII", R, 553, "5.6.7", "address"),
        handover={"recipient": "zoë@example.org", "needs_smtputf8": True},
    ),
    Case(
        "an address outside ASCII, where it is taken",
        Script(),
        accepted(),
        1,
        handover={"recipient": "zoë@example.org", "needs_smtputf8": True},
    ),
    Case(
        "8-bit content, where it is not taken",
        Script(extensions=()),
        Refused("554 5.6.3 relay takes only 7-bit messages", R, 554, "5.6.3", "message"),
        handover={"message": "é\r\n".encode()},
    ),
    *[
        Case(
            f"a message with {what}",
            Script(),
            Refused(
                "554 5.6.0 message has a line that does not end with CRLF",
                R,
                554,
                "5.6.0",
                "message",
            ),
            handover={"message": message},
        )
        for what, message in (
            ("no CRLF at its end", b"Subject: x\r\n\r\nhello"),
            ("a bare LF", b"Subject: x\r\n\r\nhello\n.\nMAIL FROM:<>\r\n"),
            ("a bare CR", b"Subject: x\r\n\r\nhello\r.\rMAIL FROM:<>\r\n"),
            ("nothing in it", b""),
        )
    ],
    Case(
        "a recipient that would add a command",
        Script(),
        Refused(
            "553 5.1.3 recipient cannot be used: the part before @ is malformed",
            R,
            553,
            "5.1.3",
            "address",
        ),
        handover={"recipient": "a>\r\nRCPT TO:<b@example.org"},
    ),
    Case(
        "an envelope sender that is none",
        Script(),
        Refused(
            "553 5.1.7 envelope sender cannot be used: it has no @", R, 553, "5.1.7", "address"
        ),
        handover={"envelope_sender": "bounces"},
    ),
    Case("the null sender", Script(), accepted(), 1, handover={"envelope_sender": ""}),
]


def without_relay(outcome: Outcome) -> Outcome:
    return replace(outcome, relay=R)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_outcome_tells_the_truth(sender_to: Any, case: Case) -> None:
    scripts = case.script if isinstance(case.script, list) else [case.script]
    with FaultServer(scripts) as server:
        sender = sender_to(server, timeouts=case.timeouts)

        (outcome,) = sender.send([HANDOVER._replace(**case.handover)])

    assert without_relay(outcome) == case.outcome
    assert outcome.relay == f"127.0.0.1:{server.port}"
    assert case.kept in (None, len(server.messages))
    assert len(server.conversations) == case.connections
    if isinstance(outcome, Accepted):
        assert server.messages[0].content == HANDOVER._replace(**case.handover).message


def test_there_are_scripts_enough() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize("extensions", [EXTENSIONS, STEPWISE], ids=["pipelined", "step by step"])
@pytest.mark.parametrize(
    "refused",
    [
        {"mail": ["550 no", "250 ok"]},
        {"rcpt": ["550 no", "250 ok"]},
        {"dot": ["554 no", (Keep(), OK)]},
    ],
    ids=["MAIL", "RCPT", "dot"],
)
def test_after_a_refusal_the_connection_serves_the_next_message(
    sender_to: Any, refused: dict[str, Any], extensions: tuple[str, ...]
) -> None:
    with FaultServer([Script(**refused, extensions=extensions)]) as server:
        sender = sender_to(server)

        first = sender.send([HANDOVER])
        second = sender.send([HANDOVER])
        sender.close()

    assert isinstance(first[0], Refused)
    assert isinstance(second[0], Accepted)
    assert len(server.conversations) == 1
    commands = [line.partition(" ")[0] for line in server.conversations[0]]
    assert ("RSET" in commands) == ("dot" not in refused)
    assert commands[-1] == "QUIT"


def test_data_is_never_said_after_a_refused_recipient_step_by_step(sender_to: Any) -> None:
    with FaultServer([Script(rcpt="550 no", extensions=STEPWISE)]) as server:
        sender_to(server).send([HANDOVER])

    assert [line[:4] for line in server.conversations[0]] == ["EHLO", "MAIL", "RCPT", "RSET"]


def test_a_relay_that_refuses_rset_is_left(sender_to: Any) -> None:
    scripts = [Script(rcpt="550 no", rset="421 bye"), Script()]
    with FaultServer(scripts) as server:
        sender = sender_to(server)
        sender.send([HANDOVER])

        (second,) = sender.send([HANDOVER])

    assert isinstance(second, Accepted)
    assert len(server.conversations) == 2
