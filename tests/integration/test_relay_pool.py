"""Several relays: the first choice, shares, who takes over, and what never goes twice."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fault_server import Close, FaultServer, Keep, Reset, Script

from campaigns.holding import note_relay
from campaigns.site import Site
from delivery.errors import WITNESS_FAILED
from delivery.holds import open_holds
from delivery.memory import MemorySender
from delivery.relay_pool import Member, RelayPool
from delivery.rules.holds import Cause
from delivery.rules.standby import FIRST_REST
from delivery.rules.states import State
from delivery.sender import Accepted, Deferred, Handover, HasRelays, RelayDown, Uncertain
from scheduler import Parts, employed, run_tick
from steadypost.settings import load_settings
from steadypost.wiring import ask_relay, make_sender
from storage.database import Database
from tests.cli_stage import Terminal
from tests.sending_stage import Clock, Stage
from tests.series_stage import PlainRenderer

PLAIN = PlainRenderer()
BUSY = "421 4.3.2 closing for maintenance"


def letters(count: int) -> list[Handover]:
    message = b"Subject: x\r\n\r\nx\r\n"
    return [
        Handover(number, "b@riverside.example", f"p{number}@d{number}.example", message)
        for number in range(count)
    ]


class Watch:
    """A stopwatch that is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def servers() -> Iterator[Callable[..., FaultServer]]:
    with ExitStack() as stack:
        yield lambda *scripts: stack.enter_context(FaultServer(list(scripts)))


@pytest.fixture
def pool_of(sender_to: Callable[..., Any], watch: Watch) -> Callable[..., RelayPool]:
    """Make a pool of servers, each with its order and its share."""

    def make(*relays: tuple[Any, int, int]) -> RelayPool:
        return RelayPool(
            [
                Member(f"127.0.0.1:{server.port}", sender_to(server, clock=watch), order, share)
                for server, order, share in relays
            ]
        )

    return make


class Nobody:
    """A port on which nobody listens."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])


def test_all_mail_goes_to_the_first_choice(servers: Any, pool_of: Any) -> None:
    first, second = servers(), servers()

    outcomes = pool_of((first, 1, 1), (second, 2, 1)).send(letters(6))

    assert {type(one) for one in outcomes} == {Accepted}
    assert (len(first.messages), len(second.messages)) == (6, 0)
    assert second.conversations == []


def test_relays_of_the_same_order_share_the_mail(servers: Any, pool_of: Any) -> None:
    first, second = servers(), servers()
    pool = pool_of((first, 1, 3), (second, 1, 1))

    for _ in range(4):
        pool.send(letters(10))

    assert (len(first.messages), len(second.messages)) == (30, 10)
    assert pool.connections == 20


def test_when_the_first_is_down_the_next_takes_over_at_once(servers: Any, pool_of: Any) -> None:
    nobody, second = Nobody(), servers()
    pool = pool_of((nobody, 1, 1), (second, 2, 1))

    outcomes = pool.send(letters(5))

    assert {type(one) for one in outcomes} == {Accepted}
    assert len({message.rcpt for message in second.messages}) == len(second.messages) == 5
    assert [one.relay for one in pool.troubles()] == [f"127.0.0.1:{nobody.port}"]
    assert isinstance(pool, HasRelays)


def test_the_first_gets_the_mail_again_when_it_answers_again(
    servers: Any, pool_of: Any, watch: Watch
) -> None:
    first, second = servers(*[Script(greeting=(BUSY, Close()))] * 5, Script()), servers()
    pool = pool_of((first, 1, 1), (second, 2, 1))

    pool.send(letters(5))
    busy = len(first.conversations)
    pool.send(letters(5))  # it rests
    assert len(first.conversations) == busy
    watch.now += FIRST_REST
    pool.send(letters(5))  # one message finds out
    back = len(first.messages)
    pool.send(letters(5))

    assert back == 1
    assert (len(first.messages), len(second.messages)) == (6, 14)
    assert pool.troubles() == []


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (Script(dot=(Keep(), Reset())), Uncertain),
        (Script(data=Reset()), Deferred),
        (Script(rcpt=(BUSY, Close())), Deferred),
        (Script(dot="451 4.3.0 later"), Deferred),
    ],
)
def test_what_a_relay_has_seen_is_never_given_to_another(
    servers: Any, pool_of: Any, script: Script, kind: type
) -> None:
    first, second = servers(script), servers()

    (outcome,) = pool_of((first, 1, 1), (second, 2, 1)).send(letters(1))

    assert type(outcome) is kind
    assert second.conversations == []


def test_when_all_are_down_each_is_named(pool_of: Any) -> None:
    first, second = Nobody(), Nobody()
    pool = pool_of((first, 1, 1), (second, 2, 1))

    outcomes = pool.send(letters(3))

    names = f"127.0.0.1:{first.port}, 127.0.0.1:{second.port}"
    assert {(type(one), one.relay, one.needs_operator) for one in outcomes} == {
        (RelayDown, names, False)
    }
    assert len(pool.troubles()) == 2


def test_staff_must_act_only_when_waiting_helps_no_relay() -> None:
    login = RelayDown("535 5.7.8 no", "one", needs_operator=True)
    away = RelayDown("no connection", "two")
    for other, needs_operator in ((away, False), (RelayDown("x", "two", True), True)):
        senders = [MemorySender(), MemorySender()]
        senders[0].answer_next(login)
        senders[1].answer_next(other)
        pool = RelayPool([Member("one", senders[0]), Member("two", senders[1], order=2)])

        (outcome,) = pool.send(letters(1))

        assert isinstance(outcome, RelayDown)
        assert outcome.needs_operator is needs_operator


def test_a_full_disk_is_no_trouble_of_a_relay() -> None:
    senders = [MemorySender(), MemorySender()]
    senders[0].answer_next(RelayDown(f"{WITNESS_FAILED}: no space", "one", needs_operator=True))
    pool = RelayPool([Member("one", senders[0]), Member("two", senders[1], order=2)])

    (outcome,) = pool.send(letters(1))
    pool.close()

    assert isinstance(outcome, RelayDown)
    assert (senders[1].handovers, pool.troubles()) == ([], [])
    assert senders[0].is_closed
    assert senders[1].is_closed


def test_the_pool_says_when_a_group_is_over_only_after_the_next_has_taken_over() -> None:
    senders = [MemorySender(), MemorySender()]
    senders[0].answer_next(*[RelayDown("no connection", "one")] * 3)
    pool = RelayPool([Member("one", senders[0]), Member("two", senders[1], order=2)])

    sending = pool.start(letters(3), since=pool.stopwatch())

    assert [sending.is_over(), sending.is_over()] == [False, True]
    assert {type(one) for one in sending.outcomes()} == {Accepted}
    assert pool.ahead == senders[1].ahead


def test_a_site_is_not_held_while_one_relay_is_usable(
    sqlite_database: Database, site: Site, now: datetime
) -> None:
    stage = Stage(sqlite_database, site, Clock(now))
    senders = [MemorySender(), MemorySender()]
    senders[0].answer_next(*[RelayDown("535 5.7.8 no", "one:25", needs_operator=True)] * 9)
    pool = RelayPool([Member("one:25", senders[0]), Member("two:25", senders[1], order=2)])
    list_id = stage.add_list()
    series, steps = stage.add_series(list_id)
    reader = stage.add_reader("ada", list_id)
    delivery = stage.queue_step(reader, stage.enrol(reader, series), steps[0])

    parts = Parts(sqlite_database, site, pool, PLAIN, stage.clock)
    with employed(parts) as worker:
        report = run_tick(parts, worker, now=now, only_sends=True)

    assert report.failures == {}
    assert stage.delivery(delivery).state is State.SENT
    with sqlite_database.reading() as session:
        holds = open_holds(session)
    assert [(one.cause, one.subject) for one in holds] == [(Cause.RELAY_DOWN, "one:25")]


def test_what_is_told_of_a_relay_ends_when_it_is_back(
    sqlite_database: Database, now: datetime
) -> None:
    one, two = RelayDown("no route", "one:25"), RelayDown("no route", "two:25")
    both = RelayDown("no route", "one:25, two:25")
    with sqlite_database.transaction() as session:
        note_relay(session, both, sent=0, now=now, aside=[one, two])
        named = [hold.subject for hold in open_holds(session)]
        note_relay(session, None, sent=3, now=now, aside=[two])
        left = [hold.subject for hold in open_holds(session)]
        note_relay(session, None, sent=3, now=now)
        assert open_holds(session) == []

    assert (named, left) == (["one:25", "two:25"], ["two:25"])


def test_further_relays_come_from_the_settings(terminal: Terminal, servers: Any) -> None:
    first, second = Nobody(), servers()
    terminal.set("relay", 'host = "127.0.0.1"')
    terminal.set("relay", f"port = {first.port}")
    path: Path = terminal.folder / "steadypost.toml"
    text = f'\n[relays.backup]\nhost = "127.0.0.1"\nport = {second.port}\nconnections = 2\n'
    path.write_text(path.read_text() + text)
    settings = load_settings(terminal.folder, {})

    pool = make_sender(settings)
    outcomes = pool.send(letters(3))
    pool.close()
    report = ask_relay(settings)

    assert isinstance(pool, RelayPool)
    assert [(one.name, one.order) for one in pool.members] == [
        (f"127.0.0.1:{first.port}", 1),
        (f"127.0.0.1:{second.port}", 2),
    ]
    assert {type(one) for one in outcomes} == {Accepted}
    assert (report.usable, len(report.text.splitlines())) == (True, 2)
