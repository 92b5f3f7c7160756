"""Count what came of a round of sending, and say each outcome once in the log."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from campaigns.rules.aftermath import Aftermath, aftermath
from campaigns.rules.guards import Cancel, Hold, NotNow
from delivery.outbox import Recorded
from delivery.rules.states import State
from delivery.sender import RelayDown, Uncertain

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class SendReport:
    """What came of one call of `send_queued`."""

    sent: int = 0
    deferred: int = 0  # refused for now; tried again
    rejected: int = 0  # refused for good
    uncertain: int = 0  # the answer was lost
    cancelled: int = 0
    held: int = 0  # staff must look
    put_back: int = 0  # nothing wrong, but not now; or the relay was not there
    relay_down: RelayDown | None = None  # the round stopped because of it


@dataclass
class Tally:
    """The counts of a round so far."""

    counts: Counter[str] = field(default_factory=Counter)
    relay_down: RelayDown | None = None

    def report(self) -> SendReport:
        """Give the counts as a report."""
        return SendReport(**self.counts, relay_down=self.relay_down)

    def count_recorded(self, recorded: Iterable[Recorded]) -> None:
        """Count outcomes that are in the database."""
        for delivery in recorded:
            word = _word_for(delivery)
            self.counts[word] += 1
            LOG.info("%s delivery=%d attempt=%d", word, delivery.delivery_id, delivery.attempt)

    def count_turned_down(self, verdicts: Mapping[int, NotNow]) -> None:
        """Count what was set aside before it was marked."""
        for delivery_id, verdict in verdicts.items():
            word = _word_for_verdict(verdict)
            self.counts[word] += 1
            LOG.info("%s delivery=%d", word, delivery_id)


def _word_for(delivery: Recorded) -> str:
    if delivery.state is State.SENT:
        return "sent"
    if delivery.state is State.REJECTED:
        is_held = aftermath(delivery.state, delivery.reply_class) is Aftermath.HOLD
        return "held" if is_held else "rejected"
    if isinstance(delivery.outcome, Uncertain):
        return "uncertain"
    return "put_back" if isinstance(delivery.outcome, RelayDown) else "deferred"


def _word_for_verdict(verdict: NotNow) -> str:
    if isinstance(verdict, Cancel):
        return "cancelled"
    return "held" if isinstance(verdict, Hold) else "put_back"
