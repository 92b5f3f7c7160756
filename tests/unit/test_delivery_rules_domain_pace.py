"""No stretch of time sees more mail to a domain than its limit, and everybody gets a turn."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as some

from delivery.rules.domain_pace import NO_LIMITS, Limit, Line, read_limits, take_place

LIMITS = some.builds(Limit, some.integers(1, 90), some.sampled_from(["minute", "hour", "day"]))
SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}


@dataclass
class Mail:
    """One mail, and what happened to it."""

    due: float
    place: float | None = None
    went: float | None = None
    looks: int = 0


@dataclass
class Post:
    """A worker that looks at what is due, in the order of due times, at some moments."""

    limit: Limit
    mails: list[Mail]
    line: Line = field(default_factory=Line)

    def tick(self, now: float) -> None:
        due = [mail for mail in self.mails if mail.went is None and mail.due <= now]
        for mail in sorted(due, key=lambda one: one.due):
            mail.looks += 1
            until, self.line = take_place(self.line, self.limit, now=now, place=mail.place)
            if until is None:
                mail.went = now
            else:
                assert until > now
                mail.due = mail.place = until

    @property
    def is_busy(self) -> bool:
        return any(mail.went is None for mail in self.mails)

    @property
    def next_due(self) -> float:
        return min((mail.due for mail in self.mails if mail.went is None), default=0)

    @property
    def went(self) -> list[float]:
        return sorted(mail.went for mail in self.mails if mail.went is not None)


def assert_kept(limit: Limit, went: list[float]) -> None:
    stretch = SECONDS[limit.unit]
    for begin in went:
        assert len([at for at in went if begin <= at < begin + stretch]) <= limit.count


@given(LIMITS, some.lists(some.floats(0, 2), min_size=1, max_size=120), some.data())
def test_no_stretch_sees_more_than_the_limit_however_irregular_the_ticks(
    limit: Limit, arrivals: list[float], data: some.DataObject
) -> None:
    stretch = SECONDS[limit.unit]
    post = Post(limit, [Mail(1e6 + at * stretch) for at in arrivals])
    now = 1e6
    for pause in data.draw(some.lists(some.floats(0.001, 3), max_size=40)):
        now += pause * stretch
        post.tick(now)

    assert_kept(limit, post.went)


@given(LIMITS, some.integers(1, 200), some.floats(0.05, 1))
def test_a_list_far_over_the_limit_goes_at_nearly_the_limit_and_each_mail_is_looked_at_twice(
    limit: Limit, count: int, step: float
) -> None:
    post, now = Post(limit, [Mail(1e6) for _ in range(count)]), 1e6
    while post.is_busy:
        post.tick(now)
        now = max(now + step * limit.cell, post.next_due)

    assert_kept(limit, post.went)
    assert now - 1e6 <= (count + 1) * limit.spacing + 4 * limit.cell
    assert sum(mail.looks for mail in post.mails) <= 2 * count + count // 4 + 3
    assert max(mail.looks for mail in post.mails) <= 5


@given(LIMITS, some.floats(1, 1e9))
def test_who_comes_while_nobody_waits_goes_at_once(limit: Limit, now: float) -> None:
    assert take_place(Line(), limit, now=now)[0] is None
    assert take_place(Line(free_at=now - 1), limit, now=now)[0] is None


@given(LIMITS, some.integers(1, 150))
def test_after_an_outage_nothing_rushes_out_and_nobody_is_forgotten(
    limit: Limit, count: int
) -> None:
    post = Post(limit, [Mail(1e6) for _ in range(count)])
    post.tick(1e6)
    now = 1e6 + 10 * count * SECONDS[limit.unit]  # every place is long over
    while post.is_busy:
        post.tick(now)
        now = max(now + limit.cell / 2, post.next_due)

    assert_kept(limit, post.went)
    assert max(mail.looks for mail in post.mails) <= 7


@given(LIMITS)
def test_what_somebody_waits_for_goes_and_counts(limit: Limit) -> None:
    line = Line()
    for _ in range(limit.count):
        until, line = take_place(line, limit, now=1e6, must_go=True)
        assert until is None

    assert take_place(line, limit, now=1e6, must_go=True)[0] is None
    until, _ = take_place(line, limit, now=1e6)
    assert until is not None
    assert until == pytest.approx(1e6 + limit.count * limit.spacing)


def test_a_place_that_has_not_come_is_no_place() -> None:
    limit = Limit(1, "minute")
    _, line = take_place(Line(), limit, now=600)

    assert take_place(line, limit, now=601, place=650)[0] == line.free_at


def test_who_comes_with_a_place_goes_and_only_just_too_late_waits_until_there_is_room() -> None:
    limit = Limit(1, "minute")  # its cells last six seconds
    _, line = take_place(Line(), limit, now=600)
    place, line = take_place(line, limit, now=601)
    assert place == line.free_at - limit.spacing == 669

    on_time, gone = take_place(line, limit, now=669, place=place)
    assert on_time is None

    just_late, same = take_place(gone, limit, now=675, place=place)
    assert (just_late, same) == (732, gone)  # room is when the cell of 669 has left the minute

    very_late, longer = take_place(gone, limit, now=690, place=place)
    assert (very_late, longer.free_at) == (gone.free_at, gone.free_at + limit.spacing)


def test_what_must_go_goes_though_there_is_no_room() -> None:
    limit = Limit(1, "minute")
    _, line = take_place(Line(), limit, now=600)

    assert take_place(line, limit, now=600, must_go=True)[0] is None


def test_limits_are_read_as_they_are_written() -> None:
    limits = read_limits(
        ["gmail.com+GoogleMail.com=60/minute", "müller.example = 5/hour", "*=9/day"]
    )

    assert limits.limit_of("gmail.com") == ("gmail.com", Limit(60, "minute"))
    assert limits.limit_of("googlemail.com") == ("gmail.com", Limit(60, "minute"))
    assert limits.limit_of("xn--mller-kva.example") == (
        "xn--mller-kva.example",
        Limit(5, "hour"),
    )
    assert limits.limit_of("else.example") == ("else.example", Limit(9, "day"))
    assert str(Limit(60, "minute")) == "60/minute"
    assert (bool(limits), bool(NO_LIMITS)) == (True, False)
    assert NO_LIMITS.limit_of("gmail.com") is None
    assert not read_limits([])


@pytest.mark.parametrize(
    "text", ["gmail.com", "gmail.com=0/minute", "gmail.com=5/second", "a b=5/minute", "-.x=1/day"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text.replace("*", ".")):
        read_limits([text])
