"""What a person asks of one series on the preference page: skip, now, again, leave it alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from campaigns.own_choices import ask_for_next, leave_series, skip_next, start_again
from campaigns.site import Site
from campaigns.store import load_labels
from storage.database import Session
from subscribers.consent import Evidence, record_consent
from subscribers.models import Subscriber
from subscribers.rules.standing import ConsentKind
from web.desk import Desk
from web.forms import Form

UNABLE = "unable"  # what the page is told when nothing could be done
_MOST_DIGITS = 18


def choose_for_series(
    session: Session, desk: Desk, person: Subscriber, form: Form, *, client: str
) -> str | None:
    """Do what the form asks of one series; give the word for the answer.

    None when no form of ours sent this. What was done is kept with the consent records: when,
    how, and from which network address.
    """
    deed, number = _DEEDS.get(form.get("change", "")), form.get("series", "")
    is_number = number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS
    if deed is None or not is_number:
        return None
    if not deed(session, person, int(number), desk.site, desk.clock()):
        return UNABLE
    _record(session, desk, person, int(number), form["change"], client=client)
    return form["change"]


def _record(
    session: Session, desk: Desk, person: Subscriber, series_id: int, change: str, *, client: str
) -> None:
    series = load_labels(session).series[series_id]
    record_consent(
        session,
        ConsentKind.LEFT_SERIES if change == "leave" else ConsentKind.CHANGED_PREFERENCES,
        address=person.email,
        evidence=Evidence("preference page", client, _WORDS[change].format(series)),
        list_slug="",
        subscriber_id=person.id,
        keys=desk.site.keys,
        now=desk.clock(),
    )


def _skip(session: Session, person: Subscriber, key: int, site: Site, now: datetime) -> bool:
    return skip_next(session, person, key, site=site, now=now)


def _now(session: Session, person: Subscriber, key: int, site: Site, now: datetime) -> bool:
    return ask_for_next(session, person, key, site=site, now=now)


def _again(session: Session, person: Subscriber, key: int, _: Site, now: datetime) -> bool:
    return start_again(session, person, key, now=now)


def _leave(session: Session, person: Subscriber, key: int, _: Site, now: datetime) -> bool:
    return leave_series(session, person, key, now=now)


_DEEDS: Mapping[str, Callable[[Session, Subscriber, int, Site, datetime], bool]] = {
    "skip": _skip,
    "next": _now,
    "again": _again,
    "leave": _leave,
}
_WORDS = {
    "skip": "skip the next email of series '{}'",
    "next": "the next email of series '{}' now",
    "again": "series '{}' from the beginning",
    "leave": "no more of series '{}'",
}
