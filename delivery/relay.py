"""How to reach a relay, and how long to wait for it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal

from delivery.errors import InsecureLoginError, LoginIncompleteError

Security = Literal["tls", "starttls", "opportunistic", "none"]


@dataclass(frozen=True)
class Timeouts:
    """Seconds for each stage as a whole, however slowly the bytes drip; as Postfix has them."""

    connect: float = 30
    greeting: float = 300  # also EHLO, STARTTLS and login
    command: float = 300  # MAIL and RCPT
    data: float = 120
    body: float = 180
    dot: float = 600  # RFC 5321, 4.5.3.2.6: shorter means mail in doubt
    parting: float = 5  # QUIT, and what is left to read after a refusal
    # From the mark to the final dot. A worker that slept in between must not send any more:
    # others may have decided about the person meanwhile.
    handover: float = 120


@dataclass(frozen=True)
class RelaySettings:
    """One relay. Its certificate is checked, except by `opportunistic` on this very machine.

    Raises:
        InsecureLoginError: `security="none"` and a password, to another machine.
        LoginIncompleteError: a user name without a password, or the reverse.
    """

    host: str
    port: int = 25
    security: Security = "opportunistic"
    username: str = ""
    password: str = field(default="", repr=False)
    helo_name: str = ""  # a full name this machine is known by
    connections: int = 10
    messages_per_second: float = 0  # 0: as many as it takes
    timeouts: Timeouts = Timeouts()
    ca_file: str = ""  # certificates to trust instead of the system's
    messages_per_connection: int = 100
    idle_seconds: float = 60

    def __post_init__(self) -> None:
        """Refuse what would give a password away."""
        if bool(self.username) != bool(self.password):
            raise LoginIncompleteError(self.host)
        if self.username and self.security == "none" and not self.is_this_machine:
            raise InsecureLoginError(self.host)

    @property
    def name(self) -> str:
        """Name the relay for people and rows."""
        return f"{self.host}:{self.port}"

    @property
    def is_this_machine(self) -> bool:
        """Tell whether nobody can listen in between."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
