"""One session with a relay: mail transactions, one recipient each, that know how far they got.

`smtplib` raises the same exception for a link lost before DATA, in mid-body and after the final
dot. The difference is the whole promise: before the dot a message certainly was not delivered,
after it nobody knows. So the transaction is our own.
"""

from __future__ import annotations

import re

from delivery.errors import DeliveryError, UnusableAddressError, WitnessError
from delivery.relay import RelaySettings
from delivery.rules.addresses import needs_smtputf8, wire_address
from delivery.rules.stages import Stage
from delivery.sender import (
    Accepted,
    Deferred,
    Handover,
    NoWitness,
    Outcome,
    Refused,
    RelayDown,
    Uncertain,
    Witness,
)
from delivery.smtp_link import LINK_LOST, Clock, LinkLostError, Reply
from delivery.smtp_opening import Opened

_CLASS_WANTED = {Stage.MAIL: 2, Stage.RCPT: 2, Stage.DATA: 3, Stage.DOT: 2}
_NO_XTEXT = re.compile(r"[^!-*,-<>-~]")
_CLOSING = 421  # "service not available, closing", at any stage


class StaleLinkError(DeliveryError):
    """A kept connection was gone when it was to be used again; nothing had been accepted."""


class Session:
    """A connection that takes one message after the other."""

    def __init__(
        self,
        opened: Opened,
        settings: RelaySettings,
        clock: Clock,
        witness: Witness = NoWitness(),  # noqa: B008 - it keeps nothing
    ) -> None:
        self._witness = witness
        self._link, self._extensions = opened.link, opened.extensions
        self._settings, self._clock = settings, clock
        self._stage, self._dot_is_out, self._is_noted = Stage.MAIL, False, False
        self._pipelining = "PIPELINING" in opened.extensions
        self.is_open = True
        self.message_count = 0
        self.last_used = clock()

    @property
    def is_fresh(self) -> bool:
        """Tell whether it may take another message: not worn out, not idle for too long."""
        rested = self._clock() - self.last_used
        settings = self._settings
        return (
            self.message_count < settings.messages_per_connection and rested < settings.idle_seconds
        )

    def hand_over(self, handover: Handover, *, deadline: float) -> Outcome:
        """Hand over one message; its final dot is written before the deadline or never.

        Raises:
            StaleLinkError: the connection was kept from before and is gone; try a new one.
        """
        try:
            commands = self._commands(handover)
        except _RefusedHereError as refusal:
            return refusal.outcome(self._settings.name)
        self._stage, self._dot_is_out, self._is_noted = Stage.MAIL, False, False
        try:
            return self._noted(handover, self._transaction(commands, handover, deadline))
        except LinkLostError as lost:
            return self._noted(handover, self._lost(lost, deadline))
        except WitnessError as error:
            self.drop()  # the relay waits for a body that must not come
            return RelayDown(str(error), self._settings.name, needs_operator=True)
        finally:
            self.message_count += 1
            self.last_used = self._clock()

    def _noted(self, handover: Handover, outcome: Outcome) -> Outcome:
        """Let the witness know how a message ended whose dot it had noted."""
        if self._is_noted and not isinstance(outcome, Uncertain):
            self._witness.note_answer(handover, outcome)
        return outcome

    def doubt(self, why: str) -> Outcome:
        """Tell the truth about a message whose hand-over broke off for any reason."""
        self.drop()
        reply = f"{why} at {self._stage}"
        if self._dot_is_out:
            return Uncertain(reply, self._settings.name)
        return Deferred(reply, self._settings.name, stage=self._stage)

    def quit(self) -> None:
        """End the session politely, without waiting for long."""
        if self.is_open:
            try:
                until = self._clock() + self._settings.timeouts.parting
                self._link.write(b"QUIT\r\n", deadline=until)
                self._link.read_reply(deadline=until)
            except LinkLostError:
                pass  # it is over either way
        self.drop()

    def drop(self) -> None:
        """Close the connection without a word."""
        self.is_open = False
        self._link.close()

    def _lost(self, lost: LinkLostError, deadline: float) -> Outcome:
        was_kept = self.message_count > 0
        outcome = self.doubt(lost.why)
        if was_kept and self._stage is Stage.MAIL and self._clock() < deadline:
            raise StaleLinkError(lost.why)
        return outcome

    def _transaction(
        self, commands: list[tuple[Stage, bytes]], handover: Handover, deadline: float
    ) -> Outcome:
        if self._link.has_unread:
            raise LinkLostError("relay spoke without being asked")
        refusal = self._envelope(commands, deadline)
        return refusal or self._body(handover, deadline)

    def _envelope(self, commands: list[tuple[Stage, bytes]], deadline: float) -> Outcome | None:
        """Say MAIL, RCPT and DATA, in one write where the relay allows it (RFC 2920)."""
        timeouts = self._settings.timeouts
        if self._pipelining:
            everything = b"".join(command for _, command in commands)
            self._link.write(everything, deadline=self._until(timeouts.command, deadline))
        for position, (stage, command) in enumerate(commands):
            self._stage = stage
            seconds = timeouts.data if stage is Stage.DATA else timeouts.command
            until = self._until(seconds, deadline)
            if not self._pipelining:
                self._link.write(command, deadline=until)
            reply = self._link.read_reply(deadline=until)
            if self._is_refusal(reply):
                pending = commands[position + 1 :] if self._pipelining else []
                return self._step_back(reply, pending)
        return None

    def _body(self, handover: Handover, deadline: float) -> Outcome:
        self._stage = Stage.BODY
        if self._link.has_unread:
            raise LinkLostError("relay spoke without being asked")
        self._witness.note_dot(handover)
        self._is_noted = True
        try:
            until = self._until(self._settings.timeouts.body, deadline)
            self._link.write(_as_data(handover) + b".\r\n", deadline=until)
        except LinkLostError as lost:
            return self._last_words(lost)
        self._stage, self._dot_is_out = Stage.DOT, True
        reply = self._link.read_reply(deadline=self._clock() + self._settings.timeouts.dot)
        refused = self._is_refusal(reply)
        self._dot_is_out = False  # answered
        if reply.code == _CLOSING:
            self.drop()
        return self._refusal(reply) if refused else Accepted(str(reply), self._settings.name)

    def _last_words(self, lost: LinkLostError) -> Outcome:
        """Look for a reply behind a write that failed: why the relay hung up on the body."""
        if lost.why != LINK_LOST:
            raise lost
        try:
            reply = self._link.read_reply(deadline=self._clock() + self._settings.timeouts.parting)
        except LinkLostError:
            raise lost from None
        if reply.code < 400:
            raise lost
        self.drop()
        return self._refusal(reply)

    def _step_back(self, reply: Reply, pending: list[tuple[Stage, bytes]]) -> Outcome:
        """Leave a refused transaction, so that the session is clean or closed."""
        if reply.code == _CLOSING:
            if self._stage is Stage.MAIL and self.message_count:
                raise LinkLostError("relay closed the kept connection")
            self.drop()
            return self._refusal(reply)
        outcome = self._refusal(reply)
        try:
            self._clear(pending)
        except LinkLostError:
            self.drop()
        return outcome

    def _clear(self, pending: list[tuple[Stage, bytes]]) -> None:
        """Read the answers to what was pipelined behind, then RSET.

        A relay that says 354 although it refused the recipient now waits for a body. Even a
        lone dot could be delivered as an empty mail, so the connection is dropped.
        """
        until = self._clock() + self._settings.timeouts.parting
        replies = [self._link.read_reply(deadline=until) for _ in pending]
        if any(reply.code // 100 == 3 or reply.code == _CLOSING for reply in replies):
            raise LinkLostError("relay waits for a message it refused")
        self._link.write(b"RSET\r\n", deadline=until)
        if self._link.read_reply(deadline=until).code // 100 != 2:
            raise LinkLostError("relay refused RSET")

    def _is_refusal(self, reply: Reply) -> bool:
        """Tell a refusal from the reply wanted here; anything else is no SMTP."""
        if reply.code // 100 == _CLASS_WANTED[self._stage]:
            return False
        if reply.code < 400:
            raise LinkLostError(f"malformed reply {str(reply)!r}")
        return True

    def _refusal(self, reply: Reply) -> Deferred | Refused:
        kind = Refused if reply.code >= 500 else Deferred
        relay = self._settings.name
        return kind(str(reply), relay, reply.code, reply.enhanced, self._stage)

    def _until(self, seconds: float, deadline: float) -> float:
        return min(self._clock() + seconds, deadline)

    def _commands(self, handover: Handover) -> list[tuple[Stage, bytes]]:
        message, extensions = handover.message, self._extensions
        sender, recipient = _addresses(handover)
        utf8 = handover.needs_smtputf8 or needs_smtputf8(sender) or needs_smtputf8(recipient)
        self._check_message(handover, utf8=utf8)
        mail, rcpt = f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"
        if "SIZE" in extensions:
            mail += f" SIZE={len(message)}"
        if not message.isascii():
            mail += " BODY=8BITMIME"
        if utf8:
            mail += " SMTPUTF8"
        if "DSN" in extensions and sender and not utf8:
            mail += f" RET=HDRS ENVID={_xtext(sender.partition('@')[0])}"
            rcpt += " NOTIFY=FAILURE"
        return [
            (Stage.MAIL, f"{mail}\r\n".encode()),
            (Stage.RCPT, f"{rcpt}\r\n".encode()),
            (Stage.DATA, b"DATA\r\n"),
        ]

    def _check_message(self, handover: Handover, *, utf8: bool) -> None:
        """Refuse what this relay said it does not take, and what no relay should be given."""
        message, extensions = handover.message, self._extensions
        limit = extensions.get("SIZE", "")
        if utf8 and "SMTPUTF8" not in extensions:
            raise _RefusedHereError(553, "5.6.7 relay takes only addresses in ASCII", Stage.ADDRESS)
        if limit.isdecimal() and 0 < int(limit) < len(message):
            why = f"5.3.4 message has {len(message)} bytes; relay takes {limit} at most"
            raise _RefusedHereError(552, why, Stage.MESSAGE)
        if not (handover.is_canonical or _is_well_formed(message)):
            why = "5.6.0 message has a line that does not end with CRLF"
            raise _RefusedHereError(554, why, Stage.MESSAGE)
        if not message.isascii() and "8BITMIME" not in extensions:
            raise _RefusedHereError(554, "5.6.3 relay takes only 7-bit messages", Stage.MESSAGE)


class _RefusedHereError(DeliveryError):
    """We know the answer without asking; written as the relay would have said it."""

    def __init__(self, code: int, text: str, stage: Stage) -> None:
        self.reply, self.stage = Reply(code, (text,)), stage
        super().__init__(str(self.reply))

    def outcome(self, relay: str) -> Refused:
        reply = self.reply
        return Refused(str(reply), relay, reply.code, reply.enhanced, self.stage)


def _addresses(handover: Handover) -> tuple[str, str]:
    try:
        sender = handover.envelope_sender and wire_address(handover.envelope_sender)
    except UnusableAddressError as error:
        why = f"5.1.7 envelope sender cannot be used: {error.why}"
        raise _RefusedHereError(553, why, Stage.ADDRESS) from error
    try:
        return sender, wire_address(handover.recipient)
    except UnusableAddressError as error:
        why = f"5.1.3 recipient cannot be used: {error.why}"
        raise _RefusedHereError(553, why, Stage.ADDRESS) from error


def _is_well_formed(message: bytes) -> bool:
    """Tell whether every line ends with CRLF: a bare CR or LF could hide a second message."""
    lines = message.count(b"\r\n")
    if not message.endswith(b"\r\n"):
        return False
    return message.count(b"\n") == lines and message.count(b"\r") == lines


def _as_data(handover: Handover) -> bytes:
    """Give a message as it stands after DATA. Looking for dots costs as much as sending it."""
    return handover.message if handover.is_canonical else _stuffed(handover.message)


def _stuffed(message: bytes) -> bytes:
    """Double the dots that begin a line (RFC 5321, 4.5.2)."""
    stuffed = message.replace(b"\r\n.", b"\r\n..") if b"\r\n." in message else message
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


def _xtext(text: str) -> str:
    """Write a word for ENVID (RFC 3461, 4)."""
    return _NO_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)
