"""A series is edited while people are inside: what it would do, what it does, and back again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import bindparam, select, update

from campaigns.errors import NothingToUndoError, SeriesFolderError
from campaigns.impact import Impact, try_edit, try_undoing
from campaigns.models import Enrolment
from campaigns.own_choices import start_again
from campaigns.publishing import EVERYBODY, ImportedSeries, export_series, import_series
from campaigns.rules.existing import Existing, ExistingPlan
from campaigns.rules.impact import Effect
from campaigns.rules.standing import EnrolmentStatus
from campaigns.series_folder import FolderStep, SeriesFolder
from campaigns.site import Site
from campaigns.stopping import stop_ways
from campaigns.undoing import undo_edit
from storage.database import Database
from subscribers.mailing_lists import ensure_list
from subscribers.models import Subscriber, Subscription
from subscribers.profiles import add_tags
from subscribers.rules.standing import Standing
from tests.sending_stage import DOCUMENT, RENDERER, Clock
from tests.series_stage import SeriesStage

DAY = timedelta(days=1)
_LEAVE = (
    update(Subscription)
    .where(Subscription.subscriber_id == bindparam("person"))
    .values(standing=Standing.UNSUBSCRIBED)
)


def step(key: str, wait_days: int = 7, *, text: str = "", condition: str = "") -> FolderStep:
    document = DOCUMENT.format(subject=key) + text
    return FolderStep(key, f"{key}.md", wait_days, document, condition)


THREE = SeriesFolder(
    "welcome", "Your weekly series", (step("one", 0), step("two"), step("three")), "weekly"
)


@pytest.fixture
def stage(database: Database, site: Site, now: datetime) -> SeriesStage:
    """Let Ada have had two of three, and Ben one; both on Sundays."""
    stage = SeriesStage(database, site, Clock(now))
    weekly = stage.do(lambda s: ensure_list(s, "weekly", title="Weekly", now=now)).id
    bring(stage, THREE)
    stage.add_reader("ada", weekly)
    stage.tick()
    stage.clock.now = now + 7 * DAY
    stage.add_reader("ben", weekly)
    stage.run_until(datetime(2026, 3, 16, tzinfo=UTC))
    return stage


def bring(
    stage: SeriesStage, folder: SeriesFolder, existing: ExistingPlan = EVERYBODY
) -> ImportedSeries:
    with stage.database.transaction() as session:
        return import_series(
            session,
            folder,
            site=stage.site,
            renderer=RENDERER,
            now=stage.clock.now,
            existing=existing,
        )


def foresee(stage: SeriesStage, folder: SeriesFolder) -> Impact:
    with stage.database.transaction() as session:
        trial = try_edit(session, folder, site=stage.site, renderer=RENDERER, now=stage.clock.now)
    return trial.impact()


def undo(stage: SeriesStage) -> ImportedSeries:
    with stage.database.transaction() as session:
        return undo_edit(
            session, "welcome", site=stage.site, renderer=RENDERER, now=stage.clock.now
        )


def foresee_undoing(stage: SeriesStage) -> Impact:
    with stage.database.transaction() as session:
        trial = try_undoing(
            session, "welcome", site=stage.site, renderer=RENDERER, now=stage.clock.now
        )
    return trial.impact()


def effects(impact: Impact) -> list[tuple[str, str, list[str]]]:
    """List what moves for whom: effect, step, people."""
    return sorted(
        (one.moved.effect.value, one.moved.step_key, sorted(name[:3] for name in one.addresses))
        for one in impact.touched
    )


def of(stage: SeriesStage, name: str) -> list[tuple[str, str]]:
    return [
        (one.step_key, f"{one.at:%m-%d}")
        for one in stage.went()
        if one.address == f"{name}@example.org"
    ]


def went_after(stage: SeriesStage) -> dict[str, list[tuple[str, str]]]:
    stage.run_until(datetime(2026, 6, 30, tzinfo=UTC))
    return {name: of(stage, name) for name in ("ada", "ben")}


def test_where_everybody_stands(stage: SeriesStage) -> None:
    assert of(stage, "ada") == [("one", "03-02"), ("two", "03-15")]
    assert of(stage, "ben") == [("one", "03-09")]


def test_a_step_behind_somebody_is_not_sent_to_them_and_one_ahead_is(stage: SeriesStage) -> None:
    steps = (step("one", 0), step("new"), step("two"), step("three"))
    impact = foresee(stage, replace(THREE, steps=steps))

    assert effects(impact) == [
        ("later", "three", ["ben"]),
        ("later", "two", ["ben"]),
        ("newly", "new", ["ben"]),
    ]
    bring(stage, replace(THREE, steps=steps))
    assert went_after(stage) == {
        "ada": [("one", "03-02"), ("two", "03-15"), ("three", "03-22")],
        "ben": [("one", "03-09"), ("new", "03-22"), ("two", "03-29"), ("three", "04-05")],
    }


def test_a_step_taken_out_is_not_waited_for(stage: SeriesStage) -> None:
    steps = (step("one", 0), step("three"))
    impact = foresee(stage, replace(THREE, steps=steps))

    assert effects(impact) == [("earlier", "three", ["ben"]), ("never", "two", ["ben"])]
    assert impact.count(Effect.NEVER, "two") == 1
    bring(stage, replace(THREE, steps=steps))
    assert went_after(stage)["ben"] == [("one", "03-09"), ("three", "03-22")]


def test_a_new_order_moves_nobody_backwards(stage: SeriesStage) -> None:
    steps = (step("one", 0), step("three"), step("two"))
    impact = foresee(stage, replace(THREE, steps=steps))

    assert effects(impact) == [
        ("earlier", "three", ["ben"]),
        ("later", "two", ["ben"]),
        ("never", "three", ["ada"]),
    ]
    bring(stage, replace(THREE, steps=steps))
    assert went_after(stage) == {
        "ada": [("one", "03-02"), ("two", "03-15")],
        "ben": [("one", "03-09"), ("three", "03-22"), ("two", "03-29")],
    }


def test_a_changed_wait_credits_what_was_waited(stage: SeriesStage) -> None:
    steps = (step("one", 0), step("two", 3), step("three", 10))
    impact = foresee(stage, replace(THREE, steps=steps))

    assert effects(impact) == [
        ("earlier", "three", ["ben"]),
        ("earlier", "two", ["ben"]),
        ("later", "three", ["ada"]),
    ]
    bring(stage, replace(THREE, steps=steps))
    stage.run_until(datetime(2026, 6, 30, tzinfo=UTC))
    assert of(stage, "ada")[2:] == [("three", "03-25")]
    assert of(stage, "ben")[1:] == [("two", "03-16"), ("three", "03-26")]


def test_another_text_moves_nobody_and_counts_for_who_has_it_ahead(stage: SeriesStage) -> None:
    steps = (step("one", 0, text="More."), step("two", text="More."), step("three"))
    impact = foresee(stage, replace(THREE, steps=steps))

    assert impact.touched == ()
    assert impact.new_text == {"one": 0, "two": 1}


def test_a_condition_takes_a_step_from_those_it_is_not_true_of(stage: SeriesStage) -> None:
    steps = (step("one", 0), step("two", condition="first_name is Ada"), step("three"))
    impact = foresee(stage, replace(THREE, steps=steps))

    assert effects(impact) == [("earlier", "three", ["ben"]), ("never", "two", ["ben"])]


def test_a_new_condition_is_asked_of_everybody_before_it_is_made(stage: SeriesStage) -> None:
    """No series asked anything until now, so nothing about people was needed."""
    with stage.database.transaction() as session:
        ben = session.scalars(select(Subscriber).where(Subscriber.first_name == "Ben")).one()
        add_tags(session, ben, ["vip"])
    steps = (step("one", 0), step("two"), step("three", condition="tagged vip"))

    impact = foresee(stage, replace(THREE, steps=steps))

    assert effects(impact) == [("never", "three", ["ada"])]


def test_who_finished_lately_gets_what_is_appended(stage: SeriesStage) -> None:
    stage.run_until(datetime(2026, 4, 1, tzinfo=UTC))
    assert {way.status for way in stage.enrolments()} == {EnrolmentStatus.FINISHED}
    longer = replace(THREE, steps=(*THREE.steps, step("four")))

    assert effects(foresee(stage, replace(longer, sends_new_to_finished=False))) == []
    assert effects(foresee(stage, longer)) == [
        ("newly", "four", ["ada"]),
        ("newly", "four", ["ben"]),
    ]
    assert bring(stage, longer).taken_up == 2
    assert went_after(stage)["ada"][3:] == [("four", "04-01")]


def test_who_began_anew_or_left_is_not_taken_up_on_the_way_they_finished(
    stage: SeriesStage,
) -> None:
    stage.run_until(datetime(2026, 4, 1, tzinfo=UTC))
    ada, ben = stage.enrolments()
    with stage.database.transaction() as session:
        person = session.get_one(Subscriber, ada.subscriber_id)
        assert start_again(session, person, ada.series_id, now=stage.clock.now)
    stage.do(lambda s: s.execute(_LEAVE, {"person": ben.subscriber_id}))

    assert bring(stage, replace(THREE, steps=(*THREE.steps, step("four")))).taken_up == 0
    had = went_after(stage)
    again = ["one", "two", "three", "four"]
    assert [key for key, _ in had["ada"]] == ["one", "two", "three", *again]
    assert [key for key, _ in had["ben"]] == ["one", "two", "three"]


def test_who_finished_long_ago_is_left_in_peace(stage: SeriesStage) -> None:
    stage.run_until(datetime(2026, 7, 15, tzinfo=UTC))

    assert bring(stage, replace(THREE, steps=(*THREE.steps, step("four")))).taken_up == 0


def test_who_finished_and_said_so_gets_what_is_appended_or_is_left_in_peace(
    stage: SeriesStage,
) -> None:
    stage.run_until(datetime(2026, 7, 15, tzinfo=UTC))
    ada, ben = stage.enrolments()
    stage.change(Enrolment, ada.id, hears_of_new=True)
    longer = replace(THREE, steps=(*THREE.steps, step("four")))

    assert bring(stage, longer).taken_up == 1  # long ago, and she asked for it

    stage.run_until(datetime(2026, 8, 1, tzinfo=UTC))
    stage.change(Enrolment, ada.id, hears_of_new=False)
    assert bring(stage, replace(longer, steps=(*longer.steps, step("five")))).taken_up == 0
    assert stage.enrolments()[1].status is EnrolmentStatus.FINISHED, ben


def test_a_trial_changes_nothing(stage: SeriesStage) -> None:
    before = stage.ask(lambda s: export_series(s, "welcome"))
    foresee(stage, replace(THREE, title="Other", steps=(step("zero", 0),), exit_rule="tagged x"))

    assert stage.ask(lambda s: export_series(s, "welcome")) == before == THREE
    with pytest.raises(NothingToUndoError, match="no edit of series 'welcome' is left to undo"):
        undo(stage)


def test_edits_are_undone_one_after_the_other(stage: SeriesStage) -> None:
    first = replace(THREE, title="First", exit_rule="tagged client")
    second = replace(first, steps=(step("one", 0), step("new"), step("three", 30)))
    for folder in (first, first, second):  # bringing the same in again is no edit
        bring(stage, folder)

    assert undo(stage).unpublished == ("new",)
    assert stage.ask(lambda s: export_series(s, "welcome")) == first
    undo(stage)
    assert stage.ask(lambda s: export_series(s, "welcome")) == THREE
    with pytest.raises(NothingToUndoError):
        undo(stage)
    assert went_after(stage)["ben"] == [("one", "03-09"), ("two", "03-22"), ("three", "03-29")]


def test_a_condition_on_what_nobody_is_asked_is_refused(stage: SeriesStage) -> None:
    steps = (step("one", 0), step("two", condition="citty is Berlin"))

    with pytest.raises(SeriesFolderError, match="asks for 'citty'; did you mean 'city'"):
        foresee(stage, replace(THREE, steps=steps))


# People whom an edit ended come back when it is undone


def statuses(stage: SeriesStage) -> list[str]:
    return [way.status.value for way in stage.enrolments()]


def test_whom_a_mistaken_exit_rule_stopped_go_on_when_it_is_undone(stage: SeriesStage) -> None:
    bring(stage, replace(THREE, exit_rule="not tagged vip"))
    stage.tick()
    assert statuses(stage) == ["stopped", "stopped"]
    stage.clock.move(days=3)

    foretold = foresee_undoing(stage)
    assert statuses(stage) == ["stopped", "stopped"]
    done = undo(stage)

    assert foretold.imported.brought_back == done.brought_back == 2
    assert effects(foretold) == [
        ("newly", "three", ["ada"]),
        ("newly", "three", ["ben"]),
        ("newly", "two", ["ben"]),
    ]
    assert went_after(stage) == {
        "ada": [("one", "03-02"), ("two", "03-15"), ("three", "03-22")],
        "ben": [("one", "03-09"), ("two", "03-22"), ("three", "03-29")],
    }


def test_who_was_stopped_otherwise_or_has_left_since_stays_out(stage: SeriesStage) -> None:
    """The rule of before is asked again: Ada is a client, so it ends her way as it would have."""
    bring(stage, replace(THREE, exit_rule="tagged client"))
    bring(stage, replace(THREE, exit_rule="not tagged vip"))
    ada, ben = stage.enrolments()
    stage.do(lambda s: stop_ways(s, {ben.id: "they wanted no more"}, now=stage.clock.now))
    stage.do(lambda s: add_tags(s, s.get_one(Subscriber, ada.subscriber_id), ["client"]))
    stage.tick()

    foretold, done = foresee_undoing(stage), undo(stage)
    stage.tick()

    assert (foretold.touched, done.brought_back) == ((), 1)
    assert [way.reason for way in stage.enrolments()] == [
        "the series' exit rule is true of them: tagged client",
        "they wanted no more",
    ]


def test_an_edit_that_ended_nobody_brings_nobody_back(stage: SeriesStage) -> None:
    bring(stage, replace(THREE, exit_rule="not tagged vip"))
    stage.tick()
    bring(stage, replace(THREE, exit_rule="not tagged vip", title="Other"))

    assert undo(stage).brought_back == 0
    assert undo(stage).brought_back == 2


def test_who_unsubscribed_since_is_not_brought_back(stage: SeriesStage) -> None:
    bring(stage, replace(THREE, exit_rule="not tagged vip"))
    stage.tick()
    ada, _ = stage.enrolments()
    with stage.database.transaction() as session:
        own = select(Subscription).where(Subscription.subscriber_id == ada.subscriber_id)
        session.scalars(own).one().standing = Standing.UNSUBSCRIBED

    assert undo(stage).brought_back == 1
    assert statuses(stage) == ["stopped", "active"]


def test_who_finished_because_steps_were_taken_out_goes_on_whatever_the_switch_says(
    stage: SeriesStage,
) -> None:
    closed = replace(THREE, sends_new_to_finished=False)
    bring(stage, closed)
    bring(stage, replace(closed, steps=closed.steps[:2]))
    stage.run_until(datetime(2026, 4, 1, tzinfo=UTC))
    assert statuses(stage) == ["finished", "finished"]
    _, ben = stage.enrolments()
    stage.change(Enrolment, ben.id, hears_of_new=False)  # he has had enough, and said so

    foretold, done = foresee_undoing(stage), undo(stage)

    assert foretold.imported.brought_back == done.brought_back == 1
    assert effects(foretold) == [("newly", "three", ["ada"])]
    assert went_after(stage)["ada"][2:] == [("three", "04-01")]


def test_who_had_finished_before_the_edit_or_had_all_of_it_stays_finished(
    stage: SeriesStage,
) -> None:
    stage.run_until(datetime(2026, 4, 1, tzinfo=UTC))
    closed = replace(THREE, sends_new_to_finished=False)
    bring(stage, replace(closed, steps=(*THREE.steps, step("four"))))
    bring(stage, closed)

    assert undo(stage).brought_back == 0
    assert statuses(stage) == ["finished", "finished"]


def test_what_a_mistaken_condition_left_out_is_ahead_again(stage: SeriesStage) -> None:
    """Ben's second was left out on Sunday the 22nd, and he waits a week more for the third."""
    waiting = replace(THREE, steps=(step("one", 0), step("two"), step("three", 14)))
    bring(stage, waiting)
    strict = tuple(replace(one, condition="tagged vip") for one in waiting.steps)
    bring(stage, replace(waiting, steps=(*strict[:2], waiting.steps[2])))
    stage.run_until(datetime(2026, 3, 23, 12, tzinfo=UTC))

    foretold, done = foresee_undoing(stage), undo(stage)

    assert len(done.asked_again) == 1
    assert effects(foretold) == [("later", "three", ["ben"]), ("newly", "two", ["ben"])]
    assert went_after(stage)["ben"] == [("one", "03-09"), ("two", "03-23"), ("three", "04-12")]


def test_who_finished_because_the_rest_was_left_out_goes_on(stage: SeriesStage) -> None:
    steps = (step("one", 0), step("two"), step("three", condition="tagged vip"))
    bring(stage, replace(THREE, steps=steps))
    stage.run_until(datetime(2026, 4, 1, tzinfo=UTC))
    assert statuses(stage) == ["finished", "finished"]

    foretold, done = foresee_undoing(stage), undo(stage)

    assert foretold.imported.brought_back == done.brought_back == 2
    assert effects(foretold) == [("newly", "three", ["ada", "ben"])]
    assert [key for key, _ in went_after(stage)["ada"]] == ["one", "two", "three"]


# People who were there before


SECOND = replace(THREE, slug="second", priority=50)


def begun(stage: SeriesStage) -> list[tuple[str, str]]:
    stage.run_until(datetime(2026, 3, 30, tzinfo=UTC))
    return [
        (one.address[:3], f"{one.at:%m-%d}")
        for one in stage.went()
        if one.series_id == 2 and one.step_key == "one"
    ]


def test_a_new_series_for_newcomers_leaves_the_others_alone(stage: SeriesStage) -> None:
    assert bring(stage, SECOND, ExistingPlan(Existing.NEWCOMERS)).beginning == 0
    stage.clock.move(days=2)
    stage.add_reader("cleo", 1)

    assert begun(stage) == [("cle", "03-18")]


def test_a_new_series_begins_for_everybody(stage: SeriesStage) -> None:
    assert bring(stage, SECOND).beginning == 2

    assert begun(stage) == [("ada", "03-16"), ("ben", "03-16")]


def test_a_new_series_begins_for_some_each_day(stage: SeriesStage) -> None:
    plan = ExistingPlan(Existing.STAGGER, days=4)
    assert bring(stage, SECOND, plan).beginning == 2

    assert begun(stage) == [("ada", "03-16"), ("ben", "03-18")]
