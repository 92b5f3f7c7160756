"""A subscription's standing, and which moves between standings are allowed."""

from __future__ import annotations

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
