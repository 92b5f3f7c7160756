"""What must not go on is held: with the reason, how much waits, and a way to let it go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from campaigns.braking import allow_surge, read_volumes
from campaigns.releasing import count_waiting, release
from campaigns.rules.brake import Brake, Volume
from campaigns.site import Site
from delivery.clock_watch import Uptime
from delivery.errors import WitnessError
from delivery.holds import open_holds, put_hold
from delivery.models import Delivery, Hold
from delivery.rules.holds import Cause
from delivery.rules.states import State
from delivery.sender import Refused, RelayDown
from delivery.ticks import TickReport
from scheduler import Parts, employed, run_tick
from storage.database import Database
from tests.sending_stage import RENDERER, Clock, Stage


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def stage(database: Database, site: Site, clock: Clock) -> Stage:
    return Stage(database, site, clock)


@pytest.fixture
def parts(stage: Stage) -> Parts:
    return Parts(stage.database, stage.site, stage.sender, RENDERER, stage.clock)


def tick(parts: Parts) -> TickReport:
    with employed(parts) as worker:
        return run_tick(parts, worker, now=parts.clock())


def held(parts: Parts) -> list[Hold]:
    with parts.database.reading() as session:
        return open_holds(session)


def let_go(parts: Parts) -> int:
    with parts.database.transaction() as session:
        return release(session, open_holds(session), site=parts.site, now=parts.clock())


def waiting(parts: Parts) -> int:
    with parts.database.reading() as session:
        (hold,) = open_holds(session)
        return count_waiting(session, hold, now=parts.clock())


def states(parts: Parts) -> list[State]:
    with parts.database.reading() as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.id)))


def add_people(stage: Stage, *names: str, slug: str = "welcome", **series_values: str) -> None:
    list_id = stage.add_list(slug)
    series, _ = stage.add_series(list_id, slug=slug, **series_values)
    for name in names:
        stage.enrol(stage.add_reader(name, list_id), series)


# Surges


def test_a_day_far_busier_than_usual_is_held_and_asks(stage: Stage, parts: Parts) -> None:
    add_people(stage, "ada", "ben", "cleo", "dan", "eve")
    parts = replace(parts, brake=Brake(floor=3))

    reports = [tick(parts), tick(parts)]

    (hold,) = held(parts)
    assert hold.cause is Cause.SURGE
    assert hold.detail == "more emails of series are due than the 3 a day like this may have"
    assert len(stage.sender.accepted) == 3
    assert reports[1].failures == {"go on": f"held: surge: {hold.detail}; see 'steadypost holds'"}
    assert waiting(parts) == 2


def test_a_surge_goes_on_when_it_is_released(stage: Stage, parts: Parts) -> None:
    add_people(stage, "ada", "ben", "cleo", "dan", "eve")
    parts = replace(parts, brake=Brake(floor=3))
    tick(parts)

    let_go(parts)
    tick(parts)

    assert held(parts) == []
    assert len(stage.sender.accepted) == 5
    with parts.database.reading() as session:
        today = stage.clock.now.date()
        assert read_volumes(session, today) == {today: Volume(queued=5, allowed=2)}


def test_a_surge_that_was_announced_is_none(stage: Stage, parts: Parts) -> None:
    add_people(stage, "ada", "ben", "cleo", "dan", "eve")
    parts = replace(parts, brake=Brake(floor=3))
    with parts.database.transaction() as session:
        allow_surge(session, 2, site=parts.site, now=stage.clock.now)

    tick(parts)

    assert held(parts) == []
    assert len(stage.sender.accepted) == 5


def test_a_surge_with_no_room_left_queues_nothing_more(stage: Stage, parts: Parts) -> None:
    add_people(stage, "ada", "ben")
    parts = replace(parts, brake=Brake(floor=2))
    tick(parts)
    add_people(stage, "cleo", slug="second")

    tick(parts)

    assert [hold.cause for hold in held(parts)] == [Cause.SURGE]
    assert len(stage.sender.accepted) == 2


# The clock


class Machine:
    """A machine whose uptime runs on while somebody sets its clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.uptime = clock, Uptime("boot", timedelta(hours=3))

    def __call__(self) -> Uptime:
        return self.uptime

    def pass_time(self, **by: float) -> None:
        self.clock.now += timedelta(**by)
        self.uptime = Uptime("boot", self.uptime.since_start + timedelta(**by))


@pytest.mark.parametrize("jump", [timedelta(days=300), timedelta(days=-2)], ids=str)
def test_a_clock_that_jumps_holds_the_site(stage: Stage, parts: Parts, jump: timedelta) -> None:
    machine = Machine(stage.clock)
    parts = replace(parts, uptime=machine)
    tick(parts)
    add_people(stage, "ada")

    stage.clock.now += jump
    report = tick(parts)

    (hold,) = held(parts)
    assert hold.cause is Cause.CLOCK
    assert list(report.failures) == ["go on"]
    assert states(parts) == []


def test_a_clock_is_taken_as_right_once_it_is_released(stage: Stage, parts: Parts) -> None:
    machine = Machine(stage.clock)
    parts = replace(parts, uptime=machine)
    tick(parts)
    add_people(stage, "ada")
    stage.clock.now -= timedelta(days=2)
    tick(parts)

    let_go(parts)
    stage.clock.now += timedelta(days=2)  # the enrolment is looked at when its time comes
    machine.pass_time(minutes=1)
    tick(parts)

    assert held(parts) == []
    assert states(parts) == [State.SENT]


def test_hours_that_pass_hold_nothing(stage: Stage, parts: Parts) -> None:
    machine = Machine(stage.clock)
    parts = replace(parts, uptime=machine)
    for _ in range(3):
        assert tick(parts).failures == {}
        machine.pass_time(hours=30)

    assert held(parts) == []


# The relay


def test_a_relay_that_is_away_is_told_and_comes_back_by_itself(stage: Stage, parts: Parts) -> None:
    add_people(stage, "ada")
    stage.sender.answer_next(RelayDown("no route to host", "mx.example:25"))
    tick(parts)
    (hold,) = held(parts)
    assert (hold.cause, hold.subject, hold.detail) == (
        Cause.RELAY_DOWN,
        "mx.example:25",
        "no route to host",
    )

    stage.clock.now += timedelta(minutes=2)
    tick(parts)

    assert held(parts) == []
    assert states(parts) == [State.SENT]


def test_a_refused_login_is_held_until_somebody_says(stage: Stage, parts: Parts) -> None:
    add_people(stage, "ada")
    down = RelayDown("535 5.7.8 bad password", "mx.example:587", needs_operator=True)
    stage.sender.answer_next(down)
    tick(parts)

    stage.clock.now += timedelta(hours=2)
    report = tick(parts)
    assert waiting(parts) == 1
    let_go(parts)
    tick(parts)

    assert report.failures == {
        "go on": "held: login: 535 5.7.8 bad password; see 'steadypost holds'"
    }
    assert states(parts) == [State.SENT]


def test_a_journal_that_cannot_be_written_holds_the_site(stage: Stage, parts: Parts) -> None:
    add_people(stage, "ada")
    error = WitnessError("journal", "no space left on device")
    stage.sender.answer_next(RelayDown(str(error), "mx.example:25", needs_operator=True))

    tick(parts)

    assert [hold.cause for hold in held(parts)] == [Cause.DISK]


# Series


def test_a_series_the_relay_refuses_is_held_and_others_go_on(stage: Stage, parts: Parts) -> None:
    refused = Refused("550 5.7.1 blocked", "mx.example:25", 550, "5.7.1", "rcpt")
    add_people(stage, "ada", "ben", "cleo")
    stage.sender.answer_next(refused)  # whoever is the first
    stage.sender.connections = 1

    tick(parts)
    add_people(stage, "dan", slug="second")
    tick(parts)
    tick(parts)

    (hold,) = held(parts)
    assert (hold.cause, hold.subject) == (Cause.POLICY, "welcome")
    assert "550 5.7.1 blocked" in hold.detail
    assert {one.recipient for one in stage.sender.accepted} == {"dan@example.org"}
    assert waiting(parts) == 3


def test_a_series_that_is_released_goes_on(stage: Stage, parts: Parts) -> None:
    refused = Refused("550 5.7.1 blocked", "mx.example:25", 550, "5.7.1", "rcpt")
    add_people(stage, "ada", "ben")
    stage.sender.answer_next(refused, refused)
    tick(parts)
    tick(parts)

    assert let_go(parts) == 2
    tick(parts)

    assert held(parts) == []
    assert states(parts) == [State.SENT, State.SENT]


def test_a_template_that_breaks_holds_its_series_only(
    stage: Stage, parts: Parts, breaking: Callable[[str], None]
) -> None:
    add_people(stage, "ada", "ben")
    add_people(stage, "cleo", slug="second")
    breaking("welcome")

    tick(parts)
    tick(parts)

    (hold,) = held(parts)
    assert (hold.cause, hold.subject) == (Cause.TEMPLATE, "welcome")
    assert waiting(parts) == 2
    assert [one.recipient for one in stage.sender.accepted] == ["cleo@example.org"]


@pytest.fixture
def breaking(stage: Stage) -> Callable[[str], None]:
    """Break the emails of a series, as an edit by hand in the database would."""
    from campaigns.models import Revision, Series, Step

    def break_it(slug: str) -> None:
        with stage.database.transaction() as session:
            steps = select(Step.id).join(Series, Series.id == Step.series_id)
            ids = list(session.scalars(steps.where(Series.slug == slug)))
            for revision in session.scalars(select(Revision).where(Revision.step_id.in_(ids))):
                revision.document = "---\nsubject: '{{ nobody.knows'\n---\nHello {{ what"
                revision.digest = f"broken-{revision.id}"

    return break_it


# The whole site


def test_a_paused_site_queues_and_sends_nothing(stage: Stage, parts: Parts) -> None:
    add_people(stage, "ada")
    with parts.database.transaction() as session:
        put_hold(session, Cause.PAUSED, now=stage.clock.now)

    report = tick(parts)

    assert report.failures == {}
    assert states(parts) == []
    let_go(parts)
    tick(parts)
    assert states(parts) == [State.SENT]


def test_a_disk_that_fails_holds_the_site(
    stage: Stage, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise RuntimeError("database does not answer: disk I/O error")

    add_people(stage, "ada")
    with monkeypatch.context() as patch:
        patch.setattr("scheduler.enrol_newcomers", fail)
        tick(parts)
    report = tick(parts)

    assert [hold.cause for hold in held(parts)] == [Cause.DISK]
    assert list(report.failures) == ["go on"]


def test_when_holds_cannot_be_read_nothing_goes_on(
    stage: Stage, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Hold]:
        raise RuntimeError("database does not answer")

    add_people(stage, "ada")
    monkeypatch.setattr("campaigns.holding.open_holds", fail)

    report = tick(parts)

    assert report.failures == {"read what is held": "database does not answer"}
    assert states(parts) == []


def test_the_same_hold_is_put_once(stage: Stage) -> None:
    with stage.database.transaction() as session:
        first = put_hold(session, Cause.LOGIN, subject="a", now=stage.clock.now)
        again = put_hold(session, Cause.LOGIN, subject="a", now=stage.clock.now)
        other = put_hold(session, Cause.LOGIN, subject="b", now=stage.clock.now)

    assert (first, again, other) == (True, False, True)


def test_a_day_is_the_clinics_own(stage: Stage, parts: Parts) -> None:
    stage.clock.now = stage.clock.now.replace(hour=23, minute=30)  # half past midnight in Berlin
    with parts.database.transaction() as session:
        allow_surge(session, 7, site=parts.site, now=stage.clock.now)
        found = read_volumes(session, stage.clock.now.date())

    assert date(stage.clock.now.year, stage.clock.now.month, stage.clock.now.day) not in found
