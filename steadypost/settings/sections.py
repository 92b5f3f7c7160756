"""Every setting of a site, with its meaning, its default and its checks, in one place.

`steadypost.toml`, the variables `STEADYPOST_SECTION__KEY`, the commented file that `init` writes
and `docs/how-to/settings.md` all follow from these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steadypost.settings import checks as check
from steadypost.settings.keys import Key, key, keys_of
from steadypost.settings.leaving import FurtherRelay, Pacing, Relay

FILE_NAME = "steadypost.toml"


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """Who the mail is from. Emails can use each of these, for example as `{{ clinic.phone }}`."""

    name: str = key(
        "The clinic's name, as people know it.",
        check.said,
        check.one_line,
        example="Riverside Clinic",
    )
    postal_address: str = key(
        "Where the clinic is. It stands at the foot of every email, as the law asks.",
        check.said,
        example="12 Mill Lane, Riverside RV1 2AB",
    )
    time_zone: str = key(
        "The clinic's time zone, and that of people whose own is not known.",
        check.zone,
        example="Europe/Berlin",
    )
    website: str = key(
        "The clinic's website.", check.web_address, default="", example="https://clinic.example"
    )
    booking_url: str = key(
        "Where people book an appointment: the button in the emails of the shipped series.",
        check.web_address,
        default="",
        example="https://clinic.example/book",
    )
    learn_more_url: str = key(
        "A page with more about the treatments. Empty: emails leave that link out.",
        check.web_address,
        default="",
        example="https://clinic.example/learn",
    )
    phone: str = key(
        "The telephone number.", check.one_line, default="", example="+44 20 7946 0000"
    )
    privacy_url: str = key(
        "The privacy notice; the sign-up form links to it.",
        check.web_address,
        default="",
        example="https://clinic.example/privacy",
    )
    sign_off: str = key(
        "Who signs the emails.", check.one_line, default="", example="Mara and the team"
    )
    accent: str = key(
        "The clinic's colour, for links and buttons. Empty: the theme's own.",
        check.colour,
        default="",
        example="#1f5c4d",
    )
    language: str = key("The language the emails are written in.", check.language, default="en")


@dataclass(frozen=True, kw_only=True)
class Mail:
    """The addresses on the mail."""

    from_address: str = key(
        "The address emails come from. Its domain should name the relay (SPF, DKIM).",
        check.said,
        check.address,
        example="hello@clinic.example",
    )
    from_name: str = key(
        "The name beside it. Empty: the clinic's name.",
        check.one_line,
        default="",
        example="Riverside Clinic",
    )
    reply_to: str = key(
        "Where answers go. Empty: to `from_address`.",
        check.address,
        default="",
        example="desk@clinic.example",
    )
    bounce_address: str = key(
        "Where reports of undeliverable mail go; each mail adds `+token` before the `@`. "
        "Empty: `bounces@` the domain.",
        check.address,
        default="",
        example="bounces@clinic.example",
    )
    unsubscribe_address: str = key(
        "Where mail programs send an unsubscribe mail. Empty: `unsubscribe@` the domain.",
        check.address,
        default="",
        example="unsubscribe@clinic.example",
    )
    domain: str = key(
        "The domain in Message-ID and List-Id. Empty: the one of `from_address`.",
        check.domain,
        default="",
        example="clinic.example",
    )


@dataclass(frozen=True, kw_only=True)
class Dkim:
    """DKIM signatures, made here; leave it out where the relay signs (`steadypost dkim-key`)."""

    selector: str = key(
        "The name of the key in the DNS. Empty: mail is not signed here.",
        check.selector,
        default="",
        example="post",
    )
    domain: str = key(
        "The domain that signs: that of `[mail] from_address`, or one above it. Empty: that one.",
        check.domain,
        default="",
        example="clinic.example",
    )
    key_file: str = key(
        "The file with the private key, RSA or Ed25519 or both, made by `steadypost dkim-key`.",
        check.said,
        default="dkim.pem",
    )


@dataclass(frozen=True, kw_only=True)
class Web:
    """The pages people see: sign-up, confirm, preferences, unsubscribe."""

    public_url: str = key(
        "Where the pages are reached from outside. It stands in every link of every mail.",
        check.said,
        check.site_address,
        example="https://post.clinic.example",
    )
    host: str = key("The address to listen on.", check.host, default="127.0.0.1")
    port: int = key("The port to listen on.", default=8000, between=(1, 65535))
    trusted_proxies: tuple[str, ...] = key(
        "Addresses of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count.",
        default=("127.0.0.1",),
    )


@dataclass(frozen=True, kw_only=True)
class Store:
    """Where everything is kept."""

    url: str = key(
        "An SQLite file (a relative name starts at the site's folder), or a PostgreSQL URL "
        "(its password belongs in `~/.pgpass`).",
        check.database,
        default="sqlite:///steadypost.db",
        example="postgresql://steadypost@localhost/steadypost",
    )
    journal: str = key(
        "The folder of the journal of hand-overs, on a disk of this machine; each machine has its "
        "own. It tells after a crash what went out, and after a restore that the back-up is old.",
        check.said,
        default="journal",
    )
    busy_timeout_seconds: float = key(
        "How long to wait while another process writes to the SQLite file.",
        default=30.0,
        between=(0, 600),
    )


@dataclass(frozen=True, kw_only=True)
class SeriesFolders:
    """Where the clinic's own texts are."""

    folders: tuple[str, ...] = key(
        "Folders in which `steadypost series import NAME` looks for a series.",
        check.folders,
        default=("series",),
    )
    theme: str = key(
        "How emails look: those of series that name no theme, and the mails that answer people. "
        "`steadypost themes list` names them.",
        check.theme,
        default="calm",
        example="warm",
    )
    themes: str = key(
        "The folder with the clinic's own themes, looked into before the built-in ones.",
        check.said,
        default="themes",
    )


@dataclass(frozen=True, kw_only=True)
class Campaigns:
    """What holds for the emails of every series."""

    click_tracking: bool = key(
        "Let links in emails go past a page of this site, which notes the first click on each. "
        "Ask your data protection officer first: it tells what somebody read.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """When emails of a series may go, by the reader's own calendar and clock."""

    closed_weekdays: tuple[str, ...] = key(
        "Weekdays without mail.", check.weekdays, default=(), example=("saturday", "sunday")
    )
    closed_days: tuple[str, ...] = key(
        "Days without mail: dates and ranges of dates, both ends included.",
        check.days,
        default=(),
        example=("2026-12-24/2027-01-02", "2027-04-05"),
    )
    send_window: str = key("The hours in which mail may go.", check.window, default="07:00-21:00")


@dataclass(frozen=True, kw_only=True)
class Ticking:
    """How the service works through what is due."""

    tick_seconds: float = key("How often to look.", default=5.0, between=(0.1, 3600))
    lease_seconds: float = key(
        "After how long without a sign of life a process counts as dead and others take over.",
        default=60.0,
        between=(5, 86400),
    )
    workers: int = key(
        "How many processes send on this machine; they share the connections to the relay.",
        default=1,
        between=(1, 64),
    )
    ask_above_mails: int = key(
        "So many emails of series may always go on one day; far more than usual are held, and "
        "somebody is asked.",
        default=100,
        between=(1, 10_000_000),
    )
    ask_above_times: float = key(
        "How many times the busiest of the last 14 days a day may have before somebody is asked.",
        default=5.0,
        between=(1, 1000),
    )


@dataclass(frozen=True, kw_only=True)
class ClockRules:
    """For rehearsals only."""

    allow_override: bool = key(
        "Allow `steadypost tick --at TIME`. Never with real people on the list: a moment that "
        "has not come yet sends mail too early.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class People:
    """What is known about people."""

    attributes: tuple[str, ...] = key(
        "Names of further facts, such as columns of an import. Emails use them as "
        "`{{ subscriber.city }}`.",
        check.attributes,
        default=(),
        example=("city",),
    )


@dataclass(frozen=True, kw_only=True)
class SigningKeys:
    """The secret keys that sign every link."""

    file: str = key(
        "The keys file, made by `init`. Keep it secret, and keep a copy of it.",
        check.said,
        default="steadypost.keys",
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one site, checked; made by `load_settings`."""

    folder: Path  # relative names in the settings start here
    clinic: Clinic
    mail: Mail
    relay: Relay
    pace: Pacing
    dkim: Dkim
    web: Web
    database: Store
    series: SeriesFolders
    campaigns: Campaigns
    calendar: Calendar
    scheduler: Ticking
    clock: ClockRules
    subscribers: People
    keys: SigningKeys
    relays: Mapping[str, FurtherRelay] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Find a file or folder that the settings name."""
        return self.folder / Path(name).expanduser()


SECTIONS: dict[str, type] = {
    "clinic": Clinic,
    "mail": Mail,
    "relay": Relay,
    "pace": Pacing,
    "dkim": Dkim,
    "web": Web,
    "database": Store,
    "series": SeriesFolders,
    "campaigns": Campaigns,
    "calendar": Calendar,
    "scheduler": Ticking,
    "clock": ClockRules,
    "subscribers": People,
    "keys": SigningKeys,
}


def all_keys() -> list[Key]:
    """List every key there is, section by section."""
    return [item for name, section in SECTIONS.items() for item in keys_of(name, section)]
