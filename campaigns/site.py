"""The facts about the clinic and its site that campaigns need; built once from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.rules.calendar import ClinicCalendar as ClinicCalendar  # part of the site
from delivery.message import Signer
from delivery.rules.domain_pace import NO_LIMITS, DomainLimits
from delivery.rules.quota import NO_QUOTA, Quota
from storage.signing import KeyRing


@dataclass(frozen=True)
class SenderIdentity:
    """From whom mail comes, and where answers, bounces and unsubscribe mails go."""

    from_name: str
    from_address: str
    reply_to: str  # may be empty
    bounce_address: str  # `bounces@clinic.example`; each delivery adds `+token`
    unsubscribe_address: str  # for the mailto part of List-Unsubscribe
    mail_domain: str  # right side of Message-ID and of List-Id


@dataclass(frozen=True)
class Site:
    """One clinic's installation."""

    public_url: str  # no slash at the end
    zone: ZoneInfo
    identity: SenderIdentity
    calendar: ClinicCalendar
    keys: KeyRing
    clinic: Mapping[str, Any]  # what templates see as `clinic`
    attribute_names: frozenset[str] = field(default_factory=frozenset)
    signer: Signer | None = None  # DKIM; None: the relay signs, or nobody
    themes_folder: Path | None = None  # the clinic's own themes, before the built-in ones
    theme: str = "calm"  # of series that name none, and of the mails that answer people
    counts_clicks: bool = False
    quota: Quota = NO_QUOTA
    domain_limits: DomainLimits = NO_LIMITS

    @property
    def click_page(self) -> str:
        """Where links of emails go past; empty: they do not."""
        return f"{self.public_url}/c/" if self.counts_clicks else ""

    @property
    def calendar_digest(self) -> str:
        """Name the state of everything in the settings that a due date depends on."""
        calendar = self.calendar
        facts = (
            self.zone.key,
            sorted(calendar.closed_days),
            sorted(calendar.closed_weekdays),
            calendar.window_opens,
            calendar.window_closes,
        )
        return sha256(repr(facts).encode()).hexdigest()
