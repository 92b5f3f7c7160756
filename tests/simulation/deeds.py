"""What people and staff do, each deed in one transaction as the pages and commands do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from sqlalchemy import Select, select

from campaigns import pausing
from campaigns.enrolment import leave
from campaigns.models import Series
from campaigns.publishing import import_series
from campaigns.releasing import count_waiting, release
from campaigns.rules.standing import SeriesStatus
from campaigns.series_folder import FolderStep, SeriesFolder
from campaigns.site import Site
from campaigns.store import all_series, look_again
from delivery import outbox
from delivery.holds import open_holds
from delivery.models import Delivery, Hold
from delivery.rules.holds import Cause
from delivery.rules.states import State
from storage.database import Database, Session
from subscribers import signup, suppression
from subscribers.errors import SubscriberError
from subscribers.models import Subscriber, Subscription
from subscribers.rules.preferences import PreferenceChange
from subscribers.rules.standing import Pace, Standing, SuppressionReason
from subscribers.signup import SignUp
from subscribers.store import find_subscriber
from tests.simulation.baton import Clock
from tests.simulation.faults import Seams
from tests.simulation.records import Book, Member, Timeline
from tests.simulation.renderer import PlainRenderer, document
from tests.simulation.wishes import Wishes

ZONES = (
    None, "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata",
    "Pacific/Honolulu", "America/Sao_Paulo", "Pacific/Kiritimati",
)  # fmt: skip
LIST = "weekly"


@dataclass
class Deeds:
    """Everything somebody may do while the service works; each is noted in the book."""

    dice: Random
    clock: Clock
    database: Database  # without seams: a deed happens at one instant
    site: Site
    seams: Seams
    book: Book
    zones: tuple[str | None, ...] = ZONES
    resume: Callable[[], None] = lambda: None  # `steadypost resume`, the clock set right before
    is_held: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.wishes = Wishes(self)

    def anything(self) -> None:
        """Do one thing, drawn by the dice; what people do most is drawn most."""
        name, do = self.dice.choice(self._everything())
        if self.is_held() and self.dice.random() < 0.3:  # staff are told, and come
            name, do = "release", self.release_held
        self.seams.totals[name] += 1
        do()
        self.seams.attention()

    def _everything(self) -> list[tuple[str, Callable[[], None]]]:
        often: list[tuple[str, Callable[[], None]]] = [
            ("unsubscribe", self.unsubscribe),
            ("come back", self.come_back),
            ("confirm", self.confirm),
            ("choose", self.choose),
        ]
        return [
            *often,
            *often,
            ("sign up", self.sign_up),
            ("ask again", self.ask_again),
            ("suppress", self.suppress),
            ("lift", self.lift),
            ("erase", self.erase),
            ("pause series", self.pause_series),
            ("edit", self.edit),
            ("settle", self.settle_uncertain),
            ("release", self.release_held),
            *self.wishes.all(),
        ]

    def add_person(self) -> Member:
        """Let staff add somebody who said yes to them."""
        with self.database.transaction() as session:
            wish = self._wish()
            signup.add_confirmed(session, wish, keys=self.site.keys, now=self.clock())
            return self._note(session, wish.email)

    def sign_up(self) -> None:
        with self.database.transaction() as session:
            wish = self._wish()
            signup.request_subscription(session, wish, keys=self.site.keys, now=self.clock())
            self._note(session, wish.email)

    def ask_again(self) -> None:
        self.with_somebody(self._ask_again)

    def confirm(self) -> None:
        self.with_somebody(self._confirm)

    def unsubscribe(self) -> None:
        self.with_somebody(self._unsubscribe)

    def come_back(self) -> None:
        self.with_somebody(self._come_back)

    def choose(self) -> None:
        self.with_somebody(self._choose)

    def suppress(self) -> None:
        self.with_somebody(self._suppress)

    def lift(self) -> None:
        def do(session: Session, member: Member) -> None:
            suppression.lift_suppression(session, member.address, now=self.clock())

        self.with_somebody(do)

    def erase(self) -> None:
        def do(session: Session, member: Member) -> None:
            session.delete(find_subscriber(session, member.address))

        if self.dice.random() < 0.5:
            self.with_somebody(do)

    def pause_series(self) -> None:
        """Stop a series or let it go on, past what fell into the pause or not."""
        with self.database.transaction() as session:
            series = self.dice.choice(all_series(session))
            if series.status is SeriesStatus.ACTIVE:
                pausing.pause_series(session, series.slug, now=self.clock())
            else:
                self._resume(session, series.slug, skip=self.dice.random() < 0.5)

    def resume_all(self) -> None:
        with self.database.transaction() as session:
            for series in session.scalars(select(Series)):
                if series.status is SeriesStatus.PAUSED:
                    self._resume(session, series.slug)

    def _resume(self, session: Session, slug: str, *, skip: bool = False) -> None:
        pausing.resume_series(session, slug, skip=skip, site=self.site, now=self.clock())

    def settle_uncertain(self) -> None:
        """Let staff decide about one delivery in doubt."""
        with self.database.transaction() as session:
            found = list(session.scalars(self._ids(State.UNCERTAIN)))
            if not found:
                return
            one = self.dice.choice(found)
            if self.dice.random() < 0.5:
                outbox.send_again(session, [one], now=self.clock())
                self.book.sent_again[one] = self.book.sent_again.get(one, 0) + 1
            else:
                outbox.confirm_arrival(session, [one], "the relay's log", now=self.clock())
                self.book.taken_as_sent.add(one)

    def release_held(self) -> int:
        """Let go what is held, wherever it is: for the whole site, a series, or one mail."""
        with self.database.reading() as session:
            before = len(open_holds(session))
        self.resume()
        with self.database.transaction() as session:
            holds = open_holds(session)
            self._note_allowed(session, holds)
            release(session, holds, site=self.site, now=self.clock())
            late = self.wishes.release_late(session)
            rest = outbox.release_held(session, list(session.scalars(self._ids(State.HELD))))
            return before + late + rest

    def _note_allowed(self, session: Session, holds: Sequence[Hold]) -> None:
        """Write down by how much a day may go over the usual: staff said so."""
        now = self.clock()
        for hold in holds:
            if hold.cause is Cause.SURGE:
                self.book.allowed.append((now, count_waiting(session, hold, now=now)))

    def publish(self, folder: SeriesFolder) -> None:
        """Import a series as its folder says now."""
        now = self.clock()
        with self.database.transaction() as session:
            import_series(session, folder, site=self.site, renderer=PlainRenderer(), now=now)
        self.book.series.setdefault(folder.slug, Timeline()).note(now, folder)

    def edit(self) -> None:
        """Change a series under those who are in it."""
        slug = self.dice.choice(sorted(self.book.series))
        folder = self.book.series[slug].last
        change = self.dice.choice((self._other_text, self._other_wait, self._swap, self._put_in))
        if len(folder.steps) > 2 and self.dice.random() < 0.2:
            change = self._take_out
        self.publish(replace(folder, steps=tuple(change(slug, list(folder.steps)))))

    def _other_text(self, slug: str, steps: list[FolderStep]) -> list[FolderStep]:
        place = self.dice.randrange(len(steps))
        text = document(slug, steps[place].key, self.dice.randrange(2, 1000))
        steps[place] = replace(steps[place], document=text)
        return steps

    def _other_wait(self, slug: str, steps: list[FolderStep]) -> list[FolderStep]:
        place = self.dice.randrange(1, len(steps))
        steps[place] = replace(steps[place], wait_days=self.dice.choice((2, 5, 7, 14)))
        return steps

    def _swap(self, slug: str, steps: list[FolderStep]) -> list[FolderStep]:
        place = self.dice.randrange(len(steps) - 1)
        steps[place], steps[place + 1] = steps[place + 1], steps[place]
        self.book.touched |= {(slug, steps[place].key), (slug, steps[place + 1].key)}
        return steps

    def _put_in(self, slug: str, steps: list[FolderStep]) -> list[FolderStep]:
        known = {step.key for _, old in self.book.series[slug].changes for step in old.steps}
        key = f"more-{len(known)}"
        self.book.touched.add((slug, key))
        step = FolderStep(key, f"{key}.md", 7, document(slug, key))
        steps.insert(self.dice.randrange(len(steps) + 1), step)
        return steps

    def _take_out(self, slug: str, steps: list[FolderStep]) -> list[FolderStep]:
        gone = steps.pop(self.dice.randrange(len(steps)))
        self.book.touched.add((slug, gone.key))
        return steps

    def _wish(self) -> SignUp:
        email = f"person{len(self.book.members) + 1}@example.org"
        choice = {
            "weekday": self.dice.choice((None, 0, 3)),
            "hour": self.dice.choice((None, 9, 18)),
        }
        zone = self.dice.choice(self.zones)
        return SignUp(email, LIST, time_zone=zone, source="paper form", **choice)

    def with_somebody(self, do: Callable[[Session, Member], None]) -> None:
        there = [member for member in self.book.members.values() if not member.is_gone]
        if not there:
            return
        member = self.dice.choice(there)
        with self.database.transaction() as session:
            do(session, member)
            session.flush()
            self._note(session, member.address)

    def _ask_again(self, session: Session, member: Member) -> None:
        wish = SignUp(member.address, LIST)
        signup.request_subscription(session, wish, keys=self.site.keys, now=self.clock())

    def _confirm(self, session: Session, member: Member) -> None:
        held, keys, now = self._subscription(session, member), self.site.keys, self.clock()
        signup.confirm(session, held.public_id, asking=held.asking, keys=keys, now=now)

    def _unsubscribe(self, session: Session, member: Member) -> None:
        held, keys, now = self._subscription(session, member), self.site.keys, self.clock()
        signup.unsubscribe(session, held, keys=keys, now=now, source="unsubscribe page")
        leave(session, held, now=now)

    def _come_back(self, session: Session, member: Member) -> None:
        held, keys, now = self._subscription(session, member), self.site.keys, self.clock()
        if self.dice.random() < 0.5:
            signup.resubscribe(session, held, keys=keys, now=now)
            return
        with suppress(SubscriberError):
            signup.resubscribe_by_staff(session, held, consent_source="phone", keys=keys, now=now)

    def _choose(self, session: Session, member: Member) -> None:
        now, until = self.clock(), timedelta(days=self.dice.randrange(1, 25))
        change = self.dice.choice(
            (
                PreferenceChange(weekday=self.dice.choice((None, 1, 4))),
                PreferenceChange(hour=self.dice.choice((None, 6, 12, 20))),
                PreferenceChange(time_zone=self.dice.choice(self.zones)),
                PreferenceChange(pace=self.dice.choice(list(Pace))),
                PreferenceChange(paused_until=(now + until).date()),
                PreferenceChange(paused_until=None),
            )
        )
        person = find_subscriber(session, member.address)
        assert person is not None
        signup.change_preferences(session, person, change, keys=self.site.keys, now=now)
        look_again(session, subscriber_id=person.id, now=now)

    def _suppress(self, session: Session, member: Member) -> None:
        reason = self.dice.choice(
            (SuppressionReason.COMPLAINT, SuppressionReason.BY_STAFF, SuppressionReason.BY_REQUEST)
        )
        suppression.suppress_address(session, member.address, reason, now=self.clock())

    def _subscription(self, session: Session, member: Member) -> Subscription:
        wanted = select(Subscription).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        return session.scalars(wanted.where(Subscriber.email == member.address)).one()

    def _ids(self, state: State) -> Select[tuple[int]]:
        return select(Delivery.id).where(Delivery.state == state).order_by(Delivery.id)

    def _note(self, session: Session, address: str) -> Member:
        """Write down how a person stands after a deed, by its number."""
        self.seams.sequence += 1
        member = self.book.members.setdefault(address, Member(address))
        person = find_subscriber(session, address)
        standing: Standing | None = None
        if person is not None:
            standing = self._subscription(session, member).standing
            member.zone.note(self.clock(), person.time_zone)
            member.pace.note(self.clock(), person.pace)
        is_suppressed = suppression.is_suppressed(session, address)
        member.standing.append((self.seams.sequence, standing))
        member.suppressed.append((self.seams.sequence, is_suppressed))
        return member
