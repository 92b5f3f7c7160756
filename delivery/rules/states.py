"""The states of a delivery, and which moves between them are allowed."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where one message for one subscriber stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    REJECTED = "rejected"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"
    HELD = "held"
    EXPIRED = "expired"


class Kind(StrEnum):
    """What a delivery is for."""

    STEP = "step"  # one email of a series
    BROADCAST = "broadcast"
    CONFIRMATION = "confirmation"  # the "please confirm" mail
    NOTICE = "notice"  # an answer to the person's own request


class Policy(StrEnum):
    """What to do when nobody knows whether a message arrived."""

    AT_MOST_ONCE = "at most once"  # rather never than twice: stays uncertain
    AT_LEAST_ONCE = "at least once"  # rather twice than never: queued again


POLICY_OF_KIND = {
    Kind.STEP: Policy.AT_MOST_ONCE,
    Kind.BROADCAST: Policy.AT_MOST_ONCE,
    Kind.CONFIRMATION: Policy.AT_LEAST_ONCE,
    Kind.NOTICE: Policy.AT_LEAST_ONCE,
}
