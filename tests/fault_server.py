"""An SMTP server that does what a script says: any reply, cut, drip or silence at any stage.

A script names, for each stage, what to do the first, second, … time it is reached; the last one
is repeated. What it does not name, a well-behaved server does.

    FaultServer([Script(rcpt="550 5.1.1 no such user"), Script(dot=(Keep(), Reset()))])

is a server whose first connection refuses the recipient and whose second (and every further) one
accepts the message and is gone before it says so.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

EXTENSIONS = ("PIPELINING", "SIZE 10240000", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8", "DSN")


@dataclass(frozen=True)
class Say:
    """Send these bytes, whatever they are."""

    raw: bytes


@dataclass(frozen=True)
class Drip:
    """Send a reply byte by byte."""

    text: str
    pause: float = 0.0


@dataclass(frozen=True)
class Keep:
    """Take the message, whatever is said about it."""


@dataclass(frozen=True)
class Reset:
    """Cut the connection hard (RST)."""


@dataclass(frozen=True)
class Close:
    """Close the connection without a word (FIN)."""


@dataclass(frozen=True)
class Hang:
    """Say nothing any more and read nothing, until the server is stopped."""


@dataclass(frozen=True)
class Do:
    """Let something happen elsewhere."""

    deed: Callable[[], object]


@dataclass(frozen=True)
class After:
    """In the body: do this once so many bytes have come."""

    size: int
    turn: Turn


Act = str | Say | Drip | Keep | Reset | Close | Hang | Do | After
Turn = Act | tuple[Act, ...]
Turns = Turn | list[Turn]


@dataclass(frozen=True)
class Script:
    """What one connection does; a string is a reply."""

    greeting: Turns | None = None
    ehlo: Turns | None = None
    helo: Turns | None = None
    starttls: Turns | None = None
    auth: Turns | None = None
    mail: Turns | None = None
    rcpt: Turns | None = None
    data: Turns | None = None
    body: After | None = None
    dot: Turns | None = None
    rset: Turns | None = None
    quit: Turns | None = None
    extensions: Sequence[str] = EXTENSIONS


@dataclass(frozen=True)
class Received:
    """A message the server took."""

    connection: int
    mail: str
    rcpt: str
    content: bytes
    encrypted: bool


class GoneError(Exception):
    """The connection is over."""


@dataclass
class FaultServer:
    """Listens on a loopback port for the length of a `with` block."""

    scripts: Iterable[Script] = ()
    tls: ssl.SSLContext | None = None
    tls_at_once: bool = False
    messages: list[Received] = field(default_factory=list)
    conversations: list[list[str]] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        self.scripts = list(self.scripts) or [Script()]
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                _shut(connection)
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                number = len(self.conversations)
                self.conversations.append([])
                self._open.add(connection)
            script = self.scripts[min(number, len(self.scripts) - 1)]  # type: ignore[index]
            self._start(_Conversation(self, connection, number, script).run)

    def forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def replace(self, old: socket.socket, new: socket.socket) -> None:
        with self._lock:
            self._open.discard(old)
            self._open.add(new)


class _Conversation:
    """One connection and how far it is."""

    def __init__(
        self, server: FaultServer, connection: socket.socket, number: int, script: Script
    ) -> None:
        self.server, self.socket, self.number, self.script = server, connection, number, script
        self.turns: dict[str, int] = {}
        self.unread = b""
        self.mail = self.rcpt = ""
        self.content = b""

    def run(self) -> None:
        try:
            if self.server.tls_at_once:
                self.encrypt()
            self.turn("greeting", "220 fault.example ESMTP")
            while True:
                self.command(self.line())
        except (GoneError, OSError):
            pass
        finally:
            self.server.forget(self.socket)
            _shut(self.socket)
            self.socket.close()

    def line(self) -> str:
        while b"\n" not in self.unread:
            self.unread += self.receive()
        line, _, self.unread = self.unread.partition(b"\n")
        text = line.decode("utf-8", "replace").rstrip("\r")
        self.server.conversations[self.number].append(text)
        return text

    def receive(self) -> bytes:
        received = self.socket.recv(65536)
        if not received:
            raise GoneError
        return received

    def command(self, text: str) -> None:
        verb = text.upper().partition(" ")[0]
        deed = getattr(self, f"on_{verb.lower()}", None)
        if deed is None:
            self.say("502 5.5.2 what?")
        else:
            deed(text)

    def on_ehlo(self, _text: str) -> None:
        lines = ["fault.example", *self.script.extensions]
        last = len(lines) - 1
        replies = [f"250{' ' if n == last else '-'}{line}" for n, line in enumerate(lines)]
        self.turn("ehlo", "\r\n".join(replies))

    def on_helo(self, _text: str) -> None:
        self.turn("helo", "250 fault.example")

    def on_starttls(self, _text: str) -> None:
        self.turn("starttls", "220 2.0.0 go on")
        if self.script.starttls is None or self.said.startswith("220"):
            self.encrypt()

    def on_auth(self, text: str) -> None:
        if text.upper().startswith("AUTH LOGIN") and self.script.auth is None:
            self.say("334 VXNlcm5hbWU6")
            self.line()
            self.say("334 UGFzc3dvcmQ6")
            self.line()
        self.turn("auth", "235 2.7.0 welcome")

    def on_mail(self, text: str) -> None:
        self.turn("mail", "250 2.1.0 ok")
        self.mail = text if self.said.startswith("2") else ""
        self.rcpt = ""

    def on_rcpt(self, text: str) -> None:
        self.turn("rcpt", "250 2.1.5 ok" if self.mail else "503 5.5.1 MAIL first")
        self.rcpt = text if self.said.startswith("2") else ""

    def on_data(self, _text: str) -> None:
        self.turn("data", "354 go on" if self.rcpt else "554 5.5.1 no valid recipients")
        if self.said.startswith("354"):
            self.read_body()
            self.turn("dot", (Keep(), "250 2.0.0 kept"))
            self.mail = self.rcpt = ""

    def on_rset(self, _text: str) -> None:
        self.mail = self.rcpt = ""
        self.turn("rset", "250 2.0.0 reset")

    def on_quit(self, _text: str) -> None:
        self.turn("quit", "221 2.0.0 bye")
        raise GoneError

    def read_body(self) -> None:
        """Read up to the lone dot; the dots that were doubled on the way are single again."""
        body, planned = b"\r\n" + self.unread, self.script.body
        while b"\r\n.\r\n" not in body:
            if planned is not None and len(body) > planned.size:
                self.do(planned.turn)
                planned = None
            body += self.receive()
        content, _, self.unread = body.partition(b"\r\n.\r\n")
        self.content = (content + b"\r\n").replace(b"\r\n..", b"\r\n.")[2:]

    def turn(self, stage: str, default: Turn) -> None:
        """Do what the script says for this time; otherwise what is usual."""
        planned: Turns | None = getattr(self.script, stage)
        if planned is None:
            planned = default
        turns = planned if isinstance(planned, list) else [planned]
        number = self.turns.get(stage, 0)
        self.turns[stage] = number + 1
        self.said = ""
        self.do(turns[min(number, len(turns) - 1)])

    def do(self, turn: Turn) -> None:
        for act in turn if isinstance(turn, tuple) else (turn,):
            self.act(act)

    def act(self, act: Act) -> None:
        match act:
            case str():
                self.say(act)
            case Say():
                self.socket.sendall(act.raw)
            case Drip():
                self.drip(act)
            case Keep():
                self.keep()
            case Reset():
                self.reset()
            case Close():
                raise GoneError
            case Hang():
                self.server._stopped.wait(60)
                raise GoneError
            case Do():
                act.deed()
            case After():
                raise TypeError("After is only for the body")

    def say(self, text: str) -> None:
        self.said = text
        self.socket.sendall(text.encode() + b"\r\n")

    def drip(self, act: Drip) -> None:
        self.said = act.text
        for byte in act.text.encode() + b"\r\n":
            self.socket.sendall(bytes([byte]))
            if self.server._stopped.wait(act.pause):
                raise GoneError

    def keep(self) -> None:
        encrypted = isinstance(self.socket, ssl.SSLSocket)
        message = Received(self.number, self.mail, self.rcpt, self.content, encrypted)
        with self.server._lock:
            self.server.messages.append(message)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.forget(self.socket)
        self.socket.close()
        raise GoneError

    def encrypt(self) -> None:
        assert self.server.tls is not None, "this script needs a certificate"
        plain = self.socket
        self.socket = self.server.tls.wrap_socket(plain, server_side=True)
        self.server.replace(plain, self.socket)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
