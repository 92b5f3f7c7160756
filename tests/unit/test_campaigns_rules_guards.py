"""The last looks before a step goes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.calendar import EVERY_WEEKDAY, ClinicCalendar
from campaigns.rules.due_dates import Days, local_day
from campaigns.rules.guards import (
    Cancel,
    Consent,
    Go,
    MarkPlan,
    Pointer,
    PutBack,
    SeriesView,
    StepNow,
    after_a_taken_day,
    before_marking,
    before_writing,
    check_consent,
    relay_pause,
    since_writing,
)
from campaigns.rules.standing import EnrolmentStatus, SeriesStatus
from subscribers.rules.standing import Standing

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # 9 in Berlin
VIEW = SeriesView(SeriesStatus.ACTIVE, published=True, position=2, last_position=1)
PLAN = MarkPlan(step_id=20, planned_on=10, wait_days=7, hour=9, days=Days(BERLIN, ClinicCalendar()))
POINTER = Pointer(EnrolmentStatus.ACTIVE, last_step_id=10, last_sent_at=MONDAY - timedelta(days=7))

moments = st.datetimes(
    min_value=datetime.fromisoformat("2020-01-01"),
    max_value=datetime.fromisoformat("2035-01-01"),
    timezones=st.just(UTC),
)
zones = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Pacific/Apia", "Africa/Cairo", "Asia/Kolkata"]
).map(ZoneInfo)


def before(**changes: object) -> object:
    view = VIEW._replace(**{k: v for k, v in changes.items() if k in SeriesView.__annotations__})
    return before_writing(
        view,
        PLAN,
        paused_until=changes.get("paused_until"),  # type: ignore[arg-type]
        now=changes.get("now", MONDAY),  # type: ignore[arg-type]
    )


def test_a_step_of_a_running_series_goes() -> None:
    assert before() == Go()
    assert before(last_position=None) == Go()
    assert before(last_position=2) == Go()  # a repeated attempt


def test_a_step_that_something_speaks_against_is_not_written() -> None:
    assert before(objection="its condition is not true") == Cancel("its condition is not true")


def test_who_asks_for_the_next_one_gets_it_in_their_own_pause() -> None:
    asked = PLAN._replace(is_asked_for=True)

    assert before_writing(VIEW, asked, paused_until=date(2026, 3, 20), now=MONDAY) == Go()


def test_an_unpublished_step_is_cancelled() -> None:
    assert before(published=False) == Cancel("the step was taken out of the series")


def test_a_step_behind_the_pointer_is_cancelled() -> None:
    assert before(last_position=3) == Cancel("a later step of the series has already gone")


def test_a_step_of_a_paused_series_waits_an_hour() -> None:
    verdict = before(status=SeriesStatus.PAUSED)

    assert verdict == PutBack(MONDAY + timedelta(hours=1), "the series is paused")


def test_a_person_who_paused_is_mailed_at_their_hour_on_the_first_day_after() -> None:
    verdict = before(paused_until=date(2026, 3, 30))  # after the clocks went forward

    assert verdict == PutBack(datetime(2026, 3, 30, 7, 0, tzinfo=UTC), "the person paused the mail")


def test_a_pause_is_over_on_its_last_day() -> None:
    assert before(paused_until=date(2026, 3, 2)) == Go()


def test_outside_the_window_a_step_waits_for_its_opening() -> None:
    verdict = before(now=datetime(2026, 3, 2, 20, 0, tzinfo=UTC))  # 21:00 in Berlin

    assert verdict == PutBack(
        datetime(2026, 3, 3, 6, 0, tzinfo=UTC), "outside the clinic's send window"
    )


def test_right_after_the_click_the_window_does_not_count() -> None:
    night = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    plan = PLAN._replace(free_until=night + timedelta(minutes=5))

    assert before_writing(VIEW, plan, paused_until=None, now=night) == Go()
    later = night + timedelta(minutes=6)
    assert isinstance(before_writing(VIEW, plan, paused_until=None, now=later), PutBack)


def test_a_clinic_that_never_opens_is_looked_at_every_day() -> None:
    closed = Days(BERLIN, ClinicCalendar(closed_weekdays=EVERY_WEEKDAY))
    plan = PLAN._replace(days=closed)
    tomorrow = MONDAY + timedelta(days=1)

    verdict = before_writing(VIEW, plan, paused_until=None, now=MONDAY)

    assert verdict == PutBack(tomorrow, "outside the clinic's send window")
    assert after_a_taken_day(plan, now=MONDAY).until == tomorrow


def test_only_an_active_enrolment_goes_on() -> None:
    left = POINTER._replace(status=EnrolmentStatus.LEFT)

    assert before_marking(left, PLAN, now=MONDAY) == Cancel("the enrolment has ended: left")
    assert before_marking(None, PLAN, now=MONDAY) == Cancel("the enrolment has ended: erased")


def test_the_first_step_has_nothing_to_wait_for() -> None:
    plan = PLAN._replace(planned_on=None)

    assert before_marking(Pointer(EnrolmentStatus.ACTIVE, None, None), plan, now=MONDAY) == Go()


def test_a_repeated_attempt_is_not_measured_against_itself() -> None:
    marked = Pointer(EnrolmentStatus.ACTIVE, PLAN.step_id, MONDAY - timedelta(minutes=5))

    assert before_marking(marked, PLAN, now=MONDAY) == Go()


def test_a_pointer_that_moved_sends_the_step_back_for_another_look() -> None:
    moved = POINTER._replace(last_step_id=15)

    assert before_marking(moved, PLAN, now=MONDAY) == PutBack(
        MONDAY + timedelta(minutes=1), "another email of the series went meanwhile"
    )


@pytest.mark.parametrize("days", [0, 1, 6])
def test_before_the_wait_is_over_a_step_goes_back_to_the_first_day_after(days: int) -> None:
    sent_at = MONDAY - timedelta(days=days)
    verdict = before_marking(POINTER._replace(last_sent_at=sent_at), PLAN, now=MONDAY)

    until = sent_at + timedelta(days=7)
    assert verdict == PutBack(until, "the wait of 7 days is not over")


def test_when_the_wait_is_over_a_step_goes() -> None:
    sent_at = MONDAY - timedelta(days=7)

    assert before_marking(POINTER._replace(last_sent_at=sent_at), PLAN, now=MONDAY) == Go()


@given(sent_at=moments, waited=st.integers(0, 40 * 86_400), zone=zones, wait=st.integers(0, 30))
def test_a_step_never_goes_before_the_local_date_its_wait_ends_on(
    sent_at: datetime, waited: int, zone: ZoneInfo, wait: int
) -> None:
    now = sent_at + timedelta(seconds=waited)
    plan = PLAN._replace(wait_days=wait, days=Days(zone, ClinicCalendar()))

    verdict = before_marking(POINTER._replace(last_sent_at=sent_at), plan, now=now)

    is_over = local_day(now, zone) - local_day(sent_at, zone) >= timedelta(days=wait)
    assert (verdict == Go()) == is_over
    if isinstance(verdict, PutBack):
        assert (
            before_marking(POINTER._replace(last_sent_at=sent_at), plan, now=verdict.until) == Go()
        )


def test_after_a_taken_day_a_step_goes_at_its_hour_on_the_next() -> None:
    assert after_a_taken_day(PLAN, now=MONDAY) == PutBack(
        MONDAY + timedelta(days=1), "another email went to this person today"
    )


@given(now=moments, zone=zones, hour=st.integers(0, 23))
def test_after_a_taken_day_a_step_goes_on_a_later_one(
    now: datetime, zone: ZoneInfo, hour: int
) -> None:
    plan = PLAN._replace(hour=hour, days=Days(zone, ClinicCalendar()))

    verdict = after_a_taken_day(plan, now=now)

    assert local_day(verdict.until, zone) > local_day(now, zone)
    assert verdict.until < now + timedelta(days=4)  # one island skipped a whole day once
    assert verdict.reason == "another email went to this person today"


def test_who_stands_as_needed_check_consent() -> None:
    needed = Consent(Standing.CONFIRMED)

    assert check_consent(Consent(Standing.CONFIRMED, asking=3), needed) == Go()
    assert check_consent(None, needed) == Cancel("the subscription is gone")
    left = check_consent(Consent(Standing.UNSUBSCRIBED, asking=3), needed)
    assert left == Cancel("the person is unsubscribed")


def test_a_confirmation_is_for_its_asking_only() -> None:
    needed = Consent(Standing.UNCONFIRMED, asking=1)

    assert check_consent(Consent(Standing.UNCONFIRMED, asking=1), needed) == Go()
    assert check_consent(Consent(Standing.UNCONFIRMED, asking=2), needed) == Cancel(
        "they asked again; the newer mail has the link that works"
    )


def test_a_relay_is_left_alone_longer_each_time() -> None:
    pauses = [relay_pause(attempt) // timedelta(minutes=1) for attempt in (1, 2, 3, 4, 5, 6, 999)]

    assert pauses == [1, 2, 4, 8, 15, 15, 15]


WRITTEN = StepNow(SeriesStatus.ACTIVE, published=True, revision_id=5, paused_until=None)


def since(found: StepNow | None) -> object:
    return since_writing(found, PLAN, revision_id=5, now=MONDAY)


def test_a_step_that_is_as_it_was_written_goes() -> None:
    assert since(WRITTEN) == Go()
    assert since(WRITTEN._replace(paused_until=date(2026, 3, 2))) == Go()


@pytest.mark.parametrize("found", [None, WRITTEN._replace(published=False)])
def test_a_step_taken_out_after_it_was_written_never_goes(found: StepNow | None) -> None:
    assert since(found) == Cancel("the step was taken out of the series")


def test_a_step_that_something_speaks_against_since_it_was_written_never_goes() -> None:
    found = StepNow(SeriesStatus.PAUSED, True, 5, None, objection="its condition is not true")

    assert since(found) == Cancel("its condition is not true")


def test_a_series_paused_after_a_step_was_written_keeps_it() -> None:
    paused = WRITTEN._replace(status=SeriesStatus.PAUSED)

    assert since(paused) == PutBack(MONDAY + timedelta(hours=1), "the series is paused")


def test_a_person_who_pauses_after_a_step_was_written_gets_it_after_the_pause() -> None:
    until = WRITTEN._replace(paused_until=date(2026, 3, 16))

    assert since(until) == PutBack(MONDAY + timedelta(days=14), "the person paused the mail")


def test_a_step_whose_text_is_new_is_written_again_at_once() -> None:
    renewed = WRITTEN._replace(revision_id=6)

    assert since(renewed) == PutBack(MONDAY, "its text was published anew while it waited to go")
