"""A day has room for so many emails: who waits, for how long, and what follows from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules.broadcasts import IssuePlan
from campaigns.rules.calendar import ClinicCalendar
from campaigns.rules.full_days import FullDays, SharedLife
from campaigns.rules.lives import Life, Sent
from campaigns.rules.series import InFlight, Moment, Progress, Rhythm, SeriesPlan, StepPlan
from campaigns.rules.shared_days import Way
from delivery.rules.quota import NO_QUOTA, Quota

BERLIN = ZoneInfo("Europe/Berlin")
NINE = datetime(2026, 3, 2, 8, tzinfo=UTC)  # on a Monday, in Berlin
OPEN = ClinicCalendar()
SHUT = ClinicCalendar(closed_weekdays=frozenset(range(7)))
DAY = timedelta(days=1)
THREE = SeriesPlan(1, (StepPlan(1, 0), StepPlan(2, 3), StepPlan(3, 7)), send_hour=9)


def beginning(
    *,
    starts_at: datetime | None = None,
    zone: ZoneInfo = BERLIN,
    issues: tuple[IssuePlan, ...] = (),
) -> Life:
    way = Way(1, THREE, Progress(NINE, confirmed_at=NINE, starts_at=starts_at))
    return Life([way], rhythm=Rhythm(zone), moment=Moment(NINE, OPEN), issues=issues)


def queued(*, due_at: datetime, calendar: ClinicCalendar = OPEN) -> Life:
    progress = Progress(NINE, had=frozenset({1}), in_flight=InFlight(1, due_at))
    way, moment = Way(1, THREE, progress), Moment(NINE, calendar)
    return Life([way], rhythm=Rhythm(BERLIN), moment=moment, queued_issues={7: NINE + DAY})


def lived(
    lives: list[SharedLife], quota: Quota, *, used: int = 0, days: int = 40
) -> list[tuple[int, Sent]]:
    full = FullDays(quota, BERLIN, used_today=used, now=NINE)
    return list(full.live(lives, until=NINE + days * DAY))


def told(lived: list[tuple[int, Sent]]) -> list[tuple[int, int, str]]:
    return [(one, each.step_id, f"{each.at.astimezone(BERLIN):%d.%m. %H}") for one, each in lived]


def test_without_a_limit_all_go_when_they_are_due() -> None:
    everybody = lived([SharedLife(beginning(), [1, 2])], NO_QUOTA)

    assert [each for one, each in everybody if one == 2] == list(beginning().until(NINE + 40 * DAY))


def test_who_finds_the_day_full_goes_when_the_next_one_opens_and_counts_from_there() -> None:
    first_days = told(lived([SharedLife(beginning(), [1, 2, 3])], Quota(daily_limit=2), days=5))

    assert first_days == [
        (1, 1, "02.03. 09"),
        (2, 1, "02.03. 09"),
        (3, 1, "03.03. 07"),
        (1, 2, "05.03. 09"),
        (2, 2, "05.03. 09"),
        (3, 2, "06.03. 09"),
    ]


def test_of_two_that_are_queued_for_one_day_the_second_waits_for_the_next() -> None:
    progress = Progress(NINE, had=frozenset({1}), in_flight=InFlight(1, NINE))
    ways = [Way(1, THREE, progress), Way(2, replace(THREE, id=2), progress)]
    life = Life(ways, rhythm=Rhythm(BERLIN), moment=Moment(NINE, OPEN))

    found = told([(1, each) for each in life.until(NINE + 2 * DAY)])

    assert found == [(1, 1, "02.03. 09"), (1, 1, "03.03. 09")]


def test_what_went_today_has_taken_its_room() -> None:
    assert told(lived([SharedLife(beginning(), [1])], Quota(daily_limit=3), used=3, days=2)) == [
        (1, 1, "03.03. 07")
    ]


def test_who_has_waited_goes_before_whoever_comes_now() -> None:
    lives = [
        SharedLife(beginning(starts_at=NINE + timedelta(hours=22)), [1]),  # tomorrow at seven
        SharedLife(beginning(), [2, 3]),
    ]

    assert told(lived(lives, Quota(daily_limit=1), days=3))[:3] == [
        (2, 1, "02.03. 09"),
        (3, 1, "03.03. 07"),
        (1, 1, "04.03. 07"),
    ]


def test_what_is_queued_waits_too_and_a_newsletter_no_longer_than_its_grace() -> None:
    plan = Quota(daily_limit=9, warm_up_from=date(2026, 3, 2), warm_up=(0, 0, 0, 9))

    (step,) = [each for _, each in lived([SharedLife(queued(due_at=NINE), [1])], plan, days=4)]

    assert (step.step_id, step.broadcast_id, step.was_put_off) == (1, 0, True)
    assert f"{step.at.astimezone(BERLIN):%d.%m. %H}" == "05.03. 07"


def test_a_newsletter_within_its_grace_goes_on_the_next_day() -> None:
    plan = Quota(daily_limit=9, warm_up_from=date(2026, 3, 2), warm_up=(9, 0))

    found = lived([SharedLife(queued(due_at=NINE), [1])], plan, days=2)

    assert [(each.broadcast_id, each.was_put_off) for _, each in found] == [(0, False), (7, True)]


def test_where_the_clinic_has_closed_for_good_they_are_asked_again_each_day() -> None:
    life = queued(due_at=NINE, calendar=SHUT)

    life.put_off(NINE + DAY)

    assert life.turn() == []
    assert life.clock == NINE + DAY  # the newsletter
    life.put_off(NINE + 2 * DAY)
    assert life.turn() == []
    assert life.clock == NINE + 2 * DAY  # the step; the newsletter is too late by then


@settings(max_examples=40, deadline=None)
@given(
    people=st.integers(1, 9),
    limit=st.integers(1, 5),
    zones=st.lists(
        st.sampled_from(["Europe/Berlin", "Asia/Tokyo", "America/Denver"]), min_size=2, max_size=2
    ),
    news_after=st.integers(0, 9),
)
def test_no_day_gets_more_than_it_has_room_for_and_nobody_loses_a_step(
    people: int, limit: int, zones: list[str], news_after: int
) -> None:
    news = IssuePlan(5, NINE + news_after * DAY)

    def lives() -> list[SharedLife]:
        halves = [range(1, people + 1), range(people + 1, 2 * people + 1)]
        return [
            SharedLife(beginning(zone=ZoneInfo(zone), issues=(news,)), half)
            for zone, half in zip(zones, halves, strict=True)
        ]

    free, kept = lived(lives(), NO_QUOTA, days=300), lived(lives(), Quota(limit), days=300)

    days = Counter(each.at.astimezone(BERLIN).date() for _, each in kept)
    assert max(days.values()) <= limit
    steps = {(one, each.step_id): each.at for one, each in free if each.step_id}
    later = {(one, each.step_id): each.at for one, each in kept if each.step_id}
    assert steps.keys() == later.keys()
    assert all(later[one, 1] >= steps[one, 1] for one, step in steps if step == 1)
    mailed = Counter(
        (one, each.at.astimezone(ZoneInfo(zones[one > people])).date()) for one, each in kept
    )
    assert max(mailed.values()) == 1
