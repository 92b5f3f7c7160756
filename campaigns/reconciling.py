"""Bring a database that is older than what was sent up to what the journal proves.

What went is recorded as sent, also for deliveries this database never had; what may have gone is
listed as uncertain. So nobody gets anything twice when the site goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

from sqlalchemy import Table, insert, select, update
from sqlalchemy.orm import Session

from campaigns.enrolment import enrol_newcomers
from campaigns.issues import issue_key
from campaigns.models import Broadcast, Enrolment, Step
from campaigns.queueing import step_key
from campaigns.site import Site
from delivery.journal import read_file
from delivery.models import Delivery
from delivery.rules.addresses import wire_address
from delivery.rules.journal import Answer, Dot
from delivery.rules.states import Kind, State
from delivery.sender import Accepted, Outcome
from storage.signing import new_public_id
from subscribers.models import Subscriber

_deliveries = cast(Table, Delivery.__table__)
_STEP = re.compile(r"enrolment:(\d+)/step:(\d+)")
_BROADCAST = re.compile(r"broadcast:(\d+)/subscriber:(\d+)")
_OPEN = frozenset({State.QUEUED, State.CLAIMED, State.HELD, State.SENDING, State.CANCELLED})
SENT = "the journal of hand-overs shows that the relay accepted it"
DOUBTFUL = "the journal of hand-overs shows no answer to it; it may or may not have gone"


@dataclass
class Reconciled:
    """What the journal proved that the database did not know."""

    sent: int = 0
    uncertain: int = 0
    strangers: int = 0  # mails to people, or of series, this database does not know

    def count(self, state: State) -> None:
        """Count one mail."""
        if state is State.SENT:
            self.sent += 1
        else:
            self.uncertain += 1


@dataclass(frozen=True)
class Proof:
    """One mail that went, or may have gone."""

    dot: Dot
    state: State  # sent, or uncertain

    @property
    def reason(self) -> str:
        """Say how it is known."""
        return SENT if self.state is State.SENT else DOUBTFUL


@dataclass(frozen=True)
class _Place:
    """Where a mail belongs in this database."""

    once_key: str
    kind: Kind
    subscriber_id: int
    enrolment_id: int | None = None
    step_id: int | None = None
    broadcast_id: int | None = None


def read_proofs(paths: Iterable[Path]) -> list[Proof]:
    """Read what went, or may have gone; the last word on each mail to each person counts."""
    dots = dict[tuple[int, int, str], Dot]()
    outcomes = dict[tuple[int, int], Outcome]()
    proofs = dict[tuple[str, str], Proof]()
    for path in paths:  # ids are the same again after a restore: each file stands for itself
        dots.clear()
        outcomes.clear()
        for entry in read_file(path).entries:
            if isinstance(entry, Dot):
                dots[entry.delivery_id, entry.attempt, entry.once_key] = entry
            elif isinstance(entry, Answer):
                outcomes[entry.delivery_id, entry.attempt] = entry.outcome
        for dot in dots.values():
            _note(proofs, dot, outcomes.get((dot.delivery_id, dot.attempt)))
    return list(proofs.values())


def _note(proofs: dict[tuple[str, str], Proof], dot: Dot, outcome: Outcome | None) -> None:
    mail = (dot.once_key, dot.person)
    earlier = proofs.get(mail)
    if isinstance(outcome, Accepted):
        proofs[mail] = Proof(dot, State.SENT)
    elif outcome is None and earlier is None:
        proofs[mail] = Proof(dot, State.UNCERTAIN)


def reconcile(
    session: Session,
    proofs: Sequence[Proof],
    *,
    site: Site,
    person: Callable[[str], str],
    now: datetime,
) -> Reconciled:
    """Record what the journal proves. `person` makes the fingerprint of an address."""
    done = Reconciled()
    if not proofs:
        return done
    while enrol_newcomers(session, site=site, now=now).is_full:
        pass  # who was on their way is so again
    book = _Book.read(session, person)
    for proof in proofs:
        place = book.place_of(proof.dot)
        if place is None:
            done.strangers += 1
        elif _record(session, proof, place, now=now):
            done.count(proof.state)
            _move_pointer(session, proof, place)
    return done


@dataclass
class _Book:
    """The people, ways and steps this database knows."""

    of_person: Mapping[str, int]  # subscriber id by fingerprint
    steps: Mapping[int, tuple[int, int]]  # series id and position by step id
    ways: Mapping[tuple[int, int], int]  # newest enrolment id by subscriber and series
    owners: Mapping[int, tuple[int, int]]  # subscriber and series by enrolment id
    broadcasts: frozenset[int] = field(default=frozenset())

    @classmethod
    def read(cls, session: Session, person: Callable[[str], str]) -> _Book:
        people = session.execute(select(Subscriber.id, Subscriber.email))
        steps = session.execute(select(Step.id, Step.series_id, Step.position))
        columns = (Enrolment.id, Enrolment.subscriber_id, Enrolment.series_id)
        ways = session.execute(select(*columns).order_by(Enrolment.round)).all()
        return cls(
            of_person={person(wire_address(row.email)): row.id for row in people},
            steps={row.id: (row.series_id, row.position) for row in steps},
            ways={(row.subscriber_id, row.series_id): row.id for row in ways},
            owners={row.id: (row.subscriber_id, row.series_id) for row in ways},
            broadcasts=frozenset(session.scalars(select(Broadcast.id))),
        )

    def place_of(self, dot: Dot) -> _Place | None:
        """Find where a mail belongs; None when the person or the campaign is not known here."""
        who = self.of_person.get(dot.person)
        if who is None:
            return None
        if found := _STEP.fullmatch(dot.once_key):
            return self._step_place(who, int(found[1]), int(found[2]))
        if (found := _BROADCAST.fullmatch(dot.once_key)) and int(found[1]) in self.broadcasts:
            number = int(found[1])
            return _Place(issue_key(number, who), Kind.BROADCAST, who, broadcast_id=number)
        return None  # confirmations and notices: rather twice than never

    def _step_place(self, who: int, enrolment_id: int, step_id: int) -> _Place | None:
        if step_id not in self.steps:
            return None
        way = (who, self.steps[step_id][0])
        mine = enrolment_id if self.owners.get(enrolment_id) == way else self.ways.get(way)
        if mine is None:
            return None
        return _Place(step_key(mine, step_id), Kind.STEP, who, mine, step_id)


def _record(session: Session, proof: Proof, place: _Place, *, now: datetime) -> bool:
    """Write one proof down; tell whether the database did not know it."""
    dot = proof.dot
    values = {
        "state": proof.state,
        "reason": proof.reason,
        "sending_at": dot.at,
        "done_at": dot.at if proof.state is State.SENT else now,
        "owner": None,
    }
    mine = _deliveries.c.once_key == place.once_key
    state = session.scalar(select(_deliveries.c.state).where(mine).with_for_update())
    if state is not None:
        if state in _OPEN or (state is State.UNCERTAIN and proof.state is State.SENT):
            session.execute(update(_deliveries).where(mine).values(values))
            return True
        return False
    fixed = {"public_id": new_public_id(), "attempt": dot.attempt, "created_at": dot.at}
    new = insert(_deliveries).values(
        **vars(place),
        **values,
        **fixed,
        due_at=dot.at,
        message_date=dot.at,
        doubt_count=0,
        document="",
        relay="",
        reply="",
    )
    session.execute(new)
    return True


def _move_pointer(session: Session, proof: Proof, place: _Place) -> None:
    """Let the way stand at the furthest step that went, as after any mark."""
    if place.enrolment_id is None:
        return
    way = session.get_one(Enrolment, place.enrolment_id, populate_existing=True)
    mine = session.get_one(Step, place.step_id)
    last = session.get(Step, way.last_step_id) if way.last_step_id else None
    if last is None or last.is_closing or last.position <= mine.position:
        way.last_step_id = mine.id
        way.last_sent_at = max(way.last_sent_at or proof.dot.at, proof.dot.at)
    session.flush()
