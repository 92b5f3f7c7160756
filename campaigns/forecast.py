"""Who gets what in the next days: the very rules that send, on a clock that runs ahead."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.facts import PersonFacts, load_people
from campaigns.issues import find_readers
from campaigns.joining import Joining, find_joining
from campaigns.models import Enrolment
from campaigns.quota import has_quota, used_on_this_day
from campaigns.rules.due_dates import local_day
from campaigns.rules.full_days import FullDays, SharedLife
from campaigns.rules.lives import Life, Sent
from campaigns.rules.series import Moment, part_of
from campaigns.rules.situations import situation_of
from campaigns.sentences import reasons_in_words
from campaigns.site import Site
from campaigns.store import IS_ACTIVE, Labels, load_labels, soonest_looks
from delivery.store import soonest_due
from subscribers.models import Subscription
from subscribers.noting import find_moved
from subscribers.store import slices

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class ForecastEntry:
    """One email that will go, if nothing changes."""

    at: datetime
    local: datetime  # on the reader's clock
    address: str
    series: str  # its name in URLs and commands; empty: it is a broadcast
    step_key: str
    part: int  # which email of the series this is, as the email itself says; 0: none of them
    why: str  # why then, in words
    broadcast: str = ""  # its name in commands

    @property
    def what(self) -> str:
        """Name the email as people type it."""
        return f"broadcast {self.broadcast}" if self.broadcast else f"{self.series}/{self.step_key}"


def forecast(
    session: Session, *, site: Site, now: datetime, days: int, subscriber_id: int | None = None
) -> list[ForecastEntry]:
    """List every step and broadcast that goes within some days, in the order of time.

    It assumes that each is accepted in the moment it is due, or when the quota of a day has room
    for it, and that nobody changes anything. What is held stays held, and with it what would come
    after. Of one person, or of everybody.
    """
    labels = load_labels(session)
    is_shared = has_quota(site, now=now, days=days)  # then everybody decides about everybody's day
    lives = _lives(session, site, now, days, None if is_shared else subscriber_id)
    entries = [
        _entry(sent, person, labels)
        for person, life in lives
        if subscriber_id in (None, person.subscriber_id)
        for sent in life
    ]
    return sorted(entries, key=lambda entry: (entry.at, entry.address, entry.series))


def forecast_soonest(
    session: Session, *, site: Site, now: datetime, most: int
) -> list[ForecastEntry]:
    """List what goes next, from the people who are looked at soonest; its cost is theirs alone.

    Nobody is decided about before their look. So what is listed, up to the last of these looks,
    is all there is but for broadcasts that are not queued yet; what comes later is left out.
    """
    people, until = _soonest(session, now=now, most=most)
    joining = Joining()
    for some in slices(sorted(people)):
        joining = joining.and_(find_joining(session, Subscription.subscriber_id.in_(some)))
    labels = load_labels(session)
    found = load_people(session, people, site=site, now=now, joining=joining)
    entries = [
        _entry(sent, person, labels)
        for person in found
        for sent in life_of(person, site=site, now=now).until(until)
    ]
    return sorted(entries, key=lambda entry: (entry.at, entry.address, entry.series))


def _soonest(session: Session, *, now: datetime, most: int) -> tuple[set[int], datetime]:
    """Name who comes soonest, and until when nobody else does."""
    looks = soonest_looks(session, limit=most)
    queued = soonest_due(session, limit=most)
    moved = find_moved(session, confirmed=True, limit=most)
    people = {one.subscriber_id for one in moved}
    people |= {subscriber_id for subscriber_id, _ in (*looks, *queued)}
    ends = [found[-1][1] for found in (looks, queued) if len(found) == most]
    return people, max(now, min(ends, default=now + timedelta(days=7)))


@dataclass(frozen=True)
class Outlook:
    """How many emails go on which days of their readers."""

    first: date
    last: date
    counts: Mapping[tuple[date, str], int]  # by day and email

    @property
    def days(self) -> list[date]:
        """List every day of the span, also the empty ones."""
        return [self.first + n * _ONE_DAY for n in range((self.last - self.first).days + 1)]

    @property
    def emails(self) -> list[str]:
        """Name the emails that go, as people type them, in the order in which they first go."""
        firsts: dict[str, date] = {}
        for day, what in self.counts:
            firsts[what] = min(day, firsts.get(what, day))
        return sorted(firsts, key=lambda what: (firsts[what], what))

    def on(self, day: date) -> int:
        """Count what goes on one day."""
        return sum(self.counts.get((day, what), 0) for what in self.emails)

    @property
    def total(self) -> int:
        """Count everything."""
        return sum(self.counts.values())


def outlook(
    session: Session, *, site: Site, now: datetime, days: int, series: str | None = None
) -> Outlook:
    """Count what goes within some days, by the reader's day and by email; of one series, or all."""
    labels = load_labels(session)
    names: dict[tuple[int, int], str] = {}
    counts: Counter[tuple[date, str]] = Counter()
    for person, life in _lives(session, site, now, days, None):
        for sent in life:
            key = (sent.step_id, sent.broadcast_id)
            if key not in names:
                names[key] = _entry(sent, person, labels).what
            what = names[key]
            if series is None or what.startswith(f"{series}/"):
                counts[local_day(sent.at, person.rhythm.zone), what] += 1
    today = local_day(now, site.zone)
    in_words = [today, today + (days - 1) * _ONE_DAY, *(day for day, _ in counts)]
    return Outlook(min(in_words), max(in_words), counts)


def _lives(
    session: Session, site: Site, now: datetime, days: int, subscriber_id: int | None
) -> Iterator[tuple[PersonFacts, Sequence[Sent]]]:
    """Give people with what they will be sent; a look ahead is made once for each situation."""
    if subscriber_id is None:
        joining = find_joining(session)
        everybody = _everybody(session, joining, site=site, now=now)
    else:
        joining = find_joining(session, Subscription.subscriber_id == subscriber_id)
        everybody = {subscriber_id}
    people = load_people(session, everybody, site=site, now=now, joining=joining)
    until = now + timedelta(days=days)
    if has_quota(site, now=now, days=days):
        used = used_on_this_day(session, site=site, now=now)
        yield from _lives_together(people, site, now, until=until, used_today=used)
        return
    known: dict[Hashable, Sequence[Sent]] = {}
    for person in people:
        key = _situation(person, site, now)
        if key not in known:
            known[key] = tuple(life_of(person, site=site, now=now).until(until))
        yield person, known[key]


def _lives_together(
    people: Iterable[PersonFacts], site: Site, now: datetime, *, until: datetime, used_today: int
) -> Iterator[tuple[PersonFacts, Sequence[Sent]]]:
    """Let everybody live at once, because a day has room for so many only."""
    everybody = {person.subscriber_id: person for person in people}
    alike: defaultdict[Hashable, list[int]] = defaultdict(list)
    for key in sorted(everybody):
        alike[_situation(everybody[key], site, now)].append(key)
    lives = [
        SharedLife(life_of(everybody[keys[0]], site=site, now=now), keys) for keys in alike.values()
    ]
    days = FullDays(site.quota, site.zone, used_today=used_today, now=now)
    found: defaultdict[int, list[Sent]] = defaultdict(list)
    for key, sent in days.live(lives, until=until):
        found[key].append(sent)
    yield from ((everybody[key], sent) for key, sent in found.items())


def _situation(person: PersonFacts, site: Site, now: datetime) -> Hashable:
    moment = Moment(now, site.calendar, person.busy_days, person.traits)
    own = situation_of(person.ways, rhythm=person.rhythm, moment=moment)
    return own, person.issues, person.queued_issues


def _everybody(session: Session, joining: Joining, *, site: Site, now: datetime) -> set[int]:
    """Name everybody who may have something coming."""
    on_a_way = session.scalars(select(Enrolment.subscriber_id).where(IS_ACTIVE))
    return {*on_a_way, *joining.subscriber_ids, *find_readers(session, now=now)}


def _entry(sent: Sent, person: PersonFacts, labels: Labels) -> ForecastEntry:
    series = sent.series
    return ForecastEntry(
        at=sent.at,
        local=sent.at.astimezone(person.rhythm.zone),
        address=person.email,
        series=labels.series[series.id] if series else "",
        step_key=labels.steps[sent.step_id] if series else "",
        part=part_of(series, sent.step_id) if series else 0,
        why=_words(sent, person),
        broadcast=labels.broadcasts.get(sent.broadcast_id, ""),
    )


def life_of(person: PersonFacts, *, site: Site, now: datetime) -> Life:
    """Begin the life of one person on a clock that runs ahead."""
    return Life(
        person.ways,
        rhythm=person.rhythm,
        moment=Moment(now, site.calendar, person.busy_days, person.traits),
        issues=person.issues,
        queued_issues={one.broadcast_id: one.due_at for one in person.queued_issues},
    )


def _words(sent: Sent, person: PersonFacts) -> str:
    if sent.was_put_off:
        return "the day it was due was full, by the quota"
    if sent.series is None:
        return "it is their turn of the broadcast"
    return "it is queued" if sent.why is None else reasons_in_words(sent.why, person.rhythm.zone)
