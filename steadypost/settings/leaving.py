"""The settings for how mail leaves: the relays, and the pace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from steadypost.settings import checks as check
from steadypost.settings.keys import Key, key, keys_of

RELAYS = "relays"  # the table of tables of the further ones


@dataclass(frozen=True, kw_only=True)
class Relay:
    """The mail server that takes the mail: the clinic's own, or a provider's."""

    host: str = key(
        "Its name; or `maildir:FOLDER`, to put mails into a folder and send nothing.",
        check.relay_host,
        default="localhost",
        example="smtp.provider.example",
    )
    port: int = key("Its port: usually 587, 465 or 25.", default=25, between=(1, 65535))
    security: Literal["tls", "starttls", "opportunistic", "none"] = key(
        "`tls`: from the first byte on (465). `starttls`: refuse to go on without (587). "
        "`opportunistic`: when it is offered. `none`: never.",
        default="opportunistic",
    )
    username: str = key(
        "The name to log in with. Empty: no login.", check.one_line, default="", example="clinic"
    )
    password_file: str = key(
        "The file whose first line is the password; it never stands in this file.",
        default="",
        example="relay.password",
    )
    helo_name: str = key(
        "The full name this machine greets with. Empty: the host of `[web] public_url`.",
        check.domain,
        default="",
        example="post.clinic.example",
    )
    ca_file: str = key(
        "Certificates to trust, for a relay with its own authority. Empty: the system's.",
        default="",
        example="relay-ca.pem",
    )
    connections: int = key(
        "How many connections to it may be open at once.", default=4, between=(1, 100)
    )
    messages_per_second: float = key(
        "How many mails it is given in a second at most; 0.5 is one in two seconds, 0 is without a "
        "limit. All processes of this machine share it.",
        check.rate,
        default=0.0,
        between=(0, 10_000),
    )
    order: int = key(
        "Its place among several relays: 1 is the first choice, others take over when it is down.",
        default=1,
        between=(1, 99),
    )
    share: int = key(
        "Its share of the mail among relays of the same order.", default=1, between=(1, 1000)
    )
    connect_timeout_seconds: float = key(
        "How long to wait for a connection.", default=30.0, between=(0.1, 600)
    )
    answer_timeout_seconds: float = key(
        "How long to wait for the answer to a command.", default=300.0, between=(0.1, 3600)
    )


@dataclass(frozen=True, kw_only=True)
class FurtherRelay(Relay):
    """A further relay, by a name of your choice; there may be several. Keys as in `[relay]`."""

    host: str = key("Its name.", check.host, example="smtp.other.example")
    order: int = key(
        "Its place among the relays: of the same order as `[relay]`, they share the mail.",
        default=2,
        between=(1, 99),
    )


def further_keys(name: str) -> list[Key]:
    """List the keys of one further relay."""
    return keys_of(f"{RELAYS}.{name}", FurtherRelay)


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """How much mail may go: in a day, and to one receiving domain. All machines share it."""

    daily_limit: int = key(
        "How many mails may go on one day of the clinic; the others wait for the next day. "
        "Confirmations and answers go always, and count. 0: no limit.",
        default=0,
        between=(0, 100_000_000),
    )
    warm_up_from: str = key(
        "The first day of the warm-up plan of a new domain or relay.",
        check.day,
        default="",
        example="2026-11-23",
    )
    warm_up: tuple[int, ...] = key(
        "How many mails may go on the first day, the second, and so on; afterwards `daily_limit` "
        "alone counts.",
        check.figures,
        default=(),
        example=(200, 400, 800, 1600),
    )
    per_domain: tuple[str, ...] = key(
        "How many mails a receiving domain gets in a minute, an hour or a day. Domains joined by "
        "`+` share one limit, `*` is every other domain.",
        check.domain_limits,
        default=(),
        example=("gmail.com+googlemail.com=60/minute", "*=300/minute"),
    )
