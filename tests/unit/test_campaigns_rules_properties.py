"""What holds for every person, zone, calendar and outage: whole series lived on a virtual clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import cycle, pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules.calendar import ClinicCalendar, clamp_hour
from campaigns.rules.due_dates import local_day, wait_bound
from campaigns.rules.moves import Cause, Finished, SendStep, WaitUntil
from campaigns.rules.series import (
    AT_ONCE_FOR,
    Moment,
    Progress,
    Rhythm,
    SeriesPlan,
    StepPlan,
    next_move,
    wait_of,
)
from campaigns.rules.shared_days import Way, plan_moves
from campaigns.rules.standing import FirstStep, Origin
from subscribers.rules.standing import Pace

ALL_ZONES = sorted(available_timezones())
# What a busy or broken service adds to the moment it should have looked: mostly nothing,
# some minutes, hours over the end of a window, or weeks of outage.
delays = st.one_of(
    st.just(timedelta()),
    st.timedeltas(timedelta(), timedelta(minutes=10)),
    st.timedeltas(timedelta(), timedelta(hours=14)),
    st.timedeltas(timedelta(), timedelta(days=40)),
)


@dataclass(frozen=True)
class Life:
    """One person, one series, one clinic, and everything that delays a mail."""

    series: SeriesPlan
    rhythm: Rhythm
    calendar: ClinicCalendar
    start: Progress
    looks_late_by: list[timedelta]
    accepted_late_by: list[timedelta]


@dataclass(frozen=True)
class Sent:
    """One email as it went."""

    step_id: int
    decided_at: datetime
    accepted_at: datetime
    move: SendStep


@st.composite
def lives(draw: st.DrawFn) -> Life:
    zone = ZoneInfo(draw(st.sampled_from(ALL_ZONES)))
    waits = draw(st.lists(st.sampled_from([1, 3, 7, 7, 7, 14, 30]), min_size=1, max_size=6))
    first = draw(st.sampled_from([0, 0, 0, 2, 7]))
    steps = [StepPlan(number, wait) for number, wait in enumerate([first, *waits], start=1)]
    begins = draw(st.datetimes(datetime(2023, 6, 1), datetime(2032, 3, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    near = st.dates(begins.date(), begins.date() + timedelta(days=120))
    opens = draw(st.times(max_value=time(12)))
    return Life(
        series=SeriesPlan(
            id=1,
            steps=tuple(steps),
            send_hour=draw(st.integers(0, 23)),
            first_step=draw(st.sampled_from(FirstStep)),
        ),
        rhythm=Rhythm(
            zone,
            weekday=draw(st.none() | st.integers(0, 6)),
            hour=draw(st.none() | st.integers(0, 23)),
            pace=draw(st.sampled_from(Pace)),
            paused_until=draw(st.none() | near),
        ),
        calendar=ClinicCalendar(
            closed_days=draw(st.frozensets(near, max_size=12)),
            closed_weekdays=draw(st.frozensets(st.integers(0, 6), max_size=5)),
            window_opens=opens,
            window_closes=draw(st.times(min_value=time(opens.hour + 3))),
        ),
        start=Progress(
            enrolled_at=begins,
            origin=draw(st.sampled_from(Origin)),
            confirmed_at=begins - draw(st.sampled_from([timedelta(), timedelta(days=30)])),
        ),
        looks_late_by=draw(st.lists(delays, min_size=8, max_size=8)),
        accepted_late_by=draw(
            st.lists(st.timedeltas(timedelta(), timedelta(hours=5)), min_size=8, max_size=8)
        ),
    )


def live(life: Life) -> list[Sent]:
    """Let the clock run from look to look until the series is finished."""
    now, progress, sent = life.start.enrolled_at, life.start, list[Sent]()
    late = cycle(life.looks_late_by)
    for _ in range(200):
        move = next_move(
            life.series, progress, rhythm=life.rhythm, moment=Moment(now, life.calendar)
        )
        if isinstance(move, Finished):
            return sent
        if isinstance(move, WaitUntil):
            assert move.at > now, "a wait must lie ahead"
            now = move.at + next(late)
            continue
        assert isinstance(move, SendStep)
        accepted = now + life.accepted_late_by[len(sent)]
        sent.append(Sent(move.step_id, now, accepted, move))
        progress = replace(progress, had=progress.had | {move.step_id}, last_sent_at=accepted)
        now = accepted
    raise AssertionError("the series never finishes")


@settings(max_examples=200, deadline=None)
@given(lives())
def test_every_step_goes_exactly_once_and_in_order(life: Life) -> None:
    assert [one.step_id for one in live(life)] == [step.id for step in life.series.steps]


@settings(max_examples=200, deadline=None)
@given(lives())
def test_two_emails_are_never_closer_than_the_wait_in_local_days(life: Life) -> None:
    zone, steps = life.rhythm.zone, {step.id: step for step in life.series.steps}

    for one, other in pairwise(live(life)):
        wait = wait_of(steps[other.step_id], life.rhythm.pace)
        apart = local_day(other.decided_at, zone) - local_day(one.accepted_at, zone)
        assert apart.days >= wait
        # …and the guard at the marking agrees with the rule
        assert one.accepted_at < wait_bound(zone, wait, now=other.decided_at)


@settings(max_examples=200, deadline=None)
@given(lives())
def test_mail_goes_inside_the_window_on_open_days_except_right_after_the_click(life: Life) -> None:
    for one in live(life):
        confirmed = life.start.confirmed_at
        assert confirmed is not None
        if one.move.why.cause is Cause.AT_ONCE and one.decided_at <= confirmed + AT_ONCE_FOR:
            continue
        there = one.decided_at.astimezone(life.rhythm.zone)
        assert life.calendar.window_opens <= there.time() < life.calendar.window_closes
        assert there.date() not in life.calendar.closed_days
        assert there.weekday() not in life.calendar.closed_weekdays


@settings(max_examples=200, deadline=None)
@given(lives())
def test_nothing_goes_before_a_pause_of_the_person_ends(life: Life) -> None:
    paused_until = life.rhythm.paused_until or date.min

    assert all(local_day(one.decided_at, life.rhythm.zone) >= paused_until for one in live(life))


@settings(max_examples=200, deadline=None)
@given(lives(), st.floats(0, 1))
def test_a_moment_once_named_does_not_move_while_nothing_changes(life: Life, part: float) -> None:
    moment = Moment(life.start.enrolled_at, life.calendar)
    move = next_move(life.series, life.start, rhythm=life.rhythm, moment=moment)
    if not isinstance(move, WaitUntil):
        return
    between = moment.now + (move.at - moment.now) * part

    again = next_move(
        life.series, life.start, rhythm=life.rhythm, moment=replace(moment, now=between)
    )

    assert isinstance(again, WaitUntil | SendStep)
    assert again.at == move.at or between >= move.at


@settings(max_examples=100, deadline=None)
@given(lives())
def test_a_punctual_service_keeps_the_hour_whatever_the_clocks_do(life: Life) -> None:
    punctual = replace(life, looks_late_by=[timedelta()], accepted_late_by=[timedelta()] * 8)
    hour = life.series.send_hour if life.rhythm.hour is None else life.rhythm.hour
    wish = clamp_hour(hour, life.calendar)

    for one in live(punctual):
        if one.move.why.cause is Cause.SPACING:
            there = one.decided_at.astimezone(life.rhythm.zone)
            before = (one.decided_at - timedelta(seconds=1)).astimezone(life.rhythm.zone)
            is_gap = there.utcoffset() != before.utcoffset()
            assert there.time() == wish or (is_gap and there.time() > wish)


@settings(max_examples=100, deadline=None)
@given(lives(), st.lists(st.integers(1, 200), min_size=2, max_size=4, unique=True))
def test_one_person_in_several_series_gets_one_email_a_day(life: Life, ranks: list[int]) -> None:
    ways = [
        Way(rank, replace(life.series, id=rank, priority=rank % 3), life.start) for rank in ranks
    ]
    busy: set[date] = set()
    had: dict[int, list[int]] = {rank: [] for rank in ranks}
    now, late = life.start.enrolled_at, cycle(life.looks_late_by)

    for _ in range(600):
        moves = plan_moves(
            ways, rhythm=life.rhythm, moment=Moment(now, life.calendar, frozenset(busy))
        )
        for place, way in enumerate(ways):
            move = moves[way.enrolment_id]
            if isinstance(move, SendStep):
                day = local_day(now, life.rhythm.zone)
                assert day not in busy
                busy.add(day)
                had[way.enrolment_id].append(move.step_id)
                progress = replace(
                    way.progress, had=way.progress.had | {move.step_id}, last_sent_at=now
                )
                ways[place] = replace(way, progress=progress)
        waits = [move.at for move in moves.values() if isinstance(move, WaitUntil)]
        if all(isinstance(move, Finished) for move in moves.values()):
            break
        # right after a send nothing else can be due: look again in a moment
        now = min(waits) + next(late) if waits else now + timedelta(seconds=1)

    assert set(map(tuple, had.values())) == {tuple(step.id for step in life.series.steps)}


def test_in_every_zone_a_weekly_series_comes_at_nine_on_its_weekday_all_year() -> None:
    weekly = SeriesPlan(id=1, steps=tuple(StepPlan(number, 7) for number in range(53)), send_hour=9)
    start = datetime(2027, 12, 20, 12, tzinfo=UTC)  # over the leap day of 2028 and its changes
    for name in ALL_ZONES:
        zone = ZoneInfo(name)
        life = Life(
            weekly,
            Rhythm(zone, weekday=2),
            ClinicCalendar(),
            Progress(enrolled_at=start, confirmed_at=start),
            [timedelta()],
            [timedelta()] * 60,
        )

        walls = [one.decided_at.astimezone(zone).replace(tzinfo=None) for one in live(life)]

        assert {(wall.weekday(), wall.time()) for wall in walls} == {(2, time(9))}, name
        assert {(b - a).days for a, b in pairwise(walls)} == {7}, name
