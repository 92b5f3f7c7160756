"""The emails a person has had, each with a link to read it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from campaigns.publishing import edition_of
from delivery.models import Delivery
from delivery.rules.states import Kind, State
from delivery.store import deliveries_of_enrolments, deliveries_of_subscriber
from storage.database import Session
from subscribers.models import Subscriber
from subscribers.tokens import view_token
from templates.document import parse_document
from web.desk import Desk
from web.wording import day_in_words

_MOST_SHOWN = 52
_LETTERS = frozenset({Kind.STEP, Kind.BROADCAST})


@dataclass(frozen=True)
class PastLetter:
    """One email somebody had."""

    path: str
    subject: str
    day: str


def past_letters(
    session: Session, desk: Desk, person: Subscriber, *, zone: ZoneInfo
) -> Sequence[PastLetter]:
    """List the steps and broadcasts a person was sent, the newest first."""
    deliveries = deliveries_of_subscriber(session, person.id, limit=_MOST_SHOWN)
    return [_letter(session, desk, each, zone) for each in deliveries if _was_sent(each)]


def letters_of_way(
    session: Session, desk: Desk, enrolment_id: int, *, zone: ZoneInfo
) -> Sequence[PastLetter]:
    """List the emails of one way through a series, in the order in which they came."""
    deliveries = deliveries_of_enrolments(session, [enrolment_id])[enrolment_id]
    return [_letter(session, desk, each, zone) for each in deliveries if _was_sent(each)]


def _was_sent(delivery: Delivery) -> bool:
    can_be_shown = delivery.kind in _LETTERS and delivery.context and delivery.revision_id
    return bool(can_be_shown) and delivery.state in (State.SENT, State.UNCERTAIN)


def _letter(session: Session, desk: Desk, delivery: Delivery, zone: ZoneInfo) -> PastLetter:
    sent_at = delivery.message_date or delivery.due_at
    return PastLetter(
        path=f"/m/{view_token(desk.site.keys, delivery)}",
        subject=_subject(session, desk, delivery),
        day=day_in_words(sent_at.astimezone(zone).date()),
    )


def _subject(session: Session, desk: Desk, delivery: Delivery) -> str:
    """Read the subject as it was written; one with variables in it is named by its part.

    Rendering each of them, only for this list, would cost more than the whole page.
    """
    names = desk.site.attribute_names
    edition = edition_of(session, delivery.revision_id or 0, attribute_names=names)
    subject = parse_document(edition.document).front.subject
    if "{" not in subject:
        return subject
    series = (delivery.context or {}).get("series", {})
    return f"Part {series['part']}" if "part" in series else str(series.get("title", ""))
