"""A real conversation that goes wrong at one stage, and what becomes of the delivery."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from fault_server import Close, FaultServer, Keep, Reset, Script

from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from campaigns.tally import SendReport
from delivery.rules.states import State
from storage.database import Database
from tests.sending_stage import Clock, Stage
from tests.series_stage import PlainRenderer

PLAIN = PlainRenderer()


@pytest.fixture
def stage(sqlite_database: Database, site: Site, now: datetime) -> Stage:
    return Stage(sqlite_database, site, Clock(now))


def queue_for(stage: Stage, *names: str) -> dict[str, int]:
    """Queue the first step for some people; the deliveries by name."""
    list_id = stage.add_list()
    series, steps = stage.add_series(list_id)
    readers = {name: stage.add_reader(name, list_id) for name in names}
    return {
        name: stage.queue_step(reader, stage.enrol(reader, series), steps[0])
        for name, reader in readers.items()
    }


@pytest.fixture
def talk(stage: Stage, sender_to: Callable[..., Any]) -> Callable[..., tuple[SendReport, Any]]:
    """Send what is queued through connections that follow scripts."""

    def send_through(*scripts: Script, connections: int = 1) -> tuple[SendReport, Any]:
        with FaultServer(list(scripts)) as server:
            sender = sender_to(server, connections=connections)
            return stage.send(sender=sender, renderer=PLAIN), server

    return send_through


def test_a_link_lost_before_the_dot_is_tried_again(stage: Stage, talk: Any, now: datetime) -> None:
    one = queue_for(stage, "ada")["ada"]

    report, server = talk(Script(data=Reset()))

    assert (report.deferred, server.messages) == (1, [])
    waiting = stage.delivery(one)
    assert (waiting.state, waiting.due_at) == (State.QUEUED, now + timedelta(minutes=5))


@pytest.mark.parametrize("end", [Reset(), Close()], ids=["reset", "closed"])
def test_a_link_lost_after_the_dot_leaves_the_delivery_in_doubt(
    stage: Stage, talk: Any, end: Any
) -> None:
    one = queue_for(stage, "ada")["ada"]

    report, server = talk(Script(dot=(Keep(), end)))
    stage.clock.move(days=3)
    again, silent = talk(Script())

    assert report.uncertain == 1
    assert len(server.messages) == 1
    assert stage.delivery(one).state is State.UNCERTAIN
    assert (again.sent, silent.messages) == (0, [])


def test_an_unknown_recipient_is_suppressed_and_the_others_get_theirs(
    stage: Stage, talk: Any
) -> None:
    queued = queue_for(stage, "ada", "finn", "gwen")

    report, server = talk(Script(rcpt=["550 5.1.1 no such user", "250 2.1.5 ok"]))

    assert (report.rejected, report.sent) == (1, 2)
    assert stage.delivery(queued["ada"]).state is State.REJECTED
    enrolment = stage.delivery(queued["ada"]).enrolment_id
    assert stage.enrolment(enrolment or 0).status is EnrolmentStatus.LEFT
    assert len(server.messages) == 2


def test_a_sender_refused_by_policy_holds_the_series(stage: Stage, talk: Any) -> None:
    queue_for(stage, "ada", "finn", "gwen")

    report, server = talk(Script(mail="550 5.7.1 sender rejected by policy"))

    assert (report.held, report.sent) == (3, 0)
    assert server.messages == []
    assert set(stage.states().values()) == {State.HELD}


def test_a_relay_that_is_not_there_loses_nothing(stage: Stage, sender_to: Any) -> None:
    queue_for(stage, "ada", "finn", "gwen")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    report = stage.send(sender=sender_to(SimpleNamespace(port=port)), renderer=PLAIN)

    assert report.relay_down is not None
    assert report.put_back == 3
    assert set(stage.states().values()) == {State.QUEUED}


def test_after_the_relay_is_back_everything_goes_once(
    stage: Stage, talk: Any, sender_to: Any
) -> None:
    queue_for(stage, "ada", "finn", "gwen")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    stage.send(sender=sender_to(SimpleNamespace(port=port)), renderer=PLAIN)

    stage.clock.move(minutes=1)
    report, server = talk(Script())

    assert report.sent == 3
    assert len(server.messages) == 3


def test_greylisting_is_tried_again_after_five_minutes_then_ten_and_blames_nobody(
    stage: Stage, talk: Any, now: datetime
) -> None:
    queued = queue_for(stage, *[f"person{number}" for number in range(12)])
    grey = Script(rcpt="450 4.7.1 <x>: Recipient address rejected: Greylisted, try again later")

    first, _ = talk(grey)
    waits = {stage.delivery(one).due_at - now for one in queued.values()}
    stage.clock.move(minutes=5)
    second, _ = talk(grey)
    later = {stage.delivery(one).due_at - stage.clock.now for one in queued.values()}
    stage.clock.move(minutes=10)
    third, server = talk(Script())

    assert (first.deferred, second.deferred, third.sent) == (12, 12, 12)
    assert (first.relay_down, waits) == (None, {timedelta(minutes=5)})
    assert later == {timedelta(minutes=10)}
    assert len(server.messages) == 12
