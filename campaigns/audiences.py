"""Who gets a broadcast: one query, for the counts that are shown and for the mail that is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, or_, select, true
from sqlalchemy.orm import Session

from campaigns.errors import AudienceRuleError
from campaigns.joining import may_be_mailed
from campaigns.models import Broadcast
from campaigns.rules.audience import (
    AttributeIs,
    AudienceRule,
    Condition,
    UnreadableRuleError,
    read_audience,
)
from subscribers.errors import InvalidTextError
from subscribers.models import Subscriber, SubscriberTag, Subscription
from subscribers.rules.profile import clean_tag

# Databases keep "yes" in their own ways.
_SPELLINGS = {"yes": ("yes", "true", "1"), "no": ("no", "false", "0")}


def check_audience(text: str, *, attributes: Collection[str]) -> AudienceRule:
    """Read an audience rule.

    Raises:
        AudienceRuleError: it cannot be read.
    """
    try:
        rule = read_audience(text, attributes=attributes)
        for condition in (one for all_of in rule.alternatives for one in all_of):
            _make_condition(condition)
    except UnreadableRuleError as error:
        raise AudienceRuleError(error.rule, error.problem) from error
    except InvalidTextError as error:
        raise AudienceRuleError(text, str(error)) from error
    return rule


def audience_of(broadcast: Broadcast, *, attributes: Collection[str]) -> Select[int, int]:
    """Ask who gets a broadcast, as `subscriber_id` and `subscription_id`.

    Everybody on its list who confirmed before it begins, may be mailed and is meant by its rule.
    """
    rule = check_audience(broadcast.audience, attributes=attributes)
    return (
        select(Subscription.subscriber_id, Subscription.id.label("subscription_id"))
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(
            Subscription.list_id == broadcast.list_id,
            may_be_mailed(),
            _came_before(broadcast),
            or_(*(and_(*map(_make_condition, all_of)) for all_of in rule.alternatives))
            if rule.alternatives
            else true(),
        )
    )


def count_audience(session: Session, broadcast: Broadcast, *, attributes: Collection[str]) -> int:
    """Count who gets a broadcast, were it queued now."""
    people = audience_of(broadcast, attributes=attributes).subquery()
    return session.scalar(select(func.count()).select_from(people)) or 0


def count_paused(
    session: Session, broadcast: Broadcast, *, attributes: Collection[str], day: date
) -> int:
    """Count those of an audience who paused over a day: they are passed over by name."""
    people = audience_of(broadcast, attributes=attributes).where(Subscriber.paused_until > day)
    return session.scalar(select(func.count()).select_from(people.subquery())) or 0


def _came_before(broadcast: Broadcast) -> ColumnElement[bool]:
    if broadcast.begins_at is None:
        return true()
    confirmed_at = Subscription.confirmed_at
    return or_(confirmed_at.is_(None), confirmed_at <= broadcast.begins_at)


def _make_condition(condition: Condition) -> ColumnElement[bool]:
    if isinstance(condition, AttributeIs):
        return _has_value(condition)
    has_tag = exists().where(
        SubscriberTag.subscriber_id == Subscriber.id,
        SubscriberTag.tag == clean_tag(condition.tag),
    )
    return has_tag if condition.is_wanted else ~has_tag


def _has_value(condition: AttributeIs) -> ColumnElement[bool]:
    """Compare without regard to case; who has no such fact has the empty value."""
    found = func.coalesce(cast(Subscriber.attributes[condition.name].as_string(), String), "")
    is_it = func.lower(found).in_(tuple(_spellings(condition.value)))
    return is_it if condition.is_wanted else ~is_it


def _spellings(value: str) -> Iterator[str]:
    yield from _SPELLINGS.get(value.lower(), (value.lower(),))
