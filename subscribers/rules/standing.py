"""A subscription's standing, and which moves between standings are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum


class Standing(StrEnum):
    """Where one subscriber stands with one list."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class ConsentKind(StrEnum):
    """What a consent record tells: a person, or staff on their behalf, said this."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"
    IMPORTED = "imported"
    ADDED_BY_STAFF = "added by staff"
    CHANGED_PREFERENCES = "changed preferences"
    LEFT_SERIES = "left a series"  # and stays on its list


class SuppressionReason(StrEnum):
    """Why an address must not be mailed."""

    HARD_BOUNCE = "hard bounce"
    COMPLAINT = "complaint"
    BY_STAFF = "by staff"
    BY_REQUEST = "by request"


class Pace(StrEnum):
    """How fast a person wants a series: as it was written, or slower."""

    AS_WRITTEN = "as written"
    TWO_WEEKS = "two weeks"
    MONTH = "month"


MOVES: Mapping[Standing, frozenset[Standing]] = {
    # confirmed by the person, by staff, by an import that names its consent
    Standing.UNCONFIRMED: frozenset({Standing.CONFIRMED, Standing.UNSUBSCRIBED}),
    Standing.CONFIRMED: frozenset({Standing.UNSUBSCRIBED}),
    # asked again; or taken back by undo, or by staff who name the new consent
    Standing.UNSUBSCRIBED: frozenset({Standing.UNCONFIRMED, Standing.CONFIRMED}),
}

# A reason gives way only to a stronger one: what a person can lift by a new yes must not
# hide what they cannot.
_STRENGTH = (
    SuppressionReason.BY_REQUEST,
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.BY_STAFF,
    SuppressionReason.COMPLAINT,
)


def may_move(before: Standing, after: Standing) -> bool:
    """Tell whether a subscription may go from one standing to another."""
    return after in MOVES[before]


def outranks(reason: SuppressionReason, earlier: SuppressionReason) -> bool:
    """Tell whether a new reason replaces the one on record."""
    return _STRENGTH.index(reason) > _STRENGTH.index(earlier)


def is_lifted_by_consent(reason: SuppressionReason | None) -> bool:
    """Tell whether the person's own new yes is enough to mail them again.

    None means there is no suppression to lift.
    """
    return reason in (None, SuppressionReason.BY_REQUEST)


def may_be_added(standing: Standing | None, *, unsubscribed_at: datetime | None) -> bool:
    """Tell whether staff or an import may make this subscription a confirmed one.

    Whoever has left comes back by their own doing only, also when somebody (they,
    or a stranger who typed their address) has asked since and nobody confirmed.
    """
    return standing in (None, Standing.CONFIRMED) or unsubscribed_at is None
