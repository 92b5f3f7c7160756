"""Really send a series to one tester, with minutes for weeks; it stands in nobody's progress."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from campaigns.closing import emails_of
from campaigns.preview import preview_step, send_as_test
from delivery.sender import Accepted, Sender
from steadypost.errors import RelayRefusedError
from steadypost.rehearsal.stage import Stage

_WEEK = timedelta(days=7)


def send_trial(
    stage: Stage,
    sender: Sender,
    *,
    to: str,
    week: timedelta,
    wait: Callable[[float], object],
    tell: Callable[[str], None],
) -> int:
    """Send each email of the series, with `week` for a week between them; tell how many went.

    Raises:
        InvalidAddressError: the tester's address is none.
        RelayRefusedError: the relay did not take one; the rest is not sent.
    """
    steps, parts = emails_of(stage.folder), stage.parts
    for part, step in enumerate(steps, start=1):
        if part > 1:
            wait(step.wait_days * _ONE_DAY / _WEEK * week.total_seconds())
        with parts.database.reading() as session:
            shown = preview_step(
                session,
                parts.site,
                parts.renderer,
                f"{stage.folder.slug}/{step.key}",
                now=stage.clock(),
            )
        mark = f"Rehearsal {part}/{len(steps)}"
        outcome = send_as_test(sender, shown.letter, to=to, site=parts.site, mark=mark)
        if not isinstance(outcome, Accepted):
            raise RelayRefusedError(outcome.relay, outcome.reply)
        tell(f"{part}/{len(steps)} {step.key}: {outcome.relay} took it")
    return len(steps)


_ONE_DAY = timedelta(days=1)
