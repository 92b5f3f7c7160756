"""Decide from the reason a mail of a series is held for whether the whole series must wait."""

from __future__ import annotations

from campaigns.rules.aftermath import HALTS_SERIES
from delivery.rules.holds import Cause
from delivery.rules.replies import ReplyClass

KEPT_BACK = "the series is held: "  # begins the reason of mail that was fine itself
_REFUSED = ("another email of the series was refused", *(str(kind) for kind in HALTS_SERIES))
_OF_ONE_MAIL = (KEPT_BACK, str(ReplyClass.CONTENT))


def cause_of(reason: str) -> Cause | None:
    """Name the cause for which a series is held; None when the reason is about one mail only.

    What cannot be written is held with what is wrong as its reason; what the relay refused,
    with the class of the refusal before the reply.
    """
    kind = reason.partition(":")[0]
    if reason.startswith(KEPT_BACK) or kind in _OF_ONE_MAIL:
        return None
    return Cause.POLICY if kind in _REFUSED else Cause.TEMPLATE
