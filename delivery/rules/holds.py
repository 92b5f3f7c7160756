"""What keeps mail back, and how far: the whole site, what leaves it, one series, or nothing."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Why something is held."""

    PAUSED = "paused"  # staff said so
    RESTORED = "restored"  # the database is older than what was sent, or this is a copy
    CLOCK = "clock"  # the time jumped
    DISK = "disk"  # what is written cannot be relied on
    SURGE = "surge"  # far more mail than usual would be queued
    LOGIN = "login"  # the relay refuses our name, our password or our certificate
    RELAY_DOWN = "relay down"  # tried again by itself
    POLICY = "policy"  # the relay refuses the emails of a series
    TEMPLATE = "template"  # an email of a series cannot be written


class Reach(StrEnum):
    """What a hold keeps back."""

    SITE = "site"  # nothing is queued and nothing leaves
    QUEUEING = "queueing"  # what is queued leaves; nothing is added
    SENDING = "sending"  # it is queued and waits
    SERIES = "series"  # the emails of one series
    NOTHING = "nothing"  # it is only told


REACH_OF = {
    Cause.PAUSED: Reach.SITE,
    Cause.RESTORED: Reach.SITE,
    Cause.CLOCK: Reach.SITE,
    Cause.DISK: Reach.SITE,
    Cause.SURGE: Reach.QUEUEING,
    Cause.LOGIN: Reach.SENDING,
    Cause.RELAY_DOWN: Reach.NOTHING,
    Cause.POLICY: Reach.SERIES,
    Cause.TEMPLATE: Reach.SERIES,
}

# These want a look at what would be sent before the site goes on.
RELEASED_BY_RESUME = frozenset({Cause.PAUSED, Cause.RESTORED})
