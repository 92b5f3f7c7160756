"""The words for where a series and a person's way through it stand."""

from __future__ import annotations

from enum import StrEnum


class SeriesStatus(StrEnum):
    """Whether a series is being sent."""

    ACTIVE = "active"
    PAUSED = "paused"


class EnrolmentStatus(StrEnum):
    """Where one subscriber's way through one series stands."""

    ACTIVE = "active"
    FINISHED = "finished"
    LEFT = "left"  # they unsubscribed, or were suppressed; the reason says which
    PARKED = "parked"  # we stopped by ourselves; the reason says why
    STOPPED = "stopped"  # by the person's word for this series alone, or by its exit rule


class FirstStep(StrEnum):
    """When the first step of a series is due."""

    AT_ONCE = "at once"
    NEXT_SLOT = "next slot"


class Origin(StrEnum):
    """How an enrolment began."""

    CONFIRMATION = "confirmation"  # the person just clicked
    STAFF = "staff"
    IMPORT = "import"
