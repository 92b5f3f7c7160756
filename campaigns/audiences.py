"""Who gets a broadcast: the same people for the counts that are shown and the mail that is sent.

The database says who is on the list and may be mailed. Whom of them the rule means is asked here,
by the code that asks the conditions of a step: SQL would compare in other ways than that, and each
database in its own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import Session

from campaigns.errors import AudienceRuleError
from campaigns.joining import may_be_mailed
from campaigns.models import Broadcast
from campaigns.rules.conditions import EVER, Condition, ConditionError, condition_or_none
from campaigns.traits import load_traits, strange_attributes
from subscribers.models import Subscriber, Subscription
from subscribers.store import slices


def check_audience(text: str, *, attributes: Collection[str]) -> Condition | None:
    """Read the rule of an audience; None: everybody on the list.

    Raises:
        AudienceRuleError: it cannot be read, or asks for an attribute that is not kept.
    """
    try:
        rule = condition_or_none(text)
    except ConditionError as error:
        raise AudienceRuleError(error.text, error.problem) from error
    for problem in strange_attributes(rule, known=attributes):
        raise AudienceRuleError(str(rule), f"it {problem}")
    return rule


def candidates_of(broadcast: Broadcast) -> Select[int, int]:
    """Ask who may get a broadcast, as `subscriber_id` and `subscription_id`; the rule is not asked.

    Everybody on its list who confirmed before it begins and may be mailed.
    """
    return (
        select(Subscription.subscriber_id, Subscription.id.label("subscription_id"))
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.list_id == broadcast.list_id, may_be_mailed(), _came_before(broadcast))
    )


def pick_readers(
    session: Session, broadcast: Broadcast, candidates: Select[int, int]
) -> dict[int, int]:
    """Keep of some candidates those the rule means: subscription ids by subscriber id, in order."""
    found = {row.subscriber_id: row.subscription_id for row in session.execute(candidates)}
    return {key: found[key] for key in meant_among(session, broadcast, found)}


def meant_among(
    session: Session, broadcast: Broadcast, subscriber_ids: Collection[int]
) -> list[int]:
    """Name those of some people whom the rule of a broadcast means, in order of their ids."""
    rule, people = condition_or_none(broadcast.audience), sorted(subscriber_ids)
    if rule is None:
        return people
    return [
        key
        for some in slices(people)
        for key, traits in sorted(load_traits(session, some).items())
        if rule.holds(traits, since=EVER)
    ]


def count_audience(session: Session, broadcast: Broadcast) -> int:
    """Count who gets a broadcast, were it queued now."""
    return _count(session, broadcast, candidates_of(broadcast))


def count_paused(session: Session, broadcast: Broadcast, *, day: date) -> int:
    """Count those of an audience who paused over a day: they are passed over by name."""
    paused = candidates_of(broadcast).where(Subscriber.paused_until > day)
    return _count(session, broadcast, paused)


def _count(session: Session, broadcast: Broadcast, candidates: Select[int, int]) -> int:
    if broadcast.audience.strip():
        return len(pick_readers(session, broadcast, candidates))
    return session.scalar(select(func.count()).select_from(candidates.subquery())) or 0


def _came_before(broadcast: Broadcast) -> ColumnElement[bool]:
    if broadcast.begins_at is None:
        return true()
    confirmed_at = Subscription.confirmed_at
    return or_(confirmed_at.is_(None), confirmed_at <= broadcast.begins_at)
