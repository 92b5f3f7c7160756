"""A mailbox with a real SMTP door on loopback: what a client's provider would be."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from threading import Lock
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_PART = re.compile(r"\bPart (\d+) of (\d+)\b")
_LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class ReceivedMail:
    """One message as it came over the wire."""

    number: int
    at: datetime  # on the demo's clock
    envelope_sender: str
    recipient: str
    raw: bytes = field(repr=False)

    @cached_property
    def message(self) -> EmailMessage:
        """Parse it the way a receiver would."""
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)  # noqa: S101  (the policy says so)
        return parsed

    @cached_property
    def subject(self) -> str:
        """Read the decoded subject."""
        return str(self.message["Subject"] or "")

    @cached_property
    def text(self) -> str:
        """Read the plain text part."""
        return self._part("plain")

    @cached_property
    def html(self) -> str:
        """Read the HTML part."""
        return self._part("html")

    @property
    def part(self) -> int | None:
        """Tell which part of a series this is by what the reader sees; None: it is none."""
        found = _PART.search(self.text)
        return int(found[1]) if found else None

    def link(self, path: str) -> str:
        """Find the first link whose path begins so (`/confirm/`), as a reader would.

        Raises:
            LookupError: the mail has no such link.
        """
        for url in _LINK.findall(self.text):
            if path in url:
                return str(url)
        raise LookupError(f"mail {self.number} has no link to {path}")

    def _part(self, subtype: str) -> str:
        body = self.message.get_body((subtype,))
        return str(body.get_content()) if body else ""


class Mailbox:
    """Every mail that came in, in order of arrival."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._mails: list[ReceivedMail] = []
        self._lock = Lock()

    def all(self) -> list[ReceivedMail]:
        """List the mails, the oldest first."""
        with self._lock:
            return list(self._mails)

    def of(self, address: str) -> list[ReceivedMail]:
        """List the mails of one person, the oldest first."""
        return [mail for mail in self.all() if mail.recipient == address]

    def get(self, number: int) -> ReceivedMail | None:
        """Find a mail by its number, which begins at 1."""
        mails = self.all()
        return mails[number - 1] if 1 <= number <= len(mails) else None

    def keep(self, *, envelope_sender: str, recipients: list[str], raw: bytes) -> None:
        """Keep one message, once for each recipient."""
        with self._lock:
            for recipient in recipients:
                number = len(self._mails) + 1
                mail = ReceivedMail(number, self._clock(), envelope_sender, recipient, raw)
                self._mails.append(mail)

    # The name and signature are aiosmtpd's.
    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take one message over SMTP."""
        raw: Any = envelope.original_content
        self.keep(
            envelope_sender=envelope.mail_from or "", recipients=envelope.rcpt_tos, raw=bytes(raw)
        )
        return "250 2.0.0 kept"


class MailboxServer:
    """The SMTP door of a mailbox, on a loopback port."""

    def __init__(self, mailbox: Mailbox, *, port: int) -> None:
        self._controller = Controller(
            mailbox, hostname="127.0.0.1", port=port, server_hostname="mailbox.example"
        )

    def start(self) -> None:
        """Open the door."""
        self._controller.start()

    def stop(self) -> None:
        """Close the door."""
        self._controller.stop(no_assert=True)


def free_port() -> int:
    """Find a loopback port nobody uses (the SMTP library cannot take "any" itself)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
