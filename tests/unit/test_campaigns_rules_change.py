"""Rules about change: pauses, wishes, conditions, edits, and people in the same situation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.conditions import Traits, read_condition
from campaigns.rules.due_dates import local_day
from campaigns.rules.existing import (
    Existing,
    ExistingPlan,
    days_inside_quota,
    read_existing,
    staggered_starts,
    takes_up_again,
)
from campaigns.rules.impact import Effect, Moved, Planned, compare
from campaigns.rules.lives import Life
from campaigns.rules.moves import (
    AwaitDelivery,
    Block,
    Blocked,
    Cause,
    Finished,
    SendStep,
    SkipStep,
    Stop,
    WaitUntil,
    Why,
)
from campaigns.rules.series import (
    InFlight,
    Moment,
    Progress,
    Rhythm,
    SeriesPlan,
    StepPlan,
    next_move,
    next_step,
    part_of,
)
from campaigns.rules.shared_days import Way, plan_moves
from campaigns.rules.situations import situation_of
from campaigns.rules.skipping import Fallen, fallen_in_pause, next_to_skip
from campaigns.rules.standing import SeriesStatus

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # 09:00 in Berlin
DAY = timedelta(days=1)
RHYTHM = Rhythm(BERLIN)
SERIES = SeriesPlan(id=1, steps=(StepPlan(1, 0), StepPlan(2, 7), StepPlan(3, 7)), send_hour=9)
CLOSED = replace(SERIES, closing=StepPlan(9, 1))
NEW = Progress(enrolled_at=MONDAY, confirmed_at=MONDAY)
HAD_ONE = replace(NEW, had=frozenset({1}), last_sent_at=MONDAY)
OPEN = ClinicCalendar()
VIP = read_condition("tagged vip")


def decide(progress: Progress, now: datetime, *, series: SeriesPlan = SERIES, **more: object):  # type: ignore[no-untyped-def]
    moment = Moment(now, OPEN, **more)  # type: ignore[arg-type]
    return next_move(series, progress, rhythm=RHYTHM, moment=moment)


# A series that paused


def test_slots_that_lapsed_in_a_pause_are_not_made_up_for_at_once() -> None:
    resumed = replace(SERIES, resumed_at=MONDAY + 16 * DAY)  # a Wednesday, 09:00

    move = decide(HAD_ONE, MONDAY + 16 * DAY, series=resumed)

    assert isinstance(move, WaitUntil)
    assert move.at == MONDAY + 21 * DAY
    assert move.why.held_until == date(2026, 3, 18)


def test_a_slot_of_the_day_on_which_a_series_goes_on_has_lapsed_too() -> None:
    resumed = replace(SERIES, resumed_at=MONDAY + 7 * DAY + timedelta(hours=1))

    move = decide(HAD_ONE, MONDAY + 7 * DAY + timedelta(hours=2), series=resumed)

    assert isinstance(move, WaitUntil)
    assert move.at == MONDAY + 14 * DAY


def test_a_pause_before_the_slot_moves_nothing_and_a_later_outage_is_made_up_for() -> None:
    resumed = replace(SERIES, resumed_at=MONDAY + 3 * DAY)

    assert decide(HAD_ONE, MONDAY + 4 * DAY, series=resumed).at == MONDAY + 7 * DAY
    assert isinstance(decide(HAD_ONE, MONDAY + 9 * DAY, series=resumed), SendStep)


def fallen(until: datetime, progress: Progress = HAD_ONE) -> list[Fallen]:
    moment = Moment(MONDAY + DAY, OPEN)
    return fallen_in_pause(SERIES, progress, rhythm=RHYTHM, moment=moment, until=until)


def test_what_fell_into_a_pause_is_what_would_have_gone() -> None:
    assert fallen(MONDAY + 7 * DAY) == []
    assert fallen(MONDAY + 8 * DAY) == [Fallen(2, MONDAY + 7 * DAY)]
    assert fallen(MONDAY + 90 * DAY) == [Fallen(2, MONDAY + 7 * DAY), Fallen(3, MONDAY + 14 * DAY)]


def test_nobody_begins_with_part_two_after_a_pause() -> None:
    assert fallen(MONDAY + 90 * DAY, NEW) == []


# Conditions and exits


def test_a_false_condition_is_noticed_only_when_the_step_would_go() -> None:
    steps = (StepPlan(1, 0), StepPlan(2, 7, condition=VIP), StepPlan(3, 7))
    series = replace(SERIES, steps=steps)

    assert isinstance(decide(HAD_ONE, MONDAY, series=series), WaitUntil)
    skip = decide(HAD_ONE, MONDAY + 7 * DAY, series=series)
    assert skip == SkipStep(2, "its condition is not true of them: tagged vip")
    behind = replace(HAD_ONE, skipped=frozenset({2}))
    assert isinstance(decide(behind, MONDAY + 7 * DAY, series=series), SendStep)
    vip = Traits(tags=frozenset({"vip"}))
    assert isinstance(decide(HAD_ONE, MONDAY + 7 * DAY, series=series, traits=vip), SendStep)


def test_an_exit_rule_ends_the_way_even_of_what_is_on_its_way() -> None:
    series = replace(SERIES, exit_rule=VIP, status=SeriesStatus.PAUSED)
    flying = replace(HAD_ONE, in_flight=InFlight(2, MONDAY))
    vip = Traits(tags=frozenset({"vip"}))

    assert decide(flying, MONDAY, series=series) == AwaitDelivery(2)
    assert decide(flying, MONDAY, series=series, traits=vip) == Stop(
        "the series' exit rule is true of them: tagged vip"
    )


def test_a_step_left_out_at_the_end_finishes_the_series() -> None:
    assert decide(replace(HAD_ONE, skipped=frozenset({2, 3})), MONDAY) == Finished()


def test_the_step_behind_a_skipped_one_keeps_the_day_from_other_series() -> None:
    steps = (StepPlan(1, 0), StepPlan(2, 7, condition=VIP), StepPlan(3, 7))
    first = Way(1, replace(SERIES, steps=steps, priority=1), HAD_ONE)
    second = Way(2, replace(SERIES, id=2, priority=2), HAD_ONE)

    moves = plan_moves([first, second], rhythm=RHYTHM, moment=Moment(MONDAY + 7 * DAY, OPEN))

    assert isinstance(moves[1], SkipStep)
    assert isinstance(moves[2], WaitUntil)


# What a person asks for


def test_who_asks_gets_the_next_one_now_whatever_the_wait_and_the_hour() -> None:
    night = MONDAY + 2 * DAY + timedelta(hours=14)
    asking = replace(HAD_ONE, asked_at=night)

    assert decide(asking, night) == SendStep(2, night, Why(Cause.ASKED), is_awaited=True)
    assert isinstance(decide(replace(asking, last_sent_at=night + DAY), night + DAY), WaitUntil)


def test_who_asks_twice_a_day_gets_the_second_tomorrow() -> None:
    later = MONDAY + timedelta(hours=2)
    move = decide(replace(HAD_ONE, asked_at=later), later)

    assert isinstance(move, WaitUntil)
    assert local_day(move.at, BERLIN) == date(2026, 3, 3)


def test_a_wish_of_hours_ago_waits_for_the_window() -> None:
    night = MONDAY + 2 * DAY + timedelta(hours=14)
    move = decide(replace(HAD_ONE, asked_at=night), night + timedelta(hours=2))

    assert isinstance(move, WaitUntil)
    assert move.at.astimezone(BERLIN).time() == time(7)


@pytest.mark.parametrize(
    ("move", "skipped"),
    [
        (SendStep(2, MONDAY, Why(Cause.SPACING)), Fallen(2, MONDAY)),
        (WaitUntil(2, MONDAY + DAY, Why(Cause.SPACING)), Fallen(2, MONDAY + DAY)),
        (Finished(), None),
    ],
)
def test_the_next_one_is_skipped_at_its_slot(move: object, skipped: Fallen | None) -> None:
    assert next_to_skip(move, now=MONDAY) == skipped  # type: ignore[arg-type]


# Beginnings


def test_a_staggered_start_is_waited_for_and_then_goes_inside_the_window() -> None:
    starts = replace(NEW, starts_at=MONDAY + 3 * DAY + timedelta(hours=14))
    move = decide(starts, MONDAY)

    assert isinstance(move, WaitUntil)
    assert move.at == MONDAY + 4 * DAY - timedelta(hours=2)  # 07:00 in Berlin
    assert move.why.held_until == date(2026, 3, 5)
    assert isinstance(decide(starts, MONDAY + 4 * DAY), SendStep)


def test_a_start_to_come_at_a_clinic_that_closes_for_good_is_blocked() -> None:
    closed = frozenset(date(2026, 3, 1) + number * DAY for number in range(4000))
    moment = Moment(MONDAY, ClinicCalendar(closed_days=closed))
    starts = replace(NEW, starts_at=MONDAY + DAY)

    move = next_move(SERIES, starts, rhythm=RHYTHM, moment=moment)

    assert move == Blocked(Block.NEVER_OPEN, 1)


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("newcomers", ExistingPlan(Existing.NEWCOMERS)),
        (" Everybody ", ExistingPlan(Existing.EVERYBODY)),
        ("stagger=14", ExistingPlan(Existing.STAGGER, 14)),
        ("stagger=0", None),
        ("stagger=367", None),
        ("stagger", None),
        ("stagger=x", None),
        ("newcomers=1", None),
        ("n", None),
    ],
)
def test_what_a_new_series_does_is_read(text: str, plan: ExistingPlan | None) -> None:
    assert read_existing(text) == plan


def test_seven_people_begin_over_three_days() -> None:
    starts = staggered_starts(7, days=3, now=MONDAY)

    assert [(start - MONDAY).days for start in starts] == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(("daily_limit", "days"), [(0, 3), (100, 3), (2, 4)])
def test_a_quota_makes_the_days_more(daily_limit: int, days: int) -> None:
    assert days_inside_quota(7, days=3, daily_limit=daily_limit) == days


@given(st.integers(1, 500), st.integers(1, 60))
def test_staggered_starts_are_even_and_end_in_time(count: int, days: int) -> None:
    starts = staggered_starts(count, days=days, now=MONDAY)
    per_day = [sum(start == MONDAY + number * DAY for start in starts) for number in range(days)]

    assert starts == sorted(starts)
    assert sum(per_day) == count
    assert max(per_day) - min(per_day) <= 1
    assert starts[0] == MONDAY


@given(st.integers(1, 5000), st.integers(1, 366), st.integers(1, 500))
def test_staggered_starts_stay_inside_the_daily_quota(count: int, days: int, limit: int) -> None:
    over = days_inside_quota(count, days=days, daily_limit=limit)
    starts = staggered_starts(count, days=over, now=MONDAY)

    assert over >= days
    assert max(Counter((start - MONDAY) // DAY for start in starts).values()) <= max(
        limit, -(-count // days)
    )
    assert over == days or -(-count // over) <= limit
    assert days_inside_quota(count, days=days, daily_limit=0) == days


def test_only_who_finished_lately_takes_up_what_is_appended() -> None:
    had, ended = {1, 2, 3}, MONDAY
    longer = replace(SERIES, steps=(*SERIES.steps, StepPlan(4, 7)))

    assert takes_up_again(longer, had, ended_at=ended, now=MONDAY + 90 * DAY)
    assert not takes_up_again(longer, had, ended_at=ended, now=MONDAY + 91 * DAY)
    assert not takes_up_again(SERIES, had, ended_at=ended, now=MONDAY)
    assert not takes_up_again(longer, set(), ended_at=ended, now=MONDAY)


def test_a_completion_email_is_nothing_that_finished_people_take_up() -> None:
    assert not takes_up_again(CLOSED, {1, 2, 3}, ended_at=MONDAY, now=MONDAY)


# The completion email


def test_it_follows_the_last_part_on_another_day_and_comes_once() -> None:
    had = replace(NEW, had=frozenset({1, 2, 3}), last_sent_at=MONDAY)
    move = decide(had, MONDAY, series=CLOSED)

    assert isinstance(move, WaitUntil)
    assert (move.step_id, move.at) == (9, MONDAY + DAY)
    assert decide(replace(had, had=had.had | {9}), MONDAY, series=CLOSED) == Finished()
    assert next_step(CLOSED, {1}) == SERIES.steps[1]


def test_a_part_appended_behind_it_comes_and_it_does_not_come_again() -> None:
    longer = replace(CLOSED, steps=(*SERIES.steps, StepPlan(4, 7)))

    assert next_step(longer, {1, 2, 3, 9}) == longer.steps[3]
    assert next_step(longer, {1, 2, 3, 4, 9}) is None


def test_nobody_is_told_of_the_end_who_had_nothing() -> None:
    none = replace(NEW, skipped=frozenset({1, 2, 3}))

    assert decide(none, MONDAY, series=CLOSED) == Finished()
    assert decide(NEW, MONDAY, series=replace(CLOSED, steps=())) == Blocked(Block.NO_STEP)


def test_a_pause_lets_it_fall_for_nobody() -> None:
    had = replace(NEW, had=frozenset({1, 2, 3}), last_sent_at=MONDAY)
    moment, until = Moment(MONDAY, OPEN), MONDAY + 30 * DAY

    assert fallen_in_pause(CLOSED, had, rhythm=RHYTHM, moment=moment, until=until) == []


def test_it_is_no_part() -> None:
    assert [part_of(CLOSED, step_id) for step_id in (1, 3, 9)] == [1, 3, 0]
    assert [step.id for step in CLOSED.all_steps] == [1, 2, 3, 9]
    assert [step.id for step in SERIES.all_steps] == [1, 2, 3]


# What an edit moves


def test_each_effect_is_told_apart() -> None:
    def at(days: int) -> datetime:
        return MONDAY + days * DAY

    before = [Planned("s", key, at(3)) for key in ("same", "early", "late", "gone")]
    after = [
        Planned("s", key, at(day))
        for key, day in (("same", 3), ("early", 2), ("late", 4), ("n", 5))
    ]

    assert compare(before, after) == [
        Moved("s", "early", Effect.EARLIER, at(3), at(2)),
        Moved("s", "gone", Effect.NEVER, at(3), None),
        Moved("s", "late", Effect.LATER, at(3), at(4)),
        Moved("s", "n", Effect.NEWLY, None, at(5)),
    ]


# Whole lives

moments = st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 20), timezones=st.just(UTC))  # noqa: DTZ001
conditions = st.sampled_from([None, VIP, read_condition("not tagged vip")])
plans = st.builds(
    lambda waits, asks, resumed: SeriesPlan(
        id=1,
        steps=tuple(
            StepPlan(number, wait, condition=ask)
            for number, (wait, ask) in enumerate(zip([0, *waits], asks, strict=True), start=1)
        ),
        send_hour=9,
        resumed_at=resumed,
    ),
    st.lists(st.sampled_from([1, 3, 7, 14]), min_size=4, max_size=4),
    st.lists(conditions, min_size=5, max_size=5),
    st.none() | moments,
)
persons = st.builds(
    lambda weekday, vip: (Rhythm(BERLIN, weekday), Traits(tags=frozenset({"vip"} if vip else ()))),
    st.none() | st.integers(0, 6),
    st.booleans(),
)


@settings(max_examples=100, deadline=None)
@given(plans, persons, moments, st.none() | moments)
def test_every_step_goes_once_or_is_left_out_and_never_two_within_the_wait(
    plan: SeriesPlan,
    person: tuple[Rhythm, Traits],
    starts: datetime,
    asked: datetime | None,
) -> None:
    rhythm, traits = person
    start = Progress(enrolled_at=starts, confirmed_at=starts, asked_at=asked)
    life = Life([Way(1, plan, start)], rhythm=rhythm, moment=Moment(starts, OPEN, traits=traits))
    sent = list(life.until(starts + 400 * DAY))
    wanted = [
        step.id
        for step in plan.steps
        if step.condition is None or step.condition.holds(traits, since=starts)
    ]

    assert [one.step_id for one in sent] == wanted
    waits = {step.id: step.wait_days for step in plan.steps}
    for one, other in pairwise(sent):
        apart = local_day(other.at, BERLIN) - local_day(one.at, BERLIN)
        is_asked = other.why is not None and other.why.cause is Cause.ASKED
        assert apart.days >= (1 if is_asked else waits[other.step_id])


@settings(max_examples=100, deadline=None)
@given(plans, persons, moments, st.integers(0, 86_000), st.integers(0, 86_000))
def test_people_in_one_situation_have_one_future(
    plan: SeriesPlan, person: tuple[Rhythm, Traits], sent: datetime, one: int, other: int
) -> None:
    rhythm, traits = person
    moment = Moment(sent + 2 * DAY, OPEN, traits=traits)

    def way(seconds: int) -> Way:
        at = sent.replace(hour=0, minute=0, second=0) + timedelta(seconds=seconds)
        start = Progress(at, confirmed_at=at, had=frozenset({1}), last_sent_at=at)
        return Way(seconds, plan, start)

    def future(seconds: int) -> list[tuple[int, datetime]]:
        life = Life([way(seconds)], rhythm=rhythm, moment=moment)
        return [(one.step_id, one.at) for one in life.until(sent + 300 * DAY)]

    keys = [situation_of([way(each)], rhythm=rhythm, moment=moment) for each in (one, other)]
    if keys[0] == keys[1]:
        assert future(one) == future(other)


@pytest.mark.parametrize(
    ("rhythm", "other", "is_one"),
    [
        (RHYTHM, replace(HAD_ONE, last_sent_at=MONDAY + timedelta(seconds=5)), True),
        (RHYTHM, replace(HAD_ONE, last_sent_at=MONDAY + DAY), False),
        (RHYTHM, replace(HAD_ONE, confirmed_at=MONDAY - DAY), False),  # another weekday
        (RHYTHM, replace(HAD_ONE, confirmed_at=None), True),
        (replace(RHYTHM, weekday=2), replace(HAD_ONE, confirmed_at=MONDAY - DAY), True),
    ],
)
def test_the_days_of_the_last_email_and_of_the_click_tell_people_apart(
    rhythm: Rhythm, other: Progress, is_one: bool
) -> None:
    keys = {
        situation_of([Way(1, SERIES, each)], rhythm=rhythm, moment=Moment(MONDAY + DAY, OPEN))
        for each in (HAD_ONE, other)
    }

    assert (len(keys) == 1) is is_one


def test_what_a_series_asks_tells_people_apart() -> None:
    asking = replace(SERIES, exit_rule=VIP)
    moments_of_two = [
        Moment(MONDAY, OPEN, traits=Traits(tags=tags)) for tags in (frozenset({"vip"}), frozenset())
    ]

    def keys(series: SeriesPlan) -> set[object]:
        way = Way(1, series, HAD_ONE)
        return {situation_of([way], rhythm=RHYTHM, moment=one) for one in moments_of_two}

    assert (len(keys(asking)), len(keys(SERIES))) == (2, 1)


@pytest.mark.parametrize("first", [replace(NEW, enrolled_at=MONDAY + DAY), NEW])
def test_before_the_first_email_the_moments_themselves_tell_people_apart(first: Progress) -> None:
    def key(progress: Progress) -> object:
        ways = [Way(1, SERIES, progress)]
        return situation_of(ways, rhythm=RHYTHM, moment=Moment(MONDAY, OPEN))

    assert (key(first) == key(NEW)) is (first == NEW)


def test_what_is_queued_and_may_not_go_any_more_gives_way() -> None:
    steps = (StepPlan(1, 0), StepPlan(2, 7, condition=VIP), StepPlan(3, 7))
    flying = replace(HAD_ONE, had=frozenset({1, 2}), in_flight=InFlight(2, MONDAY + 7 * DAY))
    way = Way(1, replace(SERIES, steps=steps), flying)
    moment = Moment(MONDAY + 7 * DAY, OPEN)

    life = Life([way], rhythm=RHYTHM, moment=moment)

    assert [one.step_id for one in life.until(MONDAY + 30 * DAY)] == [3]


def test_whom_an_exit_rule_ends_gets_nothing_more() -> None:
    way = Way(1, replace(SERIES, exit_rule=read_condition("not tagged vip")), HAD_ONE)

    life = Life([way], rhythm=RHYTHM, moment=Moment(MONDAY, OPEN))

    assert list(life.until(MONDAY + 30 * DAY)) == []
