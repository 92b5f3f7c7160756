"""What follows when somebody asks, confirms, or wants to come back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from subscribers.rules.standing import Standing, SuppressionReason, is_lifted_by_consent

# One address gets at most this many confirmation mails, whoever types it into the form.
ASKING_GAP = timedelta(hours=24)
ASKINGS_A_MONTH = 3
MONTH = timedelta(days=30)
NOTICE_GAP = timedelta(hours=24)
LINK_LIFE = timedelta(days=7)
UNDO_PERIOD = timedelta(hours=24)


class Asked(StrEnum):
    """What a sign-up led to. Never shown to whoever asked: it tells who is known."""

    CONFIRMATION = "a confirmation mail is wanted"
    NOTICE = "the person is confirmed and is told so"
    SUPPRESSED = "the address is suppressed; only the wish was noted"
    TOO_OFTEN = "the address was asked for too often; nothing was noted"


class Answer(StrEnum):
    """What opening a confirmation link leads to."""

    CONFIRMS = "confirms"
    ALREADY_CONFIRMED = "already confirmed"
    HAS_LEFT = "the person has unsubscribed since"
    OUTDATED = "a newer link was asked for"
    EXPIRED = "the link is older than seven days"
    SUPPRESSED = "the address is suppressed"


def may_ask(askings: Iterable[datetime], *, now: datetime) -> bool:
    """Tell whether an address may be sent one more confirmation.

    Askings in the future (the clock went back) count as recent.
    """
    recent = [at for at in askings if at > now - MONTH]
    return len(recent) < ASKINGS_A_MONTH and all(at <= now - ASKING_GAP for at in recent)


def may_notice(wanted_at: datetime | None, *, now: datetime) -> bool:
    """Tell whether a confirmed person may be told once more that they are subscribed."""
    return wanted_at is None or wanted_at <= now - NOTICE_GAP


def decide_sign_up(
    standing: Standing | None, *, suppressed: bool, askings: Iterable[datetime], now: datetime
) -> Asked:
    """Decide what a sign-up leads to. Suppression wins, then the limit."""
    if standing is Standing.CONFIRMED and not suppressed:
        return Asked.NOTICE
    if not may_ask(askings, now=now):
        return Asked.TOO_OFTEN
    return Asked.SUPPRESSED if suppressed else Asked.CONFIRMATION


def decide_confirmation(
    standing: Standing,
    *,
    is_newest: bool,
    asked_at: datetime | None,
    suppression: SuppressionReason | None,
    now: datetime,
) -> Answer:
    """Decide what a confirmation link, or staff confirming by hand, leads to.

    `asked_at` is None when no link is involved that could be too old.
    """
    if standing is Standing.CONFIRMED:
        return Answer.ALREADY_CONFIRMED
    if standing is Standing.UNSUBSCRIBED:
        return Answer.HAS_LEFT
    if not is_lifted_by_consent(suppression):
        return Answer.SUPPRESSED
    if not is_newest:
        return Answer.OUTDATED
    if asked_at is not None and now - asked_at > LINK_LIFE:
        return Answer.EXPIRED
    return Answer.CONFIRMS


def may_undo(
    standing: Standing,
    *,
    confirmed_at: datetime | None,
    unsubscribed_at: datetime | None,
    suppression: SuppressionReason | None,
    now: datetime,
) -> bool:
    """Tell whether an unsubscription can be taken back by the link that made it.

    Only by somebody who had confirmed: undoing must not confirm for the first time.
    """
    return (
        standing is Standing.UNSUBSCRIBED
        and confirmed_at is not None
        and unsubscribed_at is not None
        and now - unsubscribed_at <= UNDO_PERIOD
        and is_lifted_by_consent(suppression)
    )
