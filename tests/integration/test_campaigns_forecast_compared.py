"""Whatever is done to series and people: what is foretold after it is what the service then does.

Each seed is a world of its own: series with conditions and exit rules, newsletters to some of the
list, people in many zones, a calendar with closed days. Again and again something is done to it,
the next days are foretold, lived, and compared, email by email. Some seeds run with every test;
`make simulate` runs many (`SEEDS`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from sqlalchemy import select

from campaigns.broadcasts import LocalHour
from campaigns.closing import CLOSING_KEY
from campaigns.errors import (
    BroadcastMoveError,
    NothingToUndoError,
    SeriesNotPausedError,
    SeriesPausedError,
    UnknownBroadcastError,
)
from campaigns.forecast import forecast
from campaigns.models import Broadcast, Series, Step
from campaigns.own_choices import ask_for_next, leave_series, skip_next, start_again
from campaigns.pausing import pause_series, resume_series
from campaigns.publishing import export_series, import_series
from campaigns.rules.calendar import ClinicCalendar
from campaigns.series_folder import FolderStep
from campaigns.site import Site
from campaigns.stopping import apply_exit_rules
from campaigns.store import look_again, look_again_around
from campaigns.undoing import undo_edit
from storage.database import Database
from subscribers.events import note_event
from subscribers.models import Subscriber
from subscribers.profiles import add_tags, remove_tags
from subscribers.rules.standing import Pace
from tests.broadcast_stage import BroadcastStage
from tests.sending_stage import DOCUMENT, RENDERER, Clock

ZONES = [None, "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu", "Mars/Olympus"]
CONDITIONS = ["", "", "tagged vip", "not tagged vip", "event booked or first_name is Person-1"]
AUDIENCES = ["", "not tagged vip", "tagged vip or event booked", "first_name in (Person-1, x)"]
DAYS = timedelta(days=9)
SEEDS = int(os.environ.get("SEEDS", "100"))
QUICK = 3

Email = tuple[str, str, str, str]


class World:
    """One clinic, and chance."""

    def __init__(self, stage: BroadcastStage, seed: int) -> None:
        self.stage, self.chance = stage, Random(seed)  # noqa: S311
        self.told: list[str] = []
        self.newsletters = 0
        self.list_id = stage.add_list()
        for number in range(2):
            self._found(f"series-{number}")
        for number in range(3):
            self._welcome(number)

    def _found(self, slug: str) -> None:
        waits = [0, *self.chance.choices([1, 3, 7, 7, 14], k=5)]
        priority = self.chance.randint(1, 3)
        series, steps = self.stage.add_series(
            self.list_id, slug=slug, waits=waits, priority=priority
        )
        self.stage.change(Series, series.id, exit_rule=self.chance.choice(["", "event arrived"]))
        for step in steps:
            self.stage.change(Step, step.id, condition=self.chance.choice(CONDITIONS))
        self._close(series.id)

    def _close(self, series_id: int) -> None:
        with self.stage.database.transaction() as session:
            closing = Step(
                series_id=series_id, key=CLOSING_KEY, position=1_000_000, wait_days=1,
                is_closing=True, published=self.chance.random() < 0.7,
            )  # fmt: skip
            session.add(closing)
            session.flush()
            self.stage.publish(session, closing, DOCUMENT.format(subject="the end"))

    def _welcome(self, number: int) -> None:
        self.stage.add_reader(
            f"person-{number}",
            self.list_id,
            time_zone=self.chance.choice(ZONES),
            weekday=self.chance.choice([None, 0, 3, 6]),
            hour=self.chance.choice([None, 6, 9, 20]),
            pace=self.chance.choice([Pace.AS_WRITTEN, Pace.AS_WRITTEN, Pace.TWO_WEEKS]),
        )

    def something_happens(self) -> None:
        deed = self.chance.choice(_DEEDS)
        self.told.append(deed.__name__)
        deed(self)

    def a_series(self) -> int:
        return self.chance.randint(1, 2)

    def wish(self, deed: Callable[..., bool], **more: object) -> None:
        with self.stage.database.transaction() as session:
            person = session.get_one(Subscriber, self.chance.randint(1, 3))
            deed(session, person, self.a_series(), now=self.stage.clock.now, **more)


def change_a_wait(world: World) -> None:
    edit(world, lambda step: setattr(step, "wait_days", world.chance.choice([1, 2, 7, 10])))


def take_out_or_bring_back(world: World) -> None:
    edit(world, lambda step: setattr(step, "published", not step.published))


def move_a_step(world: World) -> None:
    edit(world, lambda step: setattr(step, "position", world.chance.randint(1, 8)))


def switch_a_completion_email(world: World) -> None:
    edit(world, lambda step: setattr(step, "published", not step.published), is_closing=True)


def change_a_condition(world: World) -> None:
    edit(world, lambda step: setattr(step, "condition", world.chance.choice(CONDITIONS)))


def edit(world: World, change: Callable[[Step], None], *, is_closing: bool = False) -> None:
    with world.stage.database.transaction() as session:
        wanted = select(Step).where(Step.is_closing.is_(is_closing))
        steps = list(session.scalars(wanted.order_by(Step.id)))
        step = world.chance.choice(steps)
        change(step)
        session.flush()
        look_again_around(session, step.series_id, now=world.stage.clock.now)


def pause_a_series(world: World) -> None:
    slug = f"series-{world.chance.randint(0, 1)}"
    try:
        world.stage.do(lambda s: pause_series(s, slug, now=world.stage.clock.now))
    except SeriesPausedError:
        resume(world, slug)


def resume_a_series(world: World) -> None:
    resume(world, f"series-{world.chance.randint(0, 1)}")


def resume(world: World, slug: str) -> None:
    skip, site, now = world.chance.random() < 0.5, world.stage.site, world.stage.clock.now
    try:
        world.stage.do(lambda s: resume_series(s, slug, skip=skip, site=site, now=now))
    except SeriesNotPausedError:
        return


def somebody_skips(world: World) -> None:
    world.wish(skip_next, site=world.stage.site)


def somebody_hurries(world: World) -> None:
    world.wish(ask_for_next, site=world.stage.site)


def somebody_begins_again(world: World) -> None:
    world.wish(start_again)


def somebody_leaves_one_series(world: World) -> None:
    world.wish(leave_series)


def somebody_pauses(world: World) -> None:
    until = world.stage.clock.now.date() + timedelta(days=world.chance.randint(1, 12))
    with world.stage.database.transaction() as session:
        person = session.get_one(Subscriber, world.chance.randint(1, 3))
        person.paused_until = until
        look_again(session, subscriber_id=person.id, now=world.stage.clock.now)


def something_is_noted(world: World) -> None:
    now = world.stage.clock.now
    with world.stage.database.transaction() as session:
        person = session.get_one(Subscriber, world.chance.randint(1, 3))
        chance = world.chance.random()
        if chance < 0.3:
            add_tags(session, person, ["vip"])
        elif chance < 0.5:
            remove_tags(session, person, ["vip"])
        else:
            note_event(session, person, world.chance.choice(["booked", "arrived"]), now=now)
        apply_exit_rules(session, person.id, site=world.stage.site, now=now)


def a_marketer_edits(world: World) -> None:
    """Take a step out, put one in, change an order, a wait or a condition: as a folder."""
    slug, chance = f"series-{world.chance.randint(0, 1)}", world.chance
    with world.stage.database.transaction() as session:
        folder = export_series(session, slug)
        steps = list(folder.steps)
        if len(steps) > 2 and chance.random() < 0.5:
            steps.pop(chance.randrange(len(steps)))
        if chance.random() < 0.5:
            key = f"new-{chance.randint(1, 10**6)}"
            text = DOCUMENT.format(subject=f"{slug} {key}")
            steps.insert(chance.randint(0, len(steps)), FolderStep(key, f"{key}.md", 3, text, ""))
        if chance.random() < 0.3:
            chance.shuffle(steps)
        place = chance.randrange(len(steps))
        steps[place] = replace(
            steps[place],
            wait_days=chance.choice([1, 2, 7, 10]),
            condition=chance.choice(CONDITIONS),
        )
        exit_rule = chance.choice([folder.exit_rule, "", "event arrived and not tagged vip"])
        changed = replace(folder, steps=tuple(steps), exit_rule=exit_rule)
        site, now = world.stage.site, world.stage.clock.now
        import_series(session, changed, site=site, renderer=RENDERER, now=now)


def a_marketer_regrets(world: World) -> None:
    slug = f"series-{world.chance.randint(0, 1)}"
    site, now = world.stage.site, world.stage.clock.now
    try:
        world.stage.do(lambda s: undo_edit(s, slug, site=site, renderer=RENDERER, now=now))
    except NothingToUndoError:
        return


def a_newsletter_is_planned(world: World) -> None:
    world.newsletters += 1
    chance, now = world.chance, world.stage.clock.now
    at: datetime | LocalHour = now + timedelta(minutes=chance.randint(0, 9 * 24 * 60))
    if chance.random() < 0.5:
        at = LocalHour((now + timedelta(days=chance.randint(2, 8))).date(), chance.randint(6, 21))
    world.stage.schedule(
        at,
        f"news-{world.newsletters}",
        audience=chance.choice(AUDIENCES),
        priority=chance.choice([1, 2, 200]),
    )


def a_newsletter_is_cancelled(world: World) -> None:
    slugs = world.stage.ask(lambda s: s.scalars(select(Broadcast.slug)).all())
    try:
        world.stage.cancel(world.chance.choice([*slugs, "none"]))
    except (BroadcastMoveError, UnknownBroadcastError):
        return


def nothing_is_heard_for_a_while(world: World) -> None:
    """The service stands still for some days."""
    world.stage.clock.now += timedelta(days=world.chance.randint(1, 10), hours=5)


_DEEDS = [
    *(
        change_a_wait,
        switch_a_completion_email,
        take_out_or_bring_back,
        move_a_step,
        change_a_condition,
    ),
    *(pause_a_series, resume_a_series, resume_a_series, somebody_skips, somebody_hurries),
    *(somebody_begins_again, somebody_leaves_one_series, somebody_pauses, something_is_noted),
    *(a_marketer_edits, a_marketer_edits, a_marketer_regrets, a_newsletter_is_planned),
    *(a_newsletter_is_planned, a_newsletter_is_cancelled, nothing_is_heard_for_a_while),
]


def lived(stage: BroadcastStage) -> list[Email]:
    steps = [(w.address, f"series-{w.series_id - 1}", w.step_key, w.at) for w in stage.went()]
    issues = [(address, "", slug, at) for slug, address, at in stage.broadcasts_went()]
    return [(*email, f"{at:%m-%d %H:%M}") for *email, at in [*steps, *issues]]  # type: ignore[misc]


def foretold(stage: BroadcastStage) -> list[Email]:
    site, now = stage.site, stage.clock.now
    entries = stage.ask(lambda s: forecast(s, site=site, now=now, days=DAYS.days))
    return [
        (one.address, one.series, one.step_key or one.broadcast, f"{one.at:%m-%d %H:%M}")
        for one in entries
    ]


def compare_in_a_world(seed: int, stage: BroadcastStage, *, rounds: int) -> int:
    """Live some rounds; give how many emails were compared."""
    world, compared, before = World(stage, seed), 0, set[Email]()
    for _ in range(rounds):
        ahead = foretold(stage)
        stage.run_until(stage.clock.now + DAYS)
        lives = set(lived(stage))
        happened, before = lives - before, lives
        surprises = sorted(happened - set(ahead)), sorted(set(ahead) - happened)
        assert surprises == ([], []), (seed, world.told)
        compared += len(ahead)
        stage.clock.move(minutes=world.chance.randint(1, 600))
        world.something_happens()
    return compared


def clinic(seed: int, database: Database, site: Site) -> BroadcastStage:
    chance = Random(seed)  # noqa: S311
    first = date(2026, 3, 1)
    closed = frozenset(first + timedelta(days=chance.randint(0, 60)) for _ in range(4))
    calendar = ClinicCalendar(
        closed_days=closed,
        closed_weekdays=frozenset(chance.sample(range(7), chance.randint(0, 2))),
        window_opens=time(chance.choice([0, 7, 10])),
        window_closes=time(chance.choice([15, 21])),
    )
    start = datetime(2026, 3, 1, chance.randint(0, 23), tzinfo=UTC) + timedelta(days=seed % 30)
    return BroadcastStage(database, replace(site, calendar=calendar), Clock(start))


@pytest.mark.parametrize("seed", range(QUICK))
def test_what_is_foretold_after_any_change_is_what_then_happens(
    seed: int, database: Database, site: Site
) -> None:
    assert compare_in_a_world(seed, clinic(seed, database, site), rounds=5) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(QUICK, QUICK + SEEDS))
def test_what_is_foretold_is_what_then_happens_in_many_worlds(
    seed: int, database: Database, site: Site
) -> None:
    compare_in_a_world(seed, clinic(seed, database, site), rounds=8)
