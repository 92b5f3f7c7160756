"""Find and describe people for the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.site import Site
from campaigns.store import name_steps
from delivery.store import deliveries_of_subscriber
from steadypost.errors import NothingFoundError
from storage.database import Session
from subscribers.consent import address_digest
from subscribers.mailing_lists import get_list
from subscribers.models import Subscriber, Subscription
from subscribers.rules.preferences import WEEKDAYS
from subscribers.store import (
    Circumstances,
    circumstances_of,
    consent_records_of,
    find_subscriber,
    find_subscription_of,
    find_suppression,
    subscriptions_of,
)


def found_person(session: Session, email: str) -> Subscriber:
    """Find a person, or say that there is none.

    Raises:
        NothingFoundError: nobody has this address.
    """
    person = find_subscriber(session, email)
    if person is None:
        advice = "'steadypost subscribers list --search PART' looks for a part of it"
        raise NothingFoundError(f"person with the address {email}", advice)
    return person


def found_subscription(session: Session, email: str, list_slug: str) -> Subscription:
    """Find a person's subscription to a list, or say that there is none.

    Raises:
        NothingFoundError: nobody has this address, or they never asked for this list.
        UnknownListError: there is no such list.
    """
    person, wanted = found_person(session, email), get_list(session, list_slug)
    found = find_subscription_of(session, person.id, list_id=wanted.id)
    if found is None:
        advice = f"'steadypost subscribers add {email} --list {list_slug}' puts them on it"
        raise NothingFoundError(f"subscription of {email} to {list_slug}", advice)
    return found


def person_row(person: Subscriber, known: Circumstances) -> dict[str, Any]:
    """Describe a person in one line of a listing."""
    return {
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "lists": {slug: standing.value for slug, standing in known.standings.items()},
        "tags": list(known.tags),
        "suppressed": known.suppression.value if known.suppression else None,
    }


def describe(session: Session, email: str, *, site: Site) -> dict[str, Any]:
    """Describe everything there is about one person."""
    person = found_person(session, email)
    zone = _zone(person, site)
    known = circumstances_of(session, [person])[person.id]
    suppression = find_suppression(session, person.email)
    return {
        **person_row(person, known),
        "suppressed_note": suppression.note if suppression else "",
        "time_zone": person.time_zone or f"{site.zone.key} (the clinic's)",
        "weekday": "" if person.weekday is None else WEEKDAYS[person.weekday],
        "hour": person.hour,
        "pace": person.pace.value,
        "paused_until": person.paused_until,
        "attributes": [f"{name}={value}" for name, value in sorted(person.attributes.items())],
        "since": _local(person.created_at, zone),
        "subscriptions": _subscriptions(session, person, zone),
        "consent": _consent(session, person, site, zone),
        "deliveries": _deliveries(session, person, zone),
    }


def _subscriptions(session: Session, person: Subscriber, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [
        {
            "list": mailing_list.slug,
            "standing": subscription.standing.value,
            "asked": _local(subscription.requested_at, zone),
            "confirmed": _local(subscription.confirmed_at, zone),
            "unsubscribed": _local(subscription.unsubscribed_at, zone),
        }
        for subscription, mailing_list in subscriptions_of(session, person.id)
    ]


def _consent(
    session: Session, person: Subscriber, site: Site, zone: ZoneInfo
) -> list[dict[str, Any]]:
    records = consent_records_of(session, address_digest(site.keys, person.email))
    return [
        {
            "at": _local(record.at, zone),
            "said": record.kind.value,
            "list": record.list_slug,
            "source": record.source,
            "network_address": record.network_address,
            "wording": record.wording,
        }
        for record in records
    ]


def _deliveries(session: Session, person: Subscriber, zone: ZoneInfo) -> list[dict[str, Any]]:
    found = deliveries_of_subscriber(session, person.id)
    steps = name_steps(session, [row.step_id for row in found if row.step_id])
    return [
        {
            "kind": delivery.kind.value,
            "what": steps.get(delivery.step_id or 0, delivery.kind.value),
            "state": delivery.state.value,
            "due": _local(delivery.due_at, zone),
            "done": _local(delivery.done_at, zone),
            "reason": delivery.reason or delivery.reply,
        }
        for delivery in found
    ]


def _zone(person: Subscriber, site: Site) -> ZoneInfo:
    try:
        return ZoneInfo(person.time_zone) if person.time_zone else site.zone
    except (OSError, ValueError, LookupError):  # a zone that was renamed since
        return site.zone


def _local(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment.astimezone(zone) if moment else None
