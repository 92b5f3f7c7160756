"""A connection to a relay: whole writes and whole replies, each within a deadline.

The deadline is for the whole deed, so that a relay that drips one byte a minute holds nobody
up. Whatever goes wrong is one error; what it means depends on how far the hand-over got, which
only the session knows.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from delivery.errors import DeliveryError
from delivery.rules.replies import enhanced_code

_LONGEST_LINE = 4096  # RFC 5321 allows 512; some relays are chatty
_MOST_LINES = 128
_LONGEST_TEXT = 500  # of a reply, as kept
_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
# What nearly every reply is: one line of plain words, whole and not too long.
_PLAIN_REPLY = re.compile(rb"([2-5][0-9][0-9]) ([ -~]{0,%d})\r\n" % _LONGEST_TEXT)
_READ_SIZE = 4096

LINK_LOST = "link lost"
TIME_RAN_OUT = "time ran out"
NO_ANSWER = "no answer in time"

Clock = Callable[[], float]  # like `time.monotonic`

_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", None)  # not everywhere


# Seconds that nobody sets, and that go on while the machine is suspended.
stopwatch: Clock = (
    time.monotonic if _SINCE_BOOT is None else partial(time.clock_gettime, _SINCE_BOOT)
)


class LinkLostError(DeliveryError):
    """The conversation cannot go on: cut, too slow, or not SMTP."""

    def __init__(self, why: str) -> None:
        self.why = why  # LINK_LOST, TIME_RAN_OUT, NO_ANSWER, or what the relay did wrong
        super().__init__(why)


class Reply(NamedTuple):
    """One reply, of however many lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Give the words as one line of printable characters."""
        return _printable(" ".join(self.lines))

    @property
    def enhanced(self) -> str:
        """Give the enhanced status code; empty when there is none."""
        return enhanced_code(self.code, self.lines[0])

    def __str__(self) -> str:
        """Give code and words, as they are kept."""
        return f"{self.code} {self.text}".rstrip()


class Link:
    """A socket that keeps deadlines."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._socket, self._clock = sock, clock
        self._unread = bytearray()
        with suppress(OSError):  # gone already: the first read or write will tell
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def has_unread(self) -> bool:
        """Tell whether the relay said more than it was asked."""
        return bool(self._unread)

    @property
    def tls_version(self) -> str:
        """Name the version of TLS; empty on an open link."""
        sock = self._socket
        return sock.version() or "" if isinstance(sock, ssl.SSLSocket) else ""

    def write(self, message: bytes, *, deadline: float) -> None:
        """Hand all bytes to the system. When this raises, the last of them was not taken.

        Raises:
            LinkLostError: the link is gone, or time ran out.
        """
        rest = memoryview(message)
        try:
            while rest:
                self._socket.settimeout(self._time_left(deadline))
                rest = rest[self._socket.send(rest) :]
        except TimeoutError:
            raise LinkLostError(TIME_RAN_OUT) from None
        except OSError:
            raise LinkLostError(LINK_LOST) from None

    def read_reply(self, *, deadline: float) -> Reply:
        """Read one reply of one or more lines.

        Raises:
            LinkLostError: the link is gone, time ran out, or this is no reply.
        """
        if not self._unread:
            self._unread += self._receive(deadline)
        if plain := _PLAIN_REPLY.match(self._unread):
            reply = Reply(int(plain[1]), (plain[2].decode("ascii"),))
            del self._unread[: plain.end()]
            return reply
        return self._read_lines(deadline)

    def _read_lines(self, deadline: float) -> Reply:
        code, more = 0, True
        lines: list[str] = []
        while more:
            line = self._read_line(deadline)
            found = _REPLY_LINE.fullmatch(line)
            if found is None or (lines and int(found[1]) != code) or len(lines) == _MOST_LINES:
                raise LinkLostError(f"malformed reply {_printable(_decoded(line[:60]))!r}")
            code, more = int(found[1]), found[2] == b"-"
            lines.append(_decoded(found[3] or b""))
        return Reply(code, tuple(lines))

    def _read_line(self, deadline: float) -> bytes:
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) > _LONGEST_LINE:
                raise LinkLostError("reply too long")
            self._unread += self._receive(deadline)
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line.removesuffix(b"\r")

    def _receive(self, deadline: float) -> bytes:
        try:
            self._socket.settimeout(self._time_left(deadline))
            received = self._socket.recv(_READ_SIZE)
        except TimeoutError:
            raise LinkLostError(NO_ANSWER) from None
        except OSError:
            raise LinkLostError(LINK_LOST) from None
        if not received:
            raise LinkLostError(LINK_LOST)
        return received

    def _time_left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise TimeoutError
        return left

    def encrypt(self, context: ssl.SSLContext, host: str, *, deadline: float) -> None:
        """Change to TLS.

        Raises:
            OSError: the handshake failed (`ssl.SSLError`), or the link is gone.
        """
        self._socket.settimeout(self._time_left(deadline))
        self._socket = context.wrap_socket(self._socket, server_hostname=host)

    def close(self) -> None:
        """Drop the connection."""
        self._socket.close()


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _printable(text: str) -> str:
    """Keep a stranger's words short and free of what could harm a log, a page or a row."""
    shown = text[:_LONGEST_TEXT]
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else "?" for letter in shown)
    return " ".join(shown.split())
