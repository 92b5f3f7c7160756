"""Open a session with a relay: greeting, EHLO, encryption, login."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from delivery.errors import DeliveryError
from delivery.relay import RelaySettings
from delivery.rules.addresses import to_ascii_domain
from delivery.rules.stages import Stage
from delivery.smtp_link import LINK_LOST, NO_ANSWER, Clock, Link, LinkLostError, Reply

_NAMELESS = "[127.0.0.1]"  # RFC 5321, 4.1.4: who has no name greets with an address


class RelayUnusableError(DeliveryError):
    """No session came about; this says nothing about any message or person."""

    def __init__(self, stage: Stage, reply: str, *, needs_operator: bool) -> None:
        self.stage, self.reply, self.needs_operator = stage, reply, needs_operator
        super().__init__(f"relay cannot be used: {reply} (at {stage})")


@dataclass(frozen=True)
class Opened:
    """An open, greeted, encrypted and logged-in connection."""

    link: Link
    greeting: str
    extensions: Mapping[str, str]  # name in capitals: parameters


def open_link(settings: RelaySettings, *, clock: Clock, deadline: float) -> Opened:
    """Open a connection that is ready for mail.

    Raises:
        RelayUnusableError: the relay does not answer, or not so that it may be used.
    """
    opening = _Opening(settings, clock, deadline)
    try:
        return opening.run()
    except LinkLostError as error:
        reply = f"{error.why} at {opening.stage}"
        raise RelayUnusableError(opening.stage, reply, needs_operator=False) from error
    finally:
        opening.drop_unless_ready()


class _Opening:
    """The steps before the first mail; remembers at which one it is."""

    def __init__(self, settings: RelaySettings, clock: Clock, deadline: float) -> None:
        self.stage = Stage.CONNECT
        self._settings, self._clock, self._deadline = settings, clock, deadline
        self._link: Link | None = None
        self._is_ready = False

    def run(self) -> Opened:
        link = self._link = self._connect()
        if self._settings.security == "tls":
            self._encrypt(link)
        self.stage = Stage.GREETING
        greeting = self._expect(link, b"", 220)
        extensions = self._greet(link)
        if self._wants_starttls(extensions) and self._start_tls(link):
            extensions = self._greet(link)
        if self._settings.username:
            self._log_in(link, extensions)
        self._is_ready = True
        return Opened(link, greeting.text, extensions)

    def drop_unless_ready(self) -> None:
        if self._link is not None and not self._is_ready:
            self._link.close()

    def _connect(self) -> Link:
        settings = self._settings
        seconds = min(settings.timeouts.connect, max(self._deadline - self._clock(), 0.001))
        try:
            sock = socket.create_connection((settings.host, settings.port), timeout=seconds)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            raise self._unusable(f"no connection: {why or error}".lower()) from error
        return Link(sock, self._clock)

    def _greet(self, link: Link) -> dict[str, str]:
        """Say EHLO, or HELO to a relay that knows no extensions."""
        self.stage = Stage.HELLO
        name = (to_ascii_domain(self._settings.helo_name) or _NAMELESS).encode()
        reply = self._ask(link, b"EHLO %s\r\n" % name)
        if reply.code // 100 == 5:
            self._expect(link, b"HELO %s\r\n" % name, 250)
            return {}
        self._check(reply, 250)
        return dict(_extension(line) for line in reply.lines[1:] if line.strip())

    def _wants_starttls(self, extensions: Mapping[str, str]) -> bool:
        self.stage = Stage.TLS
        if self._settings.security == "starttls" and "STARTTLS" not in extensions:
            raise self._unusable("relay does not offer STARTTLS", needs_operator=True)
        wanted = self._settings.security in ("starttls", "opportunistic")
        return wanted and "STARTTLS" in extensions

    def _start_tls(self, link: Link) -> bool:
        reply = self._ask(link, b"STARTTLS\r\n")
        if reply.code != 220 and self._settings.security == "opportunistic":
            return False
        self._check(reply, 220)
        if link.has_unread:  # somebody in between put words in, to be taken for encrypted ones
            raise self._unusable("relay spoke before encryption began", needs_operator=True)
        self._encrypt(link)
        return True

    def _encrypt(self, link: Link) -> None:
        self.stage = Stage.TLS
        settings = self._settings
        is_checked = settings.security != "opportunistic" or not settings.is_this_machine
        try:
            context = _context(settings.ca_file, is_checked)
        except OSError as error:
            why = f"certificates cannot be read: {settings.ca_file}"
            raise self._unusable(why, needs_operator=True) from error
        try:
            link.encrypt(context, settings.host, deadline=self._until())
        except ssl.SSLCertVerificationError as error:
            why = f"certificate refused: {error.verify_message}"
            raise self._unusable(why, needs_operator=True) from error
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise LinkLostError(LINK_LOST) from error
        except ssl.SSLError as error:
            why = f"encryption failed: {error.reason or error}".lower().replace("_", " ")
            raise self._unusable(why, needs_operator=True) from error
        except TimeoutError as error:
            raise LinkLostError(NO_ANSWER) from error
        except OSError as error:
            raise LinkLostError(LINK_LOST) from error

    def _log_in(self, link: Link, extensions: Mapping[str, str]) -> None:
        self.stage = Stage.LOGIN
        if not link.tls_version and self._settings.security != "none":
            why = "relay offers no encryption; the password is not sent in the clear"
            raise self._unusable(why, needs_operator=True)
        methods = extensions.get("AUTH", "").upper().split()
        name, password = self._settings.username.encode(), self._settings.password.encode()
        if "PLAIN" in methods:
            self._expect(link, b"AUTH PLAIN %s\r\n" % _b64(b"\0%s\0%s" % (name, password)), 235)
        elif "LOGIN" in methods:
            self._expect(link, b"AUTH LOGIN\r\n", 334)
            self._expect(link, b"%s\r\n" % _b64(name), 334)
            self._expect(link, b"%s\r\n" % _b64(password), 235)
        else:
            raise self._unusable("relay offers no login by PLAIN or LOGIN", needs_operator=True)

    def _expect(self, link: Link, command: bytes, code: int) -> Reply:
        reply = self._ask(link, command)
        self._check(reply, code)
        return reply

    def _ask(self, link: Link, command: bytes) -> Reply:
        until = self._until()
        link.write(command, deadline=until)
        return link.read_reply(deadline=until)

    def _check(self, reply: Reply, code: int) -> None:
        if reply.code != code:
            raise self._unusable(str(reply), needs_operator=reply.code // 100 == 5)

    def _until(self) -> float:
        return min(self._clock() + self._settings.timeouts.greeting, self._deadline)

    def _unusable(self, reply: str, *, needs_operator: bool = False) -> RelayUnusableError:
        return RelayUnusableError(self.stage, reply, needs_operator=needs_operator)


@lru_cache(maxsize=16)
def _context(ca_file: str, is_checked: bool) -> ssl.SSLContext:
    """Make the rules for TLS; without a check only where nobody can be in between."""
    context = ssl.create_default_context(cafile=ca_file or None)
    if not is_checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _extension(line: str) -> tuple[str, str]:
    """Read one line of the answer to EHLO; `AUTH=LOGIN` is an old way to write `AUTH LOGIN`."""
    name, _, parameters = line.replace("AUTH=", "AUTH ", 1).partition(" ")
    return name.upper(), parameters.strip()


def _b64(raw: bytes) -> bytes:
    return base64.b64encode(raw)
