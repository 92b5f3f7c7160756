"""What comes next on one person's way through one series, example by example.

The clock starts on Monday 2 March 2026 at 09:00 in Berlin (08:00 UTC), as for all tests.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.due_dates import Obstacle, PassedOver
from campaigns.rules.moves import (
    AwaitDelivery,
    Block,
    Blocked,
    Cause,
    Finished,
    Move,
    SendStep,
    SeriesPaused,
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
    parts_of,
    wait_of,
)
from campaigns.rules.standing import FirstStep, Origin, SeriesStatus
from subscribers.rules.standing import Pace

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # 09:00 in Berlin
DAY = timedelta(days=1)
RHYTHM = Rhythm(BERLIN)
SERIES = SeriesPlan(id=1, steps=(StepPlan(1, 0), StepPlan(2, 7), StepPlan(3, 7)), send_hour=9)
NEW = Progress(enrolled_at=MONDAY, confirmed_at=MONDAY)
FIRST_SENT = replace(NEW, had=frozenset({1}), last_sent_at=MONDAY)


def decide(
    progress: Progress,
    now: datetime,
    *,
    series: SeriesPlan = SERIES,
    rhythm: Rhythm = RHYTHM,
    calendar: ClinicCalendar | None = None,
    busy: frozenset[date] = frozenset(),
) -> Move:
    moment = Moment(now, calendar or ClinicCalendar(), busy)
    return next_move(series, progress, rhythm=rhythm, moment=moment)


def due(progress: Progress, now: datetime, **facts: object) -> datetime:
    """Give the moment the next step waits for."""
    move = decide(progress, now, **facts)  # type: ignore[arg-type]
    assert isinstance(move, WaitUntil)
    return move.at


# The first step


def test_after_the_click_the_first_step_goes_at_once_even_at_night_on_a_closed_day() -> None:
    night = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
    clicked = Progress(enrolled_at=night, confirmed_at=night)
    calendar = ClinicCalendar(closed_weekdays=frozenset({0}))

    move = decide(clicked, night + timedelta(minutes=59), calendar=calendar)

    assert move == SendStep(1, night + timedelta(minutes=59), Why(Cause.AT_ONCE), is_awaited=True)


def test_an_hour_after_the_click_the_window_counts_again() -> None:
    night = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
    clicked = Progress(enrolled_at=night, confirmed_at=night)

    assert due(clicked, night + timedelta(minutes=61)) == datetime(2026, 3, 2, 6, tzinfo=UTC)


def test_a_click_of_last_month_is_no_fresh_click_for_a_new_series() -> None:
    night = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
    enrolled_later = Progress(enrolled_at=night, confirmed_at=night - 30 * DAY)

    assert due(enrolled_later, night) == datetime(2026, 3, 2, 6, tzinfo=UTC)


@pytest.mark.parametrize("origin", [Origin.STAFF, Origin.IMPORT])
def test_for_people_added_by_others_at_once_means_inside_the_window(origin: Origin) -> None:
    night = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
    added = Progress(enrolled_at=night, confirmed_at=night, origin=origin)

    assert due(added, night) == datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert isinstance(decide(added, MONDAY), SendStep)


def test_the_first_step_leaves_the_day_to_another_email_that_went_already() -> None:
    move = decide(NEW, MONDAY, busy=frozenset({date(2026, 3, 2)}))

    assert isinstance(move, WaitUntil)
    assert move.at == datetime(2026, 3, 3, 6, tzinfo=UTC)
    assert move.why.passed_over == (PassedOver(date(2026, 3, 2), Obstacle.TAKEN),)


NEXT_SLOT = replace(SERIES, first_step=FirstStep.NEXT_SLOT)


def test_at_the_next_slot_means_the_next_morning_when_the_hour_has_passed() -> None:
    assert due(NEW, MONDAY, series=NEXT_SLOT) == MONDAY + DAY


def test_at_the_next_slot_means_today_when_the_hour_lies_ahead() -> None:
    early = replace(NEW, enrolled_at=MONDAY - timedelta(hours=1))

    assert due(early, MONDAY - timedelta(hours=1), series=NEXT_SLOT) == MONDAY


def test_at_the_next_slot_keeps_a_chosen_weekday() -> None:
    on_fridays = replace(RHYTHM, weekday=4)

    assert due(NEW, MONDAY, series=NEXT_SLOT, rhythm=on_fridays) == MONDAY + 4 * DAY


def test_a_first_step_with_a_wait_counts_from_the_enrolment_at_any_pace() -> None:
    after_three_days = replace(SERIES, steps=(StepPlan(1, 3), StepPlan(2, 7)))
    slowly = replace(RHYTHM, pace=Pace.MONTH)

    assert due(NEW, MONDAY, series=after_three_days, rhythm=slowly) == MONDAY + 3 * DAY


def test_a_first_step_behind_a_pause_takes_a_slot_and_keeps_it() -> None:
    paused = replace(RHYTHM, paused_until=date(2026, 3, 10))

    assert due(NEW, MONDAY, rhythm=paused) == MONDAY + 8 * DAY
    assert due(NEW, MONDAY + 8 * DAY - timedelta(hours=1), rhythm=paused) == MONDAY + 8 * DAY


# The spacing


def test_a_step_waits_a_week_from_the_last_send_at_the_hour_of_the_series() -> None:
    afternoon = replace(FIRST_SENT, last_sent_at=MONDAY + timedelta(hours=7))

    move = decide(afternoon, MONDAY + DAY)

    why = Why(Cause.SPACING, since=date(2026, 3, 2), wait_days=7, weekday=0)
    assert move == WaitUntil(2, MONDAY + 7 * DAY, why)


def test_the_persons_own_hour_goes_before_the_hour_of_the_series() -> None:
    in_the_evening = replace(RHYTHM, hour=18)

    assert due(FIRST_SENT, MONDAY, rhythm=in_the_evening) == MONDAY + 7 * DAY + timedelta(hours=9)


def test_a_chosen_weekday_is_kept_when_the_wait_is_whole_weeks() -> None:
    on_wednesdays = replace(RHYTHM, weekday=2)

    assert due(FIRST_SENT, MONDAY, rhythm=on_wednesdays) == MONDAY + 9 * DAY


def test_a_chosen_weekday_does_not_count_for_a_wait_of_some_days() -> None:
    every_three_days = replace(SERIES, steps=(StepPlan(1, 0), StepPlan(2, 3)))
    on_wednesdays = replace(RHYTHM, weekday=2)

    assert due(FIRST_SENT, MONDAY, series=every_three_days, rhythm=on_wednesdays) == (
        MONDAY + 3 * DAY
    )


def test_without_a_choice_the_weekday_of_the_click_is_kept() -> None:
    sent_on_tuesday = replace(FIRST_SENT, last_sent_at=MONDAY + DAY)

    assert due(sent_on_tuesday, MONDAY + DAY) == MONDAY + 14 * DAY


def test_without_a_click_the_weekday_of_the_enrolment_is_kept() -> None:
    by_staff = replace(FIRST_SENT, confirmed_at=None, origin=Origin.STAFF)

    assert due(by_staff, MONDAY) == MONDAY + 7 * DAY


@pytest.mark.parametrize(
    ("pace", "days"), [(Pace.AS_WRITTEN, 7), (Pace.TWO_WEEKS, 14), (Pace.MONTH, 28)]
)
def test_a_slower_pace_makes_the_wait_longer(pace: Pace, days: int) -> None:
    move = decide(FIRST_SENT, MONDAY, rhythm=replace(RHYTHM, pace=pace))

    assert isinstance(move, WaitUntil)
    assert local(move.at) == local(MONDAY) + timedelta(days=days)
    assert move.why.wait_days == days


def local(moment: datetime) -> datetime:
    return moment.astimezone(BERLIN).replace(tzinfo=None)


def test_a_pace_never_makes_a_wait_shorter() -> None:
    assert wait_of(StepPlan(2, 30), Pace.TWO_WEEKS) == 30
    assert wait_of(StepPlan(2, 0), Pace.AS_WRITTEN) == 1


def test_a_changed_wait_credits_the_days_already_waited() -> None:
    shortened = replace(SERIES, steps=(StepPlan(1, 0), StepPlan(2, 3)))

    move = decide(FIRST_SENT, MONDAY + 5 * DAY, series=shortened)

    assert isinstance(move, SendStep)
    assert move.why.missed == MONDAY + 3 * DAY


def test_a_pause_of_the_person_goes_before_the_wait() -> None:
    paused = replace(RHYTHM, paused_until=date(2026, 3, 18))

    move = decide(FIRST_SENT, MONDAY, rhythm=paused)

    assert isinstance(move, WaitUntil)
    assert move.at == MONDAY + 21 * DAY  # the first Monday after the pause
    assert move.why.paused_until == date(2026, 3, 18)


def test_a_pause_that_ends_within_the_wait_changes_nothing() -> None:
    paused = replace(RHYTHM, paused_until=date(2026, 3, 5))

    assert decide(FIRST_SENT, MONDAY, rhythm=paused) == decide(FIRST_SENT, MONDAY)


def test_the_clocks_going_forward_do_not_move_the_hour() -> None:
    sent = replace(FIRST_SENT, last_sent_at=datetime(2026, 3, 23, 8, tzinfo=UTC))

    assert due(sent, MONDAY + 22 * DAY) == datetime(2026, 3, 30, 7, tzinfo=UTC)


# Closed and shared days


def test_a_closed_day_gives_up_the_weekday_for_once() -> None:
    calendar = ClinicCalendar(closed_days=frozenset({date(2026, 3, 9)}))

    move = decide(FIRST_SENT, MONDAY, calendar=calendar)

    assert isinstance(move, WaitUntil)
    assert move.at == MONDAY + 8 * DAY
    assert move.why.passed_over == (PassedOver(date(2026, 3, 9), Obstacle.CLOSED),)


def test_who_confirmed_on_a_closed_weekday_still_gets_one_email_a_week() -> None:
    sunday = MONDAY - DAY
    calendar = ClinicCalendar(closed_weekdays=frozenset({5, 6}))
    clicked = Progress(
        enrolled_at=sunday, confirmed_at=sunday, had=frozenset({1}), last_sent_at=sunday
    )
    second_sent = replace(clicked, had=frozenset({1, 2}), last_sent_at=MONDAY + 7 * DAY)

    assert due(clicked, sunday, calendar=calendar) == MONDAY + 7 * DAY
    assert due(second_sent, MONDAY + 7 * DAY, calendar=calendar) == MONDAY + 14 * DAY


def test_a_day_with_another_email_shifts_to_the_next() -> None:
    assert due(FIRST_SENT, MONDAY, busy=frozenset({date(2026, 3, 9)})) == MONDAY + 8 * DAY


# Late


def test_an_overdue_step_goes_now_inside_the_window() -> None:
    now = MONDAY + 10 * DAY + timedelta(hours=3)

    move = decide(FIRST_SENT, now)

    assert isinstance(move, SendStep)
    assert (move.at, move.why.missed) == (now, MONDAY + 7 * DAY)


def test_within_an_hour_of_its_slot_a_step_is_not_called_late() -> None:
    slot, closed = MONDAY + 8 * DAY, frozenset({date(2026, 3, 9)})

    move = decide(FIRST_SENT, slot + timedelta(hours=1), calendar=ClinicCalendar(closed))

    assert isinstance(move, SendStep)
    assert move.why.missed is None
    assert move.why.passed_over == (PassedOver(date(2026, 3, 9), Obstacle.CLOSED),)


def test_an_overdue_step_waits_for_the_window_to_open() -> None:
    night = MONDAY + 10 * DAY + timedelta(hours=14)

    assert due(FIRST_SENT, night) == MONDAY + 11 * DAY - timedelta(hours=2)


def test_after_a_late_send_the_wait_is_whole_again() -> None:
    late = replace(FIRST_SENT, had=frozenset({1, 2}), last_sent_at=MONDAY + 10 * DAY)

    assert due(late, MONDAY + 10 * DAY) == MONDAY + 21 * DAY


# What the next step is


def test_the_step_on_its_way_is_awaited() -> None:
    queued = replace(FIRST_SENT, in_flight=InFlight(2, MONDAY), had=frozenset({1, 2}))

    assert decide(queued, MONDAY + 30 * DAY) == AwaitDelivery(2)


def test_after_the_last_step_the_series_is_finished() -> None:
    assert decide(replace(FIRST_SENT, had=frozenset({1, 2, 3})), MONDAY) == Finished()


def test_a_series_without_a_published_step_finishes_nobody() -> None:
    empty = replace(SERIES, steps=(StepPlan(1, 0, is_published=False),))

    assert decide(NEW, MONDAY, series=empty) == Blocked(Block.NO_STEP)


def test_an_unpublished_step_is_left_out() -> None:
    without = replace(
        SERIES, steps=(StepPlan(1, 0), StepPlan(2, 7, is_published=False), StepPlan(3, 7))
    )

    move = decide(FIRST_SENT, MONDAY, series=without)

    assert isinstance(move, WaitUntil)
    assert move.step_id == 3


def test_readers_count_the_published_steps_in_their_order() -> None:
    series = replace(
        SERIES, steps=(StepPlan(5, 0), StepPlan(2, 7, is_published=False), StepPlan(3, 7))
    )

    assert parts_of(series) == [5, 3]


def test_a_step_inserted_behind_the_person_is_not_sent() -> None:
    longer = replace(SERIES, steps=(StepPlan(9, 0), *SERIES.steps))

    move = decide(FIRST_SENT, MONDAY, series=longer)

    assert isinstance(move, WaitUntil)
    assert move.step_id == 2


def test_reordering_moves_nobody_backwards() -> None:
    turned = replace(SERIES, steps=(StepPlan(3, 7), StepPlan(2, 7), StepPlan(1, 0)))

    assert decide(FIRST_SENT, MONDAY, series=turned) == Finished()


def test_a_step_nobody_accepted_still_makes_the_next_one_wait() -> None:
    expired = replace(NEW, had=frozenset({1}))

    assert due(expired, MONDAY) == MONDAY + 7 * DAY


# What stops everything


def test_a_paused_series_moves_nobody() -> None:
    paused = replace(SERIES, status=SeriesStatus.PAUSED)

    assert decide(FIRST_SENT, MONDAY + 30 * DAY, series=paused) == SeriesPaused(2)


def test_a_calendar_that_never_opens_blocks_instead_of_searching_for_ever() -> None:
    shut = ClinicCalendar(closed_weekdays=frozenset(range(7)))

    assert decide(FIRST_SENT, MONDAY, calendar=shut) == Blocked(Block.NEVER_OPEN, 2)


@pytest.mark.parametrize("now", [MONDAY + 60 * DAY, MONDAY], ids=["late", "at once"])
def test_ten_closed_years_block_a_late_step(now: datetime) -> None:
    closed = frozenset((now + day * DAY).date() for day in range(-1, 4000))
    progress = NEW if now == MONDAY else FIRST_SENT
    later = replace(progress, confirmed_at=MONDAY - DAY)

    move = decide(later, now, calendar=ClinicCalendar(closed_days=closed))

    assert isinstance(move, Blocked)
    assert move.block is Block.NEVER_OPEN


def test_ten_closed_years_block_a_step_to_come() -> None:
    closed = frozenset((MONDAY + day * DAY).date() for day in range(4000))

    move = decide(FIRST_SENT, MONDAY, calendar=ClinicCalendar(closed_days=closed))

    assert move == Blocked(Block.NEVER_OPEN, 2)


def test_a_pause_to_the_end_of_time_blocks() -> None:
    for_ever = replace(RHYTHM, paused_until=date.max)

    assert decide(FIRST_SENT, MONDAY, rhythm=for_ever) == Blocked(Block.TOO_FAR, 2)


def test_a_window_of_one_minute_still_lets_mail_through() -> None:
    calendar = ClinicCalendar(window_opens=time(9), window_closes=time(9, 1))

    assert due(FIRST_SENT, MONDAY, calendar=calendar) == MONDAY + 7 * DAY
