"""Whether a sign-up form is taken: ours, not hasty, filled in, and not one of too many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from web.allowance import Allowance, network_of
from web.desk import Limits
from web.forms import client_of, is_foreign

_HOUR = timedelta(hours=1)
_ONCE_MORE = "Please look it over, tick the box, and press the button once more"
_HASTY = "That was quick! Please look it over, tick the box, and press the button once more"


@dataclass(frozen=True)
class SignUpAllowances:
    """How often one network may sign somebody up, and how often one address may be."""

    by_network: Allowance
    by_address: Allowance

    @classmethod
    def from_limits(cls, limits: Limits) -> Self:
        """Start with every try still there."""
        return cls(
            Allowance(limits.sign_ups_per_network, _HOUR),
            Allowance(limits.sign_ups_per_address, _HOUR),
        )


TheAllowances = NamedDependency[SkipValidation[SignUpAllowances]]


@dataclass(frozen=True)
class Refusal:
    """Why the form is shown again."""

    status: int
    errors: Mapping[str, str]  # by field; under '' what concerns the whole
    retry_after: timedelta | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Tell programs when to come back."""
        if self.retry_after is None:
            return {}
        return {"Retry-After": str(math.ceil(self.retry_after.total_seconds()))}


@dataclass(frozen=True)
class SignUpCheck:
    """One form that was sent, and what decides whether it is taken."""

    request: Request[Any, Any, Any]
    shown_at: datetime | None  # when we showed the form, by its seal
    errors: Mapping[str, str]  # what to correct, by field
    limits: Limits
    allowances: SignUpAllowances
    now: datetime

    def refusal(self) -> Refusal | None:
        """Say why the form is not taken; a try is used up only by one that would be."""
        return (
            self._is_unsealed()
            or (Refusal(422, self.errors) if self.errors else None)
            or self._is_hasty()
            or self._is_one_too_many()
        )

    def _is_unsealed(self) -> Refusal | None:
        is_old = self.shown_at is None or self.now - self.shown_at > self.limits.longest_fill_time
        return Refusal(403, {"": _ONCE_MORE}) if is_old or is_foreign(self.request) else None

    def _is_hasty(self) -> Refusal | None:
        least = self.limits.least_fill_time
        is_hasty = self.shown_at is None or self.now - self.shown_at < least
        return Refusal(422, {"": _HASTY}) if is_hasty else None

    def _is_one_too_many(self) -> Refusal | None:
        network = network_of(client_of(self.request))
        wait = self.allowances.by_network.take(network, now=self.now)
        if not wait:
            return None
        text = f"Too many sign-ups from your network: please try again in {_in_words(wait)}"
        return Refusal(429, {"": text}, retry_after=wait)


def _in_words(wait: timedelta) -> str:
    minutes = math.ceil(wait / timedelta(minutes=1))
    return "a minute" if minutes == 1 else f"{minutes} minutes"
