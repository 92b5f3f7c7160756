"""What commands tell about broadcasts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.broadcasts import (
    all_broadcasts,
    count_people,
    find_broadcast,
    list_of,
    states_of,
)
from campaigns.models import Broadcast
from campaigns.rules.broadcasts import BroadcastStatus
from campaigns.site import Site
from delivery.rules.states import State
from storage.database import Session

_OVER = frozenset({BroadcastStatus.SENT, BroadcastStatus.CANCELLED})


def list_broadcasts(session: Session, *, zone: ZoneInfo) -> list[dict[str, Any]]:
    """List the broadcasts, the newest first."""
    return [
        {
            "broadcast": one.slug,
            "list": list_of(session, one).slug,
            "status": one.status.value,
            "goes": when_in_words(one, zone=zone),
            "sent": (states := states_of(session, one))[State.SENT],
            "open": states[State.QUEUED] + states[State.CLAIMED] + states[State.SENDING],
            "held": states[State.HELD],
        }
        for one in all_broadcasts(session)
    ]


def describe_broadcast(session: Session, slug: str, *, site: Site, now: datetime) -> dict[str, Any]:
    """Tell everything about one broadcast.

    Raises:
        UnknownBroadcastError: there is none of this name.
    """
    found = find_broadcast(session, slug)
    counted = count_people(session, found, site=site, now=now)
    is_to_come = found.queued_at is None and found.status not in _OVER
    return {
        "broadcast": found.slug,
        "status": found.status.value,
        "reason": found.reason,
        "list": list_of(session, found).slug,
        "audience": found.audience or "everybody on the list",
        "people now": counted.people if is_to_come else None,
        "goes": when_in_words(found, zone=site.zone),
        "theme": found.theme,
        "priority": found.priority,
        "grace": f"{found.grace_hours} hours",
        "mails": {state.value: count for state, count in states_of(session, found).items()},
    }


def when_in_words(broadcast: Broadcast, *, zone: ZoneInfo) -> str:
    """Say when a broadcast goes, or went."""
    if broadcast.day is not None and broadcast.hour is not None:
        return f"{broadcast.day} {broadcast.hour:02}:00, each reader's own clock"
    if broadcast.begins_at is None:
        return ""
    return f"{broadcast.begins_at.astimezone(zone):%F %H:%M %Z}"
