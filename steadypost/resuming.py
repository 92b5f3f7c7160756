"""Go on after a pause or a restore: show first what would be sent, then let the site go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from campaigns.forecast import forecast
from campaigns.reconciling import Reconciled, read_proofs, reconcile
from campaigns.releasing import release
from campaigns.store import count_active
from delivery.holds import open_holds
from delivery.models import Hold
from delivery.provenance import accept_provenance, unsettled_files
from delivery.rules.holds import RELEASED_BY_RESUME, Cause
from delivery.store import count_due
from scheduler import Parts

MOST_SHOWN = 20
_MOST_LOOKED_AHEAD = 5_000  # people; more take too long to look through while somebody waits


@dataclass(frozen=True)
class Resumption:
    """What going on would mean."""

    is_needed: bool
    lines: tuple[str, ...] = ("the site is not paused",)


def plan_resumption(parts: Parts) -> Resumption:
    """Tell what keeps the site back, what the journal proves, and what would be sent.

    All of it is done and undone again, so that what is shown is what would happen.
    """
    with parts.database.transaction() as session:
        holds = open_holds(session, *RELEASED_BY_RESUME)
        if not holds:
            return Resumption(False)
        trial = session.begin_nested()
        try:
            done = _reconcile(parts, session, holds)
            lines = (*_reasons(holds), *_told(done), *_coming(parts, session))
        finally:
            trial.rollback()
    return Resumption(True, lines)


def resume_site(parts: Parts) -> Reconciled:
    """Record what the journal proves, and release what only this releases."""
    with parts.database.transaction() as session:
        holds = open_holds(session, *RELEASED_BY_RESUME)
        done = _reconcile(parts, session, holds)
        release(session, holds, site=parts.site, now=parts.clock())
        if _is_restored(holds) and parts.scribe:
            accept_provenance(session, parts.scribe.folder)
    return done


def _reconcile(parts: Parts, session: Session, holds: Sequence[Hold]) -> Reconciled:
    if not _is_restored(holds) or parts.scribe is None:
        return Reconciled()
    folder = parts.scribe.folder
    proofs = read_proofs(unsettled_files(folder))
    return reconcile(session, proofs, site=parts.site, person=folder.person, now=parts.clock())


def _is_restored(holds: Sequence[Hold]) -> bool:
    return any(hold.cause is Cause.RESTORED for hold in holds)


def _reasons(holds: Sequence[Hold]) -> list[str]:
    return [f"held since {hold.since:%Y-%m-%d %H:%M} UTC: {hold.detail}" for hold in holds]


def _told(done: Reconciled) -> list[str]:
    told = (
        (done.sent, "mails went out that this database does not know; they count as sent"),
        (done.uncertain, "mails may have gone; they are listed as uncertain and not sent again"),
        (
            done.strangers,
            "mails went to people or from campaigns this database does not know: who signed up "
            "since the back-up is lost, and so is who left; see the how-to on back-ups",
        ),
    )
    return [f"{count} {text}" for count, text in told if count]


def _coming(parts: Parts, session: Session) -> list[str]:
    """Say what the next 24 hours would bring."""
    now = parts.clock()
    due = count_due(session, now=now)
    if count_active(session) > _MOST_LOOKED_AHEAD:
        return [f"{due} mails are queued and would go now; more may be due"]
    entries = forecast(session, site=parts.site, now=now, days=1)
    shown = [f"  {one.at:%Y-%m-%d %H:%M} UTC  {one.address}  {one.what}" for one in entries]
    more = len(shown) - MOST_SHOWN
    rest = [f"  and {more} more: 'steadypost forecast --days 1'"] if more > 0 else []
    return [f"within a day {len(shown)} mails would go:", *shown[:MOST_SHOWN], *rest]
