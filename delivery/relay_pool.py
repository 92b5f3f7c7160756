"""Several relays as one way out: the first choice, shares among equals, and who takes over.

Only what certainly was not handed over is given to another relay: a message whose relay could not
be used at all. A lost link, before the final dot or after it, stays with its relay.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from delivery.errors import WITNESS_FAILED
from delivery.rules.standby import WELL, Outage, Place, failed_again, hand_out, in_charge
from delivery.sender import Handover, Outcome, RelayDown, Sender, Sending

LOG = logging.getLogger("steadypost.delivery")
_LONGEST_NAME = 255


@dataclass
class Member:
    """One relay of a pool."""

    name: str
    sender: Sender
    order: int = 1
    share: int = 1
    outage: Outage = WELL
    down: RelayDown | None = None  # what it said when it could not be used

    @property
    def place(self) -> Place:
        """Give what the choice goes by."""
        return Place(self.order, self.share, self.outage)

    def note(self, outcomes: Sequence[Outcome], *, now: float) -> None:
        """Remember whether it could be used; one that answered anything at all could."""
        down = [one for one in outcomes if is_unreached(one)]
        if not down or len(down) < len(outcomes):
            if self.down is not None and outcomes:
                LOG.info("relay %s answers again", self.name)
                self.outage, self.down = WELL, None
            return
        if self.down is None:
            LOG.warning("relay %s cannot be used: %s", self.name, down[0].reply)
        self.outage, self.down = failed_again(self.outage, now=now), down[0]


class RelayPool:
    """A sender that chooses among relays. One worker sends in one thread at a time."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = dict(enumerate(members))
        self._gone: Counter[int] = Counter()

    @property
    def members(self) -> Sequence[Member]:
        """The relays, as they were given."""
        return list(self._members.values())

    @property
    def connections(self) -> int:
        """How many messages may be in flight at once."""
        return sum(member.sender.connections for member in self._in_charge())

    @property
    def ahead(self) -> int:
        """How many messages may be marked together."""
        return sum(member.sender.ahead for member in self._in_charge())

    def stopwatch(self) -> float:
        """Read the clock of the hand-over deadline."""
        return self._members[0].sender.stopwatch()

    def start(self, handovers: Sequence[Handover], *, since: float) -> Sending:
        """Begin to hand over a group of messages."""
        sending = _PoolSending(self, handovers, since)
        sending.hand_out(range(len(handovers)))
        return sending

    def send(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Hand over a group of messages, counting from this call."""
        return self.start(handovers, since=self.stopwatch()).outcomes()

    def close(self) -> None:
        """End open sessions politely."""
        for member in self._members.values():
            member.sender.close()

    def troubles(self) -> list[RelayDown]:
        """List what the relays said that cannot be used at present."""
        return [member.down for member in self._members.values() if member.down is not None]

    def choose(self, count: int, tried: Mapping[int, object]) -> Sequence[int]:
        """Name the relay of each of some messages; none when all were tried."""
        places = {
            number: member.place for number, member in self._members.items() if number not in tried
        }
        chosen = hand_out(count, places, self._gone, now=self.stopwatch())
        self._gone.update(chosen)
        return chosen

    def member(self, number: int) -> Member:
        """Give one relay."""
        return self._members[number]

    def _in_charge(self) -> list[Member]:
        places = {number: member.place for number, member in self._members.items()}
        return [self._members[one] for one in in_charge(places, now=self.stopwatch())]


@dataclass
class _PoolSending:
    """A group that is on its way over one relay or several."""

    pool: RelayPool
    handovers: Sequence[Handover]
    since: float
    known: dict[int, Outcome] = field(default_factory=dict)  # by position
    running: dict[int, tuple[Sequence[int], Sending]] = field(default_factory=dict)  # by relay
    tried: dict[int, RelayDown] = field(default_factory=dict)

    def is_over(self) -> bool:
        """Tell whether every outcome is known; another relay takes over what one did not reach."""
        if all(sending.is_over() for _, sending in self.running.values()):
            self._land()
        return not self.running

    def outcomes(self) -> list[Outcome]:
        """Wait for the outcomes."""
        while self.running:
            self._land()
        return [self.known[position] for position in range(len(self.handovers))]

    def hand_out(self, positions: Sequence[int]) -> None:
        """Give messages to the relays whose turn it is; when none is left, they are all down."""
        if not positions:
            return
        chosen = self.pool.choose(len(positions), self.tried)
        if not chosen:
            self.known |= dict.fromkeys(positions, _all_down(list(self.tried.values())))
            return
        for number in dict.fromkeys(chosen):
            own = [at for at, relay in zip(positions, chosen, strict=True) if relay == number]
            group = [self.handovers[position] for position in own]
            sending = self.pool.member(number).sender.start(group, since=self.since)
            self.running[number] = (own, sending)

    def _land(self) -> None:
        """Take the answers; what did not reach its relay goes to the next one."""
        running, self.running = self.running, {}
        left: list[int] = []
        for number, (positions, sending) in running.items():
            outcomes = sending.outcomes()
            self.pool.member(number).note(outcomes, now=self.pool.stopwatch())
            for position, outcome in zip(positions, outcomes, strict=True):
                if is_unreached(outcome):
                    self.tried[number] = outcome
                    left.append(position)
                else:
                    self.known[position] = outcome
        self.hand_out(sorted(left))


def is_unreached(outcome: Outcome) -> TypeGuard[RelayDown]:
    """Tell whether the relay is to blame, and no other could be; a full disk is ours."""
    return isinstance(outcome, RelayDown) and not outcome.reply.startswith(WITNESS_FAILED)


def _all_down(said: Sequence[RelayDown]) -> RelayDown:
    """Say in one what all relays said; only when waiting helps none of them, staff must act."""
    if len(said) == 1:
        return said[0]
    return RelayDown(
        "; ".join(f"{down.relay}: {down.reply}" for down in said),
        ", ".join(down.relay for down in said)[:_LONGEST_NAME],
        needs_operator=all(down.needs_operator for down in said),
    )
