"""The SMTP sender keeps its connections, its secrets and its deadlines."""

from __future__ import annotations

import base64
import ssl
import threading
import time
from typing import Any

import pytest
from fault_server import (
    EXTENSIONS,
    Close,
    Do,
    Drip,
    FaultServer,
    Hang,
    Keep,
    Reset,
    Say,
    Script,
)

from delivery.errors import InsecureLoginError, LoginIncompleteError
from delivery.sender import Accepted, Deferred, Handover, RelayDown, Sender, Uncertain
from delivery.smtp import RelaySettings, SmtpSender

HANDOVER = Handover(
    delivery_id=1,
    envelope_sender="bounces+abc@riverside.example",
    recipient="ada@example.org",
    message=b"From: hello@riverside.example\r\n\r\n.\r\n..two\r\nend\r\n",
)
WITH_TLS = (*EXTENSIONS, "STARTTLS")
WITH_LOGIN = (*EXTENSIONS, "AUTH PLAIN LOGIN")
LOGIN = {"username": "clinic", "password": "s3cret"}


class Clock:
    """A monotonic clock that tests can push."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def letters(count: int) -> list[Handover]:
    return [
        HANDOVER._replace(delivery_id=n, recipient=f"p{n}@example.org", message=b"n: %d\r\n" % n)
        for n in range(count)
    ]


# One message


def test_the_message_arrives_byte_for_byte_with_its_envelope(sender_to: Any) -> None:
    with FaultServer() as server:
        sender_to(server).send([HANDOVER])

    (received,) = server.messages
    assert received.content == HANDOVER.message
    assert received.mail == (
        "MAIL FROM:<bounces+abc@riverside.example> SIZE=48 RET=HDRS ENVID=bounces+2Babc"
    )
    assert received.rcpt == "RCPT TO:<ada@example.org> NOTIFY=FAILURE"
    assert server.conversations[0][0] == "EHLO post.riverside.example"


def test_nothing_is_asked_that_was_not_offered(sender_to: Any) -> None:
    with FaultServer([Script(extensions=())]) as server:
        sender_to(server).send([HANDOVER])

    assert server.messages[0].mail == "MAIL FROM:<bounces+abc@riverside.example>"
    assert server.messages[0].rcpt == "RCPT TO:<ada@example.org>"


def test_an_address_outside_ascii_travels_by_smtputf8(sender_to: Any) -> None:
    zoe = HANDOVER._replace(
        recipient="zoë@bücher.example",
        message="To: zoë@xn--bcher-kva.example\r\n\r\nHi\r\n".encode(),
        needs_smtputf8=True,
    )
    with FaultServer() as server:
        (outcome,) = sender_to(server).send([zoe])

    assert isinstance(outcome, Accepted)
    assert server.messages[0].mail.endswith(" SIZE=38 BODY=8BITMIME SMTPUTF8")
    assert server.messages[0].rcpt == "RCPT TO:<zoë@xn--bcher-kva.example>"
    assert server.messages[0].content == zoe.message


def test_a_machine_without_a_name_greets_with_its_address(sender_to: Any) -> None:
    with FaultServer() as server:
        sender_to(server, helo_name="").send([HANDOVER])

    assert server.conversations[0][0] == "EHLO [127.0.0.1]"


def test_the_smtp_sender_is_a_sender() -> None:
    sender: Sender = SmtpSender(RelaySettings(host="relay.example", connections=3))

    assert sender.connections == 3
    assert sender.send([]) == []


# Many messages


def test_outcomes_come_in_the_order_of_the_messages(sender_to: Any) -> None:
    with FaultServer() as server:
        sender = sender_to(server, connections=4)

        outcomes = sender.send(letters(30))

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert sorted(message.content for message in server.messages) == sorted(
        b"n: %d\r\n" % n for n in range(30)
    )
    assert 1 <= len(server.conversations) <= 4


def test_each_message_gets_its_own_outcome(sender_to: Any) -> None:
    with FaultServer([Script(rcpt=["250 ok", "550 5.1.1 no", "450 later", "250 ok"])]) as server:
        outcomes = sender_to(server, connections=1).send(letters(4))

    assert [type(outcome).__name__ for outcome in outcomes] == [
        "Accepted",
        "Refused",
        "Deferred",
        "Accepted",
    ]
    assert [message.content for message in server.messages] == [b"n: 0\r\n", b"n: 3\r\n"]


def test_a_connection_is_used_again_and_ended_after_its_share(sender_to: Any) -> None:
    with FaultServer() as server:
        sender_to(server, connections=1, messages_per_connection=4).send(letters(10))

    assert len(server.conversations) == 3
    assert [sum(line == "DATA" for line in talk) for talk in server.conversations] == [4, 4, 2]
    assert all(talk[-1] == "QUIT" for talk in server.conversations[:2])


def test_a_connection_that_rested_too_long_is_replaced(sender_to: Any) -> None:
    clock = Clock()
    with FaultServer() as server:
        sender = sender_to(server, clock=clock)
        sender.send([HANDOVER])
        clock.ahead = 61

        (outcome,) = sender.send([HANDOVER])

    assert isinstance(outcome, Accepted)
    assert len(server.conversations) == 2
    assert server.conversations[0][-1] == "QUIT"


def test_closing_ends_sessions_politely_and_sending_may_go_on(sender_to: Any) -> None:
    with FaultServer() as server:
        sender = sender_to(server)
        sender.send([HANDOVER])
        sender.close()

        (outcome,) = sender.send([HANDOVER])
        sender.close()

    assert isinstance(outcome, Accepted)
    assert [talk[-1] for talk in server.conversations] == ["QUIT", "QUIT"]


@pytest.mark.parametrize(
    "second_mail",
    [("421 4.4.2 idle for too long", Close()), Close(), Reset()],
    ids=["421", "closed", "cut"],
)
def test_a_kept_connection_that_is_gone_costs_nothing(sender_to: Any, second_mail: Any) -> None:
    with FaultServer([Script(mail=["250 ok", second_mail]), Script()]) as server:
        sender = sender_to(server)
        sender.send([HANDOVER])

        (outcome,) = sender.send([HANDOVER])

    assert isinstance(outcome, Accepted)
    assert len(server.messages) == 2


def test_a_kept_connection_on_which_the_relay_said_goodbye_is_replaced(sender_to: Any) -> None:
    goodbye = (Keep(), Say(b"250 kept\r\n421 4.3.2 going down\r\n"), Close())
    with FaultServer([Script(dot=goodbye), Script()]) as server:
        sender = sender_to(server)

        outcomes = [sender.send([HANDOVER])[0] for _ in range(2)]

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]
    assert len(server.messages) == 2


def test_a_stale_connection_is_tried_anew_only_once(sender_to: Any) -> None:
    gone = Script(mail=Close())
    with FaultServer([Script(mail=["250 ok", Close()]), gone]) as server:
        sender = sender_to(server)
        sender.send([HANDOVER])

        (outcome,) = sender.send([HANDOVER])

    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.stage) == (0, "mail")
    assert len(server.conversations) == 2


def test_past_the_envelope_nothing_is_tried_anew(sender_to: Any) -> None:
    with FaultServer([Script(dot=[(Keep(), "250 ok"), (Keep(), Reset())])]) as server:
        sender = sender_to(server)
        sender.send([HANDOVER])

        (outcome,) = sender.send([HANDOVER])

    assert isinstance(outcome, Uncertain)
    assert len(server.conversations) == 1
    assert len(server.messages) == 2


def test_what_waits_too_long_for_a_connection_is_not_sent_at_all(sender_to: Any) -> None:
    clock = Clock()

    with FaultServer([Script(dot=(Keep(), Hang()))]) as server:
        sender = sender_to(server, connections=1, clock=clock, timeouts={"dot": 3.0})
        late = threading.Timer(1.0, lambda: setattr(clock, "ahead", 10))
        late.start()

        first, second = sender.send(letters(2))

    assert isinstance(first, Uncertain)
    assert second == Deferred(
        "hand-over deadline passed before a connection was free", first.relay, stage="waiting"
    )
    assert [message.content for message in server.messages] == [b"n: 0\r\n"]


def test_the_dot_is_not_written_after_the_deadline(sender_to: Any) -> None:
    """A worker that slept between the mark and the dot must not send any more."""
    clock = Clock()
    sleep = Do(lambda: setattr(clock, "ahead", 10))
    with FaultServer([Script(data=(sleep, "354 go on"), extensions=())]) as server:
        sender = sender_to(server, clock=clock, timeouts={"handover": 5.0})

        (outcome,) = sender.send([HANDOVER])

    assert outcome in (
        Deferred("time ran out at body", outcome.relay, stage="body"),
        Deferred("no answer in time at data", outcome.relay, stage="data"),
    )
    assert server.messages == []


# A relay that is down, or busy


def test_a_relay_that_is_not_there_is_down_for_the_whole_group(sender_to: Any) -> None:
    with FaultServer() as server:
        pass

    outcomes = sender_to(server, connections=2).send(letters(5))

    down = "relay cannot be used: no connection: connection refused (at connect)"
    assert outcomes == [RelayDown(down, f"127.0.0.1:{server.port}")] * 5


def test_a_relay_whose_name_is_unknown_is_down(sender_to: Any) -> None:
    with FaultServer() as server:
        (outcome,) = sender_to(server, host="a" * 70 + ".example", security="none").send([HANDOVER])

    assert isinstance(outcome, RelayDown)
    assert outcome.reply.startswith("relay cannot be used: no connection:")
    assert not outcome.needs_operator


def test_a_relay_that_allows_one_connection_gets_everything_over_that_one(
    sender_to: Any,
) -> None:
    busy = Script(greeting=("421 4.7.0 too many connections", Close()))
    with FaultServer([Script(), busy]) as server:
        outcomes = sender_to(server, connections=5).send(letters(20))

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert len({message.content for message in server.messages}) == len(server.messages) == 20
    assert {message.connection for message in server.messages} == {0}


def test_a_defect_of_ours_spoils_one_message_and_not_the_group(
    sender_to: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultServer() as server:
        sender = sender_to(server, connections=1)
        broken, *others = letters(3)

        outcomes = sender.send([broken._replace(message=None), *others])  # type: ignore[arg-type]

    assert outcomes[0] == Deferred("hand-over broke off at mail", outcomes[0].relay, stage="mail")
    assert [type(outcome) for outcome in outcomes[1:]] == [Accepted, Accepted]
    assert "hand-over broke off: delivery 0" in caplog.text


# Encryption


def test_starttls_is_used_when_it_is_wanted_and_the_certificate_is_right(
    sender_to: Any, certificates: Any
) -> None:
    with FaultServer([Script(extensions=WITH_TLS)], tls=certificates.right) as server:
        sender = sender_to(server, security="starttls", ca_file=str(certificates.authority))
        outcomes = sender.send(letters(2))

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert all(message.encrypted for message in server.messages)
    assert [line.split()[0] for line in server.conversations[0]][:4] == [
        "EHLO",
        "STARTTLS",
        "EHLO",
        "MAIL",
    ]


def test_tls_from_the_first_byte(sender_to: Any, certificates: Any) -> None:
    big = HANDOVER._replace(message=b"x" * 70_000 + b"\r\n")
    with FaultServer(tls=certificates.right, tls_at_once=True) as server:
        sender = sender_to(server, security="tls", ca_file=str(certificates.authority))
        (outcome,) = sender.send([big])

    assert isinstance(outcome, Accepted)
    assert server.messages[0].content == big.message


def test_opportunistic_takes_encryption_where_it_is_offered(
    sender_to: Any, certificates: Any
) -> None:
    for extensions, encrypted in ((WITH_TLS, True), (EXTENSIONS, False)):
        with FaultServer([Script(extensions=extensions)], tls=certificates.right) as server:
            sender_to(server, security="opportunistic").send([HANDOVER])

        assert [message.encrypted for message in server.messages] == [encrypted]


def test_opportunistic_goes_on_when_the_relay_takes_its_offer_back(sender_to: Any) -> None:
    script = Script(extensions=WITH_TLS, starttls="454 4.7.0 not just now")
    with FaultServer([script]) as server:
        (outcome,) = sender_to(server, security="opportunistic").send([HANDOVER])

    assert isinstance(outcome, Accepted)


BAD_TLS = [
    ("stripped", Script(), "relay does not offer STARTTLS (at tls)", True),
    (
        "refused for now",
        Script(extensions=WITH_TLS, starttls="454 4.7.0 not just now"),
        "454 4.7.0 not just now (at tls)",
        False,
    ),
    (
        "refused",
        Script(extensions=WITH_TLS, starttls="502 5.5.1 what?"),
        "502 5.5.1 what? (at tls)",
        True,
    ),
    (
        "broken",
        Script(extensions=WITH_TLS, starttls=("220 go", Drip("no TLS at all", 0.01), Close())),
        "encryption failed: wrong version number (at tls)",
        True,
    ),
    (
        "cut",
        Script(extensions=WITH_TLS, starttls=(Say(b"220 go\r\n"), Close())),
        "link lost at tls (at tls)",
        False,
    ),
    (
        "silent",
        Script(extensions=WITH_TLS, starttls=(Say(b"220 go\r\n"), Hang())),
        "no answer in time at tls (at tls)",
        False,
    ),
    (
        "preceded by words that somebody put in",
        Script(extensions=WITH_TLS, starttls=(Say(b"220 go\r\n250 AUTH PLAIN\r\n"), Hang())),
        "relay spoke before encryption began (at tls)",
        True,
    ),
]


@pytest.mark.parametrize(
    ("_name", "script", "why", "operator"), BAD_TLS, ids=[c[0] for c in BAD_TLS]
)
def test_without_the_encryption_that_is_required_nothing_is_sent(
    sender_to: Any, _name: str, script: Script, why: str, operator: bool
) -> None:
    with FaultServer([script]) as server:
        sender = sender_to(server, security="starttls", timeouts={"greeting": 0.5})
        (outcome,) = sender.send([HANDOVER])

    reply = f"relay cannot be used: {why}"
    assert outcome == RelayDown(reply, outcome.relay, needs_operator=operator)
    assert not any(line.startswith("MAIL") for line in server.conversations[0])


@pytest.mark.parametrize("security", ["starttls", "tls", "opportunistic"])
def test_a_certificate_for_another_name_is_refused(
    sender_to: Any, certificates: Any, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    monkeypatch.setattr(RelaySettings, "is_this_machine", False)  # as if it were far away
    context, at_once = certificates.wrong_name, security == "tls"
    with FaultServer([Script(extensions=WITH_TLS)], tls=context, tls_at_once=at_once) as server:
        ca_file = str(certificates.authority)
        (outcome,) = sender_to(server, security=security, ca_file=ca_file).send([HANDOVER])

    assert isinstance(outcome, RelayDown)
    assert outcome.needs_operator
    assert "certificate refused: ip address mismatch" in outcome.reply.lower()
    assert server.messages == []


def test_a_certificate_of_an_unknown_authority_is_refused(
    sender_to: Any, certificates: Any
) -> None:
    with FaultServer([Script(extensions=WITH_TLS)], tls=certificates.right) as server:
        (outcome,) = sender_to(server, security="starttls").send([HANDOVER])

    assert isinstance(outcome, RelayDown)
    assert "certificate refused: unable to get local issuer" in outcome.reply


def test_a_file_of_certificates_that_is_not_there_is_named(
    sender_to: Any, certificates: Any
) -> None:
    with FaultServer([Script(extensions=WITH_TLS)], tls=certificates.right) as server:
        sender = sender_to(server, security="starttls", ca_file="no/such/file.pem")
        (outcome,) = sender.send([HANDOVER])

    assert isinstance(outcome, RelayDown)
    assert outcome.needs_operator
    assert "certificates cannot be read: no/such/file.pem" in outcome.reply


# Login


def login_lines(server: FaultServer) -> list[str]:
    return [line for line in server.conversations[0] if not line.startswith(("EHLO", "QUIT"))]


def test_login_by_plain(sender_to: Any) -> None:
    with FaultServer([Script(extensions=WITH_LOGIN)]) as server:
        (outcome,) = sender_to(server, **LOGIN).send([HANDOVER])

    token = base64.b64encode(b"\0clinic\0s3cret").decode()
    assert isinstance(outcome, Accepted)
    assert login_lines(server)[0] == f"AUTH PLAIN {token}"


@pytest.mark.parametrize("offer", ["AUTH LOGIN", "AUTH=LOGIN CRAM-MD5"])
def test_login_by_login(sender_to: Any, offer: str) -> None:
    with FaultServer([Script(extensions=(offer,))]) as server:
        (outcome,) = sender_to(server, **LOGIN).send([HANDOVER])

    assert isinstance(outcome, Accepted)
    assert [base64.b64decode(line) for line in login_lines(server)[1:3]] == [b"clinic", b"s3cret"]


@pytest.mark.parametrize(
    ("reply", "operator"),
    [("535 5.7.8 wrong password", True), ("454 4.7.0 try later", False)],
)
def test_a_refused_login_is_the_relays_affair_and_nobody_elses(
    sender_to: Any, reply: str, operator: bool
) -> None:
    with FaultServer([Script(extensions=WITH_LOGIN, auth=reply)]) as server:
        outcomes = sender_to(server, connections=1, **LOGIN).send(letters(3))

    down = RelayDown(f"relay cannot be used: {reply} (at login)", outcomes[0].relay, operator)
    assert outcomes == [down] * 3
    assert len(server.conversations) == 1
    assert "s3cret" not in str(outcomes)


def test_a_relay_without_a_way_to_log_in_needs_the_operator(sender_to: Any) -> None:
    with FaultServer([Script(extensions=("AUTH CRAM-MD5",))]) as server:
        (outcome,) = sender_to(server, **LOGIN).send([HANDOVER])

    assert isinstance(outcome, RelayDown)
    assert outcome.needs_operator
    assert "relay offers no login by PLAIN or LOGIN" in outcome.reply


def test_a_password_is_not_sent_when_encryption_was_stripped(sender_to: Any) -> None:
    with FaultServer([Script(extensions=WITH_LOGIN)]) as server:
        (outcome,) = sender_to(server, security="opportunistic", **LOGIN).send([HANDOVER])

    assert isinstance(outcome, RelayDown)
    assert outcome.needs_operator
    assert "relay offers no encryption; the password is not sent in the clear" in outcome.reply
    assert not any("AUTH" in line for line in server.conversations[0])


def test_settings_that_would_give_the_password_away_are_refused() -> None:
    with pytest.raises(InsecureLoginError, match=r"in the clear: relay\.example; set its security"):
        RelaySettings(host="relay.example", security="none", **LOGIN)
    for host in ("localhost", "127.0.0.1", "::1"):
        RelaySettings(host=host, security="none", **LOGIN)


def test_half_a_login_is_refused() -> None:
    with pytest.raises(LoginIncompleteError, match=r"both user name and password: relay\.example"):
        RelaySettings(host="relay.example", username="clinic")


def test_the_password_is_not_shown() -> None:
    assert "s3cret" not in repr(RelaySettings(host="relay.example", **LOGIN))


# A look at the relay


def test_a_look_at_a_relay_says_what_it_is_like(sender_to: Any, certificates: Any) -> None:
    script = Script(extensions=("STARTTLS", "PIPELINING", "AUTH PLAIN"))
    with FaultServer([script], tls=certificates.right) as server:
        settings = {"security": "starttls", "ca_file": str(certificates.authority), **LOGIN}
        report = sender_to(server, **settings).check()

    assert report.usable
    assert report.text == (
        f"relay 127.0.0.1:{server.port} answers (fault.example ESMTP): "
        "encrypted with TLSv1.3; logged in as clinic; offers AUTH, PIPELINING, STARTTLS"
    )
    assert server.conversations[0][-1] == "QUIT"
    assert ssl.HAS_TLSv1_3


def test_a_look_at_a_plain_relay(sender_to: Any) -> None:
    with FaultServer([Script(extensions=())]) as server:
        report = sender_to(server).check()

    assert report.text.endswith("not encrypted; without login; offers no extensions")


def test_a_look_at_a_relay_that_cannot_be_used_says_why(sender_to: Any) -> None:
    with FaultServer([Script(greeting="554 5.7.1 go away")]) as server:
        report = sender_to(server).check()

    assert not report.usable
    assert report.needs_operator
    assert report.text == (
        f"relay 127.0.0.1:{server.port} cannot be used: 554 5.7.1 go away (at greeting)"
    )
