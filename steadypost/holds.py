"""What is held on this site, in words: why, since when, how much waits, and how to let it go."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.releasing import count_waiting, release
from delivery.holds import open_holds
from delivery.models import Hold
from delivery.rules.holds import RELEASED_BY_RESUME, Cause
from scheduler import Parts
from steadypost.errors import NothingFoundError, RefusedError

_WHAT = {
    Cause.PAUSED: "the site is paused by staff",
    Cause.RESTORED: "the database and the journal of hand-overs do not belong together",
    Cause.CLOCK: "the clock of this machine jumped",
    Cause.DISK: "the disk failed; what is written may not last",
    Cause.SURGE: "far more mail than usual is due",
    Cause.LOGIN: "the relay does not let us in",
    Cause.RELAY_DOWN: "the relay cannot be reached; tried again by itself",
    Cause.POLICY: "the relay refuses the emails of this series",
    Cause.TEMPLATE: "emails of this series cannot be written",
}
_ADVICE = {
    Cause.CLOCK: "set the clock right, then ",
    Cause.DISK: "repair the disk or make room, then ",
    Cause.SURGE: "see who would get it by 'steadypost forecast', then ",
    Cause.LOGIN: "correct [relay] in steadypost.toml, start the service anew, then ",
    Cause.POLICY: "put right what the relay complains of, then ",
    Cause.TEMPLATE: "correct the email and import the series again, then ",
}


@dataclass(frozen=True)
class HoldStatus:
    """One hold, for people and programs."""

    id: int
    cause: str
    subject: str  # a relay or a series; empty: the site
    what: str
    detail: str
    since: datetime
    waiting: int  # mails, or people whose next mail may be due
    how: str  # what to do, with the command that releases it; empty: it goes by itself


def list_holds(session: Session, *, now: datetime) -> list[HoldStatus]:
    """List what is held, the oldest first."""
    return [_status(session, hold, now) for hold in open_holds(session)]


def release_named(parts: Parts, session: Session, ids: Collection[int] | None) -> int:
    """Release these holds, or all that need no `resume`; tell how many mails that lets go.

    Raises:
        NothingFoundError: there is no such hold.
        RefusedError: it is released by `steadypost resume` only.
    """
    holds = open_holds(session)
    if ids is None:
        chosen = [hold for hold in holds if hold.cause not in RELEASED_BY_RESUME]
    else:
        chosen = [_named(holds, number) for number in ids]
    return release(session, chosen, site=parts.site, now=parts.clock())


def _named(holds: list[Hold], number: int) -> Hold:
    found = next((hold for hold in holds if hold.id == number), None)
    if found is None:
        raise NothingFoundError(f"hold {number}", "'steadypost holds' lists them")
    if found.cause in RELEASED_BY_RESUME:
        raise RefusedError(
            f"hold {number} is not released like this: {_WHAT[found.cause]}; "
            "'steadypost resume' shows what would be sent, and asks"
        )
    return found


def _status(session: Session, hold: Hold, now: datetime) -> HoldStatus:
    return HoldStatus(
        hold.id,
        hold.cause.value,
        hold.subject,
        _WHAT[hold.cause],
        hold.detail,
        hold.since,
        count_waiting(session, hold, now=now),
        _how(hold),
    )


def _how(hold: Hold) -> str:
    if hold.cause is Cause.RELAY_DOWN:
        return ""
    if hold.cause in RELEASED_BY_RESUME:
        return "'steadypost resume'"
    return f"{_ADVICE[hold.cause]}'steadypost release {hold.id}'"
