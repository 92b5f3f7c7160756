"""When a broadcast goes to one person, and when it is too late for that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.broadcasts import (
    MOVES,
    BroadcastStatus,
    IssueMove,
    IssuePlan,
    IssueView,
    before_issue,
    begin_of,
    is_overdue,
    may_become,
    move_issue,
)
from campaigns.rules.calendar import ClinicCalendar, is_inside_window, is_open_day
from campaigns.rules.guards import Cancel, Go, Hold, PutBack
from campaigns.rules.series import Moment, Rhythm
from campaigns.rules.shared_days import plan_person

BERLIN = Rhythm(ZoneInfo("Europe/Berlin"))
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # 9 in Berlin
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW_ISSUE = IssuePlan(7, MONDAY)
AT_TEN = IssuePlan(8, begin_of(date(2026, 3, 4), 10), day=date(2026, 3, 4), hour=10)
CLOSED_FOR_GOOD = ClinicCalendar(closed_weekdays=frozenset(range(7)))


def move(plan: IssuePlan, now: datetime, rhythm: Rhythm = BERLIN, **moment: object) -> IssueMove:
    found = move_issue(plan, rhythm, Moment(now, ClinicCalendar(), **moment))  # type: ignore[arg-type]
    assert found is not None
    return found


def view(plan: IssuePlan, **values: object) -> IssueView:
    usual = {"status": BroadcastStatus.SENDING, "slug": "may-news", "due_at": plan.begins_at}
    return IssueView(**{"plan": plan, "attempt": 1, **usual, **values})  # type: ignore[arg-type]


def look(issue: IssueView, now: datetime, rhythm: Rhythm = BERLIN) -> object:
    return before_issue(issue, rhythm, calendar=ClinicCalendar(), now=now)


def test_a_day_begins_where_it_begins_first() -> None:
    assert begin_of(date(2026, 3, 4), 10) == datetime(2026, 3, 3, 20, tzinfo=UTC)


def test_it_goes_at_its_moment_or_at_the_readers_hour() -> None:
    assert move(NOW_ISSUE, MONDAY - DAY).at == MONDAY
    assert move(AT_TEN, MONDAY).at == datetime(2026, 3, 4, 9, tzinfo=UTC)


def test_an_hour_that_was_over_where_the_reader_is_when_it_was_planned_goes_as_soon_as_it_may() -> (
    None
):
    planned = replace(AT_TEN, begins_at=datetime(2026, 3, 4, 3, tzinfo=UTC))
    auckland = Rhythm(ZoneInfo("Pacific/Auckland"))  # where it is 16:00 already

    assert move(planned, planned.begins_at, auckland).at == planned.begins_at


def test_when_it_is_a_little_late_it_goes_as_soon_as_it_may() -> None:
    assert move(NOW_ISSUE, MONDAY + 2 * HOUR).at == MONDAY + 2 * HOUR


def test_when_it_is_later_than_its_grace_staff_decide() -> None:
    late = move(NOW_ISSUE, MONDAY + DAY + HOUR)

    assert late.is_late
    released = replace(NOW_ISSUE, released_at=MONDAY + 3 * DAY)
    assert not move(released, MONDAY + 3 * DAY + HOUR).is_late


def test_the_grace_after_a_release_begins_when_the_readers_window_opens() -> None:
    issue = replace(NOW_ISSUE, grace=2 * HOUR, released_at=MONDAY + 3 * DAY)
    honolulu = Rhythm(ZoneInfo("Pacific/Honolulu"))  # where it is ten in the evening
    opening = MONDAY + 3 * DAY + 9 * HOUR

    put_back = look(view(issue, attempt=2), MONDAY + 3 * DAY, honolulu)

    assert put_back == PutBack(opening, "outside the clinic's send window")
    assert look(view(issue, attempt=3), opening, honolulu) == Go()
    assert look(view(issue, attempt=3), opening + 2 * HOUR, honolulu) == Go()
    assert isinstance(look(view(issue, attempt=3), opening + 3 * HOUR, honolulu), Hold)
    assert not move(issue, opening + HOUR, honolulu).is_late


def test_a_taken_day_is_passed_over() -> None:
    moved = move(NOW_ISSUE, MONDAY, busy_days=frozenset({date(2026, 3, 2)}))

    assert moved.at == datetime(2026, 3, 3, 6, tzinfo=UTC)  # the window opens at 7
    assert [passed.day for passed in moved.passed_over] == [date(2026, 3, 2)]


def test_who_paused_over_it_is_passed_over_and_keeps_the_day_free() -> None:
    paused = replace(BERLIN, paused_until=date(2026, 3, 9))
    moment = Moment(MONDAY, ClinicCalendar())

    plan = plan_person([], [NOW_ISSUE, replace(NOW_ISSUE, id=9)], rhythm=paused, moment=moment)

    assert {issue.paused_until for issue in plan.issues.values()} == {date(2026, 3, 9)}
    assert {issue.at for issue in plan.issues.values()} == {MONDAY}


def test_of_two_on_one_day_the_second_waits() -> None:
    moment = Moment(MONDAY, ClinicCalendar())

    plan = plan_person([], [replace(NOW_ISSUE, id=9), NOW_ISSUE], rhythm=BERLIN, moment=moment)

    assert {key: f"{issue.at:%d %H}" for key, issue in plan.issues.items()} == {
        7: "02 08",
        9: "03 06",
    }


def test_a_clinic_that_never_opens_has_no_moment() -> None:
    assert move_issue(NOW_ISSUE, BERLIN, Moment(MONDAY, CLOSED_FOR_GOOD)) is None
    plan = plan_person([], [NOW_ISSUE], rhythm=BERLIN, moment=Moment(MONDAY, CLOSED_FOR_GOOD))
    assert plan.issues == {}
    verdict = before_issue(view(NOW_ISSUE), BERLIN, calendar=CLOSED_FOR_GOOD, now=MONDAY)
    assert isinstance(verdict, Hold)


def test_a_broadcast_is_overdue_for_all_once_its_day_is_over_everywhere() -> None:
    assert not is_overdue(NOW_ISSUE, now=MONDAY + DAY)
    assert is_overdue(NOW_ISSUE, now=MONDAY + DAY + HOUR)
    assert not is_overdue(AT_TEN, now=AT_TEN.begins_at + 2 * DAY)
    assert is_overdue(AT_TEN, now=AT_TEN.begins_at + 2 * DAY + 3 * HOUR)


def test_before_it_is_written_everything_is_looked_at_again() -> None:
    paused = replace(BERLIN, paused_until=date(2026, 3, 3))
    moved = Rhythm(ZoneInfo("America/New_York"))
    ten = datetime(2026, 3, 4, 9, tzinfo=UTC)

    assert look(view(NOW_ISSUE), MONDAY) == Go()
    assert look(view(NOW_ISSUE, status=BroadcastStatus.CANCELLED), MONDAY) == Cancel(
        "the broadcast was cancelled"
    )
    assert look(view(NOW_ISSUE), MONDAY, paused) == Cancel(
        "the person paused the mail until 2026-03-03"
    )
    assert look(view(AT_TEN, due_at=ten), ten, moved) == PutBack(
        datetime(2026, 3, 4, 15, tzinfo=UTC), "its hour has not come for this person"
    )
    assert look(view(NOW_ISSUE, attempt=2), MONDAY + 13 * HOUR) == PutBack(
        MONDAY + 22 * HOUR, "outside the clinic's send window"
    )


def test_a_first_attempt_is_late_against_the_day_it_was_queued_for() -> None:
    friday = MONDAY + 4 * DAY

    assert look(view(NOW_ISSUE, due_at=friday), friday) == Go()
    assert isinstance(look(view(NOW_ISSUE, due_at=friday, attempt=2), friday), Hold)
    mailed = frozenset(date(2026, 3, day) for day in range(2, 6))
    again = view(NOW_ISSUE, due_at=friday, attempt=2, mailed_days=mailed)
    assert look(again, friday) == Go()


def test_each_status_leads_somewhere_or_is_the_end() -> None:
    assert set(MOVES) == set(BroadcastStatus)
    assert may_become(BroadcastStatus.SENDING, BroadcastStatus.CANCELLED)
    assert not may_become(BroadcastStatus.SENT, BroadcastStatus.CANCELLED)


zones = st.sampled_from(["Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles", "UTC"])
calendars = st.builds(
    ClinicCalendar,
    closed_days=st.frozensets(st.dates(date(2026, 3, 1), date(2026, 4, 1)), max_size=8),
    closed_weekdays=st.frozensets(st.integers(0, 6), max_size=5),
    window_opens=st.times(max_value=time(11)),
    window_closes=st.times(min_value=time(13)),
)
moments = st.datetimes(datetime(2026, 2, 25), datetime(2026, 4, 2), timezones=st.just(UTC))  # noqa: DTZ001
begins = moments.filter(lambda at: datetime(2026, 3, 1, tzinfo=UTC) <= at <= MONDAY + 28 * DAY)
plans = st.builds(IssuePlan, st.just(1), begins) | st.builds(
    lambda day, hour: IssuePlan(1, begin_of(day, hour), day=day, hour=hour),
    st.dates(date(2026, 3, 1), date(2026, 3, 30)),
    st.integers(0, 23),
)


@given(
    plan=plans,
    zone=zones,
    calendar=calendars,
    taken=st.frozensets(st.dates(date(2026, 3, 1), date(2026, 4, 3)), max_size=8),
    now=moments,
)
def test_what_is_sent_in_time_goes_on_an_open_free_day_inside_the_window_and_never_before_it_begins(
    plan: IssuePlan,
    zone: str,
    calendar: ClinicCalendar,
    taken: frozenset[date],
    now: datetime,
) -> None:
    rhythm = Rhythm(ZoneInfo(zone))

    found = move_issue(plan, rhythm, Moment(now, calendar, taken))

    assert found is not None
    there = found.at.astimezone(rhythm.zone)
    assert found.at >= plan.begins_at
    assert found.is_late or found.at >= now
    assert is_open_day(there.date(), calendar)
    assert is_inside_window(there.time(), calendar)
    assert there.date() not in taken
