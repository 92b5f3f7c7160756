"""After the last part: one more email that says so, and a page to look back on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from campaigns.closing import CLOSING_KEY
from campaigns.errors import SeriesFolderError
from campaigns.explain import why, why_email
from campaigns.facts import load_people, moves_of
from campaigns.forecast import forecast
from campaigns.models import Series, Step
from campaigns.own_choices import start_again
from campaigns.preview import preview_step
from campaigns.publishing import export_series, import_series, publish_changes
from campaigns.queueing import step_key
from campaigns.rules.moves import SendStep
from campaigns.rules.standing import EnrolmentStatus
from campaigns.series_folder import FolderStep, SeriesFolder
from campaigns.site import Site
from campaigns.store import due_enrolments, find_series, load_labels
from campaigns.undoing import undo_edit
from delivery.outbox import NewDelivery, queue_deliveries
from delivery.rules.states import Kind, State
from storage.database import Database
from subscribers.models import Subscriber
from tests.sending_stage import (
    RENDERER,
    Clock,
    Crash,
    InterruptedRenderer,
    InterruptedSender,
    crash,
    read,
)
from tests.series_stage import SeriesStage

BOB = "bob@example.org"


def text(words: str) -> str:
    return f"---\nsubject: {words}\n---\n# {words}\n\nSome lines about {words}.\n"


def folder_of(*keys: str, completion_email: bool = True, **values: Any) -> SeriesFolder:
    steps = tuple(
        FolderStep(key, f"{key}.md", 7 if place else 0, text(key)) for place, key in enumerate(keys)
    )
    about = {"list_slug": "weekly", "completion_email": completion_email, **values}
    return SeriesFolder("welcome", "Your weekly series", steps, **about)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> SeriesStage:
    """Let Bob begin a series of three that ends with a completion email."""
    return begun(SeriesStage(database, site, Clock(now)))


@pytest.fixture
def lean_stage(sqlite_database: Database, site: Site, now: datetime) -> SeriesStage:
    """Do the same where the kind of store does not matter."""
    return begun(SeriesStage(sqlite_database, site, Clock(now)))


def begun(stage: SeriesStage) -> SeriesStage:
    publish(stage, folder_of("one", "two", "three"))
    list_id = stage.ask(lambda s: find_series(s, "welcome").list_id)
    stage.add_reader("bob", list_id)
    return stage


def publish(stage: SeriesStage, folder: SeriesFolder) -> Any:
    site, now = stage.site, stage.clock.now
    return stage.do(lambda s: import_series(s, folder, site=site, renderer=RENDERER, now=now))


def live(stage: SeriesStage, **by: float) -> None:
    stage.run_until(stage.clock.now + timedelta(**by))


def to_the_last_part(stage: SeriesStage) -> None:
    """Let time pass until the last part is through, and everything else of that day."""
    while len(stage.went()) < 3:
        live(stage, days=1)


def to_the_end(stage: SeriesStage) -> None:
    """Stop at the moment the completion email is due."""
    to_the_last_part(stage)
    while (upcoming := stage.next_moment()) is not None and not is_closing_due(stage):
        stage.clock.now = upcoming
        stage.plan()


def is_closing_due(stage: SeriesStage) -> bool:
    return len(stage.once_keys()) == 4


def keys(stage: SeriesStage) -> list[str]:
    return [one.step_key for one in stage.went()]


def status(stage: SeriesStage) -> EnrolmentStatus:
    return stage.enrolments()[-1].status


def test_it_comes_once_on_a_day_after_the_last_part_and_ends_the_series(
    stage: SeriesStage,
) -> None:
    live(stage, days=90)

    went = stage.went()
    assert [one.step_key for one in went] == ["one", "two", "three", CLOSING_KEY]
    assert went[-1].at.date() - went[-2].at.date() == timedelta(days=1)
    assert status(stage) is EnrolmentStatus.FINISHED


def test_it_waits_for_a_day_without_another_email(lean_stage: SeriesStage) -> None:
    list_id = lean_stage.ask(lambda s: find_series(s, "welcome").list_id)
    lean_stage.add_series(list_id, slug="other", waits=[15, 7], priority=1)
    live(lean_stage, days=40)

    days = [one.at.date() for one in lean_stage.went()]
    assert len(days) == len(set(days)) == 6


def test_it_leads_to_the_page_that_looks_back(lean_stage: SeriesStage) -> None:
    to_the_end(lean_stage)
    lean_stage.send()
    mail = read(lean_stage.sender.accepted[-1].message)
    body = mail.get_body(("plain",))
    assert body is not None
    words = str(body.get_content())

    assert mail["Subject"] == "That was the last part of your series"
    assert mail["List-Unsubscribe"] is not None
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Your weekly series" in words
    assert re.search(r"/p/[a-z2-7]+/finished", words)
    assert "Part 0" not in words
    assert "Unsubscribe:" in words


def test_without_the_switch_the_last_part_is_the_last_email(lean_stage: SeriesStage) -> None:
    publish(lean_stage, folder_of("one", "two", "three", completion_email=False))
    live(lean_stage, days=90)

    assert keys(lean_stage) == ["one", "two", "three"]
    assert status(lean_stage) is EnrolmentStatus.FINISHED


def test_who_had_finished_before_it_was_switched_on_gets_none(lean_stage: SeriesStage) -> None:
    publish(lean_stage, folder_of("one", "two", "three", completion_email=False))
    live(lean_stage, days=20)
    publish(lean_stage, folder_of("one", "two", "three"))
    live(lean_stage, days=90)

    assert keys(lean_stage) == ["one", "two", "three"]


def test_switched_off_while_it_is_queued_it_does_not_go(lean_stage: SeriesStage) -> None:
    to_the_end(lean_stage)
    assert (len(lean_stage.once_keys()), lean_stage.once_keys()[-1][1]) == (4, State.QUEUED)
    publish(lean_stage, folder_of("one", "two", "three", completion_email=False))
    live(lean_stage, days=9)

    assert keys(lean_stage) == ["one", "two", "three"]
    assert lean_stage.once_keys()[-1][1] is State.CANCELLED
    assert status(lean_stage) is EnrolmentStatus.FINISHED


def test_parts_appended_after_it_still_come_and_it_does_not_come_again(
    stage: SeriesStage,
) -> None:
    live(stage, days=30)
    assert keys(stage)[-1] == CLOSING_KEY
    publish(stage, folder_of("one", "two", "three", "four"))
    live(stage, days=40)

    assert keys(stage) == ["one", "two", "three", CLOSING_KEY, "four"]
    assert status(stage) is EnrolmentStatus.FINISHED


def test_who_has_had_no_part_at_all_gets_none(lean_stage: SeriesStage) -> None:
    with lean_stage.database.transaction() as session:
        for step in session.scalars(select(Step).where(Step.is_closing.is_(False))):
            step.condition = "tagged nobody"
    live(lean_stage, days=40)

    assert keys(lean_stage) == []
    assert status(lean_stage) is EnrolmentStatus.FINISHED


def test_who_goes_through_a_series_again_is_told_again(lean_stage: SeriesStage) -> None:
    live(lean_stage, days=30)
    now = lean_stage.clock.now
    lean_stage.do(
        lambda s: start_again(
            s, s.scalars(select(Subscriber)).one(), find_series(s, "welcome").id, now=now
        )
    )
    live(lean_stage, days=60)

    assert keys(lean_stage).count(CLOSING_KEY) == 2
    assert len({key for key, _ in lean_stage.once_keys()}) == 8


def test_two_planners_queue_it_once(stage: SeriesStage) -> None:
    to_the_last_part(stage)
    stage.clock.now = stage.next_moment() or stage.clock.now
    with stage.database.transaction() as first:  # it has looked, and is slow to write
        (due,) = due_enrolments(first, now=stage.clock.now, limit=9)
        (person,) = load_people(first, [due.subscriber_id], site=stage.site, now=stage.clock.now)
    stage.plan()
    move = moves_of(person, site=stage.site, now=stage.clock.now)[due.enrolment_id]
    assert isinstance(move, SendStep)
    late = NewDelivery(
        once_key=step_key(due.enrolment_id, move.step_id),
        kind=Kind.STEP,
        due_at=stage.clock.now,
        created_at=stage.clock.now,
        subscriber_id=due.subscriber_id,
        enrolment_id=due.enrolment_id,
        step_id=move.step_id,
    )

    assert stage.do(lambda s: queue_deliveries(s, [late])) == 0
    live(stage, days=9)
    assert keys(stage).count(CLOSING_KEY) == 1


@pytest.mark.parametrize("moment", ["before the dot", "after the dot"])
def test_a_crash_while_it_goes_never_sends_it_twice_nor_loses_it(
    stage: SeriesStage, moment: str
) -> None:
    to_the_end(stage)
    if moment == "before the dot":
        broken = InterruptedRenderer(crash)
        with pytest.raises(Crash):
            stage.send(renderer=broken)
    else:
        with pytest.raises(Crash):
            stage.send(sender=InterruptedSender(crash))
    live(stage, days=30)

    expected = {"before the dot": State.SENT, "after the dot": State.UNCERTAIN}[moment]
    assert stage.once_keys()[-1][1] is expected
    assert keys(stage).count(CLOSING_KEY) == (expected is State.SENT)
    assert status(stage) is EnrolmentStatus.FINISHED


def test_the_forecast_and_why_name_it(lean_stage: SeriesStage) -> None:
    to_the_last_part(lean_stage)
    site, now = lean_stage.site, lean_stage.clock.now
    (entry,) = lean_stage.ask(lambda s: forecast(s, site=site, now=now, days=9))
    (step,) = lean_stage.ask(
        lambda s: why_email(s, BOB, f"welcome/{CLOSING_KEY}", site=site, now=now)
    )
    told = lean_stage.ask(lambda s: why(s, BOB, site=site, now=now))
    live(lean_stage, days=9)

    assert (entry.what, entry.part) == (f"welcome/{CLOSING_KEY}", 0)
    assert entry.at == lean_stage.went()[-1].at
    assert "the completion email" in step
    assert any("the completion email" in line for line in told)


def test_a_series_folder_keeps_the_switch_and_undo_takes_it_back(lean_stage: SeriesStage) -> None:
    without = folder_of("one", "two", "three", completion_email=False)
    changes = publish(lean_stage, without)
    site, now = lean_stage.site, lean_stage.clock.now
    off = lean_stage.ask(lambda s: export_series(s, "welcome"))
    undone = lean_stage.do(lambda s: undo_edit(s, "welcome", site=site, renderer=RENDERER, now=now))

    assert changes.unpublished == (CLOSING_KEY,)
    assert off == without
    assert undone.changed == (CLOSING_KEY,)
    assert lean_stage.ask(lambda s: export_series(s, "welcome")) == folder_of("one", "two", "three")
    assert CLOSING_KEY in lean_stage.ask(load_labels).steps.values()


OWN = {"completion_file": "goodbye.md", "completion_document": text("Our own goodbye")}


def test_a_series_may_end_in_its_own_words(lean_stage: SeriesStage) -> None:
    own = folder_of("one", "two", "three", **OWN)
    foretold = publish(lean_stage, own)
    site, now = lean_stage.site, lean_stage.clock.now
    looked = lean_stage.ask(
        lambda s: preview_step(s, site, RENDERER, f"welcome/{CLOSING_KEY}", now=now)
    )

    to_the_end(lean_stage)
    lean_stage.send()
    mail = read(lean_stage.sender.accepted[-1].message)

    assert foretold.changed == (CLOSING_KEY,)
    assert publish(lean_stage, own).changed == ()
    assert lean_stage.ask(lambda s: export_series(s, "welcome")) == own
    assert looked.subject == mail["Subject"] == "Our own goodbye"


def test_own_words_give_way_to_the_shipped_ones_and_come_back_when_that_is_undone(
    lean_stage: SeriesStage,
) -> None:
    own, shipped = folder_of("one", "two", **OWN), folder_of("one", "two")
    publish(lean_stage, own)
    site, now = lean_stage.site, lean_stage.clock.now

    assert publish(lean_stage, shipped).changed == (CLOSING_KEY,)
    assert lean_stage.ask(lambda s: export_series(s, "welcome")) == shipped
    lean_stage.do(lambda s: undo_edit(s, "welcome", site=site, renderer=RENDERER, now=now))
    assert lean_stage.ask(lambda s: export_series(s, "welcome")) == own


def test_own_words_that_cannot_be_used_refuse_the_series(lean_stage: SeriesStage) -> None:
    broken = {**OWN, "completion_document": text("{{ subscriber.first_nam }}")}

    with pytest.raises(SeriesFolderError, match=r"goodbye\.md, line 4: .* mean 'first_name'"):
        publish(lean_stage, folder_of("one", **broken))


def test_it_follows_the_clinic_like_the_parts(lean_stage: SeriesStage) -> None:
    site, now = lean_stage.site, lean_stage.clock.now
    moved = replace(site, clinic={**site.clinic, "name": "Another name"})
    told = lean_stage.do(lambda s: publish_changes(s, site=moved, renderer=RENDERER, now=now))

    assert told == 4


@pytest.mark.parametrize("change", ["paused", "left"])
def test_what_stops_a_series_stops_it_too(
    lean_stage: SeriesStage, change: str, request: pytest.FixtureRequest
) -> None:
    to_the_last_part(lean_stage)
    deeds: dict[str, Callable[[], None]] = {
        "paused": lambda: lean_stage.change(Series, 1, status="paused"),
        "left": lambda: lean_stage.change(Series, 1, exit_rule="first_name is Bob"),
    }
    deeds[change]()
    live(lean_stage, days=20)

    assert CLOSING_KEY not in keys(lean_stage)
