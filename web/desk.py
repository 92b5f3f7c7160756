"""What the pages work with: the database, the clinic's facts, a renderer, a clock, the limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from campaigns.site import Site
from storage.database import Database
from templates.email import Renderer

Clock = Callable[[], datetime]  # gives aware UTC


@dataclass(frozen=True)
class Limits:
    """How much the pages take from strangers."""

    least_fill_time: timedelta = timedelta(seconds=2)  # a person needs longer for the form
    longest_fill_time: timedelta = timedelta(hours=24)
    sign_ups_per_network: int = 30  # an hour; a reception desk signs up many from one network
    sign_ups_per_address: int = 3  # an hour
    body_bytes: int = 32_768


@dataclass(frozen=True)
class Desk:
    """Everything a page needs, put together by the wiring."""

    database: Database
    site: Site
    renderer: Renderer
    clock: Clock
    limits: Limits = field(default_factory=Limits)


# How a page asks for it. Litestar would otherwise validate the value on every request.
TheDesk = NamedDependency[SkipValidation[Desk]]
