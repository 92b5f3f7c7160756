"""Decide what a refusal means for the person, their way through the series, and the series."""

from __future__ import annotations

from enum import StrEnum

from delivery.rules.replies import NEEDS_STAFF, ReplyClass
from delivery.rules.states import State


class Aftermath(StrEnum):
    """What follows from what a delivery has become."""

    NONE = "none"
    SUPPRESS = "suppress"  # the address is dead: never mail it again, end everything
    HOLD = "hold"  # it is about us, not about the person: staff decide
    PARK = "park"  # this person cannot be reached now: stop by ourselves, and say so


# Every other email of the series would be refused for the same reason; what a filter thinks
# of one email's content it may not think of the next one's.
HALTS_SERIES = NEEDS_STAFF - {ReplyClass.CONTENT}


def aftermath(state: State, reply_class: ReplyClass | None) -> Aftermath:
    """Decide what follows; only a delivery that is refused for good has consequences."""
    if state is not State.REJECTED:
        return Aftermath.NONE
    if reply_class is ReplyClass.HARD:
        return Aftermath.SUPPRESS
    return Aftermath.HOLD if reply_class in NEEDS_STAFF else Aftermath.PARK
