"""Say in plain words what became of one email: it went, it waits, or why it does not go."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from campaigns.quota import read_quota
from campaigns.sentences import moment_in_words
from campaigns.site import Site
from delivery.models import Delivery
from delivery.rules.states import State

OVER = (State.REJECTED, State.EXPIRED)


def fate_in_words(
    session: Session, delivery: Delivery, zone: ZoneInfo, *, site: Site, now: datetime
) -> str:
    """Say what became of a delivery so far, as the end of a sentence that names it."""
    match delivery.state:
        case State.SENT:
            return f"was sent on {moment_in_words(delivery.done_at or delivery.due_at, zone)}"
        case State.QUEUED:
            because = f": {delivery.reason}" if delivery.reason else ""
            queued = f"is queued for {moment_in_words(delivery.due_at, zone)}{because}"
            return _kept_back(session, delivery.due_at, zone, site=site, now=now) or queued
        case State.HELD:
            return f"is held: {delivery.reason}; put it right, then release it"
        case State.CANCELLED:
            return f"does not come: {delivery.reason}"
        case State.CLAIMED | State.SENDING:
            return "is being sent"
        case _:
            return trouble_in_words(delivery, zone)


def trouble_in_words(delivery: Delivery, zone: ZoneInfo) -> str:
    """Say what went wrong with a delivery for good, or may have; '' when nothing did."""
    when = moment_in_words(delivery.sending_at or delivery.due_at, zone)
    if delivery.state is State.UNCERTAIN:
        return (
            f"may or may not have arrived: the link was lost on {when}; "
            "it is not sent again unless you say so"
        )
    if delivery.state in OVER:
        return f"is {delivery.state} since {when}: {delivery.reason}"
    return ""


def _kept_back(
    session: Session, due_at: datetime, zone: ZoneInfo, *, site: Site, now: datetime
) -> str:
    """Say what keeps back mail that is due: the day's quota; '' when nothing does."""
    quota = read_quota(session, site=site, now=now)
    if quota is None or due_at > now:
        return ""
    return quota.in_words(zone, now=now)
