"""Pause a series, and let it go on: where everybody was, or past what fell into the pause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.errors import SeriesNotPausedError, SeriesPausedError
from campaigns.facts import PersonFacts, load_people
from campaigns.models import Enrolment, Series
from campaigns.rules.series import Moment
from campaigns.rules.skipping import Fallen, fallen_in_pause
from campaigns.rules.standing import SeriesStatus
from campaigns.sentences import day_in_words
from campaigns.site import Site
from campaigns.skips import Skip, skip_steps
from campaigns.store import IS_ACTIVE, find_series, look_again_around
from delivery.outbox import cancel_for_enrolments
from subscribers.store import slices

PAUSED = "the series is paused"


@dataclass(frozen=True)
class Resumed:
    """What became of those inside when a series went on."""

    people: int  # on their way
    skipped: int  # emails left out, of all of them
    shortened: int  # people who miss at least one


def pause_series(session: Session, slug: str, *, reason: str = "", now: datetime) -> int:
    """Pause a series: nobody in it moves. Tell how many queued emails were taken back.

    What is queued is decided anew when the series goes on, so that not everything overdue
    leaves in that moment.

    Raises:
        UnknownSeriesError: there is none of this name.
        SeriesPausedError: it is paused already.
    """
    series = _locked(session, slug)
    if series.status is SeriesStatus.PAUSED:
        raise SeriesPausedError(slug)
    series.status, series.reason = SeriesStatus.PAUSED, reason
    series.paused_at = series.changed_at = now
    session.flush()
    look_again_around(session, series.id, now=now)
    ids = _inside(session, series)
    return sum(cancel_for_enrolments(session, some, PAUSED, now=now) for some in slices(ids))


def resume_series(
    session: Session, slug: str, *, skip: bool = False, site: Site, now: datetime
) -> Resumed:
    """Let a series go on. Slots that lapsed in the pause are not made up for at once.

    Everybody continues where they were, at their own next slot; with `skip`, behind the steps
    whose slots fell into the pause.

    Raises:
        UnknownSeriesError: there is none of this name.
        SeriesNotPausedError: it is not paused.
    """
    series = _locked(session, slug)
    if series.status is not SeriesStatus.PAUSED:
        raise SeriesNotPausedError(slug)
    ids = _inside(session, series)
    skips = list(_skips(session, series, site=site, now=now)) if skip else []
    skip_steps(session, skips)
    series.status, series.reason = SeriesStatus.ACTIVE, ""
    series.resumed_at, series.paused_at, series.changed_at = now, None, now
    session.flush()
    look_again_around(session, series.id, now=now)
    return Resumed(len(ids), len(skips), len({one.enrolment_id for one in skips}))


def _locked(session: Session, slug: str) -> Series:
    series = find_series(session, slug)
    session.refresh(series, with_for_update=True)
    return series


def _inside(session: Session, series: Series) -> list[int]:
    wanted = select(Enrolment.id).where(IS_ACTIVE, Enrolment.series_id == series.id)
    return list(session.scalars(wanted.order_by(Enrolment.id)))


def _skips(session: Session, series: Series, *, site: Site, now: datetime) -> Iterator[Skip]:
    begin = series.paused_at or now
    because = f"the series was paused until {day_in_words(now.astimezone(site.zone).date())}"
    inside = select(Enrolment.subscriber_id).where(IS_ACTIVE, Enrolment.series_id == series.id)
    for person in load_people(session, session.scalars(inside).all(), site=site, now=begin):
        for enrolment_id, fallen in _fallen(person, series.id, site=site, begin=begin, end=now):
            yield Skip(enrolment_id, fallen.step_id, now, because, fallen.slot)


def _fallen(
    person: PersonFacts, series_id: int, *, site: Site, begin: datetime, end: datetime
) -> Iterator[tuple[int, Fallen]]:
    moment = Moment(begin, site.calendar, person.busy_days)
    for way in person.ways:
        if way.series.id == series_id:
            plan, progress = way.series, way.progress
            for fallen in fallen_in_pause(
                plan, progress, rhythm=person.rhythm, moment=moment, until=end
            ):
                yield way.enrolment_id, fallen
