"""Put the parts together as the settings say. The only place that picks a way to send."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from campaigns.rules.brake import Brake
from campaigns.site import ClinicCalendar, SenderIdentity, Site
from delivery.clock_watch import read_uptime
from delivery.journal import JournalFolder, Scribe
from delivery.maildir import MaildirSender
from delivery.message import Signer
from delivery.relay import RelaySettings, Timeouts
from delivery.relay_pool import Member, RelayPool
from delivery.rules.domain_pace import read_limits
from delivery.rules.quota import Quota
from delivery.sender import NoWitness, Sender, Witness
from delivery.site_facts import SITE, read_fact, site_id
from delivery.smtp import RelayReport, SmtpSender
from scheduler import Parts
from steadypost.errors import KeysFileError
from steadypost.migrating import migrate
from steadypost.settings.checks import MAILDIR, days_between, hours_of
from steadypost.settings.leaving import Pacing, Relay
from steadypost.settings.sections import Calendar, Mail, Settings, Ticking
from storage.database import Database, open_database
from storage.signing import KeyRing
from subscribers.rules.preferences import WEEKDAYS
from templates.compiler.child import GuardedRenderer
from templates.compiler.renderer import CompiledRenderer

LOG = logging.getLogger("steadypost")
_SQLITE = "sqlite:///"


def utc_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


@contextmanager
def opened_parts(settings: Settings) -> Iterator[Parts]:
    """Open the parts of a site for the length of a block."""
    parts = open_parts(settings)
    try:
        yield parts
    finally:
        if isinstance(parts.proof, GuardedRenderer):
            parts.proof.close()
        parts.sender.close()
        parts.database.close()


def open_parts(settings: Settings) -> Parts:
    """Open the parts of a site; an empty database gets its tables, an unknown one is refused.

    Raises:
        KeysFileError: the signing keys are missing or damaged.
        StorageError: the database does not answer, or was written by a newer program.
    """
    site = make_site(settings)
    scribe = Scribe(_journals(settings, site.keys))
    return Parts(
        database=ready_database(settings),
        site=site,
        sender=make_sender(settings, witness=scribe),
        renderer=CompiledRenderer(),
        proof=GuardedRenderer(),
        clock=utc_now,
        lease=timedelta(seconds=settings.scheduler.lease_seconds),
        scribe=scribe,
        brake=None if settings.clock.allow_override else _brake(settings.scheduler),
        uptime=None if settings.clock.allow_override else read_uptime,
    )


def ready_database(settings: Settings) -> Database:
    """Open the database and bring it to the schema this program knows."""
    database = open_site_database(settings)
    try:
        migrate(database)
        _know_the_site(database)
    except BaseException:
        database.close()
        raise
    return database


def _know_the_site(database: Database) -> None:
    """Give a new site its random id, before any back-up is made of it."""
    with database.reading() as session:
        is_known = read_fact(session, SITE) is not None
    if not is_known:
        with database.transaction() as session:
            site_id(session)


def open_site_database(settings: Settings, *, may_be_new: bool = True) -> Database:
    """Open the database; a relative name of an SQLite file starts at the site's folder."""
    url, store = settings.database.url, settings.database
    if url.startswith(_SQLITE):
        path = settings.path(url.removeprefix(_SQLITE))
        if may_be_new:
            _keep_private(path)
        url = f"{_SQLITE}{path}"
    return open_database(url, busy_timeout=timedelta(seconds=store.busy_timeout_seconds))


def _keep_private(path: Path) -> None:
    """Let only this user read a new database: it holds who is treated for what."""
    with suppress(OSError):  # whatever is wrong with the place, opening it will say
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def read_keys(path: Path) -> KeyRing:
    """Read the signing keys.

    Raises:
        KeysFileError: the file is missing, unreadable or damaged.
    """
    try:
        keys = KeyRing.from_text(path.read_text("ascii"))
        if path.stat().st_mode & 0o077:
            LOG.warning("others can read the keys file %s; chmod 600 it", path)
        return keys
    except FileNotFoundError:
        raise KeysFileError(path, "it is missing") from None
    except OSError as error:
        raise KeysFileError(path, (error.strerror or str(error)).lower()) from error
    except ValueError as error:
        raise KeysFileError(path, f"it is damaged ({error})") from error


def make_site(settings: Settings) -> Site:
    """Gather the facts about the clinic."""
    return Site(
        public_url=settings.web.public_url.rstrip("/"),
        zone=ZoneInfo(settings.clinic.time_zone),
        identity=_identity(settings.mail, settings.clinic.name),
        calendar=_calendar(settings.calendar),
        keys=read_keys(settings.path(settings.keys.file)),
        clinic=asdict(settings.clinic),
        attribute_names=frozenset(settings.subscribers.attributes),
        themes_folder=settings.path(settings.series.themes),
        theme=settings.series.theme,
        signer=_signer(settings),
        counts_clicks=settings.campaigns.click_tracking,
        quota=_quota(settings.pace),
        domain_limits=read_limits(settings.pace.per_domain),
    )


def _quota(pace: Pacing) -> Quota:
    begin = date.fromisoformat(pace.warm_up_from) if pace.warm_up_from else None
    return Quota(pace.daily_limit, begin, pace.warm_up)


def _brake(ticking: Ticking) -> Brake:
    return Brake(ticking.ask_above_mails, ticking.ask_above_times)


def _signer(settings: Settings) -> Signer | None:
    if not settings.dkim.selector:
        return None  # and the library that signs is not loaded
    from steadypost.signing_mail import make_signer

    return make_signer(settings)


def _journals(settings: Settings, keys: KeyRing) -> JournalFolder:
    """Find the journals of hand-overs; people are in them by a keyed fingerprint only."""

    def person(address: str) -> str:
        return keys.digest("journal", address)

    return JournalFolder(settings.path(settings.database.journal), person, utc_now)


def make_sender(settings: Settings, *, witness: Witness | None = None) -> Sender:
    """Open the way out: a relay, or a folder when its host is `maildir:FOLDER`."""
    relay, witness = settings.relay, witness or NoWitness()
    if relay.host.startswith(MAILDIR):
        folder = settings.path(relay.host.removeprefix(MAILDIR))
        return MaildirSender(folder, witness=witness)
    relays = [relay, *settings.relays.values()]
    members = [_member(settings, one, witness) for one in relays]
    return RelayPool(members) if len(members) > 1 else members[0].sender


def ask_relay(settings: Settings) -> RelayReport:
    """Find out whether the relay answers, without sending anything."""
    sender = make_sender(settings)
    with closing(sender):
        if isinstance(sender, SmtpSender):
            return sender.check()
        if isinstance(sender, RelayPool):
            senders = [one.sender for one in sender.members]
            reports = [one.check() for one in senders if isinstance(one, SmtpSender)]
            return _together(reports)
    return RelayReport(True, f"mails are put into {settings.relay.host}; none leaves this machine")


def _together(reports: Sequence[RelayReport]) -> RelayReport:
    return RelayReport(
        any(one.usable for one in reports),
        "\n".join(one.text for one in reports),
        all(one.needs_operator for one in reports),
    )


def _member(settings: Settings, relay: Relay, witness: Witness) -> Member:
    reached = _relay(settings, relay)
    sender = SmtpSender(reached, witness=witness)
    return Member(reached.name, sender, relay.order, relay.share)


def _relay(settings: Settings, relay: Relay) -> RelaySettings:
    return RelaySettings(
        host=relay.host,
        port=relay.port,
        security=relay.security,
        username=relay.username,
        password=_password(settings, relay),
        helo_name=relay.helo_name or urlsplit(settings.web.public_url).hostname or "",
        connections=relay.connections,
        messages_per_second=relay.messages_per_second,
        timeouts=Timeouts(
            connect=relay.connect_timeout_seconds,
            greeting=relay.answer_timeout_seconds,
            command=relay.answer_timeout_seconds,
        ),
        ca_file=str(settings.path(relay.ca_file)) if relay.ca_file else "",
    )


def _password(settings: Settings, relay: Relay) -> str:
    name = relay.password_file
    lines = settings.path(name).read_text("utf-8").splitlines() if name else []
    return lines[0] if lines else ""


def _identity(mail: Mail, clinic_name: str) -> SenderIdentity:
    domain = mail.domain or mail.from_address.rpartition("@")[2]
    return SenderIdentity(
        from_name=mail.from_name or clinic_name,
        from_address=mail.from_address,
        reply_to=mail.reply_to,
        bounce_address=mail.bounce_address or f"bounces@{domain}",
        unsubscribe_address=mail.unsubscribe_address or f"unsubscribe@{domain}",
        mail_domain=domain,
    )


def _calendar(calendar: Calendar) -> ClinicCalendar:
    opens, closes = hours_of(calendar.send_window)
    return ClinicCalendar(
        closed_days=frozenset(_days(calendar.closed_days)),
        closed_weekdays=frozenset(
            WEEKDAYS.index(name.lower()) for name in calendar.closed_weekdays
        ),
        window_opens=opens,
        window_closes=closes,
    )


def _days(texts: tuple[str, ...]) -> Iterator[date]:
    for text in texts:
        first, last = days_between(text)
        yield from (first + timedelta(days=n) for n in range((last - first).days + 1))
