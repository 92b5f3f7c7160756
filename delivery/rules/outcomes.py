"""What an outcome of a hand-over makes of its delivery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from delivery.rules.replies import ReplyClass, classify
from delivery.rules.retry import FIRST_DELAY, GiveUp, next_attempt
from delivery.rules.states import Policy, State
from delivery.sender import Accepted, Deferred, Outcome, Refused, RelayDown

RELAY_WIDE = "the relay says 'not now' to everybody"
RELAY_DOWN_DELAY = timedelta(minutes=1)
# "Rather twice than never" is not "for ever": a relay that swallows every answer would
# otherwise be given the same message every hour for days.
MOST_DOUBTS = 3


@dataclass(frozen=True)
class Situation:
    """What a delivery's row says about it when an outcome comes in."""

    state: State
    policy: Policy
    due_at: datetime
    deferred_since: datetime | None = None
    doubt_count: int = 0
    is_relay_wide: bool = False  # the relay says "not now" to everybody

    @property
    def was_handed_over(self) -> bool:
        """Tell whether any relay has seen the message: then its Date stays what it was."""
        return self.deferred_since is not None or self.doubt_count > 0


@dataclass(frozen=True)
class Verdict:
    """What the row is to say from now on."""

    state: State
    due_at: datetime
    deferred_since: datetime | None
    doubt_count: int
    reason: str = ""
    reply_class: ReplyClass | None = None  # of a refusal
    never_went: bool = False  # no relay has seen it: the next hand-over is the first


def judge(
    outcome: Outcome, situation: Situation, *, now: datetime, due_at: datetime | None = None
) -> Verdict | None:
    """Decide what becomes of a delivery; None when the outcome comes too late to matter.

    A late outcome, of a worker that was given up for dead, still tells the truth about its
    attempt: it may settle `uncertain`, and spare a repetition that is only queued.
    `due_at` is when to try again after `RelayDown`.
    """
    match outcome:
        case Accepted():
            return _sent(situation)
        case Refused():
            return _refused(outcome, situation, now=now)
        case Deferred():
            return _deferred(outcome, situation, now=now, due_at=due_at)
        case RelayDown():
            return _put_off(situation, due_at=due_at or now + RELAY_DOWN_DELAY)
        case _:  # uncertain
            return in_doubt(situation, now=now) if situation.state is State.SENDING else None


def in_doubt(situation: Situation, *, now: datetime) -> Verdict:
    """Decide about a delivery whose answer is lost: the policy of its kind does."""
    doubts = situation.doubt_count + 1
    if situation.policy is Policy.AT_LEAST_ONCE and doubts <= MOST_DOUBTS:
        return Verdict(State.QUEUED, now + FIRST_DELAY, situation.deferred_since, doubts)
    reason = "the link or the worker was lost after the final dot; it may or may not have gone"
    return Verdict(State.UNCERTAIN, situation.due_at, situation.deferred_since, doubts, reason)


def _sent(situation: Situation) -> Verdict | None:
    if situation.state not in (State.SENDING, State.UNCERTAIN, State.QUEUED):
        return None
    return Verdict(State.SENT, situation.due_at, situation.deferred_since, situation.doubt_count)


def _refused(outcome: Refused, situation: Situation, *, now: datetime) -> Verdict | None:
    if not _is_open(situation):
        return None
    reply_class = _class_of(outcome)
    if reply_class is ReplyClass.FULL:
        return _try_again(outcome, situation, now=now)
    return _rejected(situation, f"{reply_class}: {outcome.reply}", reply_class)


def _put_off(situation: Situation, *, due_at: datetime) -> Verdict | None:
    if not _is_open(situation):
        return None
    put_off = _queued(situation, due_at=due_at)
    return replace(put_off, never_went=not situation.was_handed_over)


def _deferred(
    outcome: Deferred, situation: Situation, *, now: datetime, due_at: datetime | None
) -> Verdict | None:
    if not _is_open(situation):
        return None
    if situation.is_relay_wide:
        # It says nothing about this person: the days after which we give up begin anew.
        waiting = _queued(situation, due_at=due_at or now + RELAY_DOWN_DELAY, since=now)
        return replace(waiting, reason=f"{RELAY_WIDE}: {outcome.reply}")
    return _try_again(outcome, situation, now=now)


def _try_again(outcome: Deferred | Refused, situation: Situation, *, now: datetime) -> Verdict:
    since = situation.deferred_since or now
    reply_class = _class_of(outcome)
    decision = next_attempt(since, now=now)
    if isinstance(decision, GiveUp):
        reason = f"{decision.reason}; the last: {outcome.reply}"
        return _rejected(situation, reason, reply_class)
    return _queued(situation, due_at=decision.due_at, since=since, reply_class=reply_class)


def is_greylisting(outcome: Deferred) -> bool:
    """Tell whether a relay wants the message to come back later, on purpose."""
    return _class_of(outcome) is ReplyClass.GREYLIST


def _is_open(situation: Situation) -> bool:
    return situation.state in (State.SENDING, State.UNCERTAIN)


def _class_of(outcome: Deferred | Refused) -> ReplyClass:
    return classify(
        outcome.code, enhanced=outcome.enhanced, stage=outcome.stage, text=outcome.reply
    )


def _queued(
    situation: Situation,
    *,
    due_at: datetime,
    since: datetime | None = None,
    reply_class: ReplyClass | None = None,
) -> Verdict:
    since = since or situation.deferred_since
    return Verdict(State.QUEUED, due_at, since, situation.doubt_count, "", reply_class)


def _rejected(situation: Situation, reason: str, reply_class: ReplyClass) -> Verdict:
    return Verdict(
        State.REJECTED,
        situation.due_at,
        situation.deferred_since,
        situation.doubt_count,
        reason,
        reply_class,
    )
