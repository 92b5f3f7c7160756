"""What came to people and staff later: newsletters, tags that decide, and wishes for one series."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, or_, select

from campaigns import own_choices
from campaigns.broadcast_folder import BroadcastFolder
from campaigns.broadcasts import (
    LocalHour,
    cancel_broadcast,
    save_broadcast,
    schedule_broadcast,
    send_broadcast,
)
from campaigns.errors import BroadcastMoveError, PastMomentError
from campaigns.models import Broadcast, Series
from campaigns.rules.broadcasts import BroadcastStatus
from campaigns.stopping import apply_exit_rules
from campaigns.store import all_series
from delivery.models import Delivery
from delivery.rows import IS_HELD
from storage.database import Session
from subscribers.models import Subscriber
from subscribers.profiles import add_tags, remove_tags
from subscribers.store import find_subscriber
from tests.simulation.records import Issue, Member
from tests.simulation.renderer import PlainRenderer, news

if TYPE_CHECKING:
    from tests.simulation.deeds import Deeds

BOOKED, VIP = "booked", "vip"
MOST_ISSUES = 6
Deed = Callable[[Session, Member, Subscriber], None]


class Wishes:
    """Further deeds, on the stage of the others."""

    def __init__(self, deeds: Deeds) -> None:
        self._deeds = deeds
        self._dice, self._clock, self._book = deeds.dice, deeds.clock, deeds.book

    def all(self) -> list[tuple[str, Callable[[], None]]]:
        """Name them."""
        return [
            ("broadcast", self.write_news),
            ("broadcast", self.write_news),
            ("cancel", self.cancel_news),
            ("skip", lambda: self._with_person(self._skip)),
            ("ask now", lambda: self._with_person(self._ask_now)),
            ("start again", lambda: self._with_person(self._start_again)),
            ("leave series", lambda: self._with_person(self._leave)),
            ("book", lambda: self._with_person(self._book_or_not)),
            ("become vip", lambda: self._with_person(self._become_vip_or_not)),
        ]

    def write_news(self) -> None:
        """Write a newsletter and say when it goes; or send it now."""
        book, now, dice = self._book, self._clock(), self._dice
        slug = f"news-{len(book.issues) + 1}"
        if len(book.issues) >= MOST_ISSUES:
            return
        audience, hours = dice.choice(("", "", f"tag {VIP}")), dice.choice((2, 24, 24, 100))
        folder = BroadcastFolder(slug, "news.md", news(slug), audience=audience, grace_hours=hours)
        with self._deeds.database.transaction() as session:
            save_broadcast(
                session, folder, site=self._deeds.site, renderer=PlainRenderer(), now=now
            )
            begins = self._schedule(session, slug, now)
        sequence = self._count()
        book.issues[slug] = Issue(begins, timedelta(hours=hours), not audience, sequence)

    def _schedule(self, session: Session, slug: str, now: datetime) -> datetime:
        dice, site = self._dice, self._deeds.site
        later = now + timedelta(hours=dice.choice((0, 5, 30, 100)) * dice.random())
        there = later.astimezone(site.zone)
        at = dice.choice((later, LocalHour(there.date(), dice.choice((7, 9, 20)))))
        try:
            done = schedule_broadcast(session, slug, at, site=site, now=now)
        except PastMomentError:
            done = send_broadcast(session, slug, site=site, now=now)
        assert done.begins_at is not None
        return done.begins_at

    def cancel_news(self) -> None:
        """Cancel one newsletter, if it is not over."""
        if not self._book.issues:
            return
        slug = self._dice.choice(sorted(self._book.issues))
        try:
            with self._deeds.database.transaction() as session:
                cancel_broadcast(session, slug, now=self._clock())
        except BroadcastMoveError:
            return
        self._book.issues[slug].cancelled = self._count()

    def release_late(self, session: Session) -> int:
        """Send newsletters all the same that are held because they are late."""
        held = select(Broadcast.slug).where(Broadcast.status == BroadcastStatus.HELD)
        late = sorted(session.scalars(held))
        is_held = exists().where(Delivery.broadcast_id == Broadcast.id, IS_HELD)
        open_ones = select(Broadcast.slug).where(
            or_(Broadcast.status == BroadcastStatus.SENDING, is_held)
        )
        for slug in [*late, *sorted(session.scalars(open_ones))]:
            send_broadcast(session, slug, site=self._deeds.site, now=self._clock())
            self._book.issues[slug].released_at.append(self._clock())
        return len(late)

    def _with_person(self, do: Deed) -> None:
        def find_and_do(session: Session, member: Member) -> None:
            person = find_subscriber(session, member.address)
            assert person is not None
            do(session, member, person)

        self._deeds.with_somebody(find_and_do)

    def _skip(self, session: Session, _: Member, person: Subscriber) -> None:
        series = self._some_series(session)
        site, now = self._deeds.site, self._clock()
        own_choices.skip_next(session, person, series.id, site=site, now=now)

    def _ask_now(self, session: Session, member: Member, person: Subscriber) -> None:
        series = self._some_series(session)
        site, now = self._deeds.site, self._clock()
        if own_choices.ask_for_next(session, person, series.id, site=site, now=now):
            member.asked.note(now, series.slug)

    def _start_again(self, session: Session, member: Member, person: Subscriber) -> None:
        series = self._some_series(session)
        if own_choices.start_again(session, person, series.id, now=self._clock()):
            member.rounds[series.slug] = member.rounds.get(series.slug, 0) + 1
            if not (member.booked[-1][1] and series.slug in self._book.exits):
                member.left.discard(series.slug)

    def _leave(self, session: Session, member: Member, person: Subscriber) -> None:
        series = self._some_series(session)
        if own_choices.leave_series(session, person, series.id, now=self._clock()):
            member.left.add(series.slug)

    def _book_or_not(self, session: Session, member: Member, person: Subscriber) -> None:
        books = not member.booked[-1][1]
        (add_tags if books else remove_tags)(session, person, [BOOKED])
        session.flush()
        apply_exit_rules(session, person.id, site=self._deeds.site, now=self._clock())
        member.booked.append((self._deeds.seams.sequence + 1, books))  # `_note` counts next
        if books:
            member.left |= self._book.exits

    def _become_vip_or_not(self, session: Session, member: Member, person: Subscriber) -> None:
        becomes = not member.is_vip.last
        (add_tags if becomes else remove_tags)(session, person, [VIP])
        session.flush()
        apply_exit_rules(session, person.id, site=self._deeds.site, now=self._clock())
        member.is_vip.note(self._clock(), becomes)

    def _some_series(self, session: Session) -> Series:
        return self._dice.choice(all_series(session))

    def _count(self) -> int:
        self._deeds.seams.sequence += 1
        return self._deeds.seams.sequence
