"""End ways before their end: by a series' exit rule, or by the person's word for this series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.facts import load_people, moves_of
from campaigns.rules.moves import Stop
from campaigns.rules.standing import EnrolmentStatus
from campaigns.site import Site
from campaigns.store import end_enrolments, look_again
from delivery.outbox import cancel_for_enrolments


def stop_ways(session: Session, reasons: Mapping[int, str], *, now: datetime) -> int:
    """Stop these ways, given with the reason of each; tell how many were still active.

    First the way, then what it has queued: whoever queues in this moment is then finished, and is
    seen. What is marked may have gone already.
    """
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for enrolment_id, reason in reasons.items():
        alike[reason].append(enrolment_id)
    stopped = 0
    for reason, ids in alike.items():
        stopped += end_enrolments(session, ids, EnrolmentStatus.STOPPED, now=now, reason=reason)
        cancel_for_enrolments(session, ids, reason, now=now)
    return stopped


def apply_exit_rules(session: Session, subscriber_id: int, *, site: Site, now: datetime) -> int:
    """End what the exit rules of series end for one person now; tell how many ways.

    For whoever changes what the rules ask about. All else is decided anew with the next tick.
    """
    look_again(session, subscriber_id=subscriber_id, now=now)
    person = next(load_people(session, [subscriber_id], site=site, now=now), None)
    moves = moves_of(person, site=site, now=now) if person else {}
    reasons = {key: move.reason for key, move in moves.items() if isinstance(move, Stop)}
    return stop_ways(session, reasons, now=now)
