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

# Every move there is, with the occasion for it. What is not listed cannot happen.
MOVES: dict[State, dict[State, str]] = {
    State.QUEUED: {
        State.CLAIMED: "a worker took it",
        State.CANCELLED: "the person left, is suppressed or no longer meets the terms",
        State.HELD: "staff or a safety rule wants it looked at first",
        State.EXPIRED: "it became older than its campaign allows",
        State.SENT: "a late answer shows that the last attempt was accepted after all",
    },
    State.CLAIMED: {
        State.SENDING: "marked: the hand-over is about to start",
        State.QUEUED: "given back, or its worker was given up for dead",
        State.CANCELLED: "the person left before the mark",
        State.HELD: "it cannot be rendered, or staff wants it looked at first",
    },
    State.SENDING: {
        State.SENT: "the relay accepted it",
        State.QUEUED: "refused for now, lost before the final dot, or in doubt and wanted anyway",
        State.REJECTED: "refused for good, or given up after days of refusals",
        State.UNCERTAIN: "the link or the worker was lost after the final dot",
    },
    State.UNCERTAIN: {
        State.SENT: "a late answer, a click or a bounce shows that it arrived",
        State.REJECTED: "a late answer shows that it was refused",
        State.QUEUED: "staff chose to send it again, or a late answer shows that it was not taken",
    },
    State.HELD: {
        State.QUEUED: "released",
        State.CANCELLED: "the person left while it was held",
        State.EXPIRED: "it became older than its campaign allows",
    },
    State.REJECTED: {
        State.HELD: "the relay refused us, not the person: staff decide",
    },
    State.CANCELLED: {
        State.QUEUED: "asked again",
    },
    State.SENT: {},
    State.EXPIRED: {},
}

# Nothing more happens to these by itself, so the next step of a series may follow.
TERMINAL = frozenset({State.SENT, State.REJECTED, State.UNCERTAIN, State.CANCELLED, State.EXPIRED})


def may_move(before: State, after: State) -> bool:
    """Tell whether a delivery in one state may go to the other."""
    return after in MOVES[before]


def origins_of(after: State) -> frozenset[State]:
    """Name every state from which a delivery may come to this one."""
    return frozenset(before for before in State if may_move(before, after))
