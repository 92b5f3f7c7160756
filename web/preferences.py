"""One signed link to one person's choices: day and hour, pause, pace; no login."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Response
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath, FromQuery

from campaigns.own_choices import hear_of_new
from campaigns.rules.calendar import clamp_hour
from campaigns.rules.time_zones import zone_of
from campaigns.store import look_again
from storage.database import Session
from subscribers.models import Subscriber
from subscribers.signup import change_preferences
from subscribers.store import find_subscriber_by_public_id, subscriptions_of
from subscribers.tokens import read_preferences_token
from web.changes import PACES, read_change
from web.choices import when_choices
from web.desk import Desk, TheDesk
from web.forms import Form, TheForm, client_of
from web.notices import notice_of
from web.offer import USUAL_HOUR, offer_of
from web.page import Pages, ThePages
from web.past_letters import past_letters
from web.pauses import LONGEST_PAUSE, pause_choices
from web.routes import act, page
from web.series_choices import choose_for_series
from web.ways import ways_of, ways_out

_ONE_DAY = timedelta(days=1)
_NOTHING: Mapping[str, str] = {}


@page("/p/{token:str}")
def show_preferences(
    token: FromPath[str], desk: TheDesk, pages: ThePages, done: FromQuery[str] = ""
) -> Response[str]:
    """Show where the person is and what they can choose; after a change, what it led to."""
    with desk.database.reading() as session:
        person = _find(session, desk, token)
        return _page(session, desk, pages, person, token=token, done=done)


@act("/p/{token:str}")
def change(
    token: FromPath[str],
    request: Request[Any, Any, Any],
    desk: TheDesk,
    pages: ThePages,
    form: TheForm,
) -> Response[str]:
    """Change one choice, and answer with the date it leads to."""
    with desk.database.transaction() as session:
        person = _find(session, desk, token)
        if (
            done := choose_for_series(session, desk, person, form, client=client_of(request))
        ) is not None:
            return pages.send_to(f"/p/{token}?done={done}")
        reading = read_change(form, desk.site.calendar, today=_today(desk, person))
        if reading is None:
            raise ClientException("no form of ours")
        wanted, errors = reading
        if errors:
            return _page(session, desk, pages, person, token=token, form=form, errors=errors)
        change_preferences(
            session,
            person,
            wanted,
            keys=desk.site.keys,
            now=desk.clock(),
            network_address=client_of(request),
        )
        look_again(session, subscriber_id=person.id, now=desk.clock())
    return pages.send_to(f"/p/{token}?done={form['change']}")


@act("/p/{token:str}/new-parts")
def choose_new_parts(
    token: FromPath[str], desk: TheDesk, pages: ThePages, form: TheForm
) -> Response[str]:
    """Note whether somebody who has had all of a series wants what is added to it."""
    wants, series = form.get("wants", ""), form.get("series", "")
    if wants not in ("yes", "no") or not (series.isascii() and series.isdecimal()):
        raise ClientException("no form of ours")
    with desk.database.transaction() as session:
        person, now = _find(session, desk, token), desk.clock()
        hear_of_new(session, person, int(series[:18]), wants=wants == "yes", now=now)
    is_from_the_end = form.get("from") == "finished"
    return pages.send_to(f"/p/{token}/finished" if is_from_the_end else f"/p/{token}")


def _find(session: Session, desk: Desk, token: str) -> Subscriber:
    public_id = read_preferences_token(desk.site.keys, token)
    person = find_subscriber_by_public_id(session, public_id) if public_id else None
    if person is None:  # forged, or erased: the same answer
        raise NotFoundException
    return person


def _page(
    session: Session,
    desk: Desk,
    pages: Pages,
    person: Subscriber,
    *,
    token: str,
    done: str = "",
    form: Form = _NOTHING,
    errors: Mapping[str, str] = _NOTHING,
) -> Response[str]:
    today, ways = _today(desk, person), ways_of(session, desk, person)
    return pages.show(
        "preferences",
        status=422 if errors else 200,
        token=token,
        first_name=person.first_name,
        notice=notice_of(done, person, ways, today=today),
        ways=ways,
        ways_out=ways_out(session, desk, person),
        errors=errors,
        open=form.get("change", ""),
        form={**_chosen(session, desk, person, today), **form},
        when=when_choices(desk.site, zone=person.time_zone, detect=False),
        pauses=pause_choices(today),
        is_paused=_is_paused(person, today),
        first_day=(today + _ONE_DAY).isoformat(),
        last_day=(today + LONGEST_PAUSE).isoformat(),
        paces=[(pace.value, words) for pace, words in PACES],
        letters=past_letters(session, desk, person, zone=_zone(desk, person)),
    )


def _chosen(session: Session, desk: Desk, person: Subscriber, today: date) -> Mapping[str, str]:
    """Fill the forms with what was chosen before."""
    hour = _usual_hour(session, person) if person.hour is None else person.hour
    is_paused = _is_paused(person, today)
    return {
        "weekday": "" if person.weekday is None else str(person.weekday),
        "hour": str(clamp_hour(hour, desk.site.calendar).hour),
        "pace": person.pace.value,
        "pause": "date" if is_paused else "2",
        "until": str(person.paused_until) if is_paused else "",
    }


def _usual_hour(session: Session, person: Subscriber) -> int:
    offers = [offer_of(session, each) for _, each in subscriptions_of(session, person.id)]
    return offers[0].hour if offers else USUAL_HOUR


def _is_paused(person: Subscriber, today: date) -> bool:
    return person.paused_until is not None and person.paused_until > today


def _zone(desk: Desk, person: Subscriber) -> ZoneInfo:
    return zone_of(person.time_zone, desk.site.zone)


def _today(desk: Desk, person: Subscriber) -> date:
    return desk.clock().astimezone(_zone(desk, person)).date()
