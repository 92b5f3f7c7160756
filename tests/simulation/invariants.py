"""Hold the relay's record against what was promised."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise

from sqlalchemy import select

from campaigns.models import Enrolment, Series, SkippedStep, Step
from campaigns.rules.standing import EnrolmentStatus
from campaigns.rules.time_zones import zone_of
from campaigns.series_folder import SeriesFolder
from delivery.models import Delivery
from delivery.rules.states import TERMINAL, Kind, State
from subscribers.models import Subscriber, Suppression
from subscribers.rules.standing import Pace, Standing
from tests.simulation.newsletter_invariants import newsletter_checks
from tests.simulation.records import Member
from tests.simulation.relay import DEADLINE, PATIENCE, Acceptance
from tests.simulation.volume_invariants import volume_checks
from tests.simulation.world import World

_LEAST = {Pace.AS_WRITTEN: 1, Pace.TWO_WEEKS: 14, Pace.MONTH: 28}
BATCH_TAKES = timedelta(minutes=10)
_EXPLAINED = {State.UNCERTAIN, State.REJECTED, State.HELD, State.EXPIRED}


def violations(world: World) -> list[str]:
    """Name every broken promise; an empty list is what we want."""
    checks = (
        _never_twice,
        _no_more_rounds_than_wished,
        *newsletter_checks,
        *volume_checks,
        _in_order,
        _spaced,
        _one_a_day,
        _only_to_the_willing,
        _by_their_conditions,
        _soon_after_the_mark,
        _answers_repeat_only_in_doubt,
        _uncertain_only_with_a_cause,
        _sent_means_accepted,
        _drained,
        _none_lost,
    )
    return [f"{check.__name__.strip('_')}: {what}" for check in checks for what in check(world)]


def _steps(world: World) -> dict[tuple[str, str, str], list[Acceptance]]:
    """Give each way through a series as the relay saw it, by person, series and round."""
    ways: defaultdict[tuple[str, str, str], list[Acceptance]] = defaultdict(list)
    for one in world.relay.accepted:
        if one.series:
            ways[one.recipient, one.series, one.way].append(one)
    return ways


def _first_times(world: World, way: list[Acceptance]) -> list[Acceptance]:
    """Leave out what staff chose to send again: to them it counts as not had until then."""
    first = dict[str, Acceptance]()
    for one in way:
        if one.delivery_id not in world.book.sent_again:
            first.setdefault(one.step, one)
    return list(first.values())


def _never_twice(world: World) -> Iterator[str]:
    again = world.book.sent_again
    for (person, series, _), way in _steps(world).items():
        for step, count in Counter(one.step for one in way).items():
            allowed = 1 + sum(
                again.get(n, 0) for n in {o.delivery_id for o in way if o.step == step}
            )
            if count > allowed:
                yield f"{person} got {series}/{step} {count} times"


def _no_more_rounds_than_wished(world: World) -> Iterator[str]:
    rounds = Counter((person, series) for person, series, _ in _steps(world))
    for (person, series), count in rounds.items():
        wished = 1 + world.book.members[person].rounds.get(series, 0)
        if count > wished:
            yield f"{person} went {count} times through {series}, and wished {wished}"


def _in_order(world: World) -> Iterator[str]:
    for (person, series, _), way in _steps(world).items():
        for earlier, later in pairwise(_first_times(world, way)):
            versions = world.book.series[series].during(earlier.at, later.at)
            if all(_is_before(later.step, earlier.step, version) for version in versions):
                yield f"{person} got {series}/{later.step} after {earlier.step}"


def _is_before(one: str, other: str, version: SeriesFolder) -> bool:
    keys = [step.key for step in version.steps]
    return one in keys and other in keys and keys.index(one) < keys.index(other)


def _spaced(world: World) -> Iterator[str]:
    for (person, series, _), way in _steps(world).items():
        member = world.book.members[person]
        for earlier, later in pairwise(_first_times(world, way)):
            wait = _least_wait(world, member, earlier, later)
            apart = _most_days_apart(world, member, earlier, later)
            if apart < (1 if _was_asked_for(member, earlier, later) else wait):
                name = f"{series}/{later.step}"
                yield f"{person} got {name} {apart} days after {earlier.step}, not {wait}"


def _was_asked_for(member: Member, earlier: Acceptance, later: Acceptance) -> bool:
    """Tell whether the person wanted the later one at once."""
    return any(
        series == later.series and earlier.marked_at <= at <= later.at
        for at, series in member.asked.changes
    )


def _least_wait(world: World, member: Member, earlier: Acceptance, later: Acceptance) -> int:
    """Give the shortest wait that was in force between two mails."""
    folders = world.book.series[later.series].during(earlier.at, later.at)
    waits = [
        step.wait_days for folder in folders for step in folder.steps if step.key == later.step
    ]
    paces = [_LEAST[pace] for pace in member.pace.during(earlier.at, later.at)]
    return max(min(waits, default=0), min(paces))


def _most_days_apart(world: World, member: Member, earlier: Acceptance, later: Acceptance) -> int:
    """Count local days, in the zone that is kindest to us of those in force in between.

    The first mail may count from its mark: the dot follows within the deadline.
    """
    days = [
        (_day(later.at, zone, world) - _day(earlier.marked_at, zone, world)).days
        for zone in member.zone.during(earlier.at, later.at)
    ]
    return max(days)


def _day(moment: datetime, zone: str | None, world: World) -> date:
    return moment.astimezone(zone_of(zone, world.site.zone)).date()


def _one_a_day(world: World) -> Iterator[str]:
    mails: defaultdict[str, list[Acceptance]] = defaultdict(list)
    for one in world.relay.accepted:
        if (one.series or one.issue) and one.delivery_id not in world.book.sent_again:
            mails[one.recipient].append(one)
    for person, own in mails.items():
        for earlier, later in pairwise(own):
            if _most_days_apart(world, world.book.members[person], earlier, later) < 1:
                names = f"{earlier.subject} and {later.subject}"
                yield f"{person} got two mails on one day: {names} at {earlier.at} and {later.at}"


def _only_to_the_willing(world: World) -> Iterator[str]:
    wanted = {"please confirm": Standing.UNCONFIRMED}
    for one in world.relay.accepted:
        member = world.book.members[one.recipient]
        standing = member.standing_at(one.marked)
        if standing is not wanted.get(one.subject, Standing.CONFIRMED):
            yield f"{one.recipient} got {one.subject!r} at {one.at}, being {standing}"
        if member.is_suppressed_at(one.marked):
            yield f"{one.recipient} got {one.subject!r} at {one.at}, being suppressed"
        if one.series in world.book.exits and member.has_booked_at(one.marked):
            yield f"{one.recipient} got {one.subject!r} at {one.at}, having booked"


def _by_their_conditions(world: World) -> Iterator[str]:
    """A condition is read with the facts of a batch, so it may be older than the mark."""
    for one in world.relay.accepted:
        if not one.series:
            continue
        since = one.marked_at - BATCH_TAKES
        folders = world.book.series[one.series].during(since, one.marked_at)
        conditions = {s.condition for folder in folders for s in folder.steps if s.key == one.step}
        was_vip = world.book.members[one.recipient].is_vip.during(since, one.marked_at)
        if "" not in conditions and True not in was_vip:
            yield f"{one.recipient} got {one.subject!r} at {one.at}, against its condition"


def _soon_after_the_mark(world: World) -> Iterator[str]:
    for one in world.relay.accepted:
        if one.at - one.marked_at > DEADLINE + PATIENCE:
            late = one.at - one.marked_at
            yield f"{one.recipient} got {one.subject!r} {late} after it was marked"


def _answers_repeat_only_in_doubt(world: World) -> Iterator[str]:
    answers: defaultdict[str, list[Acceptance]] = defaultdict(list)
    for one in world.relay.accepted:
        if not (one.series or one.issue) and one.delivery_id not in world.book.sent_again:
            answers[one.message_id].append(one)
    for own in answers.values():
        for earlier, later in pairwise(own):
            if earlier.known_at is not None and earlier.known_at < later.marked:
                yield f"{later.recipient} got {later.subject!r} again without a doubt"


def _uncertain_only_with_a_cause(world: World) -> Iterator[str]:
    with world.database.reading() as session:
        wanted = select(Delivery.id).where(Delivery.state == State.UNCERTAIN)
        found = len(session.scalars(wanted).all())
    if found > world.seams.may_be_in_doubt:
        yield f"{found} are uncertain, where {world.seams.may_be_in_doubt} could be"


def _sent_means_accepted(world: World) -> Iterator[str]:
    accepted = {one.delivery_id for one in world.relay.accepted} | world.book.taken_as_sent
    with world.database.reading() as session:
        for key in session.scalars(select(Delivery.id).where(Delivery.state == State.SENT)):
            if key not in accepted:
                yield f"delivery {key} is called sent, but the relay never had it"


def _drained(world: World) -> Iterator[str]:
    with world.database.reading() as session:
        for row in session.scalars(select(Delivery)):
            if row.state not in TERMINAL:
                yield f"delivery {row.id} is still {row.state}: {row.reason}"
            if row.state in (State.HELD, State.CANCELLED, State.REJECTED) and not row.reason:
                yield f"delivery {row.id} is {row.state} without a reason"
            if "defect" in row.reason:
                yield f"delivery {row.id}: {row.reason}"


def _none_lost(world: World) -> Iterator[str]:
    rows, ways = _rows(world), _newest_ways(world)
    skipped = _skipped(world)
    had = {(one.recipient, one.way, one.step) for one in world.relay.accepted}
    suppressed = _suppressed(world)
    for person, member in world.book.members.items():
        if member.standing[-1][1] is not Standing.CONFIRMED:
            continue
        if person in suppressed and _may_be_suppressed(world, member):
            continue
        for slug, versions in world.book.series.items():
            way = ways.get((person, slug))
            if way is None or way.round != 1 + member.rounds.get(slug, 0):
                yield f"{person} is not on the way through {slug} they should be on: {way}"
                continue
            if way.status is EnrolmentStatus.STOPPED and slug in member.left:
                continue
            if way.status is EnrolmentStatus.PARKED and world.relay.refused.get(person):
                continue
            for step in versions.last.steps:
                row = rows.get((way.id, step.key))
                was_had = (person, f"enrolment:{way.id}", step.key) in had
                is_moved = (slug, step.key) in world.book.touched
                is_told = row is not None and row.id in world.book.taken_as_sent
                is_skipped = bool(skipped.get((way.id, step.key)))
                if not (was_had or is_moved or is_told or is_skipped or _is_explained(row)):
                    what = row and (row.state, row.reason)
                    yield f"{person} never got {slug}/{step.key} in round {way.round}: {what}"


def _may_be_suppressed(world: World, member: Member) -> bool:
    """Tell whether staff, the person or a dead mailbox explains a suppression."""
    refused = world.relay.refused.get(member.address, [])
    return member.suppressed[-1][1] or any(said.enhanced == "5.1.1" for said in refused)


def _is_explained(row: Delivery | None) -> bool:
    """Tell whether a step that never arrived is listed, with a reason that can be true.

    While one is in doubt the series goes on; should a late answer say that it was not taken, the
    next one has perhaps gone already, and the order is kept.
    """
    if row is None or row.state is not State.CANCELLED:
        return row is not None and row.state in _EXPLAINED
    return row.doubt_count > 0 and "a later step" in row.reason


def _rows(world: World) -> dict[tuple[int, str], Delivery]:
    """Read the deliveries of steps by enrolment and step."""
    wanted = select(Delivery.enrolment_id, Step.key, Delivery).join(
        Step, Step.id == Delivery.step_id
    )
    with world.database.reading() as session:
        rows = session.execute(wanted.where(Delivery.kind == Kind.STEP))
        return {(row[0], row[1]): row[2] for row in rows}


def _skipped(world: World) -> dict[tuple[int, str], str]:
    """Read the reasons of what was left out, by enrolment and step."""
    wanted = select(SkippedStep.enrolment_id, Step.key, SkippedStep.reason)
    with world.database.reading() as session:
        rows = session.execute(wanted.join(Step, Step.id == SkippedStep.step_id))
        return {(row[0], row[1]): row[2] for row in rows}


def _newest_ways(world: World) -> dict[tuple[str, str], Enrolment]:
    ways = (
        select(Subscriber.email, Series.slug, Enrolment)
        .join(Enrolment, Enrolment.subscriber_id == Subscriber.id)
        .join(Series, Series.id == Enrolment.series_id)
        .order_by(Enrolment.round)
    )
    with world.database.reading() as session:
        return {(row[0], row[1]): row[2] for row in session.execute(ways)}


def _suppressed(world: World) -> set[str]:
    with world.database.reading() as session:
        return set(session.scalars(select(Suppression.email)))
