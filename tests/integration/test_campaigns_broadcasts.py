"""A newsletter goes once to everybody it is for, at its time, beside the series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.archive import rendered_again
from campaigns.broadcasting import count_states, queue_due_broadcasts
from campaigns.broadcasts import LocalHour, count_people
from campaigns.enrolment import leave
from campaigns.errors import (
    AudienceRuleError,
    BroadcastFolderError,
    BroadcastMoveError,
    PastMomentError,
    PostalAddressMissingError,
    UnknownBroadcastError,
)
from campaigns.models import Broadcast
from campaigns.portions import Portion
from campaigns.rules.broadcasts import BroadcastStatus
from campaigns.rules.calendar import ClinicCalendar
from campaigns.site import Site
from delivery.models import Delivery
from delivery.outbox import release_held, send_again
from delivery.rules.states import State
from delivery.sender import Refused
from storage.database import Database
from subscribers.errors import UnknownListError
from subscribers.events import note_event
from subscribers.models import Subscriber, Subscription, Suppression
from subscribers.rules.standing import Standing, SuppressionReason
from subscribers.signup import unsubscribe
from tests.broadcast_stage import BroadcastStage
from tests.sending_stage import (
    RENDERER,
    Clock,
    Crash,
    InterruptedRenderer,
    InterruptedSender,
    crash,
    read,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> BroadcastStage:
    return BroadcastStage(database, site, Clock(now))


@pytest.fixture
def weekly(stage: BroadcastStage) -> int:
    return stage.make_list()


def test_everybody_on_the_list_gets_it_once(stage: BroadcastStage, weekly: int) -> None:
    for name in ("ada", "cid", "fay"):
        stage.add_reader(name, weekly)
    stage.schedule(stage.clock.now)

    stage.tick()
    stage.tick()

    assert stage.readers() == ["ada", "cid", "fay"]
    assert [key for key, _ in stage.issues()] == [f"broadcast:1/subscriber:{n}" for n in (1, 2, 3)]
    stage.tick()
    assert stage.broadcast().status is BroadcastStatus.SENT


def test_who_may_not_be_mailed_is_not_in_the_audience(stage: BroadcastStage, weekly: int) -> None:
    stage.add_reader("ada", weekly)
    ben, eve = stage.add_reader("ben", weekly), "eve@example.org"
    stage.add_reader("eve", weekly)
    stage.change(Subscription, ben.id, standing=Standing.UNCONFIRMED)
    complaint = {"reason": SuppressionReason.COMPLAINT, "at": stage.clock.now}
    stage.do(lambda s: s.add(Suppression(email=eve, **complaint)))
    stage.add_reader("other", stage.make_list("other"))
    stage.schedule(stage.clock.now)

    stage.tick()

    assert stage.readers() == ["ada"]


def test_it_carries_its_list_one_click_and_the_way_to_read_it_again(
    stage: BroadcastStage, weekly: int
) -> None:
    stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now)
    stage.tick_with_looks()

    mail = read(stage.sender.accepted[0].message)
    assert mail["Subject"] == "News of may-news"
    assert mail["List-Id"] == '"Weekly" <weekly.riverside.example>'
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Feedback-ID"] == "weekly:broadcast-1:riversideexampl"
    body = mail.get_body(("plain",)).get_content()
    assert "asked Riverside Clinic for “Weekly”" in " ".join(body.split())
    assert "Part" not in body

    with stage.database.reading() as session:
        delivery = session.scalars(select(Delivery)).one()
        shown = rendered_again(session, stage.site, RENDERER, delivery.public_id)
    assert shown is not None
    assert "Hello Ada" in shown.html


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("tagged back", ["ada", "cid"]),
        ("tag back", ["ada", "cid"]),  # as it was written before
        ("tagged back and city is berlin", ["ada"]),
        ("not tagged back", ["fay"]),
        ('city is not "Berlin"', ["cid", "fay"]),
        ("tagged back and (city is Rome or city is Oslo)", ["cid"]),
        ("city in (Rome, Oslo) or event booked", ["ada", "cid", "fay"]),
        ("event called", []),
    ],
)
def test_the_rule_picks_the_audience_and_counts_the_same(
    stage: BroadcastStage, weekly: int, rule: str, expected: list[str]
) -> None:
    ada = stage.add_reader("ada", weekly, attributes={"city": "Berlin"})
    cid = stage.add_reader("cid", weekly, attributes={"city": "Rome"})
    stage.add_reader("fay", weekly, attributes={"city": "Oslo"})
    stage.tag(ada.subscriber_id, "back")
    stage.tag(cid.subscriber_id, "back")
    with stage.database.transaction() as session:
        person = session.get_one(Subscriber, ada.subscriber_id)
        note_event(session, person, "booked", now=stage.clock.now - 9 * DAY)
    broadcast = stage.schedule(stage.clock.now, audience=rule)

    counted = stage.ask(lambda s: count_people(s, broadcast, site=stage.site, now=stage.clock.now))
    stage.tick()

    assert stage.readers() == expected
    assert counted.people == len(expected)


@pytest.mark.parametrize("kept", [True, "yes", "YES"])
def test_yes_is_yes_however_the_database_keeps_it(
    stage: BroadcastStage, weekly: int, kept: Any
) -> None:
    stage.add_reader("ada", weekly, attributes={"city": kept})
    stage.add_reader("cid", weekly, attributes={"city": False})
    stage.schedule(stage.clock.now, audience="city is yes")

    stage.tick()

    assert stage.readers() == ["ada"]


def test_who_joins_before_it_begins_gets_it_and_who_joins_after_does_not(
    stage: BroadcastStage, weekly: int
) -> None:
    stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now + 3 * DAY)
    stage.clock.move(days=2)
    stage.add_reader("cid", weekly)
    stage.clock.move(days=1, hours=1)
    late = stage.add_reader("late", weekly)
    stage.change(Subscription, late.id, confirmed_at=stage.clock.now)

    stage.tick()

    assert stage.readers() == ["ada", "cid"]


def test_who_leaves_before_the_mark_does_not_get_it(stage: BroadcastStage, weekly: int) -> None:
    ada, cid = stage.add_reader("ada", weekly), stage.add_reader("cid", weekly)
    stage.schedule(LocalHour(date(2026, 3, 2), 20))
    stage.tick()
    for subscription in (ada, cid):
        stage.do(
            lambda s, one=subscription: unsubscribe(
                s, one, keys=stage.site.keys, now=stage.clock.now, source="a test"
            )
        )
    stage.do(lambda s: leave(s, ada, now=stage.clock.now))

    stage.run_until(stage.clock.now + DAY)

    assert stage.readers() == []
    assert [state for _, state in stage.issues()] == [State.CANCELLED] * 2


def test_at_an_hour_of_everybodys_own_day(stage: BroadcastStage, weekly: int) -> None:
    for zone in ("Pacific/Kiritimati", "Asia/Tokyo", "America/Los_Angeles"):
        stage.add_reader(zone.rpartition("/")[2].lower(), weekly, time_zone=zone)
    stage.add_reader("home", weekly, hour=18)
    stage.schedule(LocalHour(date(2026, 3, 5), 10))

    stage.run_until(stage.clock.now + 6 * DAY)

    assert [(who, f"{at:%d %H:%M}") for _, who, at in stage.broadcasts_went()] == [
        ("kiritimati@example.org", "04 20:00"),
        ("tokyo@example.org", "05 01:00"),
        ("home@example.org", "05 09:00"),
        ("los_angeles@example.org", "05 18:00"),
    ]


def test_closed_days_and_the_window_put_it_off(stage: BroadcastStage, weekly: int) -> None:
    stage.site = replace(
        stage.site,
        calendar=ClinicCalendar(
            closed_days=frozenset({date(2026, 3, 3)}),
            window_opens=time(8),
            window_closes=time(18),
        ),
    )
    stage.add_reader("ada", weekly)
    stage.add_reader("kiwi", weekly, time_zone="Pacific/Auckland")
    stage.schedule(datetime(2026, 3, 2, 18, 30, tzinfo=UTC))

    stage.run_until(stage.clock.now + 5 * DAY)

    # For Ada it is 19:30 and then a closed day; in Auckland the closed day has begun.
    assert [(who, f"{at:%d %H:%M}") for _, who, at in stage.broadcasts_went()] == [
        ("kiwi@example.org", "03 19:00"),
        ("ada@example.org", "04 07:00"),
    ]


def test_a_pause_that_comes_while_it_is_written_counts(stage: BroadcastStage, weekly: int) -> None:
    ada = stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now)
    stage.plan()
    until = date(2026, 3, 20)

    stage.send(
        renderer=InterruptedRenderer(
            lambda: stage.change(Subscriber, ada.subscriber_id, paused_until=until)
        )
    )

    assert stage.sender.handovers == []
    assert stage.delivery(1).reason == "the person paused the mail until 2026-03-20"


def test_who_paused_is_passed_over_by_name(stage: BroadcastStage, weekly: int) -> None:
    stage.add_reader("ada", weekly, paused_until=date(2026, 3, 20))
    stage.add_reader("cid", weekly)
    broadcast = stage.schedule(stage.clock.now)
    counted = stage.ask(lambda s: count_people(s, broadcast, site=stage.site, now=stage.clock.now))

    stage.tick()

    assert (counted.people, counted.paused) == (2, 1)
    assert stage.readers() == ["cid"]
    assert stage.delivery(1).reason == "the person paused the mail until 2026-03-20"
    stage.tick()
    assert stage.broadcast().status is BroadcastStatus.SENT


# One marketing email a day


def test_a_step_of_the_same_day_goes_first_and_the_news_wait_a_day(
    stage: BroadcastStage, weekly: int
) -> None:
    stage.add_series(weekly)
    stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now)

    stage.run_until(stage.clock.now + 2 * DAY)

    assert [f"{one.at:%d %H:%M}" for one in stage.went()] == ["02 08:00"]
    assert [f"{at:%d %H:%M}" for *_, at in stage.broadcasts_went()] == ["03 06:00"]


def test_a_broadcast_before_the_series_takes_the_day_and_the_step_waits(
    stage: BroadcastStage, weekly: int
) -> None:
    stage.add_series(weekly)
    stage.add_reader("ada", weekly, weekday=0)
    stage.run_until(stage.clock.now + 5 * DAY)  # part 2 is due on Monday at 9 in Berlin
    stage.schedule(datetime(2026, 3, 9, 14, tzinfo=UTC), priority=10)

    stage.run_until(datetime(2026, 3, 12, tzinfo=UTC))

    assert [f"{at:%a %d %H:%M}" for *_, at in stage.broadcasts_went()] == ["Mon 09 14:00"]
    assert [f"{one.at:%a %d %H:%M}" for one in stage.went()] == ["Mon 02 08:00", "Tue 10 08:00"]


def test_a_step_due_later_on_the_day_keeps_it_against_a_lesser_broadcast(
    stage: BroadcastStage, weekly: int
) -> None:
    stage.add_series(weekly)
    stage.add_reader("ada", weekly, weekday=0)
    stage.run_until(datetime(2026, 3, 9, 6, tzinfo=UTC))  # part 2 comes at 9 in Berlin
    stage.schedule(datetime(2026, 3, 9, 7, tzinfo=UTC))

    stage.run_until(datetime(2026, 3, 12, tzinfo=UTC))

    assert [f"{one.at:%a %d %H:%M}" for one in stage.went()] == ["Mon 02 08:00", "Mon 09 08:00"]
    assert [f"{at:%a %d %H:%M}" for *_, at in stage.broadcasts_went()] == ["Tue 10 06:00"]


def test_two_broadcasts_of_one_day_go_on_two(stage: BroadcastStage, weekly: int) -> None:
    stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now, "first")
    stage.schedule(stage.clock.now, "urgent", priority=5)

    stage.run_until(stage.clock.now + 3 * DAY)

    assert [(name, f"{at:%d %H:%M}") for name, _, at in stage.broadcasts_went()] == [
        ("urgent", "02 08:00"),
        ("first", "03 06:00"),
    ]


# Late, and ended


def test_later_than_its_grace_it_is_held_and_asks(stage: BroadcastStage, weekly: int) -> None:
    stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now + HOUR)
    stage.clock.move(days=1, hours=1, seconds=1)

    stage.tick()

    held = stage.broadcast()
    assert held.status is BroadcastStatus.HELD
    assert held.reason == (
        "its moment was more than 24 hours ago; 'steadypost broadcast send may-news' sends it "
        "all the same"
    )
    assert stage.readers() == []
    stage.send_now()
    stage.tick()
    assert stage.readers() == ["ada"]


def test_within_its_grace_it_goes(stage: BroadcastStage, weekly: int) -> None:
    stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now + HOUR, grace_hours=48)
    stage.clock.move(days=2)

    stage.tick()

    assert stage.readers() == ["ada"]


def test_what_was_queued_and_came_too_late_is_held_until_somebody_says_so(
    stage: BroadcastStage, weekly: int
) -> None:
    stage.add_reader("ada", weekly)
    stage.schedule(LocalHour(date(2026, 3, 2), 12))
    stage.tick()
    stage.clock.move(days=3)

    stage.tick()

    assert stage.delivery(1).state is State.HELD
    assert stage.delivery(1).reason == (
        "more than 24 hours late; 'steadypost broadcast send may-news' sends it all the same, "
        "then release this"
    )
    stage.send_now()
    stage.do(lambda s: release_held(s, [1]))
    stage.tick()
    assert stage.readers() == ["ada"]


def test_cancelled_while_it_is_being_sent_what_has_not_left_stays(
    stage: BroadcastStage, weekly: int
) -> None:
    for number in range(5):
        stage.add_reader(f"person-{number}", weekly)
    stage.schedule(stage.clock.now)
    stage.do(lambda s: queue_due_broadcasts(s, site=stage.site, now=stage.clock.now))

    stage.send(sender=InterruptedSender(stage.cancel, connections=2))

    states = stage.ask(lambda s: count_states(s, 1))
    assert (states[State.SENT], states[State.CANCELLED]) == (2, 3)
    stage.tick()
    assert len(stage.issues()) == 5
    assert stage.broadcast().status is BroadcastStatus.CANCELLED


def test_cancelled_before_it_began_nobody_gets_it_and_days_are_free(
    stage: BroadcastStage, weekly: int
) -> None:
    stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now + HOUR)

    assert stage.cancel() == 0
    stage.run_until(stage.clock.now + 2 * DAY)

    assert stage.issues() == []
    with pytest.raises(BroadcastMoveError) as caught:
        stage.cancel()
    assert str(caught.value) == (
        "cannot cancel broadcast 'may-news': it is cancelled; "
        "'steadypost broadcast status may-news' tells more"
    )


def test_a_refusal_on_our_account_halts_the_rest(stage: BroadcastStage, weekly: int) -> None:
    for number in range(3):
        stage.add_reader(f"person-{number}", weekly)
    stage.schedule(stage.clock.now)
    stage.sender.connections = 1
    stage.sender.answer_next(Refused("550 5.7.1 not allowed", "relay", 550, "5.7.1"))

    stage.tick()

    assert stage.readers() == []
    reasons = [stage.delivery(number).reason for number in (2, 3)]
    assert all(one.startswith("another email of the broadcast was refused") for one in reasons)


# Crashes and planners


def test_a_crash_between_two_pages_neither_loses_nor_doubles(
    stage: BroadcastStage, weekly: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.broadcasting.PAGE", 2)
    for number in range(7):
        stage.add_reader(f"person-{number}", weekly)
    stage.schedule(stage.clock.now)

    def queue(limit: int) -> Portion:
        site, at = stage.site, stage.clock.now
        done: Portion = stage.do(lambda s: queue_due_broadcasts(s, site=site, now=at, limit=limit))
        return done

    assert queue(2) == Portion(2, is_full=True)

    def queue_and_die(session: Session) -> None:
        queue_due_broadcasts(session, site=stage.site, now=stage.clock.now, limit=2)
        crash()

    with pytest.raises(Crash):
        stage.do(queue_and_die)
    assert [queue(2).done for _ in range(4)] == [2, 2, 1, 0]
    stage.tick()

    assert len(stage.readers()) == len(set(stage.readers())) == 7


def test_a_crash_in_the_hand_over_leaves_doubt_and_no_second_copy(
    stage: BroadcastStage, weekly: int
) -> None:
    for number in range(4):
        stage.add_reader(f"person-{number}", weekly)
    stage.schedule(stage.clock.now)
    stage.do(lambda s: queue_due_broadcasts(s, site=stage.site, now=stage.clock.now))
    dying = InterruptedSender(crash, connections=2)

    with pytest.raises(Crash):
        stage.send(sender=dying)
    stage.tick()

    got = [one.recipient for one in (*dying.accepted, *stage.sender.accepted)]
    assert sorted(got) == [f"person-{number}@example.org" for number in range(4)]
    states = stage.ask(lambda s: count_states(s, 1))
    assert (states[State.SENT], states[State.UNCERTAIN]) == (2, 2)


def test_a_copy_in_doubt_that_is_sent_again_weeks_later_can_be_let_go_or_cancelled(
    stage: BroadcastStage, weekly: int
) -> None:
    for name in ("ada", "cid"):
        stage.add_reader(name, weekly)
    stage.schedule(stage.clock.now)
    stage.do(lambda s: queue_due_broadcasts(s, site=stage.site, now=stage.clock.now))
    with pytest.raises(Crash):
        stage.send(sender=InterruptedSender(crash, connections=2))
    stage.tick()
    stage.tick()
    assert stage.broadcast().status is BroadcastStatus.SENT
    stage.clock.move(days=21)

    stage.do(lambda s: send_again(s, [1, 2], now=stage.clock.now))
    stage.tick()

    assert stage.delivery(1).state is State.HELD  # it says: 'steadypost broadcast send may-news'
    stage.send_now()
    stage.do(lambda s: release_held(s, [1]))
    stage.tick()
    assert stage.readers() == ["ada"]
    assert stage.cancel() == 1
    assert stage.delivery(2).state is State.CANCELLED


def test_two_planners_at_once_queue_everybody_once(
    postgresql_database: Database, site: Site, now: datetime
) -> None:
    stage = BroadcastStage(postgresql_database, site, Clock(now))
    weekly = stage.make_list()
    for number in range(3):
        stage.add_reader(f"person-{number}", weekly)
    stage.schedule(now)

    with stage.database.transaction() as first:
        assert queue_due_broadcasts(first, site=site, now=now).done == 3
        with stage.database.transaction() as second:  # it passes over what is locked
            assert queue_due_broadcasts(second, site=site, now=now).done == 0
    stage.tick()

    assert len(stage.readers()) == 3


# What is refused


@pytest.mark.parametrize(
    ("deed", "error", "text"),
    [
        (
            lambda stage: stage.write(audience="city was Berlin"),
            AudienceRuleError,
            "cannot understand the audience 'city was Berlin': after 'city' comes 'is', 'is not', "
            "'in', 'contains'",
        ),
        (
            lambda stage: stage.write(audience="town is Berlin"),
            AudienceRuleError,
            "cannot understand the audience 'town is Berlin': it asks for 'town'; known are: city, "
            "first_name, last_name; [subscribers] attributes in the settings names more",
        ),
        (
            lambda stage: stage.write(audience='tag "a,b"'),
            AudienceRuleError,
            "it holds a comma, a semicolon or a bar",
        ),
        (lambda stage: stage.write(list_slug="news"), UnknownListError, "news"),
        (
            lambda stage: stage.write(
                text="---\nsubject: {subject}\n---\n{{{{ clinic.website_ }}}}"
            ),
            BroadcastFolderError,
            "cannot use broadcast 'may-news'; put this right first:\n  may-news.md, line 4",
        ),
        (
            lambda stage: stage.write(theme="clam"),
            BroadcastFolderError,
            "cannot use broadcast 'may-news'; put this right first:\n  theme: ",
        ),
        (
            lambda stage: stage.schedule(stage.clock.now - HOUR),
            PastMomentError,
            "cannot send broadcast 'may-news' at 2026-03-02 08:00, Europe/Berlin: that is over; "
            "choose a later time, or 'steadypost broadcast send may-news' for now",
        ),
        (
            lambda stage: stage.schedule(LocalHour(date(2026, 3, 2), 9)),
            PastMomentError,
            "cannot send broadcast 'may-news' at 2026-03-02 09:00 in Europe/Berlin",
        ),
        (
            lambda stage: stage.cancel("june-news"),
            UnknownBroadcastError,
            "no broadcast is named 'june-news'; make one with 'steadypost broadcast create'",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    stage: BroadcastStage,
    weekly: int,
    deed: Callable[[BroadcastStage], object],
    error: type[Exception],
    text: str,
) -> None:
    with pytest.raises(error) as caught:
        deed(stage)

    assert text in str(caught.value)


def test_without_a_postal_address_nothing_is_scheduled(stage: BroadcastStage, weekly: int) -> None:
    stage.write()
    stage.site = replace(stage.site, clinic={**stage.site.clinic, "postal_address": " "})

    with pytest.raises(PostalAddressMissingError) as caught:
        stage.send_now()

    assert str(caught.value) == (
        "cannot send broadcast 'may-news': the clinic's postal address is empty; "
        "set it in [clinic] of the settings"
    )


def test_a_text_may_change_until_it_begins(stage: BroadcastStage, weekly: int) -> None:
    stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now + HOUR)
    stage.write(text="---\nsubject: Better {subject}\n---\n# Hi\n")
    stage.clock.move(hours=1)
    stage.tick_with_looks()

    assert read(stage.sender.accepted[0].message)["Subject"] == "Better News of may-news"
    with pytest.raises(BroadcastMoveError):
        stage.write()


def test_it_begins_with_the_clinics_facts_of_that_moment(
    stage: BroadcastStage, weekly: int
) -> None:
    stage.add_reader("ada", weekly)
    stage.schedule(stage.clock.now + HOUR)
    stage.site = replace(stage.site, clinic={**stage.site.clinic, "postal_address": "1 New Road"})
    stage.clock.move(hours=1)
    stage.tick_with_looks()

    assert b"1 New Road" in stage.sender.accepted[0].message


def test_somebody_erased_meanwhile_is_cancelled(stage: BroadcastStage, weekly: int) -> None:
    ada = stage.add_reader("ada", weekly)
    stage.schedule(LocalHour(date(2026, 3, 2), 20))
    stage.tick()
    stage.do(lambda s: s.delete(s.get_one(Subscriber, ada.subscriber_id)))

    stage.run_until(stage.clock.now + DAY)

    stage.tick()
    assert stage.delivery(1).state is State.CANCELLED
    assert stage.ask(lambda s: s.get_one(Broadcast, 1)).status is BroadcastStatus.SENT
