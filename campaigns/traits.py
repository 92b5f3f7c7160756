"""Load what conditions may ask about people: attributes, names, tags and events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.rules.conditions import NOBODY, Condition, Traits, condition_or_none
from campaigns.rules.series import SeriesPlan, objection_to
from subscribers.models import Subscriber, SubscriberEvent, SubscriberTag
from subscribers.store import slices
from templates.errors import suggest

# What can be asked of everybody, beside the attributes of the settings.
NAMES = frozenset({"first_name", "last_name"})


class Asking(NamedTuple):
    """A step for one person, with what it and its series ask of them."""

    delivery_id: int
    person_id: int
    condition: str
    exit_rule: str
    since: datetime  # from then on events count


def asks_for_traits(series: SeriesPlan) -> bool:
    """Tell whether anything of a series asks about people."""
    return series.exit_rule is not None or any(step.condition for step in series.all_steps)


def strange_attributes(condition: Condition | None, *, known: Collection[str]) -> Iterator[str]:
    """Say which attributes a condition asks for that the clinic does not keep."""
    names = {*known, *NAMES}
    for name in sorted(condition.names - names if condition else ()):
        yield (
            f"asks for '{name}'; {suggest(name, names)}; [subscribers] attributes in the settings "
            "names more"
        )


def load_traits(session: Session, subscriber_ids: Collection[int]) -> dict[int, Traits]:
    """Read the traits of some people, by id."""
    found: dict[int, Traits] = {}
    for some in slices(sorted(subscriber_ids)):
        found |= _traits_of(session, some)
    return found


def objections_to(session: Session, steps: Iterable[Asking]) -> dict[int, str]:
    """Say what forbids steps that are about to go, by delivery id; what may go is missing."""
    asking = [step for step in steps if step.condition or step.exit_rule]
    traits = load_traits(session, {step.person_id for step in asking}) if asking else {}
    found = {
        step.delivery_id: objection_to(
            condition_or_none(step.condition),
            condition_or_none(step.exit_rule),
            traits=traits.get(step.person_id, NOBODY),
            since=step.since,
        )
        for step in asking
    }
    return {key: objection for key, objection in found.items() if objection}


def _traits_of(session: Session, some: Sequence[int]) -> dict[int, Traits]:
    columns = (Subscriber.id, Subscriber.first_name, Subscriber.last_name, Subscriber.attributes)
    tags, events = _tags_of(session, some), _events_of(session, some)
    return {
        row.id: Traits(
            {**row.attributes, "first_name": row.first_name, "last_name": row.last_name},
            frozenset(tags.get(row.id, ())),
            events.get(row.id, {}),
        )
        for row in session.execute(select(*columns).where(Subscriber.id.in_(some)))
    }


def _tags_of(session: Session, some: Sequence[int]) -> Mapping[int, set[str]]:
    tags: defaultdict[int, set[str]] = defaultdict(set)
    wanted = select(SubscriberTag.subscriber_id, SubscriberTag.tag)
    for row in session.execute(wanted.where(SubscriberTag.subscriber_id.in_(some))):
        tags[row.subscriber_id].add(row.tag)
    return tags


def _events_of(session: Session, some: Sequence[int]) -> Mapping[int, dict[str, datetime]]:
    events: defaultdict[int, dict[str, datetime]] = defaultdict(dict)
    wanted = select(SubscriberEvent.subscriber_id, SubscriberEvent.name, SubscriberEvent.at)
    for row in session.execute(wanted.where(SubscriberEvent.subscriber_id.in_(some))):
        events[row.subscriber_id][row.name] = row.at
    return events
