"""How far a hand-over to a relay got."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The step of the conversation that a reply, or a silence, belongs to."""

    CONNECT = "connect"
    GREETING = "greeting"
    HELLO = "hello"
    TLS = "tls"
    LOGIN = "login"
    ADDRESS = "address"  # our own look at the addresses, before anything is written
    MESSAGE = "message"  # our own look at the message, before anything is written
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"
    WAITING = "waiting"  # for a free connection


# What goes wrong here says something about the relay or about us, never about the recipient.
OPENING = frozenset({Stage.CONNECT, Stage.GREETING, Stage.HELLO, Stage.TLS, Stage.LOGIN})
