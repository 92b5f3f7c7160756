"""What a receiver gets, byte by byte: a step of the shipped series and a confirmation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fault_server import EXTENSIONS, FaultServer, Keep, Received, Script

import templates
from campaigns.publishing import import_series
from campaigns.series_folder import read_series_folder
from campaigns.site import Site
from delivery.rules.envelope import read_envelope_sender
from delivery.rules.states import State
from delivery.store import find_by_public_id
from storage.database import Database
from subscribers.models import Subscriber
from subscribers.signup import SignUp, confirm, request_subscription
from tests.sending_stage import RENDERER, Clock, read
from tests.series_stage import SeriesStage

SERIES = Path(templates.__file__).parent / "builtin" / "series" / "massage-benefits"
ONCE = (
    "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
    "Feedback-ID", "Auto-Submitted", "Reply-To",
)  # fmt: skip
NEVER = ("Return-Path", "Precedence", "Bcc", "Cc", "Sender", "X-Mailer")
HEALTH_WORDS = re.compile(r"massage|pain|scar|tissue|stress|circulation|benefit|injur", re.I)
HARD_NAME = 'Dr. "Mara", Riverside Clinic \\ Praxis für Körper & Geist 🌿'


@dataclass(frozen=True)
class Post:
    """What one person got on the way from signing up to the first step, as it came in."""

    confirmation: Received
    step: Received
    public_ids: tuple[str, str]

    @property
    def both(self) -> tuple[Received, Received]:
        return self.confirmation, self.step


class Corresponding(SeriesStage):
    """A site whose mail goes over a real link."""

    out: Any = None

    def tick(self) -> None:
        sender, self.sender = self.sender, self.out
        super().tick()
        self.sender = sender

    def send(self, **values: Any) -> Any:
        return super().send(**{**values, "renderer": RENDERER, "sender": self.out})


@dataclass(frozen=True)
class Witness:
    """Notes every message on its way to the relay."""

    to: Any
    seen: list[bytes]

    @property
    def connections(self) -> int:
        return int(self.to.connections)

    @property
    def ahead(self) -> int:
        return int(self.to.ahead)

    def stopwatch(self) -> float:
        return float(self.to.stopwatch())

    def start(self, handovers: Any, *, since: float) -> Any:
        self.seen.extend(handover.message for handover in handovers)
        return self.to.start(handovers, since=since)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def stage(
    sqlite_database: Database,
    site: Site,
    now: datetime,
    server: FaultServer,
    sender_to: Callable[..., Any],
) -> Corresponding:
    return opened(sqlite_database, site, now, sender_to(server))


def opened(database: Database, site: Site, now: datetime, out: Any) -> Corresponding:
    stage = Corresponding(database, site, Clock(now))
    stage.out = out
    stage.add_series(stage.add_list())
    return stage


def sign_up(stage: Corresponding, address: str, **values: Any) -> Any:
    """Let somebody sign up, and give their subscription."""
    wish = SignUp(address, "weekly", **values)
    keys, now = stage.site.keys, stage.clock.now
    return stage.do(lambda s: request_subscription(s, wish, keys=keys, now=now)).subscription


def join(stage: Corresponding, address: str, **values: Any) -> None:
    """Let somebody sign up, get the confirmation mail, confirm, and get the first step."""
    subscription = sign_up(stage, address, **values)
    stage.tick()
    stage.do(
        lambda s: confirm(
            s, subscription.public_id, asking=1, keys=stage.site.keys, now=stage.clock.now
        )
    )
    stage.tick()


_KEPT: dict[str, Post] = {}  # the same for every test that only reads it


@pytest.fixture
def post(
    request: pytest.FixtureRequest,
    sqlite_database: Database,
    site: Site,
    now: datetime,
) -> Post:
    """Let Ada sign up for the shipped series, confirm, and get its first step."""
    if "post" not in _KEPT:
        with FaultServer() as server:
            out = request.getfixturevalue("sender_to")(server)
            stage = Corresponding(sqlite_database, site, Clock(now))
            stage.out = out
            folder = read_series_folder(SERIES)
            stage.do(lambda s: import_series(s, folder, site=site, renderer=RENDERER, now=now))
            join(stage, "ada@example.org", first_name="Ada")
            confirmation, step = server.messages
        ids = [read_envelope_sender(site.keys, one.mail) or "" for one in (confirmation, step)]
        with sqlite_database.reading() as session:
            assert all(find_by_public_id(session, public_id) for public_id in ids)
        _KEPT["post"] = Post(confirmation, step, (ids[0], ids[1]))
    return _KEPT["post"]


def address_in(command: str) -> str:
    """Take the address out of `MAIL FROM:<…>` or `RCPT TO:<…>`."""
    return command.partition("<")[2].partition(">")[0]


def lines_of(received: Received) -> list[bytes]:
    return received.content.split(b"\r\n")


def raw_headers(received: Received) -> str:
    return received.content.partition(b"\r\n\r\n")[0].decode("ascii")


def unfolded(received: Received, name: str) -> str:
    headers = re.sub(r"\r\n[ \t]+", " ", raw_headers(received))
    found = re.findall(rf"^{name}: (.*)$", headers.replace("\r\n", "\n"), re.M)
    assert len(found) == 1, name
    return str(found[0])


def text_of(message: EmailMessage) -> str:
    return str(message.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def html_of(message: EmailMessage) -> str:
    return str(message.get_body(("html",)).get_content())  # type: ignore[union-attr]


class Links(HTMLParser):
    """Collects where the links of a page go."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


def links_of(message: EmailMessage) -> set[str]:
    parser = Links()
    parser.feed(html_of(message))
    return set(parser.found)


# Rows 1 and 2


def test_lines_end_with_crlf_and_are_short(post: Post) -> None:
    for received in post.both:
        assert b"\n" not in received.content.replace(b"\r\n", b"")
        assert b"\r" not in received.content.replace(b"\r\n", b"")
        assert max(map(len, lines_of(received))) <= 998
        body = received.content.partition(b"\r\n\r\n")[2]
        assert max(len(line) for line in body.split(b"\r\n")) <= 76


def test_every_byte_is_ascii(post: Post) -> None:
    for received in post.both:
        assert received.content.isascii()
        assert b"\0" not in received.content


# Row 3


def test_date_and_message_id_say_when_and_which_and_nothing_about_the_person(
    post: Post, now: datetime
) -> None:
    ids = [read(received.content)["Message-ID"] for received in post.both]

    assert len(set(ids)) == 2
    for received, message_id, public_id in zip(post.both, ids, post.public_ids, strict=True):
        assert re.fullmatch(rf"<{public_id}\.[a-z2-7]+@riverside\.example>", message_id)
        assert parsedate_to_datetime(unfolded(received, "Date")) == now


def test_a_repeated_attempt_is_the_same_message(
    sqlite_database: Database, site: Site, now: datetime, sender_to: Callable[..., Any]
) -> None:
    seen: list[bytes] = []
    with FaultServer([Script(dot=["451 4.7.1 greylisted", (Keep(), "250 2.0.0 taken")])]) as server:
        out = sender_to(server, connections=1)
        stage = opened(sqlite_database, site, now, Witness(out, seen))
        sign_up(stage, "ada@example.org")
        stage.tick()
        stage.clock.move(minutes=6)
        stage.tick()

    assert len(seen) == 2
    assert seen[0] == seen[1] == server.messages[0].content


# Rows 4 and 5


def test_every_header_is_there_once_and_the_others_never(post: Post) -> None:
    for received in post.both:
        message = read(received.content)
        assert {name: len(message.get_all(name, [])) for name in ONCE} == dict.fromkeys(ONCE, 1)
        assert [name for name in NEVER if message[name] is not None] == []
        assert len(getaddresses([message["From"]])) == 1


def test_it_is_addressed_to_the_one_subscriber(post: Post) -> None:
    for received in post.both:
        message = read(received.content)
        assert message["To"] == "ada@example.org"
        assert address_in(received.rcpt) == "ada@example.org"
        assert message["From"] == "Riverside Clinic <hello@riverside.example>"
        assert message["Reply-To"] == "desk@riverside.example"


# Rows 6 to 8


@pytest.fixture
def site_with_a_hard_name(site: Site) -> Site:
    return replace(site, identity=replace(site.identity, from_name=HARD_NAME))


def test_hard_names_and_subjects_arrive_as_they_were_meant(
    sqlite_database: Database,
    site_with_a_hard_name: Site,
    now: datetime,
    server: FaultServer,
    sender_to: Callable[..., Any],
) -> None:
    stage = opened(sqlite_database, site_with_a_hard_name, now, sender_to(server))
    join(stage, "ada@example.org", first_name="Ada")

    for received in server.messages:
        # The newer parser puts a space between encoded words that belong together (3.11).
        name = str(make_header(decode_header(unfolded(received, "From"))))
        assert name == f"{HARD_NAME} <hello@riverside.example>"
        assert [a.addr_spec for a in read(received.content)["From"].addresses] == [
            "hello@riverside.example"
        ]
        for line in raw_headers(received).split("\r\n"):
            assert all(len(word) <= 75 for word in re.findall(r"=\?.*?\?=", line))


@pytest.mark.parametrize(
    "name",
    ["Ada\r\nBcc: eve@example.com", "Ada\nX: 1", "Ada\u2028X-Evil: 1", "愛田さくら👩‍👩‍👧" * 9],
    ids=["crlf", "lf", "line separator", "long and wide"],
)
def test_a_name_in_a_subject_cannot_add_a_header(
    stage: Corresponding, server: FaultServer, name: str
) -> None:
    series, steps = stage.add_series(stage.add_list("other"), slug="other", document=(
        "---\nsubject: Good news, {{{{ subscriber.first_name }}}}! {subject}\n---\n# Hello\n"
    ))  # fmt: skip
    reader = stage.add_reader("grace", series.list_id)
    stage.change(Subscriber, reader.subscriber_id, first_name=name)
    stage.queue_step(reader, stage.enrol(reader, series), steps[0])

    stage.send()

    message = read(server.messages[0].content)
    assert message["Subject"] == f"Good news, {' '.join(name.split())}! other step-1"
    assert message["Bcc"] is None
    assert message["X-Evil"] is None


# Row 9


def test_a_domain_in_unicode_goes_out_in_ascii(stage: Corresponding, server: FaultServer) -> None:
    join(stage, "ada@bücher.example")

    for received in server.messages:
        assert address_in(received.rcpt) == "ada@xn--bcher-kva.example"
        assert read(received.content)["To"] == "ada@xn--bcher-kva.example"
        assert received.content.isascii()


def test_a_local_part_in_unicode_needs_a_relay_that_offers_it(
    sqlite_database: Database, site: Site, now: datetime, sender_to: Callable[..., Any]
) -> None:
    without = tuple(name for name in EXTENSIONS if name != "SMTPUTF8")
    with FaultServer([Script(extensions=without)]) as server:
        stage = opened(sqlite_database, site, now, sender_to(server))
        sign_up(stage, "åsa@example.org")
        stage.tick()

    assert server.messages == []
    assert set(stage.states().values()) == {State.REJECTED}


def test_a_local_part_in_unicode_goes_to_a_relay_that_offers_it(
    stage: Corresponding, server: FaultServer
) -> None:
    sign_up(stage, "åsa@example.org")

    stage.tick()

    assert address_in(server.messages[0].rcpt) == "åsa@example.org"


# Rows 10 to 12


def test_it_is_text_first_and_then_html(post: Post) -> None:
    for received in post.both:
        message = read(received.content)
        assert message.get_content_type() == "multipart/alternative"
        parts = list(message.iter_parts())
        assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
        assert {part.get_content_charset() for part in parts} == {"utf-8"}
        assert {part["Content-Transfer-Encoding"] for part in parts} == {"quoted-printable"}
        boundary = message.get_boundary() or ""
        assert received.content.count(f"\r\n--{boundary}".encode()) == 3
        assert not message.defects


def test_both_parts_have_the_same_links(post: Post) -> None:
    for received in post.both:
        message = read(received.content)
        in_text = set(re.findall(r"https?://\S+", text_of(message)))
        assert {link for link in links_of(message) if "://" in link} - in_text <= {
            "https://riverside.example",  # the clinic's name at the top, and the privacy page
            "https://riverside.example/privacy",
        }


def test_it_is_small_enough_not_to_be_clipped(post: Post) -> None:
    for received in post.both:
        assert len(html_of(read(received.content)).encode()) < 40_000
        assert len(received.content) < 102_400


# Rows 13, 15 and 16


def test_a_step_can_be_left_with_one_click(post: Post) -> None:
    header = unfolded(post.step, "List-Unsubscribe")
    found = re.fullmatch(
        r"<https://post\.riverside\.example/u/([a-z2-7]{52})>, "
        r"<mailto:leave@riverside\.example\?subject=unsubscribe-\1>",
        header,
    )

    assert found
    assert unfolded(post.step, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    for line in raw_headers(post.step).split("\r\n"):
        assert line.count("<") == line.count(">")  # folded between the URIs only
    assert f"https://post.riverside.example/u/{found[1]}" in text_of(read(post.step.content))


def test_a_step_names_its_list_and_its_stream_and_nobody(
    stage: Corresponding, server: FaultServer
) -> None:
    for name in ("ada", "finn"):
        join(stage, f"{name}@example.org")

    steps = [one for one in server.messages if "List-Id" in raw_headers(one)]
    assert len(steps) == 2
    lists = {unfolded(one, "List-Id") for one in steps}
    assert lists == {'"Your weekly series" <weekly.riverside.example>'}
    feedback = {unfolded(one, "Feedback-ID") for one in steps}
    assert len(feedback) == 1
    fields = feedback.pop().split(":")
    assert len(fields) == 4
    assert 5 <= len(fields[3]) <= 15
    assert not HEALTH_WORDS.search(":".join(fields))


def test_everything_says_that_a_program_wrote_it(post: Post) -> None:
    for received in post.both:
        assert unfolded(received, "Auto-Submitted") == "auto-generated"


# Row 17


def test_a_confirmation_is_a_stream_of_its_own_and_advertises_nothing(post: Post) -> None:
    message = read(post.confirmation.content)

    for name in ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"):
        assert message[name] is None
    step = read(post.step.content)
    assert message["Feedback-ID"] != step["Feedback-ID"]
    hosts = {urlsplit(link) for link in links_of(message)}
    assert {
        host.path.split("/")[1] for host in hosts if host.hostname == "post.riverside.example"
    } == {"confirm"}
    assert "https://riverside.example/book" not in html_of(message)
    assert not HEALTH_WORDS.search(text_of(message))


# Row 18


def test_bounces_come_back_to_an_address_that_names_the_delivery(post: Post, site: Site) -> None:
    senders = {address_in(received.mail) for received in post.both}

    assert len(senders) == 2
    assert len(set(post.public_ids)) == 2
    for sender in senders:
        assert re.fullmatch(r"bounces\+[a-z2-7]{39}@riverside\.example", sender)
        assert len(sender.partition("@")[0]) <= 64


# Row 19


def test_the_footer_says_why_from_where_and_how_to_change_or_leave(post: Post) -> None:
    message = read(post.step.content)
    for part in (text_of(message), html_of(message)):
        assert "because you asked Riverside Clinic" in " ".join(part.split())
        assert "12 Mill Lane, Riverside RV1 2AB" in part
        assert re.search(r"https://post\.riverside\.example/p/[a-z2-7]{52}", part)
        assert re.search(r"https://post\.riverside\.example/u/[a-z2-7]{52}", part)
        assert "not medical advice" in part


# Row 20, as far as it is about letters


def test_nothing_outside_the_body_tells_who_or_what_it_is_about(post: Post) -> None:
    for received in post.both:
        headers = raw_headers(received)
        private = re.sub(r"^(To|Subject): .*\r\n([ \t].*\r\n)*", "", headers, flags=re.M)
        assert not HEALTH_WORDS.search(private)
        assert "ada" not in re.sub(r"[a-z2-7]{39,}", "", private.lower())
        for link in links_of(read(received.content)):
            assert urlsplit(link).hostname in ("post.riverside.example", "riverside.example", None)
            assert "ada" not in re.sub(r"[a-z2-7]{52,}", "", link.lower())
            assert not HEALTH_WORDS.search(link)
