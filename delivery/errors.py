"""What can go wrong with handing mail over, apart from what a relay may answer."""

from __future__ import annotations

WITNESS_FAILED = "hand-over cannot be noted"  # begins what is said when the journal fails


class DeliveryError(Exception):
    """Anything wrong with the outbox, a message or the way to a relay."""


class WorkerFencedError(DeliveryError):
    """A worker was given up for dead; what it had claimed belongs to others now."""

    def __init__(self, worker_id: int) -> None:
        self.worker_id = worker_id
        super().__init__(
            f"worker was given up for dead: {worker_id}; "
            "send nothing more under this number and register again"
        )


class HeaderInjectionError(DeliveryError, ValueError):
    """A header value holds a character that could begin another header."""

    def __init__(self, header: str, character: str, position: int) -> None:
        self.header, self.character, self.position = header, character, position
        super().__init__(
            f"header holds a control character: {header}: U+{ord(character):04X} "
            f"at position {position}; remove it"
        )


class UnusableHeaderError(DeliveryError, ValueError):
    """A header value does not have the form its header must have."""

    def __init__(self, header: str, value: str, why: str) -> None:
        self.header, self.value, self.why = header, value, why
        super().__init__(f"header cannot be written: {header}: {value!r}: {why}")


class UnencodableTextError(DeliveryError, ValueError):
    """A part of a message holds something that is no character."""

    def __init__(self, part: str, position: int) -> None:
        self.part, self.position = part, position
        super().__init__(
            f"message cannot be encoded: {part} part, half a character at position {position}; "
            "remove it"
        )


class UnusableAddressError(DeliveryError, ValueError):
    """An email address cannot be told to a relay."""

    def __init__(self, address: str, why: str) -> None:
        self.address, self.why = address, why
        super().__init__(f"address cannot be used: {address!r}: {why}; correct it")


class BounceAddressTooLongError(DeliveryError, ValueError):
    """The bounce address leaves no room for the token that names the delivery."""

    def __init__(self, address: str, longest: int) -> None:
        self.address, self.longest = address, longest
        super().__init__(
            f"bounce address is too long: {address}; "
            f"its part before @ may have {longest} characters at most"
        )


class InsecureLoginError(DeliveryError, ValueError):
    """The settings would send a password over an open link."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"login to relay would cross the network in the clear: {host}; "
            "set its security to 'starttls' or 'tls'"
        )


class LoginIncompleteError(DeliveryError, ValueError):
    """The settings have one of user name and password, not both."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(f"login to relay needs both user name and password: {host}; set both")


class WitnessError(DeliveryError):
    """The journal of hand-overs cannot be written, so nothing may be handed over."""

    def __init__(self, place: str, why: str) -> None:
        self.place, self.why = place, why
        super().__init__(
            f"{WITNESS_FAILED}: {place}: {why}; make room or let the service write there"
        )


class DkimKeyError(DeliveryError):
    """The private key for DKIM cannot be used."""

    def __init__(self, place: str, why: str) -> None:
        self.place, self.why = place, why
        super().__init__(
            f"cannot sign with the DKIM key in {place}: {why}; "
            "restore it from the back-up, or make a new one by 'steadypost dkim-key'"
        )
